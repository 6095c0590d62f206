package selfplay

import (
	"cmp"

	"github.com/rewardlab/rewardlab/rl/run"
	"github.com/rewardlab/rewardlab/rl/trainer"
)

// Config says what to train. A zero field means its default.
type Config struct {
	// The task.
	Env string `json:"env" default:"hallway" enum:"hallway|lightkey|mountaincar|pointmass"`
	// Who sets Bob's tasks. learned: Alice; random: an Alice who takes any action and never learns; none: nobody, every episode is the target task.
	Alice string `json:"alice" default:"learned" enum:"learned|random|none"`
	// What Bob is to do. repeat: reach Alice's last state from where she began; reverse: come back from it.
	Mode string `json:"mode" default:"repeat" enum:"repeat|reverse"`
	// Share of the episodes that are the target task. Where nobody sets tasks all are.
	Target float64 `json:"target" default:"0.5"`
	// What Bob loses with every move, and Alice wins with every move that he needs more than she. 0: 1 / limit.
	Scale float64 `json:"scale"`
	// Moves of Alice and Bob together in one episode, and of Bob in the target task. 0: the task's own.
	Limit int `json:"limit"`
	// Moves after which it is Bob's turn, even if Alice has not stopped. 0: two thirds of the limit.
	AliceMoves int `json:"alice_moves"`
	// Probability that the random Alice stops. 0: that of every other action.
	Stop float64 `json:"stop"`

	// How both learn. reinforce: whole returns less a baseline; a2c: generalised advantages, one step along the gradient; ppo: several passes, clipped.
	Method string `json:"method" default:"ppo" enum:"reinforce|a2c|ppo"`
	// Environments side by side.
	Envs int `json:"envs" default:"32"`
	// Steps of each environment between two updates.
	Steps int `json:"steps" default:"32"`
	// Steps of all environments in the whole training, self-play included.
	Total int `json:"total" default:"200000"`
	// Passes over the collected steps in one update, of ppo.
	Epochs int `json:"epochs" default:"4"`
	// Minibatches in one pass, of ppo.
	Minibatches int `json:"minibatches" default:"4"`
	// Step size of Adam, of both.
	LR float64 `json:"lr" default:"3e-3"`
	// Step size of Alice. 0: lr.
	AliceLR float64 `json:"alice_lr"`
	// Keep the step size as it is. Otherwise it falls in a straight line to 0.
	ConstantLR bool `json:"constant_lr"`
	// Discount of the future.
	Gamma float64 `json:"gamma" default:"1"`
	// Decay of generalised advantage estimation, of a2c and ppo.
	Lambda float64 `json:"lambda" default:"0.95"`
	// How far the probability ratio may leave 1, of ppo.
	Clip float64 `json:"clip" default:"0.2"`
	// Weight of Bob's entropy bonus.
	Entropy float64 `json:"entropy"`
	// Weight of Alice's entropy bonus.
	AliceEntropy float64 `json:"alice_entropy"`
	// Weight of the value loss.
	ValueWeight float64 `json:"value_weight" default:"0.5"`
	// Longest gradient.
	MaxNorm float64 `json:"max_norm" default:"0.5"`
	// Widths of the hidden tanh layers of all four nets.
	Hidden []int `json:"hidden" default:"64"`

	// Episodes of the target task in an examination. Where the goal is given, all of its starts and goals are played instead.
	EvalEpisodes int `json:"eval_episodes" default:"200"`
	// Updates between two examinations during the training. 0: so many that there are about 20.
	ExamEvery int `json:"exam_every"`
	// Updates that one row of metrics.jsonl averages over. 0: so many that there are about 100 rows.
	LogEvery int `json:"log_every"`
}

