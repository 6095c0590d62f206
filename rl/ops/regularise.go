package ops

import (
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
)

// Mixup draws rows between the rows of x [n, ...] and those of the same x moved round by half of n, and labels y [n] with them (Zhang et al. 2018):
//
//	x_i' = l_i x_i + (1 - l_i) x_j,   y_i' = l_i y_i + (1 - l_i) y_j,   j = i + n/2 mod n,   l_i uniform in [0, 1)
//
// Uniform weights are Beta(1, 1). The rows must be in random order, or in two halves each of which is: then j is as good as a random partner of
// the other half.
func Mixup(key, x, y *Node) (newKey, mixed, labels *Node) {
	n := y.Shape().Size()
	turn := func(v *Node) *Node {
		return Concatenate([]*Node{SliceAxis(v, 0, AxisRange(n/2)), SliceAxis(v, 0, AxisRange(0, n/2))}, 0)
	}
	key, l := Uniform(key, n)
	mix := func(v *Node) *Node {
		w := l
		for w.Rank() < v.Rank() {
			w = ExpandAxes(w, -1)
		}
		w = BroadcastToDims(w, v.Shape().Dimensions...)
		return Add(Mul(w, v), Mul(OneMinus(w), turn(v)))
	}
	return key, mix(x), mix(y)
}

// Dropout sets each element of x to zero with probability p and divides the others by 1 - p, so that the expectation stays (Srivastava et al.
// 2014).
func Dropout(key, x *Node, p float64) (newKey, y *Node) {
	key, u := Uniform(key, x.Shape().Dimensions...)
	stays := GreaterOrEqual(u, BroadcastToDims(Const(u.Graph(), float32(p)), u.Shape().Dimensions...))
	return key, DivScalar(Mul(x, ConvertDType(stays, dtypes.Float32)), 1-p)
}
