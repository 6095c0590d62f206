package qlearn

import (
	"fmt"
	"image"
	"math"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"

	"github.com/rewardlab/rewardlab/rl/env"
)

// cells number what is observed: a table has one row for each. index turns observations [n, Obs...] into rows [n, tilings] int32, one
// of every tiling.
type cells struct {
	count, tilings int
	index          func(obs *Node) *Node
}

// maxCells keeps a table within what compiles and saves quickly.
const maxCells = 1 << 22

// countable is an environment whose states are numbered.
type countable interface {
	States() int
	Index(state *Node) *Node // [n] int32 of states [n, State]
}

// Grid makes a grid world that knows the numbers of its states, for NewTable.
func Grid(c env.GridConfig) (env.Env, error) {
	e, err := env.Grid(c)
	if err != nil {
		return nil, err
	}
	m, err := c.Model()
	if err != nil {
		return nil, err
	}
	return grid{e, m}, nil
}

// grid is a grid world with the numbers of its states.
type grid struct {
	env.Env
	*env.GridModel
}

// Frame implements env.Renderer.
func (g grid) Frame(state []float32) image.Image { return frame(g.Env, state) }

// frame draws a state, or returns nil where e cannot.
func frame(e env.Env, state []float32) image.Image {
	if r, ok := e.(env.Renderer); ok {
		return r.Frame(state)
	}
	return nil
}

// numbered shows the number of the state in place of the observation, [n, 1]. The state that a truncated episode ended in is known by its
// observation alone.
type numbered struct {
	env.Env
	countable
}

// Spec implements env.Env.
func (c numbered) Spec() env.Spec {
	s := c.Env.Spec()
	s.Obs, s.Low, s.High = []int{1}, []float64{0}, []float64{float64(c.States() - 1)}
	return s
}

// Observe implements env.Env.
func (c numbered) Observe(state *Node) *Node {
	return ExpandAxes(ConvertDType(c.Index(state), dtypes.Float32), -1)
}

// Frame implements env.Renderer.
func (c numbered) Frame(state []float32) image.Image { return frame(c.Env, state) }

// cellsOf numbers what a table sees of e, which may come back changed.
func (t *Table) cellsOf(e env.Env) (env.Env, cells, error) {
	if c, ok := e.(countable); ok {
		return numbered{e, c}, cells{c.States(), 1, func(obs *Node) *Node { return ConvertDType(obs, dtypes.Int32) }}, nil
	}
	x, err := t.tiles(e.Spec())
	return e, x, err
}

// tiles cut the range of every number of an observation into Bins. With several tilings, tiling k is shifted by (1, 3, 5, ...) k/Tilings
// of a bin along the numbers, as Miller and Glanz advise for tile coding (Sutton and Barto 2018, section 9.5.4), and has one bin
// more.
func (t *Table) tiles(spec env.Spec) (cells, error) {
	dims, bins := spec.ObsSize(), t.Bins
	if t.Tilings > 1 {
		bins++
	}
	per := 1
	low, scale := make([]float32, dims), make([]float32, dims)
	for d := range dims {
		lo, hi := spec.Bounds(d)
		if math.IsInf(lo, 0) || math.IsInf(hi, 0) {
			return cells{}, fmt.Errorf("number %d of an observation of %s has no bounds: bins need them; use dqn, or another environment", d, spec.Name)
		}
		low[d], scale[d] = float32(lo), float32(float64(t.Bins)/(hi-lo))
		if per *= bins; per*t.Tilings > maxCells {
			return cells{}, fmt.Errorf("%d bins for each of the %d numbers of an observation of %s: a table of more than %d cells; use dqn, or fewer bins", t.Bins, dims, spec.Name, maxCells)
		}
	}
	shift, stride, base := make([][]float32, t.Tilings), make([]int32, dims), make([]int32, t.Tilings)
	for k := range shift {
		shift[k] = make([]float32, dims)
		base[k] = int32(k * per)
		for d := range dims {
			shift[k][d] = float32(math.Mod(float64((2*d+1)*k)/float64(t.Tilings), 1))
		}
	}
	for d, s := 0, 1; d < dims; d, s = d+1, s*bins {
		stride[d] = int32(s)
	}
	return cells{per * t.Tilings, t.Tilings, func(obs *Node) *Node {
		g, n := obs.Graph(), obs.Shape().Dimensions[0]
		x := Reshape(obs, n, 1, dims)
		x = Mul(Sub(x, Reshape(Const(g, low), 1, 1, dims)), Reshape(Const(g, scale), 1, 1, dims))
		x = ClipScalar(x, 0, float64(t.Bins))
		x = Add(BroadcastToDims(x, n, t.Tilings, dims), ExpandAxes(Const(g, shift), 0))
		bin := ConvertDType(MinScalar(Floor(x), float64(bins-1)), dtypes.Int32)
		return Add(ReduceSum(Mul(bin, Reshape(Const(g, stride), 1, 1, dims)), -1), ExpandAxes(Const(g, base), 0))
	}}, nil
}
