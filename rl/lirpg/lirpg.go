package lirpg

import (
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"

	"github.com/rewardlab/rewardlab/rl/env"
	"github.com/rewardlab/rewardlab/rl/nn"
	"github.com/rewardlab/rewardlab/rl/ops"
	"github.com/rewardlab/rewardlab/rl/rollout"
)

// State is everything that a training carries from one iteration to the next.
type State struct {
	Learner learner
	Motive  motive
	Walk    rollout.Walk
	Ledger  rollout.Ledger
	Counts  *Node // [2^Bits], or [1] where nothing is counted: visits
	Key     *Node // of the shuffles
}

// learner is the agent: what the inner step changes.
type learner struct {
	Theta *Node
	Adam  nn.Moments // or what else the optimiser keeps
}

// motive is the intrinsic reward and the critic of extrinsic reward: what the outer step changes.
type motive struct {
	Eta  *Node
	Adam nn.Moments
}

// minds are what an update changes.
type minds struct {
	Learner learner
	Motive  motive
}

// question is what prepare looks at.
type question struct {
	Theta, Eta  *Node
	Ledger      rollout.Ledger
	Counts, Key *Node
	Sign        *Node // of extrinsic rewards
	Steps       rollout.Steps
}

type answer struct {
	Ledger      rollout.Ledger
	Counts, Key *Node
	Lesson      lesson
	Stats       *Node // rollout's
	Largest     *Node // extrinsic reward, whatever its sign
}

// lesson is what an update learns from.
type lesson struct {
	Rows  *Node // [N, T, ...]: trajectory by trajectory, the columns of batch
	Order *Node // [Epochs*Minibatches, N/Minibatches] int32: the environments of each minibatch
}

// batch is T steps of n environments, as T*n rows.
type batch struct {
	T, N        int
	Obs, Action *Node
	LogProb     *Node // [T*n], and so are those that follow
	Value       *Node // by the critic of the agent
	Base        *Node // its advantage without the intrinsic reward that is learned
	Decay       *Node // how much of the next step's advantage counts: gamma lambda, or 0 where an episode ends
	ExAdvantage *Node // by extrinsic reward and its critic
	ExValue     *Node
	ExTarget    *Node
}

// numbers of a batch's row beside observation and action.
const numbers = 7

// marks are the numbers of one update, in the order of names.
type marks struct{ Values *Node }

var names = [...]string{
	"losses/policy_loss", "losses/value_loss", "losses/entropy", "losses/old_approx_kl", "losses/approx_kl", "losses/clipfrac", "losses/grad_norm",
	"meta/policy_loss", "meta/value_loss", metaNorm, "reward/intrinsic", "reward/intrinsic_std",
}

const metaNorm = "meta/grad_norm"

// lirpg is a configuration with its nets.
type lirpg struct {
	*Config
	agent  *rollout.Agent
	motive *nn.ActorCritic
	spec   env.Spec
}

// prepare keeps the books and works out whatever does not depend on the reward that is learned. An advantage is linear in the rewards, so that
// one reward more adds its own sum to it (trace), and a reward with another weight the difference.
func (l *lirpg) prepare(q question) answer {
	s := q.Steps
	if l.Flips > 0 {
		s.Reward = Mul(s.Reward, q.Sign)
	}
	t, n := s.Reward.Shape().Dimensions[0], s.Reward.Shape().Dimensions[1]
	ledger, b, stats := rollout.Assess(l.agent, rollout.Mind{Theta: q.Theta, Obs: q.Ledger.Obs}, q.Ledger, s, s.Reward,
		rollout.Discount{Gamma: l.Gamma, Lambda: l.Lambda, ScaleReward: l.NormReward})
	reward := s.Reward
	if l.NormReward {
		reward = Reshape(ledger.Reward.Scale(Reshape(reward, t*n, 1), 10), t, n) // as Assess scaled it
	}
	final := Reshape(s.Final, t*n, l.spec.ObsSize())
	if l.NormObs {
		final = q.Ledger.Obs.Normalise(final, 10)
	}
	eta := l.motive.Pack.Split(q.Eta)
	values := Reshape(l.motive.Value(eta, Concatenate([]*Node{b.Obs, final}, 0)), 2, t, n)
	half := func(k int) *Node { return Squeeze(SliceAxis(values, 0, AxisElem(k)), 0) }
	path := ops.Path{Reward: reward, Value: half(0), Next: half(1), Terminated: s.Terminated, Truncated: s.Truncated}
	exAdvantage, exTarget := ops.GAE(path, l.Gamma, l.Lambda)

	goesOn := OneMinus(ConvertDType(s.Terminated, dtypes.Float32))
	decay := MulScalar(Mul(goesOn, OneMinus(ConvertDType(s.Truncated, dtypes.Float32))), l.Gamma*l.Lambda)
	counts, pay := l.bonus(q.Counts, b.Obs, path.Value, path.Next, goesOn)
	more := Add(MulScalar(reward, l.extrinsic()-1), MulScalar(pay, l.CIn))
	base := Add(Reshape(b.Advantage, t, n), trace(more, decay))
	// Assess took the agent's critic for one of the environment's reward.
	mixed := base
	if l.judges() {
		mixed = Add(base, l.credit(l.pays(eta, b.Obs, b.Action), decay))
	}
	explained := ops.ExplainedVariance(b.Value, Add(b.Value, Reshape(mixed, t*n)))
	stats = Concatenate([]*Node{SliceAxis(stats, 0, AxisRange(0, int(rollout.ExplainedVariance))), Reshape(explained, 1),
		SliceAxis(stats, 0, AxisRangeToEnd(int(rollout.ExplainedVariance)+1))}, 0)

	column := func(x *Node) *Node { return Reshape(x, t, n, x.Shape().Size()/(t*n)) }
	rows := Concatenate([]*Node{column(b.Obs), column(l.agent.Columns(b.Action)), column(b.LogProb), column(b.Value), column(base), column(decay),
		column(exAdvantage), column(path.Value), column(exTarget)}, 2)
	key, order := ops.Shuffle(q.Key, l.Epochs, n)
	return answer{
		Ledger: ledger, Counts: counts, Key: key, Stats: stats, Largest: ReduceAllMax(Abs(s.Reward)),
		Lesson: lesson{TransposeAllAxes(rows, 1, 0, 2), Reshape(order, l.steps(), n/l.Minibatches)},
	}
}