// Check returns everything that is wrong with a resolved c.
func (c *Config) Check() []error {
	var p run.Problems
	p.AtLeast("limit", c.Limit, 0)
	p.AtLeast("alice_moves", c.AliceMoves, 0)
	p.AtLeast("envs", c.Envs, 1)
	p.AtLeast("steps", c.Steps, 1)
	p.AtLeast("epochs", c.Epochs, 1)
	p.AtLeast("minibatches", c.Minibatches, 1)
	p.AtLeast("eval_episodes", c.EvalEpisodes, 1)
	p.AtLeast("exam_every", c.ExamEvery, 0)
	p.AtLeast("log_every", c.LogEvery, 0)
	p.Positive("lr", c.LR)
	p.Positive("clip", c.Clip)
	p.Positive("max_norm", c.MaxNorm)
	for _, v := range []struct {
		name  string
		value float64
	}{{"scale", c.Scale}, {"alice_lr", c.AliceLR}, {"entropy", c.Entropy}, {"alice_entropy", c.AliceEntropy}, {"value_weight", c.ValueWeight}} {
		if !(v.value >= 0) {
			p.Bad("%s is %g: give at least 0", v.name, v.value)
		}
	}
	if !(c.Gamma > 0 && c.Gamma <= 1 && c.Lambda > 0 && c.Lambda <= 1) {
		p.Bad("gamma is %g and lambda %g: give numbers above 0, and 1 at most", c.Gamma, c.Lambda)
	}
	if !(c.Target > 0 && c.Target <= 1) {
		p.Bad("target is %g: give a share above 0, and 1 at most: without the target task Bob never learns what it asks for", c.Target)
	}
	if !(c.Stop >= 0 && c.Stop < 1) {
		p.Bad("stop is %g: give a probability below 1", c.Stop)
	}
	if c.Stop > 0 && c.Alice != "random" {
		p.Bad("stop is %g, but Alice is %s: it is for a random Alice", c.Stop, c.Alice)
	}
	for _, h := range c.Hidden {
		if h < 1 {
			p.Bad("hidden is %v: give at least 1 unit a layer", c.Hidden)
		}
	}
	if len(p) > 0 {
		return p
	}
	if c.Total < c.batch() {
		p.Bad("total is %d steps, one update needs envs x steps = %d: give more", c.Total, c.batch())
	}
	if t, err := taskOf(c); err != nil {
		p = append(p, err)
	} else if g := newGame(t, c); g.most >= g.limit {
		p.Bad("alice_moves is %d of the limit of %d: leave Bob some moves", g.most, g.limit)
	} else if rows := (g.limit + c.Steps) * c.Envs; rows%c.parts() != 0 {
		p.Bad("(limit + steps) x envs = %d steps do not make %d minibatches of equal size: change one of the four", rows, c.parts())
	}
	return p
}

// batch is the steps of all environments in one iteration.
func (c *Config) batch() int      { return c.Envs * c.Steps }
func (c *Config) iterations() int { return c.Total / c.batch() }

// passes is how often an update goes over the steps, parts into how many minibatches it cuts them.
func (c *Config) passes() int {
	if c.Method != "ppo" {
		return 1
	}
	return c.Epochs
}

func (c *Config) parts() int {
	if c.Method != "ppo" {
		return 1
	}
	return c.Minibatches
}

// lambda is that of the advantages: REINFORCE takes whole returns.
func (c *Config) lambda() float64 {
	if c.Method == "reinforce" {
		return 1
	}
	return c.Lambda
}

func (c *Config) aliceLR() float64 { return cmp.Or(c.AliceLR, c.LR) }

// target is the share of target episodes as it is played.
func (c *Config) target() float64 {
	if c.Alice == "none" {
		return 1
	}
	return c.Target
}

// examEvery is ExamEvery, or what gives about 20 examinations.
func (c *Config) examEvery() int {
	if c.ExamEvery > 0 {
		return c.ExamEvery
	}
	return max(1, c.iterations()/20)
}

// logEvery is how many iterations one row averages over, chunk how many there are between two looks from the host.
func (c *Config) logEvery() int { return trainer.Every(c.LogEvery, c.iterations(), 100) }
func (c *Config) chunk() int    { return trainer.Chunk(c.logEvery(), c.iterations(), c.batch()) }
