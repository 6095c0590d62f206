package prefs

import (
	"fmt"
	"math"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"

	"github.com/rewardlab/rewardlab/rl/nn"
	"github.com/rewardlab/rewardlab/rl/ops"
	"github.com/rewardlab/rewardlab/rl/ppo"
	"github.com/rewardlab/rewardlab/rl/rollout"
)

// State is everything that a training carries from one iteration to the next.
type State struct {
	Policy ppo.State
	Reward Belief
	Replay Replay
	Data   Data
	Anchor rollout.Mind // the policy of iteration 0, from which the divergence is counted
	Key    *Node        // of queries, answers and minibatches
}

// Belief is what the reward models are, and how their rewards are read.
type Belief struct {
	Theta *Node
	Adam  nn.Moments
	Seen  nn.Running // observations, [ObsSize]: what the models' inputs are normalised by
	Scale nn.Running // rewards of each member, [Members]: what the policy's rewards are standardised by, never the likelihood's
}

// eyes is the part of a Belief that tells a clip's return.
type eyes struct {
	Theta *Node
	Seen  nn.Running
}

// Replay is the newest clips, the newest first.
type Replay struct {
	Rows   *Node // [kept, ClipSteps, W]: observation, action, next observation
	Reward *Node // [kept, ClipSteps], the true one: what the synthetic annotator judges by
	State  *Node // [kept, ClipSteps, V], of the environment: what frames are drawn from; V = 1 and nothing in it where nobody draws
	Valid  *Node // [kept]: 1 for a clip of one episode
}

// Data is the answered queries, of which the first Count are there.
type Data struct {
	Rows   *Node // [queries, k, ClipSteps, W]
	Prefer *Node // [queries, k, k]: the answer "i is better than j"
	Mask   *Node // [queries, Members]: how often the query is in the member's bootstrap sample
	Count  *Node // scalar
}

// picks are queries chosen from the replay.
type picks struct {
	Rows   *Node // [Q, k, ClipSteps, W]
	Reward *Node // [Q, k, ClipSteps]
	State  *Node // [Q, k, ClipSteps, V]
	OK     *Node // [Q]: 1 for those that count, which come first
}

// prefs is a configuration with its nets.
type prefs struct {
	*Config
	agent *rollout.Agent
	model model
	frame int // V
	most  int // Q, of the largest round
}

// take cuts a trajectory [T, N, ...] into clips and puts them before the older ones. states is [T, N, V].
func (p *prefs) take(r Replay, seen nn.Running, s rollout.Steps, states *Node) (Replay, nn.Running) {
	over := ConvertDType(Or(s.Terminated, s.Truncated), dtypes.Float32)
	cut := p.cut(over)
	valid := OnesLike(Squeeze(SliceAxis(cut, 1, AxisElem(0)), 1))
	if l := p.ClipSteps; l > 1 {
		valid = OneMinus(ReduceMax(SliceAxis(cut, 1, AxisRange(0, l-1)), 1))
	}
	join := func(fresh, old *Node) *Node {
		kept := old.Shape().Dimensions[0]
		if left := kept - fresh.Shape().Dimensions[0]; left > 0 {
			return Concatenate([]*Node{fresh, SliceAxis(old, 0, AxisRange(0, left))}, 0)
		}
		return fresh
	}
	return Replay{
		Rows:   join(p.cut(p.model.rows(s)), r.Rows),
		Reward: join(p.cut(s.Reward), r.Reward),
		State:  join(p.cut(states), r.State),
		Valid:  join(valid, r.Valid),
	}, p.model.look(seen, s.Obs)
}

// cut is a trajectory [T, N, ...] as clips [T/ClipSteps N, ClipSteps, ...].
func (p *prefs) cut(x *Node) *Node {
	dims := x.Shape().Dimensions
	steps, n, rest := dims[0], dims[1], x.Shape().Size()/(dims[0]*dims[1])
	y := TransposeAllAxes(Reshape(x, steps/p.ClipSteps, p.ClipSteps, n, rest), 0, 2, 1, 3)
	return Reshape(y, append([]int{steps / p.ClipSteps * n, p.ClipSteps}, dims[2:]...)...)
}

