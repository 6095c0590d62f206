package datasets

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
)

// Trajectory is one episode of an expert, of T steps.
type Trajectory struct {
	Obs        []float32 // [T+1, obs]; the last one is what the last action led to
	Action     []float32 // [T] numbers of choices, or [T, dim]
	Reward     []float32 // [T], the environment's own; nil: not recorded
	Terminated bool      // the episode came to its own end; else a time limit cut it
}

// Demos are episodes of an expert in one environment.
type Demos struct {
	Env       string // "" if the file does not say
	Obs       []int  // the shape of one observation
	Actions   int    // how many choices there are; 0: actions are vectors
	ActionDim int    // the length of those vectors
	Source    string // who made them, and from what
	Note      string
	// Random is the mean return of RandomEpisodes episodes of random actions, to measure imitations by; RandomEpisodes 0: not measured.
	Random         float64
	RandomEpisodes int
	SHA256         string // of the file they were read from

	Trajectories []Trajectory
}

// ObsSize is the number of elements of one observation.
func (d *Demos) ObsSize() int {
	size := 1
	for _, n := range d.Obs {
		size *= n
	}
	return size
}

// Columns is how many numbers an action takes: 1 for a choice.
func (d *Demos) Columns() int {
	if d.Actions > 0 {
		return 1
	}
	return d.ActionDim
}

// steps is the length of t.
func (d *Demos) steps(t Trajectory) int { return len(t.Action) / max(d.Columns(), 1) }

// Len is the number of steps of all trajectories.
func (d *Demos) Len() int {
	n := 0
	for _, t := range d.Trajectories {
		n += d.steps(t)
	}
	return n
}

// First are the first n trajectories.
func (d *Demos) First(n int) (*Demos, error) {
	order := make([]int, len(d.Trajectories))
	for i := range order {
		order[i] = i
	}
	return d.take(n, order)
}

// Pick are n of the trajectories, drawn without repetition.
func (d *Demos) Pick(n int, seed int64) (*Demos, error) {
	return d.take(n, stream(seed, pickStream).Perm(len(d.Trajectories)))
}

func (d *Demos) take(n int, order []int) (*Demos, error) {
	if n < 1 || n > len(order) {
		return nil, fmt.Errorf("demonstrations in %s: %d trajectories were asked for, there are %d: choose 1 to %d", d.env(), n, len(order), len(order))
	}
	some := *d
	some.Trajectories = make([]Trajectory, n)
	for i := range some.Trajectories {
		some.Trajectories[i] = d.Trajectories[order[i]]
	}
	return &some, nil
}

// Pairs are M steps of demonstrations as flat arrays, in the order of the trajectories.
type Pairs struct {
	Obs    []float32 // [M, ObsSize]
	Action []float32 // [M, Columns]
	Next   []float32 // [M, ObsSize], what the step led to
	Done   []bool    // [M], the step ended the episode by itself; a time limit does not count
}

// Len is the number of steps.
func (p Pairs) Len() int { return len(p.Done) }

// Pairs are all steps.
func (d *Demos) Pairs() Pairs { return d.pairs(1, func() int { return 0 }) }

// Subsample takes every every-th step of each trajectory, from a random one of its first `every` on. Thinned like this, few trajectories are too
// few for an imitation that treats steps as independent (Ho and Ermon 2016).
func (d *Demos) Subsample(every int, seed int64) (Pairs, error) {
	if every < 1 {
		return Pairs{}, fmt.Errorf("demonstrations in %s: every %d-th step was asked for: choose 1 (all) or more", d.env(), every)
	}
	r := stream(seed, phaseStream)
	p := d.pairs(every, func() int { return r.IntN(every) })
	if p.Len() == 0 {
		return p, fmt.Errorf("demonstrations in %s: every %d-th step leaves nothing of episodes of %d steps: choose fewer", d.env(), every, d.Len()/len(d.Trajectories))
	}
	return p, nil
}

func (d *Demos) pairs(every int, phase func() int) Pairs {
	var p Pairs
	obs, cols := d.ObsSize(), d.Columns()
	for _, t := range d.Trajectories {
		steps := d.steps(t)
		for i := phase(); i < steps; i += every {
			p.Obs = append(p.Obs, t.Obs[i*obs:(i+1)*obs]...)
			p.Action = append(p.Action, t.Action[i*cols:(i+1)*cols]...)
			p.Next = append(p.Next, t.Obs[(i+1)*obs:(i+2)*obs]...)
			p.Done = append(p.Done, t.Terminated && i == steps-1)
		}
	}
	return p
}

// Streams of random numbers that one seed gives.
const (
	pickStream = iota + 1
	phaseStream
)

func stream(seed int64, which uint64) *rand.Rand {
	return rand.New(rand.NewPCG(uint64(seed), which))
}

// Round keeps so many bits of the mantissa of observations and continuous actions, of 23, so that files become smaller.
func (d *Demos) Round(bits int) {
	drop := 23 - min(max(bits, 1), 23)
	round := func(xs []float32) {
		for i, x := range xs {
			// Half of the last bit that stays, then cut; a carry may raise the exponent, which is right.
			xs[i] = math.Float32frombits((math.Float32bits(x) + 1<<drop>>1) >> drop << drop)
		}
	}
	for _, t := range d.Trajectories {
		round(t.Obs)
		if d.Actions == 0 {
			round(t.Action)
		}
	}
}

// Returns are the summed rewards of each trajectory; nil where rewards are not known.
func (d *Demos) Returns() []float64 {
	returns := make([]float64, len(d.Trajectories))
	for i, t := range d.Trajectories {
		if t.Reward == nil {
			return nil
		}
		for _, r := range t.Reward {
			returns[i] += float64(r)
		}
	}
	return returns
}

