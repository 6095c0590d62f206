package bc

import (
	"fmt"

	"github.com/rewardlab/rewardlab/rl/rollout"
)

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
	// Minibatches between two checks.
	Updates int `json:"updates" default:"50"`
	// Stop after so many checks that found nothing better. 0: never.
	Patience int `json:"patience" default:"20"`
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

	// Greedy episodes of the evaluation.
	EvalEpisodes int `json:"eval_episodes" default:"100"`
	// Longest episode of the evaluation. 0: the environment's time limit, or 2000 where it has none.
	EvalSteps int `json:"eval_steps"`
}

// Check returns everything that is wrong with a resolved c.
func (c *Config) Check() []error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	for _, v := range []struct {
		name         string
		value, least int
	}{
		{"trajectories", c.Trajectories, 0}, {"every", c.Every, 1}, {"iterations", c.Iterations, 1}, {"updates", c.Updates, 1},
		{"patience", c.Patience, 0}, {"batch", c.Batch, 1}, {"eval_episodes", c.EvalEpisodes, 1}, {"eval_steps", c.EvalSteps, 0},
	} {
		if v.value < v.least {
			bad("%s is %d: give at least %d", v.name, v.value, v.least)
		}
	}
	if !(c.LR > 0) || !(c.MaxNorm > 0) {
		bad("lr is %g and max_norm %g: give positive numbers", c.LR, c.MaxNorm)
	}
	if c.Entropy < 0 || c.L2 < 0 {
		bad("entropy is %g and l2 %g: give weights of at least 0", c.Entropy, c.L2)
	}
	if !(c.Validation > 0 && c.Validation < 1) {
		bad("validation is %g: give a share between 0 and 1, the best policy is chosen by it", c.Validation)
	}
	return errs
}

// Agent says how the agent of a resolved c looks at the world.
func (c *Config) Agent() rollout.AgentConfig {
	return rollout.AgentConfig{Hidden: c.Hidden, NormObs: !c.RawObs}
}