// returns are the members' returns of clips [..., ClipSteps, W]: [Members, ...]. These are the raw rewards, summed: what the likelihood is of.
func (p *prefs) returns(e eyes, rows *Node) *Node {
	return p.returnsOf(p.model.pack.Split(e.Theta), e.Seen, rows)
}

// returnsOf is returns with the parameters taken apart.
func (p *prefs) returnsOf(parts [][]*Node, seen nn.Running, rows *Node) *Node {
	dims := rows.Shape().Dimensions
	n := rows.Shape().Size() / p.model.width()
	r := p.model.apply(parts, seen, Reshape(rows, n, p.model.width()))
	return ReduceSum(Reshape(r, append(append([]int{p.Members}, dims[:len(dims)-2]...), p.ClipSteps)...), -1)
}

// candidates draws groups of k clips without repetition within a shuffle: their places [K, k], and which are of valid clips [K].
func (p *prefs) candidates(key *Node, valid *Node, least, k int) (newKey, index, ok *Node) {
	kept := valid.Shape().Dimensions[0]
	groups := kept / k
	shuffles := (least*k + p.fresh() - 1) / p.fresh() // the first iteration has but p.fresh() clips
	key, order := ops.ShuffleValid(key, shuffles, valid)
	index = Reshape(SliceAxis(order, 1, AxisRange(0, groups*k)), shuffles*groups, k)
	ok = ReduceMin(Reshape(p.at(valid, index), shuffles*groups, k), -1)
	return key, index, ok
}

// at gathers x[index] for x [n, ...] and index [a, b]: [a, b, ...].
func (p *prefs) at(x, index *Node) *Node {
	return Gather(x, ExpandAxes(index, -1))
}

// choose picks the queries of a round, of which the first n count.
func (p *prefs) choose(key *Node, e eyes, r Replay, n *Node) (newKey *Node, chosen picks) {
	k := p.Compare
	key, index, ok := p.candidates(key, r.Valid, p.most*p.Candidates, k)
	var score *Node
	if p.Query == "random" {
		key, score = ops.Uniform(key, ok.Shape().Dimensions[0])
	} else {
		returns := TransposeAllAxes(p.returns(e, r.Rows), 1, 0)          // [kept, Members]
		score = p.score(TransposeAllAxes(p.at(returns, index), 2, 0, 1)) // of [Members, K, k]
	}
	score = Where(GreaterThan(ok, ZerosLike(ok)), Neg(score), MulScalar(OnesLike(score), 1e9))
	_, best := ops.Ascending(ExpandAxes(score, 0))
	best = Slice(Squeeze(best, 0), AxisRange(0, p.most))
	index = Gather(index, ExpandAxes(best, -1)) // [Q, k]
	place := ConvertDType(Iota(key.Graph(), best.Shape(), 0), dtypes.Float32)
	counts := ConvertDType(LessThan(place, BroadcastToShape(n, place.Shape())), dtypes.Float32)
	return key, picks{
		Rows: p.at(r.Rows, index), Reward: p.at(r.Reward, index), State: p.at(r.State, index),
		OK: Mul(counts, Gather(ok, ExpandAxes(best, -1))),
	}
}

// score says how much the answer to each query would tell, [K] of the members' returns [Members, K, k].
func (p *prefs) score(returns *Node) *Node {
	var sum *Node
	k := returns.Shape().Dimensions[2]
	one := func(i int) *Node { return Squeeze(SliceAxis(returns, 2, AxisElem(i)), 2) }
	for i := range k {
		for j := i + 1; j < k; j++ {
			first := ops.Prefer(Sub(one(i), one(j)), 0)
			var s *Node
			switch p.Query {
			case "information":
				s = ops.InformationGain(ops.Either(first))
			case "volume":
				s = ops.VolumeRemoval(ops.Either(first))
			default:
				s = ops.Disagreement(first)
			}
			if sum == nil {
				sum = s
			} else {
				sum = Add(sum, s)
			}
		}
	}
	return sum
}

