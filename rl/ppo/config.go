package ppo

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
	Envs int `json:"envs" default:"4"`
	// Steps of each environment between two updates.
	Steps int `json:"steps" default:"128"`
	// Steps of all environments in the whole training.
	Total int `json:"total" default:"500000"`

	// Passes over the collected steps in one update.
	Epochs int `json:"epochs" default:"4"`
	// Minibatches in one pass.
	Minibatches int `json:"minibatches" default:"4"`
	// Step size of Adam.
	LR float64 `json:"lr" default:"2.5e-4"`
	// Keep the step size as it is. Otherwise it falls in a straight line to 0.
	ConstantLR bool `json:"constant_lr"`
	// Discount of the future.
	Gamma float64 `json:"gamma" default:"0.99"`
	// Decay of generalised advantage estimation.
	Lambda float64 `json:"lambda" default:"0.95"`
	// How far the probability ratio may leave 1.
	Clip float64 `json:"clip" default:"0.2"`
	// Leave the value loss unclipped. Otherwise a value may move by clip at most.
	FreeValue bool `json:"free_value"`
	// Weight of the entropy bonus.
	Entropy float64 `json:"entropy"`
	// Weight of the value loss.
	ValueWeight float64 `json:"value_weight" default:"0.5"`
	// Longest gradient.
	MaxNorm float64 `json:"max_norm" default:"0.5"`
	// Devices of the engine that share the work of an update: each takes its part of every minibatch. The result is that of one, but for rounding.
	Devices int `json:"devices" default:"1"`

	// Agents that train at once in one program, each with nets, environments and minibatches of its own: so many results for one compilation, and
	// work enough for a GPU. Their numbers are averaged; the evaluation tells them apart.
	Ensemble int `json:"ensemble" default:"1"`

	// What looks at the observation. mlp: two tanh nets; conv: one convolution for both, for [side, side, channels].
	Torso string `json:"torso" default:"mlp" enum:"mlp|conv"`
	// Widths of the hidden layers; conv has one.
	Hidden []int `json:"hidden" default:"64,64"`
	// Standard deviation that a continuous policy begins with, in the actions' own unit.
	Std float64 `json:"std" default:"1"`
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
	p.AtLeast("epochs", c.Epochs, 1)
	p.AtLeast("minibatches", c.Minibatches, 1)
	p.AtLeast("devices", c.Devices, 1)
	p.AtLeast("ensemble", c.Ensemble, 1)
	p.AtLeast("eval_episodes", c.EvalEpisodes, 1)
	p.AtLeast("eval_steps", c.EvalSteps, 0)
	p.AtLeast("log_every", c.LogEvery, 0)
	p.Positive("lr", c.LR)
	p.Positive("std", c.Std)
	p.Positive("clip", c.Clip)
	p.Positive("max_norm", c.MaxNorm)
	for _, v := range []struct {
		name  string
		value float64
	}{{"gamma", c.Gamma}, {"lambda", c.Lambda}} {
		if !(v.value > 0 && v.value <= 1) {
			p.Bad("%s is %g: give a number above 0, and 1 at most", v.name, v.value)
		}
	}
	if c.Entropy < 0 || c.ValueWeight < 0 {
		p.Bad("entropy is %g and value_weight %g: give weights of at least 0", c.Entropy, c.ValueWeight)
	}
	if len(p) > 0 {
		return p
	}
	batch := c.Batch()
	if c.Total < batch {
		p.Bad("total is %d steps, one update needs envs x steps = %d: give more", c.Total, batch)
	}
	if batch%c.Minibatches != 0 || batch/c.Minibatches < 2 {
		p.Bad("envs x steps = %d steps do not make %d minibatches of equal size, of at least 2 steps each: change one of the three", batch, c.Minibatches)
	}
	if size := batch / c.Minibatches; size%c.Devices != 0 {
		p.Bad("a minibatch of envs x steps / minibatches = %d steps does not make %d equal parts, one for each of devices: change one of the four", size, c.Devices)
	}
	if c.Ensemble > 1 && c.Devices > 1 {
		p.Bad("ensemble is %d and devices %d: one of them must be 1", c.Ensemble, c.Devices)
	}
	if c.Iterations() > 1<<31/(c.Epochs*c.Minibatches) {
		p.Bad("total is %d steps: that makes more than 2^31 minibatches", c.Total)
	}
	return p
}

// Batch is the steps of all environments in one iteration (of one member of an ensemble), Iterations how many of these a training has.
func (c *Config) Batch() int      { return c.Envs * c.Steps }
func (c *Config) Iterations() int { return c.Total / c.Batch() }

func (c *Config) rounds() int { return c.Epochs * c.Minibatches }

// Every is how many iterations one row averages over, Chunk how many there are between two looks from the host.
func (c *Config) Every() int { return trainer.Every(c.LogEvery, c.Iterations(), 200) }
func (c *Config) Chunk() int { return trainer.Chunk(c.Every(), c.Iterations(), c.Batch()) }

// Agent says how the agent of a resolved c looks at the world.
func (c *Config) Agent() rollout.AgentConfig {
	return rollout.AgentConfig{Hidden: c.Hidden, Conv: c.Torso == "conv", NormObs: c.NormObs, Members: c.Ensemble, Std: c.Std}
}
