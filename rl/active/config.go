package active

import "github.com/rewardlab/rewardlab/rl/run"

// Config says what to learn, and how to ask. A zero field means its default.
type Config struct {
	// Answers in the whole training.
	Queries int `json:"queries" default:"40"`
	// How queries come about. optimised: made by ascent on the criterion, from many starts; candidates: the best of as many random ones; optimal: a random
	// scene, in which each driver does what is best for one sample of the posterior; random.
	Method string `json:"method" default:"optimised" enum:"optimised|candidates|optimal|random"`
	// What a query is to have much of. information: expected information gain; volume: what the less telling answer removes of the posterior.
	Criterion string `json:"criterion" default:"information" enum:"information|volume"`
	// Queries that are made at once, from one posterior, and then answered together. They are the best that are not alike.
	Batch int `json:"batch" default:"1"`
	// Stop asking when the best query is expected to tell less than this many bits.
	Cost float64 `json:"cost"`

	// Random starts of the ascent, or candidates.
	Starts int `json:"starts" default:"64"`
	// Steps of the ascent.
	Ascent int `json:"ascent" default:"40"`
	// Step size of the ascent's Adam.
	LR float64 `json:"lr" default:"0.1"`

	// Samples of the posterior.
	Samples int `json:"samples" default:"200"`
	// Moves of every sample after each answer.
	Moves int `json:"moves" default:"200"`

	// The simulated human. noisy: answers with the probability that the model gives the answer; certain: always prefers the better clip.
	Human string `json:"human" default:"noisy" enum:"noisy|certain"`
	// What the human wants. published: the study's weights; random: a direction drawn for each seed.
	Truth string `json:"truth" default:"published" enum:"published|random"`
	// Half-width of "no difference": with more than 0 the human may also say that, and the model knows.
	Tie float64 `json:"tie"`
}

// Check returns everything that is wrong with a resolved c.
func (c *Config) Check() []error {
	var p run.Problems
	p.AtLeast("queries", c.Queries, 1)
	p.AtLeast("batch", c.Batch, 1)
	p.AtLeast("starts", c.Starts, 1)
	p.AtLeast("ascent", c.Ascent, 1)
	p.AtLeast("samples", c.Samples, 4)
	p.AtLeast("moves", c.Moves, 1)
	p.Positive("lr", c.LR)
	if c.Cost < 0 || c.Tie < 0 {
		p.Bad("cost is %g and tie %g: give numbers of at least 0", c.Cost, c.Tie)
	}
	if c.Samples%2 != 0 {
		p.Bad("samples is %d: give an even number, since each half moves by the other", c.Samples)
	}
	if len(p) == 0 && c.Queries%c.Batch != 0 {
		p.Bad("queries is %d, which batches of %d do not divide: make it a multiple of batch", c.Queries, c.Batch)
	}
	if c.Batch > c.Starts {
		p.Bad("batch is %d, chosen among %d starts: give more starts", c.Batch, c.Starts)
	}
	if c.Criterion == "volume" && c.Tie > 0 {
		p.Bad("criterion volume knows no ties: set tie=0, or criterion=information")
	}
	return p
}
