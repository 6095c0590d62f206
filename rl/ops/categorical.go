package ops

import (
	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
)

// Uniform draws n numbers from [0, 1). key is gomlx's random state; the new one comes back first.
func Uniform(key *Node, dims ...int) (*Node, *Node) {
	next, u := RandomUniform(key, shapes.Make(dtypes.Float32, dims...))
	if !key.Graph().Backend().Capabilities().Operations[compute.OpTypeDynamicUpdateSlice] {
		// The pure-Go engine uses two words of the state and leaves in the third what its memory held before: two equal trainings would end
		// in checkpoints that differ.
		next = Concatenate([]*Node{Slice(next, AxisRange(0, 2)), Slice(key, AxisRange(2))}, 0)
	}
	return next, u
}

// Below draws n integers uniformly from 0..k-1, as int32 [n].
func Below(key *Node, n, k int) (*Node, *Node) {
	key, u := Uniform(key, n)
	return key, Floored(u, Const(u.Graph(), float32(k)))
}

// Floored is floor(u k) for u in [0, 1) as int32, never k: the product may round up in float32. k is a scalar or of u's shape.
func Floored(u, k *Node) *Node {
	i := ConvertDType(Mul(u, k), dtypes.Int32)
	last := ConvertDType(SubScalar(k, 1), dtypes.Int32)
	if last.IsScalar() {
		last = BroadcastToDims(last, i.Shape().Dimensions...)
	}
	return Min(i, last)
}

// Sample draws one action a row from softmax(logits) [n, k], as int32 [n], by the Gumbel-max trick:
// argmax(logits - log(-log u)). No gradient flows through it.
func Sample(key, logits *Node) (*Node, *Node) {
	key, u := Uniform(key, logits.Shape().Dimensions...)
	gumbel := Neg(Log(Neg(Log(AddScalar(u, 1e-10)))))
	return key, ArgMax(StopGradient(Add(logits, gumbel)), -1)
}

// LogProb picks log pi(a) from logPi [n, k] for actions [n]: [n]. A one-hot product, not a gather, so that it can be
// differentiated twice.
func LogProb(logPi, action *Node) *Node {
	k := logPi.Shape().Dimensions[1]
	return ReduceSum(Mul(logPi, OneHot(action, k, logPi.DType())), -1)
}

// Entropy is the mean of -sum_a pi(a) log pi(a) over rows, in nats.
func Entropy(logPi *Node) *Node {
	return Neg(ReduceAllMean(ReduceSum(Mul(Exp(logPi), logPi), -1)))
}

// Standardise is (x - mean) / sqrt(var + 1e-12) over a vector [n], or over each row of [m, n], with the unbiased variance (n - 1). The reference notebook of
// interaction-grounded learning adds 1e-10 to the standard deviation instead; the gradient of the root is then infinite when a
// saturated decoder makes all x equal, and training ends in NaN.
func Standardise(x *Node) *Node {
	each := func(y *Node) *Node { // one number a row, to go with x
		if x.Rank() == 2 {
			y = ExpandAxes(y, 1)
		}
		return y
	}
	n := x.Shape().Dim(-1)
	d := Sub(x, each(ReduceMean(x, -1)))
	variance := DivScalar(ReduceSum(Square(d), -1), float64(max(n-1, 1)))
	return Div(d, each(Sqrt(AddScalar(variance, 1e-12))))
}
