package env

import (
	"fmt"
	"image"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
)

// Step is what one step of a Vector shows.
type Step struct {
	Obs        *Node // [n, Obs...], of the new episode where one began
	Reward     *Node // [n] float32
	Terminated *Node // [n] bool: the episode came to its own end; nothing is to be expected after it
	Truncated  *Node // [n] bool: the time limit cut it, and its value goes on. Never together with Terminated
	FinalObs   *Node // [n, Obs...], before the reset: what a truncated episode's value is estimated from
	FinalState *Node // [n, State], before the reset: what a film shows of an episode's end
}

// Vector adds to an Env the time limit and the automatic reset. Its state is the Env's with the number of steps as a last column.
type Vector struct{ env Env }

// Auto wraps e.
func Auto(e Env) *Vector { return &Vector{e} }

// Env is the environment inside.
func (v *Vector) Env() Env { return v.env }

// Spec is that of the environment, with the Vector's own size of the state.
func (v *Vector) Spec() Spec {
	s := v.env.Spec()
	s.State++
	return s
}

// Reset starts n episodes.
func (v *Vector) Reset(key *Node, n int) (newKey, state *Node) {
	if n < 1 {
		panic(fmt.Errorf("%d environments of %s: give at least 1", n, v.env.Spec().Name))
	}
	key, state = v.env.Reset(key, n)
	return key, Concatenate([]*Node{state, zeros(key.Graph(), n, 1)}, 1)
}

// Observe shows the state.
func (v *Vector) Observe(state *Node) *Node { return v.env.Observe(v.inner(state)) }

func (v *Vector) inner(state *Node) *Node {
	want := v.env.Spec().State
	if state.Rank() != 2 || state.Shape().Dimensions[1] != want+1 {
		panic(fmt.Errorf("state of %s is %s: it must be the [n, %d] that Reset gave", v.env.Spec().Name, state.Shape(), want+1))
	}
	return cols(state, 0, want)
}

// Steps is how many steps each episode has lasted, [n] float32.
func (v *Vector) Steps(state *Node) *Node { return col(state, v.env.Spec().State) }

// Step clips the actions (Action.Clip), moves every environment and starts a new episode where one ended.
func (v *Vector) Step(key, state, action *Node) (newKey, next *Node, out Step) {
	spec := v.env.Spec()
	n := state.Shape().Dimensions[0]
	s, steps := v.inner(state), AddScalar(v.Steps(state), 1)
	action = spec.Action.Clip(action)
	var fresh *Node
	if sim, ok := v.env.(*Sim); ok { // one draw of random numbers for both
		var u *Node
		resets := sim.rules.ResetDraws
		key, u = uniforms(key, n, resets+sim.rules.StepDraws)
		fresh = sim.start(state.Graph(), cols(u, 0, resets), n)
		s, out.Reward, out.Terminated = sim.rules.Step(cols(u, resets, resets+sim.rules.StepDraws), s, action)
	} else {
		key, s, out.Reward, out.Terminated = v.env.Step(key, s, action)
		key, fresh = v.env.Reset(key, n)
	}
	out.FinalObs = v.env.Observe(s)
	v.check(s, n, out)
	over := out.Terminated
	out.Truncated = none(s)
	if spec.Horizon > 0 {
		late := GreaterOrEqual(steps, like(steps, float64(spec.Horizon)))
		over = Or(out.Terminated, late)
		out.Truncated = And(late, Not(out.Terminated))
	}
	out.FinalState = Concatenate([]*Node{s, ExpandAxes(steps, -1)}, 1)
	s = pick(over, fresh, s)
	out.Obs = v.env.Observe(s)
	steps = Where(over, like(steps, 0), steps)
	return key, Concatenate([]*Node{s, ExpandAxes(steps, -1)}, 1), out
}

// check panics where a step of the environment changed a shape: everything that follows relies on them.
func (v *Vector) check(next *Node, n int, out Step) {
	spec := v.env.Spec()
	obs := append([]int{n}, spec.Obs...)
	for _, x := range []struct {
		what string
		node *Node
		want shapes.Shape
	}{
		{"the state", next, shapes.Make(dtypes.Float32, n, spec.State)},
		{"the reward", out.Reward, shapes.Make(dtypes.Float32, n)},
		{"terminated", out.Terminated, shapes.Make(dtypes.Bool, n)},
		{"the observation", out.FinalObs, shapes.Make(dtypes.Float32, obs...)},
	} {
		if !x.node.Shape().Equal(x.want) {
			panic(fmt.Errorf("environment %s: after a step %s is %s, its Spec says %s: mend Step, Observe or Spec", spec.Name, x.what, x.node.Shape(), x.want))
		}
	}
}

// Frame draws one environment from its row of the Vector's state, or returns nil if it cannot be drawn.
func (v *Vector) Frame(state []float32) image.Image {
	if r, ok := v.env.(Renderer); ok {
		return r.Frame(state[:len(state)-1])
	}
	return nil
}
