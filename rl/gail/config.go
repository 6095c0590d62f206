package gail

import (
	"github.com/rewardlab/rewardlab/rl/ppo"
	"github.com/rewardlab/rewardlab/rl/run"
)

// Config says what to train: the policy's PPO, and the reward that is learned beside it. A zero field means its default.
type Config struct {
	ppo.Config

	// Where the reward comes from. gail: a discriminator of expert and policy; airl: one whose logit is f(s,a,s') - log pi(a|s); features: the
	// direction in which the expert's mean features differ from the policy's; constant: 1 for every step, a control; true: the environment.
	Method string `json:"method" default:"gail" enum:"gail|airl|features|constant|true"`
	// File of demonstrations, .npz or .jsonl. Empty: those that come with the module; peer: those of the Python package imitation.
	Demos string `json:"demos"`
	// Trajectories to learn from, drawn from the file by the seed. 0: all.
	Trajectories int `json:"trajectories"`
	// Keep every so-manieth step of a trajectory, from a random one on.
	Subsample int `json:"every" default:"1"`
	// Learn in an environment whose episodes end early or late by what the policy does. Their length then tells the policy something that
	// the expert did not.
	AllowVariableHorizon bool `json:"allow_variable_horizon"`

	// What the discriminator looks at. sa: state and action; s: the state; ss: the state and the next one.
	Sees string `json:"sees" default:"sa" enum:"sa|s|ss"`
	// The reward, of the logit z. softplus: -log(1-D), never negative; logd: log D, never positive; logit: z; of AIRL also f, without the
	// policy's part, and g, f without its shaping.
	Form string `json:"form" default:"softplus" enum:"softplus|logd|logit|f|g"`
	// Judge a trajectory by the discriminator that has already been trained on it.
	JudgeAfter bool `json:"judge_after"`
	// AIRL without the shaping by a potential: f is g.
	Unshaped bool `json:"unshaped"`

	// Widths of the discriminator's hidden layers.
	DiscHidden []int `json:"disc_hidden" default:"32,32"`
	// Step size of its Adam.
	DiscLR float64 `json:"disc_lr" default:"1e-3"`
	// Its updates in an iteration.
	DiscUpdates int `json:"disc_updates" default:"50"`
	// Pairs of the expert, and as many of the policy, in one of its updates.
	DiscBatch int `json:"disc_batch" default:"128"`
	// Iterations whose steps it is shown as the policy's. With few, it forgets where the policy went wrong before, and the policy goes there again.
	Replay int `json:"replay" default:"10"`
	// By which mean and deviation it sees observations. expert: the expert's; running: of all that expert and policy saw, which a policy that
	// goes astray widens until the expert is a point; none: as they are.
	DiscNorm string `json:"disc_norm" default:"expert" enum:"expert|running|none"`
	// Weight of the gradient penalty between expert and policy, (|dz/dx| - 1)^2.
	Penalty float64 `json:"penalty"`
	// Divide its weights by their spectral norms.
	Spectral bool `json:"spectral"`
	// Standard deviation of noise on what it sees while it learns.
	Noise float64 `json:"noise"`
	// Weight of the entropy of D, which keeps it unsure.
	DiscEntropy float64 `json:"disc_entropy"`

	// Begin with a policy that behavioural cloning has fitted to the same demonstrations.
	Warm bool `json:"warm"`
	// A run folder whose reward to take, as it was at its end, for the same seed, and not to train any further.
	Frozen string `json:"frozen"`
}

// Check returns everything that is wrong with a resolved c.
func (c *Config) Check() []error {
	p := run.Problems(c.Config.Check())
	p.AtLeast("trajectories", c.Trajectories, 0)
	p.AtLeast("every", c.Subsample, 1)
	p.AtLeast("disc_updates", c.DiscUpdates, 1)
	p.AtLeast("disc_batch", c.DiscBatch, 1)
	p.AtLeast("replay", c.Replay, 1)
	p.Layers("disc_hidden", c.DiscHidden)
	p.Positive("disc_lr", c.DiscLR)
	if c.Penalty < 0 || c.Noise < 0 || c.DiscEntropy < 0 {
		p.Bad("penalty is %g, noise %g and disc_entropy %g: give numbers of at least 0", c.Penalty, c.Noise, c.DiscEntropy)
	}
	if c.Method != "airl" && (c.Form == "f" || c.Form == "g" || c.Unshaped) {
		p.Bad("form=f, form=g and unshaped are AIRL's, the method is %s: set method=airl, or another form", c.Method)
	}
	if c.Method == "airl" && c.Sees == "ss" {
		p.Bad("sees=ss is not for AIRL, whose shaping looks at the next state already: set sees=s or sees=sa")
	}
	if c.Frozen != "" && c.Method != "gail" && c.Method != "airl" {
		p.Bad("frozen is for a reward that was learned, method %s has none: set method=gail or method=airl, as in that run", c.Method)
	}
	if c.Ensemble > 1 {
		p.Bad("ensemble is %d: one reward is learned for one policy, set ensemble=1", c.Ensemble)
	}
	if c.Conv() {
		p.Bad("torso=conv: the discriminator has no convolution yet, set torso=mlp")
	}
	return p
}

// Conv says whether the policy looks through a convolution.
func (c *Config) Conv() bool { return c.Torso == "conv" }

// learned says whether there is a discriminator.
func (c *Config) learned() bool { return c.Method == "gail" || c.Method == "airl" }
