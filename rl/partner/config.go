package partner

import (
	"errors"

	"github.com/rewardlab/rewardlab/rl/hanabi"
	"github.com/rewardlab/rewardlab/rl/instruct"
	"github.com/rewardlab/rewardlab/rl/run"
)

// Told says which Hanabi is learned, and what the players were told.
type Told struct {
	hanabi.Config

	// Which hints the players were told to take for invitations to play, and to give: those of a color or of a rank. none: they were told nothing,
	// and the prior is uniform.
	Instruction string `json:"instruction" default:"color" enum:"color|rank|none"`
	// How much likelier the prior makes a move that the instruction is for: a factor of e to the power of beta.
	Beta float64 `json:"beta" default:"1"`
	// File with the prior, such as a language model's, in place of the one that the instruction makes: JSON, for every history a row of the weights of
	// all moves.
	Table string `json:"table"`
	// The share of the answers of the instruction's prior that are turned round, 0 to 1. Every seed has other mistakes.
	Noise float64 `json:"noise"`
	// The share of lambda that is left at the end; in between it falls in a straight line.
	LambdaEnd *float64 `json:"lambda_end" default:"1"`
	// The share of training in which lambda falls.
	AnnealFor float64 `json:"anneal_for" default:"1"`
	// Iteration from which the players follow another instruction; 0: never.
	SwitchAt int `json:"switch_at"`
	// That instruction.
	Then string `json:"then" default:"rank" enum:"color|rank|none"`

	// Games side by side.
	Envs int `json:"envs" default:"128"`
	// Weight of rewards a move later.
	Gamma float64 `json:"gamma" default:"0.999"`
	// Widths of the hidden layers.
	Hidden []int `json:"hidden" default:"128,128"`
	// Step size of Adam.
	LR float64 `json:"lr" default:"1e-3"`

	// Iterations between two greedy examinations, of which the best policy is kept. 0: so many that there are 25.
	EvalEvery int `json:"eval_every"`
	// Games of each of these.
	EvalGames int `json:"eval_games" default:"500"`
	// Games of the evaluation in the end.
	Games int `json:"games" default:"1000"`
	// Iterations that one row of metrics.jsonl averages over. 0: so many that there are 50 rows.
	LogEvery int `json:"log_every"`
}

// Q says how to train instructQ in Hanabi. A zero field means its default.
type Q struct {
	Told

	// Weight of the log-probabilities of the prior where moves are chosen. 0 is plain Q-learning.
	Lambda *float64 `json:"lambda" default:"0.15"`
	// Iterations of training, a move in every game each.
	Iterations int `json:"iterations" default:"20000"`
	// Moves that the replay buffer holds.
	Buffer int `json:"buffer" default:"100000"`
	// Moves that are in it before learning begins.
	Warmup int `json:"warmup" default:"5000"`
	// Moves in one minibatch.
	Batch int `json:"batch" default:"128"`
	// Minibatches in one iteration.
	Updates int `json:"updates" default:"1"`
	// Minibatches between two copies of the values to the target's.
	TargetEvery int `json:"target_every" default:"500"`
	// Probability of a random move in the game that explores most. In the others it falls to its eighth power.
	Epsilon float64 `json:"epsilon" default:"0.1"`
	// Longest gradient.
	MaxNorm float64 `json:"max_norm" default:"5"`
}

// PPO says how to train instructPPO in Hanabi. A zero field means its default.
type PPO struct {
	Told

	// Weight of the divergence from the prior, KL(pi || p). 0 is plain PPO.
	Lambda *float64 `json:"lambda" default:"0.05"`
	// Iterations of training.
	Iterations int `json:"iterations" default:"300"`
	// Moves of each game in one iteration.
	Steps int `json:"steps" default:"32"`
	// Passes over the collected moves in one iteration.
	Epochs int `json:"epochs" default:"4"`
	// Minibatches in one pass.
	Minibatches int `json:"minibatches" default:"8"`
	// Decay of generalised advantage estimation.
	Trace float64 `json:"trace" default:"0.95"`
	// How far the probability ratio may leave 1.
	Clip float64 `json:"clip" default:"0.2"`
	// Weight of the entropy bonus.
	Entropy float64 `json:"entropy" default:"0.01"`
	// Weight of the value loss.
	ValueWeight float64 `json:"value_weight" default:"0.5"`
	// Longest gradient.
	MaxNorm float64 `json:"max_norm" default:"0.5"`
}

