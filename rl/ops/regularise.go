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

// Balanced draws a batch for a classifier: half rows of good [m, d] with label 1 and as many of the first filled rows of bad [k, d] with label 0,
// each with replacement. good and bad may be of any sizes, and bad may grow: where both classes look alike the best answer stays 1/2,
//
//	p(good) / (p(good) + p(bad))
//
// filled is an int32 scalar. It returns rows [2 half, d], the good ones first, and labels [2 half].
func Balanced(key, good, bad, filled *Node, half int) (newKey, rows, labels *Node) {
	g := key.Graph()
	key, u := Uniform(key, half)
	key, v := Uniform(key, half)
	pick := func(x, u, of *Node) *Node {
		return Gather(x, ExpandAxes(Floored(u, ConvertDType(of, dtypes.Float32)), -1))
	}
	all := Const(g, int32(good.Shape().Dimensions[0]))
	rows = Concatenate([]*Node{pick(good, u, all), pick(bad, v, filled)}, 0)
	ones := BroadcastToDims(Const(g, float32(1)), half)
	return key, rows, Concatenate([]*Node{ones, ZerosLike(ones)}, 0)
}

// Pooled is Balanced without the balance: 2 half rows of the two sets together, in proportion to how many there are. As bad grows the best answer
// goes to 0 everywhere, at the successes too.
func Pooled(key, good, bad, filled *Node, half int) (newKey, rows, labels *Node) {
	g, n := key.Graph(), 2*half
	size := good.Shape().Dimensions[0]
	all := ConvertDType(Add(Const(g, int32(size)), filled), dtypes.Float32)
	key, u := Uniform(key, n)
	isGood := LessThan(Mul(u, all), BroadcastToDims(Const(g, float32(size)), n))
	key, some, _ := Balanced(key, good, bad, filled, n)
	first, second := SliceAxis(some, 0, AxisRange(0, n)), SliceAxis(some, 0, AxisRange(n))
	rows = Where(BroadcastToDims(ExpandAxes(isGood, -1), first.Shape().Dimensions...), first, second)
	return key, rows, ConvertDType(isGood, dtypes.Float32)
}

// EventLogit is VICE's logit of "this is a success, and not what the policy does" (Fu et al. 2018), for D = exp f / (exp f + pi(a|s)):
//
//	f - log pi
//
// both [n]. No gradient flows into the policy.
func EventLogit(f, logpi *Node) *Node { return Sub(f, StopGradient(logpi)) }

// Dropout sets each element of x to zero with probability p and divides the others by 1 - p, so that the expectation stays (Srivastava et al.
// 2014).
func Dropout(key, x *Node, p float64) (newKey, y *Node) {
	key, u := Uniform(key, x.Shape().Dimensions...)
	stays := GreaterOrEqual(u, BroadcastToDims(Const(u.Graph(), float32(p)), u.Shape().Dimensions...))
	return key, DivScalar(Mul(x, ConvertDType(stays, dtypes.Float32)), 1-p)
}
