package lirpg

import (
	"github.com/rewardlab/rewardlab/rl/ppo"
	"github.com/rewardlab/rewardlab/rl/run"
)

// Config says what to train. A zero field means its default. Of what it embeds, minibatches are of whole environments, so that an advantage finds
// its whole trajectory in one minibatch; beta is annealed like lr.
type Config struct {
	ppo.Config

	// What the inner step is one of. ppo: clipped ratios and advantages of unit variance; a2c: neither, and one step for each batch.
	Base string `json:"base" default:"ppo" enum:"ppo|a2c"`
	// What takes the inner step, inside the graph that is differentiated.
	Optimizer string `json:"optimizer" default:"adam" enum:"adam|rmsprop|sgd"`

	// What is added to the extrinsic reward. learned: an intrinsic reward by meta-gradient; frozen: the same net, never trained; live: 1 for every
	// step; count: 1/sqrt(visits) of hashed observations; potential: shaping by the critic of extrinsic reward; none: nothing, the plain learner.
	Bonus string `json:"bonus" default:"learned" enum:"learned|frozen|live|count|potential|none"`
	// Weight of the extrinsic reward in what the policy learns for.
	CEx float64 `json:"c_ex" default:"1"`
	// Weight of the bonus.
	CIn float64 `json:"c_in" default:"0.01"`
	// Let the policy learn for the bonus alone. The bonus still learns for the extrinsic reward.
	IntrinsicOnly bool `json:"intrinsic_only"`
	// Pay extrinsic rewards only every so many steps and at the end of the episode: the sum since the last payment. 1: at once.
	Delay int `json:"delay" default:"1"`
	// How often the extrinsic reward changes its sign, at equal distances in the training: what was to be sought is to be shunned from there on, and
	// the other way round. The evaluation at the end is of the task as it is then.
	Flips int `json:"flips"`

	// Step size of the intrinsic reward's Adam.
	Beta float64 `json:"beta" default:"1e-4"`
	// Inner steps, each on its own minibatch, before one outer step that looks through all of them.
	Inner int `json:"inner" default:"1"`
	// Differentiate through everything. Otherwise Adam's second moment counts as a constant, and so does the value's target where policy and
	// value share no parameters: both cost time.
	Exact bool `json:"exact"`
	// Widths of the hidden layers of intrinsic reward and critic of extrinsic reward; none: those of the policy.
	MotiveHidden []int `json:"motive_hidden"`
	// Weight of the loss of the critic of extrinsic reward.
	ExWeight float64 `json:"ex_weight" default:"0.5"`
	// Longest meta-gradient; longer ones are shortened.
	MetaNorm float64 `json:"meta_norm" default:"0.5"`
	// A meta-gradient of this length has exploded: the training stops and says where.
	Explosion float64 `json:"explosion" default:"1e8"`
	// Bits of the hash by which observations are counted.
	Bits int `json:"bits" default:"12"`
	// At this share of the training a fresh agent takes the place of the one that learns, with the intrinsic reward as it is then. 0: never.
	FreshAt float64 `json:"fresh_at"`
	// The fresh agent's intrinsic reward is fresh too: what a learned one is to be compared with.
	FreshMotive bool `json:"fresh_motive"`
}

// Check returns everything that is wrong with a resolved c.
func (c *Config) Check() []error {
	p := run.Problems(c.Config.Check())
	if c.Ensemble != 1 || c.Devices != 1 {
		p.Bad("ensemble is %d and devices %d: a learned reward has one agent on one device", c.Ensemble, c.Devices)
	}
	if c.Minibatches > 0 && c.Envs%c.Minibatches != 0 {
		p.Bad("envs is %d, which does not make %d minibatches of whole environments: change one of the two", c.Envs, c.Minibatches)
	}
	if c.Base == "a2c" && c.Epochs*c.Minibatches != 1 {
		p.Bad("base is a2c with epochs %d and minibatches %d: it takes one step for each batch, set both to 1", c.Epochs, c.Minibatches)
	}
	if c.Delay < 1 || c.Inner < 1 {
		p.Bad("delay is %d and inner %d: give at least 1", c.Delay, c.Inner)
	} else if (c.Epochs*c.Minibatches)%c.Inner != 0 {
		p.Bad("inner is %d, which does not divide the %d minibatches of an update: change one of the two", c.Inner, c.Epochs*c.Minibatches)
	}
	if c.CEx < 0 || c.ExWeight < 0 {
		p.Bad("c_ex is %g and ex_weight %g: give weights of at least 0", c.CEx, c.ExWeight)
	}
	p.Positive("beta", c.Beta)
	p.Positive("meta_norm", c.MetaNorm)
	p.Positive("explosion", c.Explosion)
	p.Layers("motive_hidden", c.MotiveHidden)
	if c.Torso == "conv" && len(c.MotiveHidden) > 1 {
		p.Bad("motive_hidden has %d widths: with torso conv give one", len(c.MotiveHidden))
	}
	if c.Bits < 1 || c.Bits > 20 {
		p.Bad("bits is %d: give 1 to 20", c.Bits)
	}
	if c.FreshAt < 0 || c.FreshAt >= 1 {
		p.Bad("fresh_at is %g: give a share of at least 0 and below 1", c.FreshAt)
	}
	if c.IntrinsicOnly && c.Bonus == "none" {
		p.Bad("intrinsic_only with bonus none leaves nothing to learn for: drop one of the two")
	}
	if c.Flips < 0 || c.Flips > 0 && c.Flips >= c.Iterations() {
		p.Bad("flips is %d with %d iterations: give at least 0, and fewer than there are iterations", c.Flips, c.Iterations())
	}
	return p
}

// learns says whether the bonus is a net that learns, judges whether it is a net at all.
func (c *Config) learns() bool { return c.Bonus == "learned" }
func (c *Config) judges() bool { return c.Bonus == "learned" || c.Bonus == "frozen" }

// steps is how many inner steps one update takes, and rounds how many outer ones.
func (c *Config) steps() int  { return c.Epochs * c.Minibatches }
func (c *Config) rounds() int { return c.steps() / c.Inner }

// extrinsic is the weight of the extrinsic reward.
func (c *Config) extrinsic() float64 {
	if c.IntrinsicOnly {
		return 0
	}
	return c.CEx
}

// freshAt is the iteration at which a fresh agent begins; -1: none.
func (c *Config) freshAt() int {
	if c.FreshAt == 0 {
		return -1
	}
	return int(c.FreshAt * float64(c.Iterations()))
}

// sign is what extrinsic rewards are multiplied by in iteration i.
func (c *Config) sign(i int) float32 {
	if i*(c.Flips+1)/c.Iterations()%2 == 1 {
		return -1
	}
	return 1
}
