package prefs

import (
	"math"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"

	"github.com/rewardlab/rewardlab/rl/ops"
)

// merit is what the synthetic annotator thinks of clips, [...] of their true rewards [..., ClipSteps]: the sum, with myopia m of m^(steps to the end) r.
func (p *prefs) merit(reward *Node) *Node {
	if p.Myopia > 0 && p.Myopia < 1 {
		weights := make([]float32, p.ClipSteps)
		for t := range weights {
			weights[t] = float32(math.Pow(p.Myopia, float64(p.ClipSteps-1-t)))
		}
		reward = Mul(reward, BroadcastToShape(ExpandLeftToRank(Const(reward.Graph(), weights), reward.Rank()), reward.Shape()))
	}
	return ReduceSum(reward, -1)
}

// annotate answers queries about clips with merits [Q, k]: [Q, k, k]. Noise as Gumbel's makes pairs follow Bradley and Terry, and rankings Plackett and
// Luce, with the given temperature. A mistake turns the whole answer round.
func (p *prefs) annotate(key, merit *Node) (newKey, prefer *Node) {
	dims := merit.Shape().Dimensions
	if p.Temperature > 0 {
		var u *Node
		key, u = ops.Uniform(key, dims...)
		gumbel := Neg(Log(Neg(Log(ClipScalar(u, 1e-7, 1-1e-6)))))
		merit = Add(merit, MulScalar(gumbel, p.Temperature))
	}
	if p.Mistakes > 0 {
		var u *Node
		key, u = ops.Uniform(key, dims[0], 1)
		wrong := BroadcastToShape(LessThan(u, MulScalar(OnesLike(u), p.Mistakes)), merit.Shape())
		merit = Where(wrong, Neg(merit), merit)
	}
	return key, p.compare(merit)
}

// compare is the answer [Q, k, k] of somebody who sees merits [Q, k] as they are.
func (p *prefs) compare(merit *Node) *Node {
	d := Sub(ExpandAxes(merit, -1), ExpandAxes(merit, -2))
	edge := MulScalar(OnesLike(d), max(p.Equal, 1e-6)) // sums of equal rewards differ by rounding
	more := func(x *Node) *Node { return ConvertDType(GreaterThan(x, edge), dtypes.Float32) }
	return AddScalar(MulScalar(Sub(more(d), more(Neg(d))), 0.5), 0.5)
}

// heldOut is how many fresh random pairs the model is tested on.
const heldOut = 256

// examine tests the models on pairs that nobody learns from, answered by the synthetic annotator for nothing: the share that they order as it does, and
// its ceiling, the share that somebody with the annotator's own merits but without its noise would.
func (p *prefs) examine(key *Node, e eyes, r Replay) (newKey, stats *Node) {
	key, index, ok := p.candidates(key, r.Valid, heldOut, 2)
	merit := p.at(p.merit(r.Reward), index) // [K, 2]
	key, answer := p.annotate(key, merit)
	returns := ReduceMean(p.returns(e, r.Rows), 0)
	accuracy, number := p.agreement(p.at(returns, index), answer, ok)
	ceiling, _ := p.agreement(merit, answer, ok)
	return key, Stack([]*Node{accuracy, ceiling, number}, 0)
}
