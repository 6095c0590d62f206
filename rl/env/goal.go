package env

import (
	"fmt"
	"math"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
)

// Goal says when the task of an environment is done, by what the environment shows; rewards say only what it pays. Success at the end of the
// episode is what counts.
type Goal struct {
	Success func(obs *Node) *Node // [n] bool, of observations [n, Obs...]

	// Example makes states in which the task is done, of uniform numbers u [n, Draws].
	Draws   int
	Example func(u *Node) (state *Node)

	// Paint draws observations as pictures of side x side cells, flattened with the channels last: [n, side*side*Channels]. A channel holds one
	// thing, as a soft spot. They are computed from the observation, in the graph: no camera, no lighting, and nothing in the way.
	Channels int
	Paint    func(obs *Node, side int) *Node
}

// GoalOf is what e says of its goal; a wrapper has the goal of the environment inside.
func GoalOf(e Env) (*Goal, error) {
	switch x := e.(type) {
	case *wrapped:
		return GoalOf(x.Env)
	case *Sim:
		if x.rules.Goal != nil {
			return x.rules.Goal, nil
		}
	}
	return nil, fmt.Errorf("environment %s does not say what its goal is: take pointmass or pusher, or give its Rules a Goal", e.Spec().Name)
}

// Examples shows n states of e in which its task is done, [n, Obs...].
func (g *Goal) Examples(e Env, key *Node, n int) (newKey, obs *Node) {
	key, u := uniforms(key, n, g.Draws)
	for w, ok := e.(*wrapped); ok; w, ok = e.(*wrapped) {
		e = w.Env
	}
	return key, e.Observe(g.Example(u))
}

// inDisc spreads two columns of [0, 1) evenly over a disc: [n, 2].
func inDisc(u *Node, radius float64) *Node {
	r, angle := MulScalar(Sqrt(col(u, 0)), radius), MulScalar(col(u, 1), 2*math.Pi)
	return join(Mul(r, Cos(angle)), Mul(r, Sin(angle)))
}

// spots paints things at places [n, 2] of the square [-extent, extent]^2, the first row of cells at the top: [n, side*side*things]. A spot is
// exp(-d^2 / (2 radius^2)), d being the way from the middle of the cell.
func spots(side int, extent, radius float64, places ...*Node) *Node {
	channels := make([]*Node, len(places))
	for k, at := range places {
		n := at.Shape().Dimensions[0]
		cell := Iota(at.Graph(), shapes.Make(dtypes.Float32, n, side), 1)
		cell = SubScalar(MulScalar(AddScalar(cell, 0.5), 2*extent/float64(side)), extent)
		along := func(x *Node) *Node { // [n, side]
			d := Sub(cell, BroadcastToDims(ExpandAxes(x, -1), n, side))
			return Exp(MulScalar(Square(d), -1/(2*radius*radius)))
		}
		across, down := along(col(at, 0)), along(Neg(col(at, 1)))
		dims := []int{n, side, side}
		picture := Mul(BroadcastToDims(ExpandAxes(down, -1), dims...), BroadcastToDims(ExpandAxes(across, 1), dims...))
		channels[k] = Reshape(picture, n, side*side, 1)
	}
	all := channels[0]
	if len(channels) > 1 {
		all = Concatenate(channels, 2)
	}
	return Reshape(all, all.Shape().Dimensions[0], side*side*len(places))
}
