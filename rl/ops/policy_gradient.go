package ops

import (
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
)

// PPOLoss is the clipped surrogate of proximal policy optimisation (Schulman et al. 2017), with ratio = exp(logp - old):
//
//	-mean min(ratio A, clip(ratio, 1-clip, 1+clip) A)
//
// All are [n]; old and advantage take no gradient.
func PPOLoss(logp, old, advantage *Node, clip float64) *Node {
	old, advantage = StopGradient(old), StopGradient(advantage)
	ratio := Exp(Sub(logp, old))
	return Neg(ReduceAllMean(Min(Mul(ratio, advantage), Mul(ClipScalar(ratio, 1-clip, 1+clip), advantage))))
}

// A2CLoss is -mean(log pi(a) A), the policy gradient with an advantage (Mnih et al. 2016), both [n].
func A2CLoss(logp, advantage *Node) *Node {
	return Neg(ReduceAllMean(Mul(logp, StopGradient(advantage))))
}

// ValueLoss is mean (V - target)^2 / 2, both [n].
func ValueLoss(value, target *Node) *Node {
	return MulScalar(ReduceAllMean(Square(Sub(value, StopGradient(target)))), 0.5)
}

// ClippedValueLoss is the value loss of PPO's implementations, which holds V to within clip of what it was:
//
//	mean max((V - target)^2, (old + clip(V - old, -clip, clip) - target)^2) / 2
func ClippedValueLoss(value, old, target *Node, clip float64) *Node {
	old, target = StopGradient(old), StopGradient(target)
	near := Add(old, ClipScalar(Sub(value, old), -clip, clip))
	return MulScalar(ReduceAllMean(Max(Square(Sub(value, target)), Square(Sub(near, target)))), 0.5)
}

// ApproxKL estimates KL(old || new) from actions of the old policy, with log-ratio d = logp - old: k1 = mean(-d), unbiased, and
// k3 = mean(e^d - 1 - d), unbiased, never negative and of less variance (Schulman, "Approximating KL divergence").
func ApproxKL(logp, old *Node) (k1, k3 *Node) {
	d := Sub(logp, old)
	return Neg(ReduceAllMean(d)), ReduceAllMean(Sub(SubScalar(Exp(d), 1), d))
}

// ClipFraction is the share of samples whose ratio is outside [1-clip, 1+clip].
func ClipFraction(logp, old *Node, clip float64) *Node {
	off := Abs(SubScalar(Exp(Sub(logp, old)), 1))
	return ReduceAllMean(ConvertDType(GreaterThan(off, BroadcastToDims(ConstAsDType(off.Graph(), off.DType(), clip), off.Shape().Dimensions...)), dtypes.Float32))
}

// ExplainedVariance is 1 - var(target - prediction) / var(target): 1 for a perfect prediction, 0 for a constant one. Targets that are all equal
// explain nothing, and give 0.
func ExplainedVariance(prediction, target *Node) *Node {
	variance := func(x *Node) *Node { return ReduceAllMean(Square(Sub(x, ReduceAllMean(x)))) }
	of := variance(target)
	varies := GreaterThan(of, Const(of.Graph(), float32(1e-12)))
	share := Div(variance(Sub(target, prediction)), Where(varies, of, OnesLike(of)))
	return Where(varies, OneMinus(share), ZerosLike(of))
}

// Shuffle draws k permutations of 0..n-1, [k, n] int32, by sorting random keys.
func Shuffle(key *Node, k, n int) (newKey, order *Node) {
	key, u := Uniform(key, k, n)
	smaller := NewClosure(key.Graph(), func(g *Graph) []*Node {
		a, b := Parameter(g, "a", shapes.Make(dtypes.Float32)), Parameter(g, "b", shapes.Make(dtypes.Float32))
		Parameter(g, "i", shapes.Make(dtypes.Int32))
		Parameter(g, "j", shapes.Make(dtypes.Int32))
		return []*Node{LessThan(a, b)}
	})
	// Equal keys keep their order: stable, so that every engine agrees with itself.
	return key, SortFunc(smaller, 1, true, u, Iota(key.Graph(), shapes.Make(dtypes.Int32, k, n), 1))[1]
}
