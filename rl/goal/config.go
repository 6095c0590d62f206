package goal

import (
	"github.com/rewardlab/rewardlab/rl/ppo"
	"github.com/rewardlab/rewardlab/rl/run"
)

// Config says what to train. A zero field means its default.
type Config struct {
	ppo.Config

	// How the classifier lives. naive: fitted once before the policy learns, then frozen; robust: visited states join the negatives and it goes
	// on learning; vice: the same with the policy's density in the logit, f(s) - log pi(a|s).
	Method string `json:"method" default:"robust" enum:"naive|robust|vice"`
	// What the policy is paid, made of the logit z. probability: sigmoid z; logit: z; log: log sigmoid z, never positive; softplus:
	// -log(1 - sigmoid z), never negative.
	Reward string `json:"reward" default:"logit" enum:"probability|logit|log|softplus"`

	// Success examples, drawn from states in which the task is done; with demos above 0, as many of the last states of demonstrations.
	Examples int `json:"examples" default:"200"`
	// Demonstrations that the success examples come from, drawn by the seed. 0: none.
	Demos int `json:"demos"`
	// File of demonstrations, .npz or .jsonl. Empty: those that come with the module.
	DemoFile string `json:"demo_file"`
	// Begin with the other states of the demonstrations among the negatives.
	SeedNegatives bool `json:"seed_negatives"`
	// Share of the success examples that are wrong: states in which an episode begins.
	FalseShare float64 `json:"false_share"`
	// Visited states that are kept as negatives, the newest ones.
	Replay int `json:"replay" default:"150000"`
	// Of the steps of a trajectory every so-manieth joins the negatives. It divides steps.
	Thin int `json:"thin" default:"4"`
	// What the classifier looks at. state: the observation; image: a picture of it, with one channel for each thing.
	View string `json:"view" default:"state" enum:"state|image"`
	// Cells along one side of the picture.
	Side int `json:"side" default:"16"`

	// Widths of the classifier's tanh layers.
	Judge []int `json:"judge_hidden" default:"64,64"`
	// Step size of the classifier's Adam.
	JudgeLR float64 `json:"judge_lr" default:"1e-3"`
	// Let the classifier's step size fall in a straight line to 0, as the policy's does: a game of two comes to rest.
	JudgeAnneal bool `json:"judge_anneal"`
	// Success examples in one batch of the classifier, and as many negatives.
	Half int `json:"half" default:"128"`
	// Steps of the classifier before the policy learns, on what an untrained policy visits.
	Pretrain int `json:"pretrain" default:"300"`
	// Steps of the classifier in every iteration (robust, vice).
	Updates int `json:"updates" default:"10"`
	// Draw batches from examples and negatives together, in proportion to how many there are: what goes wrong without balance.
	Unbalanced bool `json:"unbalanced"`

	// Decay of the classifier's parameters in one step, in units of judge_lr (AdamW).
	Decay float64 `json:"decay"`
	// Train the classifier on mixtures of pairs, labels mixed likewise.
	Mixup bool `json:"mixup"`
	// Largest singular value that each of the classifier's matrices may have. 0: any.
	Spectral float64 `json:"spectral"`
	// Probability with which a feature of the classifier's last layer is left out.
	Dropout float64 `json:"dropout"`
}

// ResetFree says what to train almost without resets. A zero field means its default.
type ResetFree struct {
	Config

	// Steps of an environment between two resets.
	ResetEvery int `json:"reset_every" default:"2000"`
	// Leave out the policy that undoes the task.
	NoBackward bool `json:"no_backward"`
}

// Check returns everything that is wrong with a resolved c.
func (c *ResetFree) Check() []error {
	p := run.Problems(c.Config.Check())
	round := 2 * c.Steps
	if c.NoBackward {
		round = c.Steps
	}
	if c.ResetEvery < round || c.ResetEvery%round != 0 {
		p.Bad("reset_every is %d: give a multiple of %d, the steps of one round", c.ResetEvery, round)
	}
	if c.Total < 2*c.Batch() {
		p.Bad("total is %d: give at least %d, the steps of one round of all environments", c.Total, 2*c.Batch())
	}
	return p
}

// Check returns everything that is wrong with a resolved c.
func (c *Config) Check() []error {
	p := run.Problems(c.Config.Check())
	p.AtLeast("examples", c.Examples, 1)
	p.AtLeast("thin", c.Thin, 1)
	p.AtLeast("replay", c.Replay, c.Batch()/max(c.Thin, 1))
	p.AtLeast("side", c.Side, 5)
	p.AtLeast("half", c.Half, 2)
	p.AtLeast("pretrain", c.Pretrain, 1)
	p.AtLeast("updates", c.Updates, 1)
	p.AtLeast("judge_hidden", len(c.Judge), 1)
	p.Layers("judge_hidden", c.Judge)
	if c.Demos < 0 || c.Demos > c.Examples {
		p.Bad("demos is %d: give 0, or at most %d, the number of examples", c.Demos, c.Examples)
	}
	if c.Thin > 0 && c.Steps%c.Thin != 0 {
		p.Bad("thin is %d: give a divisor of steps, which is %d", c.Thin, c.Steps)
	}
	if c.SeedNegatives && c.Demos == 0 {
		p.Bad("seed_negatives needs demonstrations: set demos")
	}
	if c.FalseShare > 0 && c.Demos > 0 {
		p.Bad("false_share is %g: the examples of demonstrations are what they are, set demos to 0", c.FalseShare)
	}
	p.Positive("judge_lr", c.JudgeLR)
	if c.Decay < 0 || c.Decay*c.JudgeLR >= 1 || c.Spectral < 0 {
		p.Bad("decay is %g and spectral %g: give numbers of at least 0, and decay below 1/judge_lr", c.Decay, c.Spectral)
	}
	for _, v := range []struct {
		name  string
		value float64
	}{{"false_share", c.FalseShare}, {"dropout", c.Dropout}} {
		if v.value < 0 || v.value >= 1 {
			p.Bad("%s is %g: give a share of at least 0 and below 1", v.name, v.value)
		}
	}
	return p
}