// check returns what is wrong with what both learners have.
func (c *Told) check(lambda *float64, iterations int) []error {
	if lambda == nil || c.LambdaEnd == nil {
		return []error{errors.New("defaults are not filled in: call run.Resolve first")}
	}
	var p run.Problems
	rules, err := hanabi.New(c.Config)
	if err != nil {
		p = append(p, err)
	} else if _, err := rules.Histories(); err != nil {
		p.Bad("players is %d: instructions are of the game for two", c.Players)
	}
	p.AtLeast("envs", c.Envs, 1)
	p.AtLeast("iterations", iterations, 1)
	p.AtLeast("eval_games", c.EvalGames, 2)
	p.AtLeast("games", c.Games, 2)
	p.AtLeast("eval_every", c.EvalEvery, 0)
	p.AtLeast("log_every", c.LogEvery, 0)
	p.AtLeast("switch_at", c.SwitchAt, 0)
	p.AtLeast("hidden", len(c.Hidden), 1)
	p.Layers("hidden", c.Hidden)
	if c.EvalGames%2 != 0 || c.Games%2 != 0 {
		p.Bad("eval_games is %d and games %d: give even numbers, as each player begins half of them", c.EvalGames, c.Games)
	}
	if *lambda < 0 || !(c.Beta > 0) || !(c.LR > 0) {
		p.Bad("lambda is %g, beta %g and lr %g: give a lambda of at least 0, and the others above it", *lambda, c.Beta, c.LR)
	}
	p.Between("lambda_end", *c.LambdaEnd, 0, 1)
	p.Between("noise", c.Noise, 0, 1)
	p.Between("anneal_for", c.AnnealFor, 0, 1)
	p.Between("gamma", c.Gamma, 0, 1)
	if c.Table != "" && c.Noise > 0 {
		p.Bad("noise is %g, and table names a file: noise turns round the answers of the instruction's prior, so leave one of them out", c.Noise)
	}
	return p
}

// Check returns everything that is wrong with a resolved c.
func (c *Q) Check() []error {
	p := run.Problems(c.check(c.Lambda, c.Iterations))
	p.AtLeast("batch", c.Batch, 1)
	p.AtLeast("updates", c.Updates, 1)
	p.AtLeast("target_every", c.TargetEvery, 1)
	p.AtLeast("warmup", c.Warmup, c.Batch)
	p.AtLeast("buffer", c.Buffer, c.Warmup)
	if c.Epsilon < 0 || c.Epsilon > 1 || !(c.MaxNorm > 0) {
		p.Bad("epsilon is %g and max_norm %g: give a probability, and a number above 0", c.Epsilon, c.MaxNorm)
	}
	return p
}

// Check returns everything that is wrong with a resolved c.
func (c *PPO) Check() []error {
	p := run.Problems(c.check(c.Lambda, c.Iterations))
	p.AtLeast("steps", c.Steps, 1)
	p.AtLeast("epochs", c.Epochs, 1)
	p.AtLeast("minibatches", c.Minibatches, 1)
	if p == nil && (c.batch()%c.Minibatches != 0 || c.batch()/c.Minibatches < 2) {
		p.Bad("envs x steps = %d moves do not make %d minibatches of equal size, of at least 2 each: change one of the three", c.batch(), c.Minibatches)
	}
	if c.Trace < 0 || c.Trace > 1 || !(c.Clip > 0) || !(c.MaxNorm > 0) || c.Entropy < 0 || c.ValueWeight < 0 {
		p.Bad("trace is %g, clip %g, max_norm %g, entropy %g, value_weight %g: give a trace from 0 to 1, clip and max_norm above 0, and the others at least 0",
			c.Trace, c.Clip, c.MaxNorm, c.Entropy, c.ValueWeight)
	}
	return p
}

func (c *PPO) batch() int { return c.Envs * c.Steps }

// rows and looks are LogEvery and EvalEvery, with their defaults.
func (c *Told) rows(iterations int) int {
	if c.LogEvery > 0 {
		return min(c.LogEvery, iterations)
	}
	return max(1, iterations/50)
}

func (c *Told) looks(iterations int) int {
	if c.EvalEvery > 0 {
		return c.EvalEvery
	}
	return max(1, iterations/25)
}

// rule is the instruction called name; none is not one.
func rule(name string) (instruct.HintRule, bool) {
	switch name {
	case "color":
		return instruct.PlayOnColor, true
	case "rank":
		return instruct.PlayOnRank, true
	}
	return 0, false
}
