package instruct

import (
	"errors"

	"github.com/rewardlab/rewardlab/rl/run"
)

// Config says how to train instructQ in Say-Select. A zero field means its default.
type Config struct {
	// Episodes of training.
	Episodes int `json:"episodes" default:"50000"`

	// What Bob was told: to select his partner's number, or the one after it.
	Instruction string `json:"instruction" default:"same" enum:"same|next"`
	// Weight of the log-probabilities of Bob's prior where he chooses. 0 is plain Q-learning.
	Lambda *float64 `json:"lambda" default:"1"`
	// The share of lambda that is left at the end; in between it falls in a straight line.
	LambdaEnd *float64 `json:"lambda_end" default:"1"`
	// The share of training in which lambda falls.
	AnnealFor float64 `json:"anneal_for" default:"1"`
	// How much likelier than any other the prior makes the action that was asked for; 1 makes it uniform.
	Weight float64 `json:"weight" default:"3"`
	// Where Bob's prior comes from: a rule, that is weight, or a small language model that was asked what follows from the instruction. Its answers come
	// with the library.
	Prior string `json:"prior" default:"rule" enum:"rule|smollm2"`
	// Sharpens the language model's prior: its log-probabilities are multiplied by it.
	Beta float64 `json:"beta" default:"1"`
	// Divide what the language model gives an action by what it gives it whatever was heard.
	Calibrate bool `json:"calibrate"`
	// File with Bob's prior in place of these: JSON, for each of the five words six weights, of the balls and of stopping.
	Table string `json:"table"`
	// The share of the prior's answers that are turned round, 0 to 1. Every seed has other mistakes.
	Noise float64 `json:"noise"`
	// Episode from which Bob follows another instruction; 0: never.
	SwitchAt int `json:"switch_at"`
	// That instruction.
	Then string `json:"then" default:"next" enum:"same|next"`

	// Step size of Adam.
	LR float64 `json:"lr" default:"0.02"`
	// Probability of a random action in training.
	Epsilon float64 `json:"epsilon" default:"0.15"`
	// Weight of rewards a step later.
	Gamma float64 `json:"gamma" default:"1"`
	// Episodes that the replay buffer holds.
	Buffer int `json:"buffer" default:"1000"`
	// Episodes in one minibatch. Learning begins when there are more than that.
	Batch int `json:"batch" default:"64"`

	// Episodes between two greedy evaluations, of which the best policy is kept.
	EvalEvery int `json:"eval_every" default:"100"`
	// Episodes that one row of metrics.jsonl averages over.
	LogEvery int `json:"log_every" default:"1000"`
}

// Check returns everything that is wrong with a resolved configuration.
func (c *Config) Check() []error {
	if c.Lambda == nil || c.LambdaEnd == nil {
		return []error{errors.New("defaults are not filled in: call run.Resolve first")}
	}
	var p run.Problems
	p.AtLeast("episodes", c.Episodes, 1)
	p.AtLeast("buffer", c.Buffer, 1)
	p.AtLeast("batch", c.Batch, 1)
	p.AtLeast("eval_every", c.EvalEvery, 1)
	p.AtLeast("log_every", c.LogEvery, 1)
	if c.Buffer <= c.Batch {
		p.Bad("buffer is %d, batch %d: learning begins when there are more episodes than batch, so give a larger buffer", c.Buffer, c.Batch)
	}
	if *c.Lambda < 0 {
		p.Bad("lambda is %g: give 0 or more; below, Bob would avoid what he was told", *c.Lambda)
	}
	p.Between("lambda_end", *c.LambdaEnd, 0, 1)
	p.Between("noise", c.Noise, 0, 1)
	p.Between("epsilon", c.Epsilon, 0, 1)
	p.Between("anneal_for", c.AnnealFor, 0, 1)
	p.Between("gamma", c.Gamma, 0, 1)
	p.Positive("weight", c.Weight)
	p.Positive("beta", c.Beta)
	if c.Table != "" && c.Prior != "rule" {
		p.Bad("prior is %s, and table names a file: leave one of them out", c.Prior)
	}
	if !(c.LR > 0) {
		p.Bad("lr is %g: give a positive step size", c.LR)
	}
	if c.SwitchAt < 0 {
		p.Bad("switch_at is %d: give the number of an episode, or 0", c.SwitchAt)
	}
	return p
}