// store puts answered queries after those that are there. It also says how many of the new answers, among those that name a winner, the models foresaw.
func (p *prefs) store(key *Node, e eyes, d Data, rows, prefer, ok *Node) (newKey *Node, data Data, foreseen *Node) {
	q := ok.Shape().Dimensions[0]
	mean := ReduceMean(p.returns(e, rows), 0) // [Q, k]
	share, number := p.agreement(mean, prefer, ok)

	mask := BroadcastToDims(Const(key.Graph(), float32(1)), q, p.Members)
	if !p.NoBootstrap && p.Members > 1 {
		var u *Node
		key, u = ops.Uniform(key, q, p.Members)
		mask = poisson(u)
	}
	size := d.Prefer.Shape().Dimensions[0]
	slot := Sub(ConvertDType(Iota(key.Graph(), ReduceAndKeep(d.Mask, ReduceMax, 1).Shape(), 0), dtypes.Float32), BroadcastToDims(d.Count, size, 1)) // [size, 1]
	number1 := ReduceAllSum(ok)
	fresh := And(GreaterOrEqual(slot, ZerosLike(slot)), LessThan(slot, BroadcastToDims(number1, size, 1)))
	from := ConvertDType(ClipScalar(slot, 0, float64(q-1)), dtypes.Int32)
	put := func(old, new *Node) *Node {
		taken := Gather(new, from)
		flat := func(x *Node) *Node { return Reshape(x, size, x.Shape().Size()/size) }
		return Reshape(Where(BroadcastToShape(fresh, flat(old).Shape()), flat(taken), flat(old)), old.Shape().Dimensions...)
	}
	data = Data{Rows: put(d.Rows, rows), Prefer: put(d.Prefer, prefer), Mask: put(d.Mask, mask), Count: Add(d.Count, number1)}
	return key, data, Stack([]*Node{share, number}, 0)
}

// agreement is the share of ordered pairs within rankings [Q, k] that the returns order as the answers do, and their number.
func (p *prefs) agreement(returns, prefer, ok *Node) (share, number *Node) {
	k := returns.Shape().Dimensions[1]
	var d, mu, weight []*Node
	for i := range k {
		for j := i + 1; j < k; j++ {
			one := func(x int) *Node { return Squeeze(SliceAxis(returns, 1, AxisElem(x)), 1) }
			d = append(d, Sub(one(i), one(j)))
			mu = append(mu, Squeeze(Slice(prefer, AxisRange(), AxisElem(i), AxisElem(j)), 1, 2))
			weight = append(weight, ok)
		}
	}
	return ops.Agreement(Concatenate(d, 0), Concatenate(mu, 0), Concatenate(weight, 0))
}

// poisson turns uniform numbers into Poisson(1) ones, cut at 4: how often an element is in a bootstrap sample of a large set.
func poisson(u *Node) *Node {
	sum, term, count := 0.0, math.Exp(-1), ZerosLike(u)
	for k := 1; k <= 4; k++ {
		sum += term
		term /= float64(k)
		count = Add(count, ConvertDType(GreaterThan(u, MulScalar(OnesLike(u), sum)), dtypes.Float32))
	}
	return count
}

// lesson is what the reward models learn from, student what learning changes.
type lesson struct {
	Data Data
	Seen nn.Running
}

type student struct {
	Theta *Node
	Adam  nn.Moments
	Key   *Node
}

type progress struct{ Loss *Node }

// fit is one minibatch of answered queries. All pairs of a ranking are in it together.
func (p *prefs) fit(_ *Node, s student, l lesson) (student, progress) {
	key, u := ops.Uniform(s.Key, p.FitBatch)
	index := ExpandAxes(ops.Floored(u, BroadcastToDims(l.Data.Count, p.FitBatch)), -1)
	rows, prefer := Gather(l.Data.Rows, index), Gather(l.Data.Prefer, index)
	mask := TransposeAllAxes(Gather(l.Data.Mask, index), 1, 0) // [Members, B]

	parts := p.model.pack.Split(s.Theta)
	r := p.returnsOf(parts, l.Seen, rows) // [Members, B, k]
	loss := p.likelihood(r, prefer)
	// Members have nothing in common, so the gradient of the sum is each one's own.
	total := MulScalar(ReduceAllSum(Mul(loss, mask)), 1/float64(p.FitBatch))
	grad := p.model.pack.Gradient(total, parts)
	theta, adam := nn.Adam{LR: p.RewardLR}.Step(s.Theta, grad, s.Adam)
	theta = Sub(theta, MulScalar(s.Theta, p.RewardLR*p.Decay))
	mean := Div(ReduceAllSum(Mul(loss, mask)), MaxScalar(ReduceAllSum(mask), 1))
	return student{theta, adam, key}, progress{mean}
}

