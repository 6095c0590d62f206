package ops

import (
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
)

// Ascending sorts each row of x [k, n]: the values, and where they stood, [k, n] int32. Equal values keep their order.
func Ascending(x *Node) (sorted, order *Node) {
	smaller := NewClosure(x.Graph(), func(g *Graph) []*Node {
		a, b := Parameter(g, "a", shapes.Make(dtypes.Float32)), Parameter(g, "b", shapes.Make(dtypes.Float32))
		Parameter(g, "i", shapes.Make(dtypes.Int32))
		Parameter(g, "j", shapes.Make(dtypes.Int32))
		return []*Node{LessThan(a, b)}
	})
	out := SortFunc(smaller, 1, true, x, Iota(x.Graph(), shapes.Make(dtypes.Int32, x.Shape().Dimensions...), 1))
	return out[0], out[1]
}

// ShuffleValid draws k orders of 0..n-1, [k, n] int32, that begin with the elements where valid [n] is 1, in random order, and end with those where
// it is 0.
func ShuffleValid(key *Node, k int, valid *Node) (newKey, order *Node) {
	n := valid.Shape().Dimensions[0]
	key, u := Uniform(key, k, n)
	_, order = Ascending(Add(u, BroadcastToDims(ExpandAxes(MulScalar(OneMinus(valid), 2), 0), k, n)))
	return key, order
}
