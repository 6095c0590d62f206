package ops

import (
	"math"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
)

// Prefer is the probability that a judge calls the first of two better, where d is its return less the other's, of any shape (Bradley and Terry
// 1952). A share `floor` of the answers is taken to be a toss of a coin (Christiano et al. 2017: 0.1):
//
//	(1 - floor) sigmoid(d) + floor/2
func Prefer(d *Node, floor float64) *Node {
	p := Sigmoid(d)
	if floor == 0 {
		return p
	}
	return AddScalar(MulScalar(p, 1-floor), floor/2)
}

// BradleyTerry is the cross-entropy of answers mu in [0, 1] under Prefer(d, floor), element by element; mu is 1 where the first is better, 0.5 for a
// tie. No gradient flows into mu.
//
//	-mu log P - (1 - mu) log(1 - P)
func BradleyTerry(d, mu *Node, floor float64) *Node {
	mu = StopGradient(mu)
	if floor == 0 {
		return Sub(Softplus(d), Mul(mu, d))
	}
	p := Prefer(d, floor)
	return Neg(Add(Mul(mu, Log(p)), Mul(OneMinus(mu), Log(OneMinus(p)))))
}

// apart is x_i - x_j of the last axis: [..., k] to [..., k, k].
func apart(x *Node) *Node { return Sub(ExpandAxes(x, -1), ExpandAxes(x, -2)) }

// Rankings is the mean of BradleyTerry over the k(k-1)/2 pairs of each ranking, so that a ranking weighs the same whatever its length: r [..., k] are
// returns, prefer [..., k, k] is at [i, j] the answer "i is better than j". The result is [...].
func Rankings(r, prefer *Node, floor float64) *Node {
	k := r.Shape().Dimensions[r.Rank()-1]
	upper := make([][]float32, k)
	for i := range upper {
		upper[i] = make([]float32, k)
		for j := i + 1; j < k; j++ {
			upper[i][j] = 2 / float32(k*(k-1))
		}
	}
	d := apart(r)
	weight := BroadcastToShape(ExpandLeftToRank(Const(r.Graph(), upper), d.Rank()), d.Shape())
	return ReduceSum(Mul(BradleyTerry(d, prefer, floor), weight), -2, -1)
}

// PlackettLuce is -log P of rankings (Plackett 1975, Luce 1959): r [..., k] are returns, merit [..., k] the higher the better the clip was ranked.
//
//	-sum_i [r_i - log sum_{j: merit_j <= merit_i} e^r_j]
//
// With two clips it is BradleyTerry. Tied clips each count as if ahead of the others (Breslow's approximation).
func PlackettLuce(r, merit *Node) *Node {
	below := apart(StopGradient(merit)) // merit_i - merit_j
	rj := BroadcastToShape(ExpandAxes(r, -2), below.Shape())
	rj = Where(GreaterOrEqual(below, ZerosLike(below)), rj, MulScalar(OnesLike(rj), -1e30))
	top := StopGradient(ReduceMax(rj, -1))
	lse := Add(Log(ReduceSum(Exp(Sub(rj, ExpandAxes(top, -1))), -1)), top)
	return ReduceSum(Sub(lse, r), -1)
}

// Either is the probabilities of both answers [..., 2] where p [...] is that of the first.
func Either(p *Node) *Node { return Stack([]*Node{p, OneMinus(p)}, -1) }

// Disagreement is how far m judges, axis 0 of p [m, ...], are from voting alike on a pair, where p is the probability that each gives to the first:
// the variance of the votes p > 1/2. A thousandth of the variance of p itself orders pairs with equal votes.
func Disagreement(p *Node) *Node {
	variance := func(x *Node) *Node { return ReduceMean(Square(Sub(x, ReduceAndKeep(x, ReduceMean, 0))), 0) }
	half := MulScalar(OnesLike(p), 0.5)
	votes := ConvertDType(GreaterThan(p, half), dtypes.Float32)
	return Add(variance(votes), MulScalar(variance(p), 1e-3))
}

// InformationGain is, in bits, what an answer is expected to tell about which of m models, axis 0, is right; p [m, ..., answers] are the models'
// probabilities of each answer (Biyik et al. 2019; "BALD"). Never negative, and 0 where all models expect the same, so for identical clips.
//
//	mean_m sum_a p_ma log2(p_ma / mean_m' p_m'a)
func InformationGain(p *Node) *Node {
	mean := ReduceAndKeep(p, ReduceMean, 0)
	safe := func(x *Node) *Node { return Log(MaxScalar(x, 1e-12)) }
	return MulScalar(ReduceSum(ReduceMean(Mul(p, Sub(safe(p), safe(mean))), 0), -1), 1/math.Ln2)
}

// VolumeRemoval is the share of the models, in expectation over the answer, that a query rules out: to be maximised. p is as in InformationGain.
//
//	1 - sum_a (mean_m p_ma)^2
//
// (Biyik et al. 2019 minimise the sum; a library that maximised the same sum chose the worst queries.) Beware: with probabilities that add up to
// 1, two identical clips attain the optimum. Queries of that kind must be kept out.
func VolumeRemoval(p *Node) *Node {
	return OneMinus(ReduceSum(Square(ReduceMean(p, 0)), -1))
}

// LeastVolumeRemoval is Sadigh et al.'s (2017) form: what the less telling of the answers rules out, min_a mean_m (1 - f_ma), to be maximised.
// f [m, ..., answers] are their likelihoods min(1, e^(answer w.phi)), which do not add up to 1; see Consistent. It is 0 for identical clips.
func LeastVolumeRemoval(f *Node) *Node {
	return ReduceMin(OneMinus(ReduceMean(f, 0)), -1)
}

// Consistent is Sadigh et al.'s likelihood of both answers, [..., 2]: min(1, e^d) for "the first is better" and min(1, e^-d) for "the second", where d
// [...] is the first's return less the second's.
func Consistent(d *Node) *Node {
	of := func(x *Node) *Node { return Exp(MinScalar(x, 0)) }
	return Stack([]*Node{of(d), of(Neg(d))}, -1)
}

// PreferOrTie are the probabilities [..., 3] of "first", "second" and "no difference" (Biyik et al. 2019), where two clips whose returns are apart by
// less than about delta are hard to tell; they add up to 1:
//
//	sigmoid(d - delta), sigmoid(-d - delta), (e^(2 delta) - 1) times their product
func PreferOrTie(d *Node, delta float64) *Node {
	a, b := Sigmoid(AddScalar(d, -delta)), Sigmoid(AddScalar(Neg(d), -delta))
	return Stack([]*Node{a, b, MulScalar(Mul(a, b), math.Exp(2*delta)-1)}, -1)
}

// Agreement is the share, in [0, 1], of pairs that are ordered by d [n] as by the answers mu [n], among those that have an order: mu other than 1/2.
// weight [n] says which count. Where none counts it is 0, and so is the second result, their number.
func Agreement(d, mu, weight *Node) (share, number *Node) {
	s := MulScalar(AddScalar(mu, -0.5), 2)
	counts := Mul(weight, ConvertDType(GreaterThan(Abs(s), MulScalar(OnesLike(s), 1e-6)), dtypes.Float32))
	right := ConvertDType(GreaterThan(Mul(s, d), ZerosLike(d)), dtypes.Float32)
	number = ReduceAllSum(counts)
	return Div(ReduceAllSum(Mul(counts, right)), MaxScalar(number, 1)), number
}
