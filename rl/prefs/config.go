package prefs

import (
	"math"

	"github.com/rewardlab/rewardlab/rl/ppo"
	"github.com/rewardlab/rewardlab/rl/run"
)

// Config says what to train. A zero field means its default.
type Config struct {
	// The policy's learner, which sees the learned reward alone.
	ppo.Config

	// What the synthetic annotator judges by, and what scores are counted in. reward: the environment's; spin: a pendulum's turning on and on, clockwise; eight:
	// a mass that draws an eight. No environment rewards the last two.
	Judge string `json:"judge" default:"reward" enum:"reward|spin|eight"`

	// Yes-or-no answers in the whole training. A ranking of k clips counts as the log2(k!) of them that a sort by comparing takes, rounded up.
	Labels int `json:"labels" default:"700"`
	// Clips of a query: 2, or more to be ranked.
	Compare int `json:"compare" default:"2"`
	// Steps of a clip. Steps of the learner must be a multiple. Whole episodes: the environment's horizon.
	ClipSteps int `json:"clip_steps" default:"25"`
	// Times that queries are put, spread evenly over the training.
	Rounds int `json:"rounds" default:"20"`
	// Share of the answers that is asked for in the first round, about an untrained policy. 1: all of them, nothing is asked later.
	Upfront float64 `json:"upfront" default:"0.25"`
	// How the other answers thin out with training's share t. hyperbolic: 0.25/(t + 0.25), as in Christiano et al.; reciprocal: 1/(1 + round), as in the
	// imitation library; constant.
	Schedule string `json:"schedule" default:"hyperbolic" enum:"hyperbolic|reciprocal|constant"`
	// How queries are chosen among candidates. disagreement: of the ensemble's votes; information: expected information gain; volume: expected volume
	// removed.
	Query string `json:"query" default:"disagreement" enum:"random|disagreement|information|volume"`
	// Candidates for each query that is put.
	Candidates int `json:"candidates" default:"10"`
	// Newest clips that queries are chosen from.
	Replay int `json:"replay" default:"512"`

	// Who answers. synthetic: the program itself, by the true reward; ai: a language model that reads descriptions of the clips, SmolLM2 by what is stored
	// of it; terminal: a person who reads them; file: nobody, the answers are all in the file answers.
	Ask string `json:"ask" default:"synthetic" enum:"synthetic|ai|terminal|file"`
	// File of answers. Those that it has count as asked, and a person's are added to it at once.
	Answers string `json:"answers"`

	// Synthetic annotator: spread of its judgement, in units of a clip's return. 0: it always calls the better clip better.
	Temperature float64 `json:"temperature"`
	// Synthetic annotator: weight of a step relative to the one after it, so that it remembers the end of a clip best. 0 or 1: all count alike.
	Myopia float64 `json:"myopia"`
	// Synthetic annotator: share of its answers that are turned round.
	Mistakes float64 `json:"mistakes"`
	// Synthetic annotator: returns that are closer than this are called equal.
	Equal float64 `json:"equal"`

	// What the reward model looks at.
	Sees string `json:"sees" default:"state-action" enum:"state|state-action|next|transition"`
	// Reward models in the ensemble.
	Members int `json:"members" default:"3"`
	// Widths of their hidden layers. Where observations are pictures: of the one layer behind a convolution of eight filters.
	RewardHidden []int `json:"reward_hidden" default:"64,64"`
	// Of pictures: add up what the reward models' filters see over all places. What happens then counts wherever it happens, which takes fewer answers to
	// learn, and places are not told apart.
	RewardPool bool `json:"reward_pool"`
	// Likelihood of rankings. pairs: Bradley-Terry over all pairs; plackett: Plackett-Luce.
	Likelihood string `json:"likelihood" default:"pairs" enum:"pairs|plackett"`
	// Share of the answers that the likelihood takes to be a toss of a coin.
	Floor float64 `json:"floor" default:"0.1"`
	// Let every member learn from all answers. Otherwise each has a bootstrap sample of them.
	NoBootstrap bool `json:"no_bootstrap"`
	// Step size of the reward models' Adam.
	RewardLR float64 `json:"reward_lr" default:"1e-3"`
	// Decoupled weight decay of the reward models.
	Decay float64 `json:"decay" default:"1e-4"`
	// Queries in a minibatch.
	FitBatch int `json:"fit_batch" default:"32"`
	// Minibatches after each round of queries; the first round gets Warmup times as many.
	Fit int `json:"fit" default:"50"`
	// Times as many minibatches in the first round.
	Warmup int `json:"warmup" default:"4"`

	// Added to the standardised reward of every step. Standardised rewards are 0 on average, so that to end an episode is as good as to go on, and answers
	// about clips of one length cannot tell which is better. Where episodes of all lengths occur, a positive number says that going on is.
	Living float64 `json:"living"`

	// Greedy return of the same learner on the true reward, against which the score is counted. 0: the evaluation trains it.
	Reference float64 `json:"reference"`
}

