package env

import (
	"math"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
)

var inf = math.Inf(1)

// col is column i of a matrix, [n].
func col(s *Node, i int) *Node { return Squeeze(SliceAxis(s, 1, AxisRange(i, i+1)), 1) }

// cols are columns from <= i < to, or nil where there are none.
func cols(s *Node, from, to int) *Node {
	switch {
	case from == to:
		return nil
	case from == 0 && to == s.Shape().Dimensions[1]:
		return s
	}
	return SliceAxis(s, 1, AxisRange(from, to))
}

// join puts columns [n] side by side.
func join(columns ...*Node) *Node { return Stack(columns, 1) }

// like is x's shape filled with v.
func like(x *Node, v float64) *Node {
	return BroadcastToDims(ConstAsDType(x.Graph(), x.DType(), v), x.Shape().Dimensions...)
}

func zeros(g *Graph, dims ...int) *Node { return BroadcastToDims(Const(g, float32(0)), dims...) }

// none is false for each row of s.
func none(s *Node) *Node { return BroadcastToDims(Const(s.Graph(), false), s.Shape().Dimensions[0]) }

// pick takes rows of a where cond [n] holds, else of b.
func pick(cond, a, b *Node) *Node {
	return Where(spread(cond, a), a, b)
}

// spread repeats x [n] over the further axes of shape.
func spread(x, shape *Node) *Node {
	for x.Rank() < shape.Rank() {
		x = ExpandAxes(x, -1)
	}
	return BroadcastToDims(x, shape.Shape().Dimensions...)
}

func float(x *Node) *Node { return ConvertDType(x, dtypes.Float32) }

// within spreads u of [0, 1) over [low, high).
func within(u *Node, low, high float64) *Node { return AddScalar(MulScalar(u, high-low), low) }

func above(x *Node, v float64) *Node   { return GreaterThan(x, like(x, v)) }
func below(x *Node, v float64) *Node   { return LessThan(x, like(x, v)) }
func atLeast(x *Node, v float64) *Node { return GreaterOrEqual(x, like(x, v)) }
func is(x *Node, v float64) *Node      { return Equal(x, like(x, v)) }

// wrap brings angles to [-pi, pi).
func wrap(x *Node) *Node {
	return Sub(x, MulScalar(Floor(DivScalar(AddScalar(x, math.Pi), 2*math.Pi)), 2*math.Pi))
}