// likelihood is minus the log-likelihood of answers, [Members, B] of returns [Members, B, k].
func (p *prefs) likelihood(r, prefer *Node) *Node {
	dims := r.Shape().Dimensions
	if p.Likelihood == "plackett" {
		merit := ReduceSum(prefer, -1) // [B, k]
		return ops.PlackettLuce(r, BroadcastToDims(ExpandAxes(merit, 0), dims...))
	}
	return ops.Rankings(r, BroadcastToDims(ExpandAxes(prefer, 0), append(dims, dims[2])...), p.Floor)
}

// The numbers that pay gives about a trajectory.
const (
	proxyMean   = iota // learned reward of a step, the mean of the members' raw ones
	correlation        // of the learned with the true reward of steps
	divergence         // KL(policy || policy of iteration 0) of a step, by its unbiased estimate
	payStats
)

// pay gives the rewards [T, N] that the policy learns for: the mean over the members of their rewards, each less its mean and by its standard deviation
// over recent steps, and Living more. With anew, 1 where the models have just changed, what is recent begins with this trajectory: rewards of older models are not
// averaged in.
func (p *prefs) pay(e eyes, scale nn.Running, s rollout.Steps, anchor rollout.Mind, anew *Node) (newScale nn.Running, reward, stats *Node) {
	dims := s.Reward.Shape().Dimensions
	n := dims[0] * dims[1]
	raw := p.model.apply(p.model.pack.Split(e.Theta), e.Seen, Reshape(p.model.rows(s), n, p.model.width())) // [Members, n]
	each := TransposeAllAxes(raw, 1, 0)
	// What is recent never weighs more than recentSteps, so that old steps fade.
	keep := Mul(OneMinus(anew), MinScalar(scale.Count, recentSteps))
	scale.Count = MaxScalar(keep, 1e-4)
	scale = scale.Update(each)
	reward = AddScalar(Reshape(ReduceMean(scale.Normalise(each, 10), 1), dims...), p.Living)

	proxy, truth := ReduceMean(raw, 0), Reshape(s.Reward, n)
	rows := Reshape(s.Obs, append([]int{n}, s.Obs.Shape().Dimensions[2:]...)...)
	action := Reshape(s.Action, append([]int{n}, s.Action.Shape().Dimensions[2:]...)...)
	kl := ReduceAllMean(Sub(Reshape(s.LogProb, n), p.agent.Act(anchor, rows).LogProb(action)))
	out := make([]*Node, payStats)
	out[proxyMean], out[correlation], out[divergence] = ReduceAllMean(proxy), correlate(proxy, truth), kl
	return scale, reward, Stack(out, 0)
}

const recentSteps = 20000

// correlate is Pearson's coefficient of x and y [n]; 0 where one of them does not vary.
func correlate(x, y *Node) *Node {
	x, y = Sub(x, ReduceAllMean(x)), Sub(y, ReduceAllMean(y))
	both := Sqrt(Mul(ReduceAllSum(Square(x)), ReduceAllSum(Square(y))))
	return Div(ReduceAllSum(Mul(x, y)), MaxScalar(both, 1e-20))
}

// check finds a configuration that does not fit its environment.
func (p *prefs) check() error {
	spec := p.agent.Vector.Spec()
	if spec.Horizon > 0 && p.ClipSteps > spec.Horizon {
		return fmt.Errorf("clip_steps is %d, an episode of %s has at most %d steps: give a shorter clip", p.ClipSteps, spec.Name, spec.Horizon)
	}
	if p.RewardPool && !pictures(spec) {
		return fmt.Errorf("reward_pool adds up over the places of a picture, and %s shows none: leave it out", spec.Name)
	}
	if pictures(spec) && len(p.RewardHidden) != 1 {
		return fmt.Errorf("reward_hidden has %d widths, for the pictures of %s there is one layer behind the convolution: give one width", len(p.RewardHidden), spec.Name)
	}
	return nil
}
