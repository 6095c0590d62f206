package rollout

import (
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/rewardlab/rewardlab/rl/nn"
	"github.com/rewardlab/rewardlab/rl/ops"
)

// Ledger is what one rollout hands to the next beside the environments themselves.
type Ledger struct {
	Open   *Node      // [3, N]: return, length, and with ScaleReward, discounted return of the episodes under way
	Obs    nn.Running // of observations, [ObsSize]
	Reward nn.Running // of discounted returns, [1]: what rewards are scaled by
}

// LedgerStart are the tensors of a Ledger before the first step.
func (p *Player) LedgerStart() []*tensors.Tensor {
	open := [][]float32{make([]float32, p.N), make([]float32, p.N), make([]float32, p.N)}
	ts := append([]*tensors.Tensor{tensors.FromValue(open)}, nn.RunningStart(p.Agent.dims(p.Agent.spec.ObsSize())...)...)
	return append(ts, nn.RunningStart(p.Agent.dims(1)...)...)
}

// Discount says how the future counts.
type Discount struct {
	Gamma, Lambda float64
	ScaleReward   bool // rewards by the running standard deviation of the discounted return, cut at 10
}

// Batch is a trajectory to learn from, as T*N rows. Those of an ensemble's first member come first, and Obs is [M, T*N/M, ObsSize].
type Batch struct {
	Obs       *Node // [T*N, ObsSize], as the nets see it
	Action    *Node // [T*N] int32 or [T*N, Dim]
	LogProb   *Node // [T*N], and so are those that follow
	Value     *Node
	Advantage *Node
	Target    *Node
}

// Stat is an element of the vector of statistics that Assess gives.
type Stat int

// The elements of Assess's statistics.
const (
	Episodes          Stat = iota // that ended
	Returns                       // their summed returns
	Lengths                       // their summed lengths
	ExplainedVariance             // of the targets by the critic
	Odd                           // observations and rewards that are not finite numbers
)

// Assess does the books of a trajectory [T, N, ...] and works out advantages, by GAE with the critic of m. The observations must be those that
// m acted on. The books are of the environment's reward; the agent learns for reward [T, N], which may be another.
func Assess(a *Agent, m Mind, l Ledger, s Steps, reward *Node, d Discount) (Ledger, Batch, *Node) {
	steps, n := s.Reward.Shape().Dimensions[0], s.Reward.Shape().Dimensions[1]
	rows := steps * n
	flat := func(x *Node) *Node { return Reshape(x, append([]int{rows}, x.Shape().Dimensions[2:]...)...) }

	obs := flat(s.Obs)
	parts := a.Net.Pack.Split(m.Theta)
	x := a.view(m.Obs, obs, steps)
	values := a.Net.Value(parts, Concatenate([]*Node{x, a.view(m.Obs, flat(s.Final), steps)}, -2)) // [2*T*N], or [M, 2*T*N/M]
	half := func(k int) *Node {
		each := rows / a.members()
		return Reshape(a.inTime(SliceAxis(values, -1, AxisRange(k*each, (k+1)*each)), steps), steps, n)
	}
	byMember := func(x *Node) *Node { return a.rows(a.byMember(flat(x), steps)) }

	open, stats := book(l.Open, s)
	odd := Add(notFinite(obs), notFinite(reward))
	l.Open = open
	if a.config.NormObs {
		l.Obs = l.Obs.Update(a.byMember(Reshape(obs, rows, a.spec.ObsSize()), steps))
	}
	if d.ScaleReward {
		sofar, left := discounted(Squeeze(SliceAxis(l.Open, 0, AxisElem(2)), 0), s, reward, d.Gamma)
		l.Open = Concatenate([]*Node{SliceAxis(l.Open, 0, AxisRange(0, 2)), ExpandAxes(left, 0)}, 0)
		l.Reward = l.Reward.Update(a.byMember(Reshape(sofar, rows, 1), steps))
		scaled := l.Reward.Scale(a.byMember(Reshape(reward, rows, 1), steps), 10)
		reward = Reshape(a.inTime(scaled, steps), steps, n)
	}

	path := ops.Path{Reward: reward, Value: half(0), Next: half(1), Terminated: s.Terminated, Truncated: s.Truncated}
	advantage, target := ops.GAE(path, d.Gamma, d.Lambda)
	b := Batch{
		Obs: x, Action: byMember(s.Action), LogProb: byMember(s.LogProb),
		Value: byMember(path.Value), Advantage: byMember(advantage), Target: byMember(target),
	}
	explained := ops.ExplainedVariance(b.Value, b.Target)
	return l, b, Concatenate([]*Node{stats, Reshape(explained, 1), Reshape(odd, 1)}, 0)
}

