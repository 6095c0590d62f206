package env

import (
	"errors"
	"fmt"
	"image"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"

	"github.com/rewardlab/rewardlab/rl/ops"
)

// Env is one kind of environment as graph functions over a batch of n. Its state is a matrix [n, Spec.State] of float32.
type Env interface {
	Spec() Spec
	// Reset starts n episodes.
	Reset(key *Node, n int) (newKey, state *Node)
	// Observe shows a state as [n, Spec.Obs...] float32.
	Observe(state *Node) *Node
	// Step moves every environment. action is [n] int32, or [n, Dim] float32, and within its range: Vector.Step sees to that.
	// reward is [n] float32, terminated [n] bool. It does not reset, and knows no time limit.
	Step(key, state, action *Node) (newKey, next, reward, terminated *Node)
}

// Renderer draws one environment from its row of the state.
type Renderer interface {
	Frame(state []float32) image.Image
}

// Spec describes an environment.
type Spec struct {
	Name    string
	Obs     []int     // the shape of one observation
	Low     []float64 // bounds of the observation: one number for all of it, or one for each element; nil: unbounded
	High    []float64
	State   int // numbers in the state of one environment
	Action  Action
	Horizon int  // the time limit in steps; 0: none
	Fixed   bool // every episode lasts Horizon steps, so its length tells nothing about behaviour
}

// ObsSize is the number of elements of one observation.
func (s Spec) ObsSize() int {
	size := 1
	for _, d := range s.Obs {
		size *= d
	}
	return size
}

// Bounds are the smallest and the largest value of element i of an observation, infinite where nothing is declared.
func (s Spec) Bounds(i int) (low, high float64) {
	at := func(bounds []float64, otherwise float64) float64 {
		switch len(bounds) {
		case 0:
			return otherwise
		case 1:
			return bounds[0]
		}
		return bounds[i]
	}
	return at(s.Low, -inf), at(s.High, inf)
}

// Action is what an environment accepts: one of N choices, 0 to N-1, or a vector of Dim numbers in [Low, High].
type Action struct {
	N         int // 0: continuous
	Dim       int
	Low, High float64
}

// Discrete says whether actions are choices.
func (a Action) Discrete() bool { return a.N > 0 }

// Clip is the one place where actions out of range are handled: choices below 0 become 0 and above N-1 become N-1, numbers are cut
// to [Low, High]. Choices may be of any integer type. NaN stays NaN, and shows in the observations that follow.
func (a Action) Clip(action *Node) *Node {
	g := action.Graph()
	if !a.Discrete() {
		if action.Rank() != 2 || action.Shape().Dimensions[1] != a.Dim || action.DType() != dtypes.Float32 {
			panic(fmt.Errorf("action is %s: this environment takes [n, %d] float32", action.Shape(), a.Dim))
		}
		return ClipScalar(action, a.Low, a.High)
	}
	if action.Rank() != 1 || !action.DType().IsInt() {
		panic(fmt.Errorf("action is %s: this environment takes [n] int32", action.Shape()))
	}
	n := action.Shape().Dimensions[0]
	edge := func(k int) *Node { return BroadcastToDims(Const(g, int32(k)), n) }
	return Min(Max(ConvertDType(action, dtypes.Int32), edge(0)), edge(a.N-1))
}

// Random draws n actions uniformly.
func (a Action) Random(key *Node, n int) (newKey, action *Node) {
	if a.Discrete() {
		return ops.Below(key, n, a.N)
	}
	key, u := ops.Uniform(key, n, a.Dim)
	return key, AddScalar(MulScalar(u, a.High-a.Low), a.Low)
}

// Rules are an environment as functions of its randomness: u is [n, ResetDraws] or [n, StepDraws] of uniform numbers in [0, 1), nil
// where none are asked for. Random numbers are drawn in one go, and a reference in plain Go can be given the same ones.
type Rules struct {
	Spec                  Spec
	ResetDraws, StepDraws int
	Batch                 func(g *Graph, n int) *Node // the initial state where ResetDraws is 0
	Reset                 func(u *Node) (state *Node)
	Step                  func(u, state, action *Node) (next, reward, terminated *Node)
	Observe               func(state *Node) *Node           // nil: the state is the observation
	Frame                 func(state []float32) *image.RGBA // nil: it cannot be drawn
	Goal                  *Goal                             // nil: its task is what its reward says
}

// Sim is an Env made of Rules.
type Sim struct{ rules Rules }

// New makes an Env of rules. Incomplete ones are a programming error, and panic.
func New(r Rules) *Sim {
	if err := r.check(); err != nil {
		panic(fmt.Errorf("environment %q: %w", r.Spec.Name, err))
	}
	return &Sim{r}
}

func (r Rules) check() error {
	s := r.Spec
	switch {
	case s.Name == "":
		return errors.New("it has no name: set Spec.Name")
	case s.State < 1 || s.ObsSize() < 1:
		return fmt.Errorf("state of %d numbers, observation %v: both need at least one", s.State, s.Obs)
	case s.Horizon < 0 || s.Fixed && s.Horizon == 0:
		return fmt.Errorf("time limit of %d steps: give at least 1, or 0 for none; a fixed horizon needs one", s.Horizon)
	case s.Action.N < 0 || s.Action.N == 1 || s.Action.N == 0 && (s.Action.Dim < 1 || !(s.Action.Low < s.Action.High)):
		return fmt.Errorf("action %+v: give N of at least 2, or Dim of at least 1 and Low below High", s.Action)
	case len(s.Low) != len(s.High) || len(s.Low) > 1 && len(s.Low) != s.ObsSize():
		return fmt.Errorf("%d lower and %d upper bounds for an observation of %d: give none, one, or one each", len(s.Low), len(s.High), s.ObsSize())
	case r.Step == nil || (r.ResetDraws > 0) != (r.Reset != nil) || (r.ResetDraws == 0) != (r.Batch != nil):
		return errors.New("it needs Step, and either Reset with ResetDraws or Batch")
	case r.Observe == nil && (len(s.Obs) != 1 || s.Obs[0] != s.State):
		return fmt.Errorf("its state of %d numbers is no observation of shape %v: set Observe", s.State, s.Obs)
	}
	return nil
}

// Spec describes the environment.
func (s *Sim) Spec() Spec { return s.rules.Spec }

// Reset starts n episodes.
func (s *Sim) Reset(key *Node, n int) (newKey, state *Node) {
	key, u := uniforms(key, n, s.rules.ResetDraws)
	return key, s.start(key.Graph(), u, n)
}

func (s *Sim) start(g *Graph, u *Node, n int) *Node {
	if s.rules.Reset == nil {
		return s.rules.Batch(g, n)
	}
	return s.rules.Reset(u)
}

// Observe shows the state.
func (s *Sim) Observe(state *Node) *Node {
	if s.rules.Observe == nil {
		return state
	}
	return s.rules.Observe(state)
}

// Step moves every environment.
func (s *Sim) Step(key, state, action *Node) (newKey, next, reward, terminated *Node) {
	key, u := uniforms(key, state.Shape().Dimensions[0], s.rules.StepDraws)
	next, reward, terminated = s.rules.Step(u, state, action)
	return key, next, reward, terminated
}

// Frame draws one environment, or returns nil if its rules say not how.
func (s *Sim) Frame(state []float32) image.Image {
	if s.rules.Frame == nil {
		return nil
	}
	return s.rules.Frame(state)
}