// DemoStats sum demonstrations up. Where rewards are not known the returns are NaN.
type DemoStats struct {
	Trajectories, Steps int
	Terminated          int // trajectories that came to their own end
	Shortest, Longest   int // steps
	Mean, Std           float64
	Min, Max            float64
}

// Stats counts steps and returns.
func (d *Demos) Stats() DemoStats {
	s := DemoStats{Trajectories: len(d.Trajectories), Steps: d.Len(), Shortest: math.MaxInt, Mean: math.NaN(), Std: math.NaN(), Min: math.NaN(), Max: math.NaN()}
	for _, t := range d.Trajectories {
		n := d.steps(t)
		s.Shortest, s.Longest = min(s.Shortest, n), max(s.Longest, n)
		if t.Terminated {
			s.Terminated++
		}
	}
	returns := d.Returns()
	if len(returns) == 0 {
		return s
	}
	s.Mean, s.Std, s.Min, s.Max = 0, 0, returns[0], returns[0]
	for _, r := range returns {
		s.Mean += r
		s.Min, s.Max = min(s.Min, r), max(s.Max, r)
	}
	s.Mean /= float64(len(returns))
	for _, r := range returns {
		s.Std += (r - s.Mean) * (r - s.Mean)
	}
	s.Std = math.Sqrt(s.Std / float64(max(len(returns)-1, 1)))
	return s
}

// Normalise says what a mean return is worth: 0 for that of random actions, 1 for the expert's.
func (d *Demos) Normalise(mean float64) (float64, error) {
	s := d.Stats()
	if d.RandomEpisodes == 0 || math.IsNaN(s.Mean) || s.Mean == d.Random {
		return 0, fmt.Errorf("demonstrations in %s: returns of %g (expert) and %g (random, %d episodes) are no scale: record rewards, and episodes of random actions", d.env(), s.Mean, d.Random, d.RandomEpisodes)
	}
	return (mean - d.Random) / (s.Mean - d.Random), nil
}

// Warning says what makes demonstrations a poor teacher, "" if nothing does: an expert that is no better than random actions.
func (d *Demos) Warning() string {
	s := d.Stats()
	if d.RandomEpisodes == 0 || math.IsNaN(s.Mean) || s.Mean > d.Random {
		return ""
	}
	return fmt.Sprintf("the expert's mean return in %s is %.4g, that of random actions %.4g: who imitates it learns nothing of use; record a better expert", d.env(), s.Mean, d.Random)
}

func (d *Demos) env() string {
	if d.Env == "" {
		return "an unnamed environment"
	}
	return d.Env
}

// mostProblems is how many problems Check tells of.
const mostProblems = 5

// Check says what is wrong with demonstrations: sizes that do not fit each other, empty trajectories, numbers that are not finite, choices that
// do not exist.
func (d *Demos) Check() error {
	if len(d.Obs) == 0 || d.ObsSize() < 1 || d.Actions < 0 || (d.Actions > 0) == (d.ActionDim > 0) {
		return fmt.Errorf("demonstrations in %s: observations %v with %d choices and action vectors of %d: give the observation's shape, and either Actions or ActionDim",
			d.env(), d.Obs, d.Actions, d.ActionDim)
	}
	if len(d.Trajectories) == 0 {
		return fmt.Errorf("demonstrations in %s: no trajectories: record at least one", d.env())
	}
	var problems []error
	for i, t := range d.Trajectories {
		if err := d.checkTrajectory(t); err != nil {
			problems = append(problems, fmt.Errorf("demonstrations in %s: trajectory %d of %d: %w", d.env(), i+1, len(d.Trajectories), err))
		}
		if (t.Reward == nil) != (d.Trajectories[0].Reward == nil) {
			problems = append(problems, fmt.Errorf("demonstrations in %s: trajectory %d of %d: some trajectories have rewards and some not: give all of them or none", d.env(), i+1, len(d.Trajectories)))
		}
		if len(problems) >= mostProblems {
			break
		}
	}
	return errors.Join(problems...)
}

func (d *Demos) checkTrajectory(t Trajectory) error {
	obs, cols := d.ObsSize(), d.Columns()
	steps := d.steps(t)
	switch {
	case len(t.Action) == 0:
		return errors.New("it is empty: leave it out")
	case len(t.Action)%cols != 0:
		return fmt.Errorf("%d numbers of actions are not a multiple of the %d of one action", len(t.Action), cols)
	case len(t.Obs) != (steps+1)*obs:
		return fmt.Errorf("%d numbers of observations, %d steps need %d (%d observations of %d numbers: one more than actions)", len(t.Obs), steps, (steps+1)*obs, steps+1, obs)
	case t.Reward != nil && len(t.Reward) != steps:
		return fmt.Errorf("%d rewards for %d steps", len(t.Reward), steps)
	}
	for _, x := range []struct {
		what   string
		xs     []float32
		length int
	}{{"observation", t.Obs, obs}, {"action", t.Action, cols}, {"reward", t.Reward, 1}} {
		for i, v := range x.xs {
			if v != v || math.IsInf(float64(v), 0) {
				return fmt.Errorf("%s %d holds %v: mend what recorded it, or leave the trajectory out", x.what, i/x.length, v)
			}
		}
	}
	if d.Actions > 0 {
		for i, a := range t.Action {
			if a < 0 || a >= float32(d.Actions) || a != float32(int(a)) {
				return fmt.Errorf("action %d is %v: there are choices 0 to %d", i, a, d.Actions-1)
			}
		}
	}
	return nil
}
