package a2c

import (
	"github.com/rewardlab/rewardlab/rl/rollout"
	"github.com/rewardlab/rewardlab/rl/run"
	"github.com/rewardlab/rewardlab/rl/trainer"
)

// Config says what to train. A zero field means its default.
type Config struct {
	// The environment, by its name in the table (rl list -envs).
	Env string `json:"env" default:"cartpole"`
	// Environments side by side.
	Envs int `json:"envs" default:"16"`
	// Steps of each environment between two updates.
	Steps int `json:"steps" default:"8"`
	// Steps of all environments in the whole training.
	Total int `json:"total" default:"500000"`

	// Step size of Adam.
	LR float64 `json:"lr" default:"1e-3"`
	// Keep the step size as it is. Otherwise it falls in a straight line to 0.
	ConstantLR bool `json:"constant_lr"`
	// Discount of the future.
	Gamma float64 `json:"gamma" default:"0.99"`
	// Decay of generalised advantage estimation; 1 is the paper's n-step return.
	Lambda float64 `json:"lambda" default:"1"`
	// Divide advantages by their standard deviation, less their mean.
	NormAdvantage bool `json:"norm_advantage"`
	// Weight of the entropy bonus.
	Entropy float64 `json:"entropy"`
	// Weight of the value loss.
	ValueWeight float64 `json:"value_weight" default:"0.5"`
	// Longest gradient.
	MaxNorm float64 `json:"max_norm" default:"0.5"`

	// What looks at the observation. mlp: two tanh nets; conv: one convolution for both, for [side, side, channels].
	Torso string `json:"torso" default:"mlp" enum:"mlp|conv"`
	// Widths of the hidden layers; conv has one.
	Hidden []int `json:"hidden" default:"64,64"`
	// Normalise observations by their running mean and standard deviation.
	NormObs bool `json:"norm_obs"`
	// Scale rewards by the running standard deviation of the discounted return.
	NormReward bool `json:"norm_reward"`

	// Greedy episodes of the evaluation.
	EvalEpisodes int `json:"eval_episodes" default:"100"`
	// Longest episode of the evaluation. 0: the environment's time limit, or 2000 where it has none.
	EvalSteps int `json:"eval_steps"`
	// Updates that one row of metrics.jsonl averages over. 0: so many that there are about 200 rows.
	LogEvery int `json:"log_every"`
}

// Check returns everything that is wrong with a resolved c.
func (c *Config) Check() []error {
	var p run.Problems
	p.AtLeast("envs", c.Envs, 1)
	p.AtLeast("steps", c.Steps, 1)
	p.AtLeast("eval_episodes", c.EvalEpisodes, 1)
	p.AtLeast("eval_steps", c.EvalSteps, 0)
	p.AtLeast("log_every", c.LogEvery, 0)
	if !(c.LR > 0) || !(c.MaxNorm > 0) {
		p.Bad("lr is %g and max_norm %g: give positive numbers", c.LR, c.MaxNorm)
	}
	if !(c.Gamma > 0 && c.Gamma <= 1 && c.Lambda > 0 && c.Lambda <= 1) {
		p.Bad("gamma is %g and lambda %g: give numbers above 0, and 1 at most", c.Gamma, c.Lambda)
	}
	if c.Entropy < 0 || c.ValueWeight < 0 {
		p.Bad("entropy is %g and value_weight %g: give weights of at least 0", c.Entropy, c.ValueWeight)
	}
	if len(p) == 0 && c.Total < c.batch() {
		p.Bad("total is %d steps, one update needs envs x steps = %d: give more", c.Total, c.batch())
	}
	return p
}

func (c *Config) batch() int      { return c.Envs * c.Steps }
func (c *Config) iterations() int { return c.Total / c.batch() }

// logEvery is how many iterations one row averages over, chunk how many there are between two looks from the host.
func (c *Config) logEvery() int { return trainer.Every(c.LogEvery, c.iterations(), 200) }
func (c *Config) chunk() int    { return trainer.Chunk(c.logEvery(), c.iterations(), c.batch()) }

// Agent says how the agent of a resolved c looks at the world.
func (c *Config) Agent() rollout.AgentConfig {
	return rollout.AgentConfig{Hidden: c.Hidden, Conv: c.Torso == "conv", NormObs: c.NormObs}
}