// book follows episodes through a trajectory: what is open after it [3, N], and number, summed return and summed length of those that ended, [3].
//
// Episodes follow each other, so that all that ended in one environment together earned what was open, and every reward up to the last end:
// sums suffice.
func book(open *Node, s Steps) (newOpen, ended *Node) {
	steps, n := s.Reward.Shape().Dimensions[0], s.Reward.Shape().Dimensions[1]
	over := ConvertDType(Or(s.Terminated, s.Truncated), dtypes.Float32) // [T, N]
	number := AddScalar(Iota(over.Graph(), over.Shape(), 0), 1)         // 1, ..., T
	lastEnd := ReduceMax(Mul(number, over), 0)                          // [N], 0: none
	past := GreaterOrEqual(BroadcastToDims(ExpandAxes(lastEnd, 0), steps, n), number)
	none := Equal(lastEnd, ZerosLike(lastEnd))

	row := func(k int) *Node { return Squeeze(SliceAxis(open, 0, AxisElem(k)), 0) }
	split := func(k int, x *Node) (closed, left *Node) { // sums over time, [N]
		zero := ZerosLike(x)
		closed, left = ReduceSum(Where(past, x, zero), 0), ReduceSum(Where(past, zero, x), 0)
		return Where(none, ZerosLike(closed), Add(closed, row(k))), Where(none, Add(left, row(k)), left)
	}
	returns, openReturn := split(0, s.Reward)
	lengths, openLength := split(1, OnesLike(s.Reward))
	newOpen = Stack([]*Node{openReturn, openLength, row(2)}, 0)
	return newOpen, Stack([]*Node{ReduceAllSum(over), ReduceAllSum(returns), ReduceAllSum(lengths)}, 0)
}

// discounted is the discounted return so far of the episode at every step [T, N], and of the episode under way after it [N]; open is the one
// before, [N].
func discounted(open *Node, s Steps, reward *Node, gamma float64) (sofar, newOpen *Node) {
	steps := reward.Shape().Dimensions[0]
	goesOn := OneMinus(ConvertDType(Or(s.Terminated, s.Truncated), dtypes.Float32))
	row := func(x *Node, i int) *Node { return SliceAxis(x, 0, AxisRange(i, i+1)) }

	// y_t = r_t + c_t y_{t-1}
	first, c := Add(row(reward, 0), ExpandAxes(MulScalar(open, gamma), 0)), ZerosLike(reward)
	if steps > 1 {
		first = Concatenate([]*Node{first, SliceAxis(reward, 0, AxisRange(1))}, 0)
		c = MulScalar(Concatenate([]*Node{row(goesOn, 0), SliceAxis(goesOn, 0, AxisRange(0, steps-1))}, 0), gamma)
	}
	sofar = ops.Forward(first, c)
	return sofar, Squeeze(Mul(row(sofar, steps-1), row(goesOn, steps-1)), 0)
}

// notFinite counts the elements of x that are NaN or infinite.
func notFinite(x *Node) *Node {
	return ReduceAllSum(ConvertDType(Not(IsFinite(x)), dtypes.Float32))
}

// Rows packs the parts of a batch that a minibatch needs side by side, [n, RowSize], so that one gather fetches them; Unpack takes rows apart. A
// row of an ensemble holds one step of every member.
func (a *Agent) Rows(b Batch) *Node {
	col := func(x *Node) *Node { return ExpandAxes(x, -1) }
	rows := Concatenate([]*Node{a.rows(b.Obs), a.toRow(b.Action), col(b.LogProb), col(b.Value), col(b.Advantage), col(b.Target)}, 1)
	if m := a.members(); m > 1 {
		n := rows.Shape().Dimensions[0] / m
		rows = Reshape(TransposeAllAxes(Reshape(rows, m, n, -1), 1, 0, 2), n, -1)
	}
	return rows
}

// RowSize is the length of a row: observation, action and four numbers, of every member.
func (a *Agent) RowSize() int { return a.members() * (a.spec.ObsSize() + a.columns() + 4) }

// Unpack is the inverse of Rows.
func (a *Agent) Unpack(rows *Node) Batch {
	m, n := a.members(), rows.Shape().Dimensions[0]
	if m > 1 {
		rows = Reshape(TransposeAllAxes(Reshape(rows, n, m, -1), 1, 0, 2), m*n, -1)
	}
	at := 0
	take := func(n int) *Node {
		at += n
		return SliceAxis(rows, 1, AxisRange(at-n, at))
	}
	one := func() *Node { return Squeeze(take(1), 1) }
	obs := take(a.spec.ObsSize())
	if m > 1 {
		obs = Reshape(obs, m, n, -1)
	}
	return Batch{obs, a.fromRow(take(a.columns())), one(), one(), one(), one()}
}