// trace adds up rewards [T, N] as an advantage does: sum over i >= t of decay_t ... decay_{i-1} r_i. Where decay is 0, at the end of an episode, it
// stops; environments never meet. This is the product of r with the matrix of coefficients (gamma lambda)^(i-t), without the matrix.
func trace(reward, decay *Node) *Node { return ops.Backward(reward, decay) }

// credit is what pay [T*N] of the intrinsic reward adds to advantages, [T, N] as decay is.
func (l *lirpg) credit(pay, decay *Node) *Node {
	return MulScalar(trace(Reshape(pay, decay.Shape().Dimensions...), decay), l.CIn)
}

// take is minibatch number k of the lesson.
func (l *lirpg) take(c lesson, k *Node) batch {
	envs := Squeeze(Gather(c.Order, Reshape(k, 1, 1)), 0)
	return l.unpack(Gather(c.Rows, ExpandAxes(envs, -1)))
}

// unpack takes rows [n, T, ...] apart.
func (l *lirpg) unpack(rows *Node) batch {
	n, t := rows.Shape().Dimensions[0], rows.Shape().Dimensions[1]
	rows = Reshape(TransposeAllAxes(rows, 1, 0, 2), t*n, -1)
	at := 0
	cut := func(n int) *Node {
		at += n
		return SliceAxis(rows, 1, AxisRange(at-n, at))
	}
	one := func() *Node { return Squeeze(cut(1), 1) }
	return batch{t, n, cut(l.spec.ObsSize()), l.agent.Actions(cut(max(l.spec.Action.Dim, 1))), one(), one(), one(), one(), one(), one(), one()}
}

// surrogate is the loss of a policy with an advantage, by which it can be differentiated too: PPO's, or for A2C -mean(ratio A), whose gradient
// where the data come from is that of -mean(log pi A). All are [n].
func (l *lirpg) surrogate(logp, old, advantage *Node) *Node {
	ratio := Exp(Sub(logp, old))
	gain := Mul(ratio, advantage)
	if l.Base == "ppo" {
		gain = Min(gain, Mul(ClipScalar(ratio, 1-l.Clip, 1+l.Clip), advantage))
	}
	return Neg(ReduceAllMean(gain))
}

// regress is the loss of a critic, by whose target it can be differentiated too.
func (l *lirpg) regress(value, old, target *Node) *Node {
	miss := Square(Sub(value, target))
	if l.Base == "ppo" && !l.FreeValue {
		near := Add(old, ClipScalar(Sub(value, old), -l.Clip, l.Clip))
		miss = Max(miss, Square(Sub(near, target)))
	}
	return MulScalar(ReduceAllMean(miss), 0.5)
}

// standardise is for PPO: A2C takes advantages as they are.
func (l *lirpg) standardise(advantage *Node) *Node {
	if l.Base == "a2c" {
		return advantage
	}
	return ops.Standardise(advantage)
}

