package ops

import (
	"math"

	. "github.com/gomlx/gomlx/core/graph"
)

// StandardNormal draws from N(0, 1) by the method of Box and Muller, with one call of the generator.
func StandardNormal(key *Node, dims ...int) (newKey, x *Node) {
	key, u := Uniform(key, append([]int{2}, dims...)...)
	half := func(k int) *Node { return Squeeze(SliceAxis(u, 0, AxisElem(k)), 0) }
	radius := Sqrt(MulScalar(Log(OneMinus(half(0))), -2)) // 1 - u is never 0
	return key, Mul(radius, Cos(MulScalar(half(1), 2*math.Pi)))
}

// Categorical is a distribution over k actions for each of n rows.
type Categorical struct {
	LogPi *Node // [n, k], normalised
}

// NewCategorical is softmax(logits), logits [n, k].
func NewCategorical(logits *Node) Categorical { return Categorical{LogSoftmax(logits, -1)} }

// Sample draws one action a row, [n] int32.
func (c Categorical) Sample(key *Node) (newKey, action *Node) { return Sample(key, c.LogPi) }

// Mode is the most likely action of each row, [n] int32.
func (c Categorical) Mode() *Node { return ArgMax(c.LogPi, -1) }

// LogProb is log pi(action), [n].
func (c Categorical) LogProb(action *Node) *Node { return LogProb(c.LogPi, action) }

// Entropy of each row in nats, [n].
func (c Categorical) Entropy() *Node { return Neg(ReduceSum(Mul(Exp(c.LogPi), c.LogPi), -1)) }

// Normal has independent components for each of n rows.
type Normal struct {
	Mean   *Node // [n, d]
	LogStd *Node // [n, d]
}

// NewNormal has one standard deviation, logStd [d], for all rows.
func NewNormal(mean, logStd *Node) Normal {
	return Normal{mean, BroadcastToDims(ExpandLeftToRank(logStd, 2), mean.Shape().Dimensions...)}
}

// Sample draws one vector a row, [n, d]. No gradient flows through it.
func (d Normal) Sample(key *Node) (newKey, action *Node) {
	key, noise := StandardNormal(key, d.Mean.Shape().Dimensions...)
	return key, StopGradient(Add(d.Mean, Mul(Exp(d.LogStd), noise)))
}

// Mode is the mean, [n, d].
func (d Normal) Mode() *Node { return d.Mean }

var logRoot2Pi = math.Log(2*math.Pi) / 2

// LogProb is sum_d [-((a - mean) / std)^2 / 2 - log std - log(2 pi) / 2], [n].
func (d Normal) LogProb(action *Node) *Node {
	z := Mul(Sub(action, d.Mean), Exp(Neg(d.LogStd)))
	return ReduceSum(Neg(AddScalar(Add(MulScalar(Square(z), 0.5), d.LogStd), logRoot2Pi)), -1)
}

// Entropy is sum_d [log std + (1 + log(2 pi)) / 2], [n].
func (d Normal) Entropy() *Node { return ReduceSum(AddScalar(d.LogStd, 0.5+logRoot2Pi), -1) }

// Squashed is a normal vector u squashed into a box: a = Low + (High - Low) (tanh u + 1) / 2 (Haarnoja et al. 2018). Its entropy has no
// closed form; -LogProb of a sample estimates it.
type Squashed struct {
	Normal
	Low, High float64
}

func (s Squashed) squash(u *Node) *Node {
	return AddScalar(MulScalar(AddScalar(Tanh(u), 1), (s.High-s.Low)/2), s.Low)
}

// Mode is the squashed mean, [n, d]: the median, rather than the point of greatest density.
func (s Squashed) Mode() *Node { return s.squash(s.Mean) }

// SampleLogProb draws one vector a row, [n, d], and gives its log density, [n]. Gradients flow through both (the
// reparametrisation), and the density is exact where tanh saturates, which LogProb's cannot be.
func (s Squashed) SampleLogProb(key *Node) (newKey, action, logp *Node) {
	key, noise := StandardNormal(key, s.Mean.Shape().Dimensions...)
	u := Add(s.Mean, Mul(Exp(s.LogStd), noise))
	return key, s.squash(u), s.density(u)
}

// Sample draws one vector a row, [n, d]. No gradient flows through it.
func (s Squashed) Sample(key *Node) (newKey, action *Node) {
	key, action, _ = s.SampleLogProb(key)
	return key, StopGradient(action)
}

// LogProb is the log density of actions [n, d], which are taken from a hair inside the box: the density at its edge is zero or infinite.
func (s Squashed) LogProb(action *Node) *Node {
	y := SubScalar(MulScalar(SubScalar(action, s.Low), 2/(s.High-s.Low)), 1)
	y = ClipScalar(y, -1+1e-6, 1-1e-6)
	return s.density(MulScalar(Sub(Log(AddScalar(y, 1)), Log(OneMinus(y))), 0.5)) // atanh
}

// density is log N(u) - sum_d log da/du, with da/du = (High - Low)/2 (1 - tanh^2 u) and
// log(1 - tanh^2 u) = 2 (log 2 - u - softplus(-2u)), which does not round to log 0.
func (s Squashed) density(u *Node) *Node {
	softplus := Add(MaxScalar(MulScalar(u, -2), 0), Log(AddScalar(Exp(MulScalar(Abs(u), -2)), 1)))
	slope := AddScalar(MulScalar(Add(u, softplus), -2), 2*math.Log(2)+math.Log((s.High-s.Low)/2))
	return Sub(s.Normal.LogProb(u), ReduceSum(slope, -1))
}
