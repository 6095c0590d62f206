package qlearn

import "github.com/rewardlab/rewardlab/rl/run"

// Network says how to train a deep Q-network. A zero field means its default.
type Network struct {
	// The environment, by its name in the table (rl list -envs). It has actions to choose from.
	Env string `json:"env" default:"cartpole"`
	// How many copies of it step side by side; every iteration is one step of each and one step of Adam.
	Envs int `json:"envs" default:"16"`
	// Iterations of training.
	Iterations int `json:"iterations" default:"40000"`

	// Widths of the layers between observation and values.
	Hidden []int `json:"hidden" default:"64,64"`
	// What the layers do.
	Activation string `json:"activation" default:"relu" enum:"relu|tanh"`

	// Leave observations as they are. Otherwise numbers with bounds are brought to [-1, 1].
	RawObs bool `json:"raw_obs"`

	// Steps that the replay buffer holds, a multiple of envs.
	Buffer int `json:"buffer" default:"32000"`
	// Steps in one minibatch.
	Batch int `json:"batch" default:"128"`
	// Iterations before learning begins.
	Warmup int `json:"warmup" default:"200"`
	// Rewards that are summed before the value of what follows is asked for.
	NStep int `json:"n_step" default:"1"`
	// Weight of rewards a step later.
	Gamma float64 `json:"gamma" default:"0.99"`

	// Let the network choose the action that its target judges. off is Mnih et al. (2015).
	Double string `json:"double" default:"on" enum:"on|off"`
	// The loss of a temporal-difference error.
	Loss string `json:"loss" default:"squared" enum:"squared|huber"`
	// Step size of Adam at the beginning.
	LR float64 `json:"lr" default:"1e-3"`
	// The share of lr that is left at the end; in between it falls in a straight line.
	LREnd float64 `json:"lr_end" default:"0.1"`
	// Bound on the norm of the gradient.
	Clip float64 `json:"clip" default:"10"`
	// Iterations between two updates of the target network.
	TargetEvery int `json:"target_every" default:"100"`
	// How far an update moves the target network; 1 copies.
	Tau float64 `json:"tau" default:"1"`

	Exploration
	// Probability that a random action goes on at the next step, 0 to 0.99. Rewards that only a long push in one direction reaches need it.
	Keep float64 `json:"keep"`

	// Iterations that one row of metrics.jsonl averages over.
	LogEvery int `json:"log_every" default:"200"`
}

// Exploration says how often actions are random.
type Exploration struct {
	// Probability of a random action at first.
	Epsilon float64 `json:"epsilon" default:"1"`
	// Probability of a random action in the end.
	EpsilonEnd float64 `json:"epsilon_end" default:"0.05"`
	// The share of training in which it falls from one to the other, in a straight line.
	EpsilonFor float64 `json:"epsilon_for" default:"0.25"`
}

// Table says how to train a table of Q-values. A zero field means its default.
type Table struct {
	// The environment, by its name in the table (rl list -envs). It has actions to choose from, and is a grid world or has bounded observations.
	Env string `json:"env" default:"mountaincar"`
	// How many copies of it step side by side; every iteration is one step and one update of each.
	Envs int `json:"envs" default:"16"`
	// Iterations of training.
	Iterations int `json:"iterations" default:"40000"`

	// Cells that the range of each number of an observation is cut into. The states of a grid world are the cells of a table as they are.
	Bins int `json:"bins" default:"16"`
	// Tables that are added up, each with its cells shifted a little: 1 is a plain table, more is tile coding.
	Tilings int `json:"tilings" default:"8"`

	// Weight of rewards a step later.
	Gamma float64 `json:"gamma" default:"0.99"`
	// Learn two tables, one of which chooses the action that the other judges.
	Double bool `json:"double"`
	// Step size at the beginning: how far a value moves towards its target, 0 to 1.
	LR float64 `json:"lr" default:"0.5"`
	// The share of lr that is left at the end; in between it falls in a straight line.
	LREnd float64 `json:"lr_end" default:"0.1"`

	Exploration

	// Iterations that one row of metrics.jsonl averages over.
	LogEvery int `json:"log_every" default:"200"`
}

func share(p *run.Problems, name string, value float64) {
	if !(value > 0 && value <= 1) {
		p.Bad("%s is %g: give a number above 0, at most 1", name, value)
	}
}

func (x Exploration) check(p *run.Problems) {
	share(p, "epsilon", x.Epsilon)
	share(p, "epsilon_end", x.EpsilonEnd)
	share(p, "epsilon_for", x.EpsilonFor)
	if x.EpsilonEnd > x.Epsilon {
		p.Bad("epsilon_end is %g, above epsilon, %g: exploration should fall", x.EpsilonEnd, x.Epsilon)
	}
}

// Check returns everything that is wrong with a resolved configuration.
func (n *Network) Check() []error {
	var p run.Problems
	p.AtLeast("envs", n.Envs, 1)
	p.AtLeast("iterations", n.Iterations, 1)
	p.AtLeast("batch", n.Batch, 1)
	p.AtLeast("n_step", n.NStep, 1)
	p.AtLeast("warmup", n.Warmup, n.NStep)
	p.AtLeast("target_every", n.TargetEvery, 1)
	p.AtLeast("log_every", n.LogEvery, 1)
	for _, h := range n.Hidden {
		p.AtLeast("hidden", h, 1)
	}
	if n.Envs > 0 && (n.Buffer%n.Envs != 0 || n.Buffer < n.Envs*n.NStep) {
		p.Bad("buffer is %d for %d environments: give a multiple of them, at least %d, so that each step of all of them finds room", n.Buffer, n.Envs, n.Envs*n.NStep)
	}
	share(&p, "gamma", n.Gamma)
	share(&p, "lr_end", n.LREnd)
	share(&p, "tau", n.Tau)
	if !(n.LR > 0) {
		p.Bad("lr is %g: give a positive step size", n.LR)
	}
	if !(n.Clip > 0) {
		p.Bad("clip is %g: give a positive norm", n.Clip)
	}
	n.Exploration.check(&p)
	if !(n.Keep >= 0 && n.Keep <= 0.99) {
		p.Bad("keep is %g: give a probability from 0 to 0.99", n.Keep)
	}
	return p
}

// Check returns everything that is wrong with a resolved configuration.
func (t *Table) Check() []error {
	var p run.Problems
	p.AtLeast("envs", t.Envs, 1)
	p.AtLeast("iterations", t.Iterations, 1)
	p.AtLeast("bins", t.Bins, 1)
	p.AtLeast("tilings", t.Tilings, 1)
	p.AtLeast("log_every", t.LogEvery, 1)
	share(&p, "gamma", t.Gamma)
	share(&p, "lr", t.LR)
	share(&p, "lr_end", t.LREnd)
	t.Exploration.check(&p)
	return p
}
