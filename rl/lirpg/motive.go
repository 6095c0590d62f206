package lirpg

import (
	"math/rand/v2"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"

	"github.com/rewardlab/rewardlab/rl/nn"
	"github.com/rewardlab/rewardlab/rl/rollout"
)

// newMotive is what eta parameterises: the intrinsic reward in the place of an actor, and the critic of extrinsic reward. A reward of choices has an
// output for each of them, one of continuous actions takes the action in. Through a convolution both look with one torso.
func newMotive(c *Config, a *rollout.Agent) *nn.ActorCritic {
	spec := a.Vector.Spec()
	hidden := c.MotiveHidden
	if len(hidden) == 0 {
		hidden = c.Hidden
	}
	m := &nn.ActorCritic{Torso: nn.Net{Name: "torso"}, LogStd: nn.Net{Name: "log_std"}}
	in, out, beside := spec.ObsSize(), spec.Action.N, 0
	if !spec.Action.Discrete() {
		out, beside = 1, spec.Action.Dim
	}
	if c.Torso == "conv" {
		m.Torso = nn.Image(spec.Obs[0], spec.Obs[2], filters, hidden[0])
		in, hidden = hidden[0], nil
	}
	m.Actor, m.Critic = nn.MLP(in+beside, out, hidden...), nn.MLP(in, 1, hidden...)
	m.Pack = nn.Pack(m.Torso, m.Actor, m.Critic, m.LogStd)
	return m
}

// filters of the convolution, as many as the agent's.
const filters = 16

// pays is the intrinsic reward [n] in (-1, 1) for actions at observations x [n, ObsSize].
func (l *lirpg) pays(eta [][]*Node, x, action *Node) *Node {
	if l.motive.Torso.Apply != nil {
		x = l.motive.Torso.Apply(eta[0], x)
	}
	if !l.spec.Action.Discrete() {
		return Tanh(Squeeze(l.motive.Actor.Apply(eta[1], Concatenate([]*Node{x, action}, 1)), -1))
	}
	all := Tanh(l.motive.Actor.Apply(eta[1], x))
	return ReduceSum(Mul(all, OneHot(action, l.spec.Action.N, all.DType())), -1)
}

// bonus is what a bonus that is not a net pays for a trajectory, [T, N], and the counts after it. phi and next are the critic of extrinsic reward
// before and after each step; x is [T*N, ObsSize].
func (l *lirpg) bonus(counts, x, phi, next, goesOn *Node) (newCounts, pay *Node) {
	switch l.Bonus {
	case "live":
		return counts, OnesLike(phi)
	case "potential":
		return counts, Sub(MulScalar(Mul(goesOn, next), l.Gamma), phi)
	case "count":
		cell := ExpandAxes(l.hash(x), -1)
		n := x.Shape().Dimensions[0]
		ones := BroadcastToDims(Scalar(x.Graph(), counts.DType(), 1), n)
		counts = ScatterSum(counts, cell, ones, false, false)
		return counts, Reshape(Inverse(Sqrt(Gather(counts, cell))), phi.Shape().Dimensions...)
	}
	return counts, ZerosLike(phi)
}

// hash is on which sides of Bits random planes an observation lies, as one number [n] int32 (Tang et al. 2017, SimHash).
func (l *lirpg) hash(x *Node) *Node {
	g, d := x.Graph(), l.spec.ObsSize()
	r := rand.New(rand.NewPCG(2017, 4))
	planes, powers := make([]float32, (d+1)*l.Bits), make([]int32, l.Bits)
	for i := range planes {
		planes[i] = float32(r.NormFloat64())
	}
	for i := range powers {
		powers[i] = 1 << i
	}
	z := Add(MatMul(x, Const(g, chunk(planes[l.Bits:], l.Bits))), Const(g, [][]float32{planes[:l.Bits]}))
	sides := ConvertDType(GreaterThan(z, ZerosLike(z)), dtypes.Int32)
	return ReduceSum(Mul(sides, BroadcastToShape(Const(g, [][]int32{powers}), sides.Shape())), -1)
}

// chunk cuts x into rows of n.
func chunk(x []float32, n int) [][]float32 {
	rows := make([][]float32, 0, len(x)/n)
	for ; len(x) > 0; x = x[n:] {
		rows = append(rows, x[:n])
	}
	return rows
}