// Check returns everything that is wrong with a resolved c.
func (c *Config) Check() []error {
	p := run.Problems(c.Config.Check())
	p.AtLeast("labels", c.Labels, 1)
	p.AtLeast("compare", c.Compare, 2)
	p.AtLeast("clip_steps", c.ClipSteps, 1)
	p.AtLeast("rounds", c.Rounds, 1)
	p.AtLeast("candidates", c.Candidates, 1)
	p.AtLeast("replay", c.Replay, 2)
	p.AtLeast("members", c.Members, 1)
	p.AtLeast("fit_batch", c.FitBatch, 1)
	p.AtLeast("fit", c.Fit, 1)
	p.AtLeast("warmup", c.Warmup, 1)
	p.Between("upfront", c.Upfront, 0, 1)
	p.Between("floor", c.Floor, 0, 0.9)
	p.Between("myopia", c.Myopia, 0, 1)
	p.Between("mistakes", c.Mistakes, 0, 1)
	p.Between("temperature", c.Temperature, 0, math.MaxFloat32)
	p.Between("equal", c.Equal, 0, math.MaxFloat32)
	p.Between("decay", c.Decay, 0, 1)
	p.Positive("reward_lr", c.RewardLR)
	for _, h := range c.RewardHidden {
		if h < 1 {
			p.Bad("a hidden layer of the reward model of %d units: give at least 1", h)
		}
	}
	if len(p) > 0 {
		return p
	}
	if c.Ask == "file" && c.Answers == "" {
		p.Bad("ask is file, but no file is named: give answers=FILE")
	}
	if c.Ask == "synthetic" && c.Answers != "" {
		p.Bad("answers names a file, but the synthetic annotator needs none: set ask=file to learn from it, or ask=terminal to add to it")
	}
	if c.Steps%c.ClipSteps != 0 {
		p.Bad("steps is %d, which clips of %d steps do not divide: make it a multiple of clip_steps", c.Steps, c.ClipSteps)
	}
	if c.Rounds > c.Iterations() {
		p.Bad("rounds is %d, the training has %d iterations (total / (envs x steps)): put queries less often, or train longer", c.Rounds, c.Iterations())
	}
	if c.fresh() < c.Compare {
		p.Bad("an iteration has %d clips (envs x steps / clip_steps), a query %d: give more environments or shorter clips", c.fresh(), c.Compare)
	}
	if c.queries() < 1 {
		p.Bad("labels is %d, a ranking of %d clips takes %d: give more", c.Labels, c.Compare, Cost(c.Compare))
	}
	if c.Query != "random" && c.Members < 2 {
		p.Bad("query is %s with one reward model, which cannot disagree with itself: give members of 2 or more, or query=random", c.Query)
	}
	return p
}

// Cost is the number of yes-or-no answers that ranking k clips counts as: log2(k!), rounded up.
func Cost(k int) int {
	logs, _ := math.Lgamma(float64(k) + 1)
	return int(math.Ceil(logs/math.Ln2 - 1e-9))
}

// queries is how many queries the labels pay for.
func (c *Config) queries() int { return c.Labels / Cost(c.Compare) }

// fresh is the number of clips that one iteration brings, kept how many are remembered.
func (c *Config) fresh() int { return c.Batch() / c.ClipSteps }
func (c *Config) kept() int  { return max(c.Replay, c.fresh()) }

// plan says how many queries each round puts. They add up to queries().
func (c *Config) plan() []int {
	weights := make([]float64, c.Rounds)
	var sum float64
	for r := 1; r < c.Rounds; r++ {
		switch c.Schedule {
		case "hyperbolic":
			t := float64(r) / float64(c.Rounds)
			weights[r] = 0.25 / (t + 0.25)
		case "reciprocal":
			weights[r] = 1 / float64(1+r)
		default:
			weights[r] = 1
		}
		sum += weights[r]
	}
	first := c.Upfront
	if c.Rounds == 1 {
		first, sum = 1, 1
	}
	out, done, upTo := make([]int, c.Rounds), 0, first
	for r := range out {
		if r > 0 {
			upTo += (1 - first) * weights[r] / sum
		}
		n := int(math.Round(upTo * float64(c.queries())))
		out[r], done = n-done, n
	}
	return out
}

// round is the round of queries that iteration i begins with; ok is false where it begins with none.
func (c *Config) round(i int) (r int, ok bool) {
	r = (i*c.Rounds + c.Iterations() - 1) / c.Iterations() // the first round that is due at i or later
	return r, r < c.Rounds && r*c.Iterations()/c.Rounds == i
}