// inner is one step of the agent on b, for rewards r_ex c_ex + r_in c_in. What it returns is a function of eta, by way of r_in, and can be
// differentiated by it: nothing between the two is cut.
func (l *lirpg) inner(s learner, eta [][]*Node, b batch, rate *Node) (learner, []*Node) {
	advantage, pay := b.Base, ZerosLike(b.Base)
	if l.judges() {
		pay = l.pays(eta, b.Obs, b.Action)
		advantage = Add(advantage, Reshape(l.credit(pay, Reshape(b.Decay, b.T, b.N)), b.T*b.N))
	}
	target := Add(advantage, b.Value)
	if !l.Exact && l.agent.Net.Torso.Apply == nil {
		target = StopGradient(target)
	}
	parts := l.agent.Net.Pack.Split(s.Theta)
	pi, value := l.agent.Judge(parts, b.Obs)
	logp, entropy := pi.LogProb(b.Action), ReduceAllMean(pi.Entropy())
	policyLoss := l.surrogate(logp, b.LogProb, l.standardise(advantage))
	valueLoss := l.regress(value, b.Value, target)
	loss := Add(policyLoss, Sub(MulScalar(valueLoss, l.ValueWeight), MulScalar(entropy, l.Entropy)))

	grad, norm := clip(l.agent.Net.Pack.Gradient(loss, parts), l.MaxNorm)
	s.Theta, s.Adam = l.descend(s.Theta, grad, s.Adam, rate)
	oldKL, kl := ops.ApproxKL(logp, b.LogProb)
	mean := ReduceAllMean(pay)
	spread := root(ReduceAllMean(Square(Sub(pay, mean))))
	return s, []*Node{policyLoss, valueLoss, entropy, oldKL, kl, ops.ClipFraction(logp, b.LogProb, l.Clip), norm, mean, spread}
}

// outer is the extrinsic loss on b of the agent theta, which is a function of eta, and that of the critic of extrinsic reward.
func (l *lirpg) outer(theta *Node, eta [][]*Node, b batch) (policyLoss, valueLoss *Node) {
	pi, _ := l.agent.Judge(l.agent.Net.Pack.Split(theta), b.Obs)
	policyLoss = l.surrogate(pi.LogProb(b.Action), b.LogProb, l.standardise(b.ExAdvantage))
	return policyLoss, l.regress(l.motive.Value(eta, b.Obs), b.ExValue, b.ExTarget)
}

// descent is what one update computes before the outer step: the agent after it and the gradient by eta, both from where the two stood before.
func (l *lirpg) descent(s minds, batches []batch, rate *Node) (next learner, grad *Node, numbers []*Node) {
	eta := l.motive.Pack.Split(s.Motive.Eta)
	next = s.Learner
	var inside []*Node
	for k, b := range batches {
		var m []*Node
		if next, m = l.inner(next, eta, b, rate); k == 0 {
			inside = m
			continue
		}
		for j := range m {
			inside[j] = Add(inside[j], m[j])
		}
	}
	for j := range inside {
		inside[j] = DivScalar(inside[j], float64(len(batches)))
	}
	var policyLoss, valueLoss *Node
	for k, b := range batches {
		p, v := l.outer(next.Theta, eta, b)
		if k == 0 {
			policyLoss, valueLoss = p, v
			continue
		}
		policyLoss, valueLoss = Add(policyLoss, p), Add(valueLoss, v)
	}
	policyLoss, valueLoss = DivScalar(policyLoss, float64(len(batches))), DivScalar(valueLoss, float64(len(batches)))
	loss := MulScalar(valueLoss, l.ExWeight)
	if l.learns() {
		loss = Add(loss, policyLoss)
	}
	grad = l.motive.Pack.Gradient(loss, eta)
	return next, grad, append(append(inside[:7:7], policyLoss, valueLoss), inside[7:]...)
}

// update is Inner steps of the agent and one of the motive. i counts the updates of the whole training.
func (l *lirpg) update(i *Node, s minds, c lesson) (minds, marks) {
	g := i.Graph()
	batches := make([]batch, l.Inner)
	round := Mod(i, Const(g, int32(l.rounds())))
	for k := range batches {
		batches[k] = l.take(c, Add(Mul(round, Const(g, int32(l.Inner))), Const(g, int32(k))))
	}
	progress := l.progress(i)
	next, grad, m := l.descent(s, batches, Mul(progress, Scalar(g, dtypes.Float32, l.LR)))
	grad, norm := nn.ClipNorm(StopGradient(grad), l.MetaNorm)
	s.Motive.Eta, s.Motive.Adam = nn.Adam{Rate: Mul(progress, Scalar(g, dtypes.Float32, l.Beta)), Eps: 1e-5}.Step(s.Motive.Eta, grad, s.Motive.Adam)
	s.Learner = next
	return s, marks{nn.Join(append(append(m[:9:9], norm), m[9:]...))}
}

// progress is what step sizes are multiplied by in update i: it falls from 1 to 0.
func (l *lirpg) progress(i *Node) *Node {
	if l.ConstantLR {
		return Scalar(i.Graph(), dtypes.Float32, 1)
	}
	done := ConvertDType(Div(i, Const(i.Graph(), int32(l.rounds()))), dtypes.Float32)
	return nn.Anneal(DivScalar(done, float64(l.Iterations())), 1, 0)
}
