package bc

import (
	"github.com/rewardlab/rewardlab/rl/rollout"
	"github.com/rewardlab/rewardlab/rl/run"
)

// Fitting says how a policy is fitted to pairs. A zero field means its default.
type Fitting struct {
	// Minibatches between two looks at what has been learned.
	Updates int `json:"updates" default:"50"`
	// Pairs in a minibatch.
	Batch int `json:"batch" default:"128"`
	// Step size of Adam.
	LR float64 `json:"lr" default:"1e-3"`
	// Weight of the policy's entropy.
	Entropy float64 `json:"entropy" default:"1e-3"`
	// Weight of half the squared length of the parameters.
	L2 float64 `json:"l2"`
	// Longest gradient.
	MaxNorm float64 `json:"max_norm" default:"1"`

	// Widths of the tanh layers.
	Hidden []int `json:"hidden" default:"64,64"`
	// Take observations as they are. Otherwise they are normalised by mean and standard deviation of the demonstrations.
	RawObs bool `json:"raw_obs"`
}

// Config says how to clone. A zero field means its default.
type Config struct {
	// The environment, by its name in the table (rl list -envs).
	Env string `json:"env" default:"cartpole-fixed"`
	// File of demonstrations, .npz or .jsonl. Empty: those that come with the module; peer: those of the Python package imitation.
	Demos string `json:"demos"`
	// Trajectories to learn from, drawn from the file by the seed. 0: all.
	Trajectories int `json:"trajectories"`
	// Keep every so-manieth step of a trajectory, from a random one on.
	Every int `json:"every" default:"1"`
	// Share of the pairs that is held out, to choose the best policy by.
	Validation float64 `json:"validation" default:"0.3"`

	// Checks on the held-out pairs in the whole training.
	Iterations int `json:"iterations" default:"100"`
	// Stop after so many checks that found nothing better. 0: never.
	Patience int `json:"patience" default:"20"`
	Fitting

	// Greedy episodes of the evaluation.
	EvalEpisodes int `json:"eval_episodes" default:"100"`
	// Longest episode of the evaluation. 0: the environment's time limit, or 2000 where it has none.
	EvalSteps int `json:"eval_steps"`
}

// Check returns everything that is wrong with a resolved c.
func (c *Config) Check() []error {
	var p run.Problems
	p.AtLeast("trajectories", c.Trajectories, 0)
	p.AtLeast("every", c.Every, 1)
	p.AtLeast("iterations", c.Iterations, 1)
	p.AtLeast("patience", c.Patience, 0)
	p.AtLeast("eval_episodes", c.EvalEpisodes, 1)
	p.AtLeast("eval_steps", c.EvalSteps, 0)
	if !(c.Validation > 0 && c.Validation < 1) {
		p.Bad("validation is %g: give a share between 0 and 1, the best policy is chosen by it", c.Validation)
	}
	return append(p, c.Fitting.check()...)
}

func (f *Fitting) check() []error {
	var p run.Problems
	if f.Updates < 1 || f.Batch < 1 {
		p.Bad("updates is %d and batch %d: give at least 1 of each", f.Updates, f.Batch)
	}
	if !(f.LR > 0) || !(f.MaxNorm > 0) {
		p.Bad("lr is %g and max_norm %g: give positive numbers", f.LR, f.MaxNorm)
	}
	if f.Entropy < 0 || f.L2 < 0 {
		p.Bad("entropy is %g and l2 %g: give weights of at least 0", f.Entropy, f.L2)
	}
	return p
}

// Agent says how the agent of a resolved configuration looks at the world.
func (f *Fitting) Agent() rollout.AgentConfig {
	return rollout.AgentConfig{Hidden: f.Hidden, NormObs: !f.RawObs}
}

// DAggerConfig says how to learn from an expert that answers. A zero field means its default.
type DAggerConfig struct {
	// The environment, by its name in the table (rl list -envs).
	Env string `json:"env" default:"cartpole-fixed"`
	// Run folder of the expert, trained by PPO or A2C. Empty: the expert whose demonstrations come with the module.
	Expert string `json:"expert"`
	// File of demonstrations whose returns scale the score, .npz or .jsonl. Empty: those that come with the module.
	Demos string `json:"demos"`

	// Rounds of playing and learning.
	Iterations int `json:"iterations" default:"20"`
	// Environments side by side.
	Envs int `json:"envs" default:"8"`
	// Steps of each environment in one round.
	Steps int `json:"steps" default:"32"`
	// The expert leads in round i with the probability beta to the power of i: always in the first.
	Beta float64 `json:"beta" default:"0.5"`

	Fitting

	// Greedy episodes of the evaluation.
	EvalEpisodes int `json:"eval_episodes" default:"100"`
	// Longest episode of the evaluation. 0: the environment's time limit, or 2000 where it has none.
	EvalSteps int `json:"eval_steps"`
}

// Check returns everything that is wrong with a resolved c.
func (c *DAggerConfig) Check() []error {
	var p run.Problems
	p.AtLeast("iterations", c.Iterations, 1)
	p.AtLeast("envs", c.Envs, 1)
	p.AtLeast("steps", c.Steps, 1)
	p.AtLeast("eval_episodes", c.EvalEpisodes, 1)
	p.AtLeast("eval_steps", c.EvalSteps, 0)
	if !(c.Beta > 0 && c.Beta < 1) {
		p.Bad("beta is %g: give a number between 0 and 1", c.Beta)
	}
	return append(p, c.Fitting.check()...)
}

// rows is how many pairs a whole training collects.
func (c *DAggerConfig) rows() int { return c.Iterations * c.Envs * c.Steps }
