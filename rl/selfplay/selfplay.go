package selfplay

import (
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"

	"github.com/rewardlab/rewardlab/rl/nn"
	"github.com/rewardlab/rewardlab/rl/ops"
	"github.com/rewardlab/rewardlab/rl/rollout"
)

// state is everything that a training carries from one iteration to the next.
type state struct {
	Alice, Bob mind
	Walk       rollout.Walk
	Tail       trace // the last steps, [limit, N]: an episode is learned from when it is over
	Key        *Node // of the shuffles
	Atlas      atlas
}

// mind is what an update changes of Alice, or of Bob.
type mind struct {
	Theta *Node
	Adam  nn.Moments
}

// minds are the parameters of both.
type minds struct{ Alice, Bob *Node }

// trace is one step of N games; a trajectory has T of each in front.
type trace struct {
	Obs     *Node // [N, sees], what was acted on
	Action  *Node // [N] int32
	LogProb *Node // [N]
	Turn    turn
}

// atlas counts on the map of the task, in each of periods equal parts of the training: [periods, cells].
type atlas struct {
	Set     *Node // goals that Alice set
	Reached *Node // those that Bob reached
}

// periods is how many maps a training draws.
const periods = 20

// pair is a configuration with the game and the two minds.
type pair struct {
	*Config
	game       *game
	alice, bob *nn.ActorCritic
}

func newPair(t *task, c *Config) *pair {
	g := newGame(t, c)
	return &pair{c, g, nn.NewActorCritic(g.sees(), g.moves+1, false, c.Hidden...), nn.NewActorCritic(g.sees(), g.moves, false, c.Hidden...)}
}

// policy is that of the mind whose turn it is, at what it sees, [n, sees]. Bob cannot stop; a random Alice does anything.
func (p *pair) policy(m minds, obs *Node) ops.Categorical {
	bob := p.bob.Policy(p.bob.Pack.Split(m.Bob), obs)
	bob = Concatenate([]*Node{bob, like(columns(bob, 0, 1), -1e9)}, 1)
	return ops.NewCategorical(pick(p.game.alices(obs), p.hers(m, obs), bob))
}

// hers are Alice's logits.
func (p *pair) hers(m minds, obs *Node) *Node {
	if p.Config.Alice == "learned" {
		return p.alice.Policy(p.alice.Pack.Split(m.Alice), obs)
	}
	logits := make([]float32, p.game.moves+1)
	if p.Stop > 0 {
		logits[p.game.moves] = float32(logOdds(p.Stop, p.game.moves))
	}
	return BroadcastToDims(ExpandAxes(Const(obs.Graph(), logits), 0), obs.Shape().Dimensions[0], p.game.moves+1)
}

// step plays one step of N games, and begins new ones where they are over.
func (p *pair) step(_ *Node, w rollout.Walk, m minds) (rollout.Walk, trace) {
	obs := p.game.Observe(w.Env)
	pi := p.policy(m, obs)
	key, action := pi.Sample(w.Key)
	key, next, out := p.game.play(key, w.Env, action)
	key, fresh := p.game.Reset(key, obs.Shape().Dimensions[0])
	next = pick(Equal(out.Over, like(out.Over, 1)), fresh, next)
	return rollout.Walk{Env: next, Key: key}, trace{obs, action, pi.LogProb(action), out}
}

// question is what prepare looks at, lesson what it makes of it.
type question struct {
	Minds minds
	Tail  trace
	Steps trace
	Key   *Node
	Atlas atlas
	Done  *Node // iterations so far, float32
}

type answer struct {
	Tail   trace
	Key    *Node
	Atlas  atlas
	Lesson lesson
	Stats  *Node // [stats]
}

// lesson is what the update learns from.
type lesson struct {
	Rows  *Node // [(limit+T)*N, sees+6]: observation, action, log-probability, advantage, target, Alice's and Bob's weight
	Order *Node // [passes*parts, size] int32: the rows of each minibatch
}

// The elements of the statistics of T new steps.
const (
	statTask = iota // target episodes that ended
	statSolved
	statSet // goals that Alice set
	statMoves
	statTried // tasks that Bob tried
	statReached
	statPrize // what Alice earned, summed
	statOdd   // numbers that are not finite
	stats
)

// Credit works out rewards and weights of a trajectory [W, N] whose last `fresh` steps are new. Alice's prize, known when Bob is done, goes to her
// last step. A step has weight 1 if its episode ended within the new ones, else 0: it had its turn, or will have it. alice, end and over are 1
// where it was Alice's turn, and where her phase or Bob's and where the episode ended.
func Credit(alice, reward, prize, end, over *Node, fresh int) (credited, weight *Node) {
	steps, goesOn := over.Shape().Dimensions[0], OneMinus(over)
	back := ops.Backward(prize, goesOn) // to where the episode began
	credited = Add(reward, Mul(Mul(alice, end), back))
	isNew := atLeast(Iota(over.Graph(), over.Shape(), 0), float64(steps-fresh))
	return credited, ops.Backward(Mul(over, float(isNew)), goesOn)
}

func credit(t turn, fresh int) (reward, weight *Node) {
	return Credit(t.Alice, t.Reward, t.Prize, t.End, t.Over, fresh)
}

// advantages are those of both minds, each by its own critic, with the targets of the critics. Neither sees beyond the end of its own phase.
func (p *pair) advantages(m minds, t trace, reward *Node) (advantage, target *Node) {
	dims := reward.Shape().Dimensions
	x := Reshape(t.Obs, dims[0]*dims[1], p.game.sees())
	value := Reshape(p.bob.Value(p.bob.Pack.Split(m.Bob), x), dims...)
	if p.Config.Alice == "learned" {
		hers := Reshape(p.alice.Value(p.alice.Pack.Split(m.Alice), x), dims...)
		value = Where(Equal(t.Turn.Alice, like(value, 1)), hers, value)
	}
	next := Concatenate([]*Node{SliceAxis(value, 0, AxisRange(1)), ZerosLike(SliceAxis(value, 0, AxisRange(0, 1)))}, 0)
	end := Equal(t.Turn.End, like(value, 1))
	never := And(end, Not(end))
	return ops.GAE(ops.Path{Reward: reward, Value: value, Next: next, Terminated: end, Truncated: never}, p.Gamma, p.lambda())
}

// prepare gives every mind what it learns from, shuffled once for every pass, and keeps the books.
func (p *pair) prepare(q question) answer {
	fresh := q.Steps.LogProb.Shape().Dimensions[0]
	all := q.Tail.then(q.Steps)
	reward, weight := credit(all.Turn, fresh)
	advantage, target := p.advantages(q.Minds, all, reward)

	total := reward.Shape().Size()
	flat := func(x *Node) *Node { return Reshape(x, total) }
	alice, weight, advantage := flat(all.Turn.Alice), flat(weight), flat(advantage)
	hers, his := share(Mul(weight, alice)), share(Mul(weight, OneMinus(alice)))
	if p.Method == "ppo" {
		advantage = Where(Equal(alice, like(alice, 1)), standardise(advantage, hers), standardise(advantage, his))
	}
	col := func(x *Node) *Node { return Reshape(x, total, 1) }
	rows := Concatenate([]*Node{Reshape(all.Obs, total, p.game.sees()), col(float(all.Action)), col(all.LogProb), col(advantage), col(target), col(hers), col(his)}, 1)
	key, order := ops.Shuffle(q.Key, p.passes(), total)
	if p.parts() == 1 && p.passes() == 1 {
		order = Iota(order.Graph(), order.Shape(), 1)
	}
	period := Min(whole(MulScalar(q.Done, periods/float64(p.iterations()))), Const(q.Done.Graph(), int32(periods-1)))
	return answer{
		Tail: all.last(p.game.limit), Key: key, Atlas: q.Atlas.mark(q.Steps.Turn, period),
		Lesson: lesson{rows, Reshape(order, p.passes()*p.parts(), total/p.parts())}, Stats: statistics(q.Steps, reward),
	}
}

// share scales weights to a mean of 1, so that a mean over rows is a mean over those that count. Where none counts they stay 0.
func share(weight *Node) *Node {
	sum := MaxScalar(ReduceAllSum(weight), 1)
	return Mul(weight, Div(like(sum, float64(weight.Shape().Size())), sum))
}

// standardise gives x mean 0 and deviation 1, by weights of mean 1.
func standardise(x, weight *Node) *Node {
	mean := ReduceAllMean(Mul(x, weight))
	variance := ReduceAllMean(Mul(Square(Sub(x, mean)), weight))
	return Div(Sub(x, mean), Sqrt(AddScalar(variance, 1e-8)))
}

// statistics sums up the new steps, [T, N].
func statistics(t trace, reward *Node) *Node {
	u := t.Turn
	odd := Add(ReduceAllSum(float(Not(IsFinite(t.Obs)))), ReduceAllSum(float(Not(IsFinite(reward)))))
	out := make([]*Node, stats)
	for k, x := range map[int]*Node{statTask: u.Task, statSolved: u.Solved, statSet: u.Set, statMoves: u.Moves,
		statTried: u.Tried, statReached: u.Reached, statPrize: u.Prize} {
		out[k] = ReduceAllSum(x)
	}
	out[statOdd] = odd
	return Stack(out, 0)
}

// mark counts the goals of the new steps.
func (a atlas) mark(t turn, period *Node) atlas {
	cells := a.Set.Shape().Dimensions[1]
	size := t.Set.Shape().Size()
	where := OneHot(Reshape(t.Bin, size), cells, dtypes.Float32) // [T*N, cells]
	when := Reshape(OneHot(Reshape(period, 1), periods, dtypes.Float32), periods, 1)
	add := func(to, what *Node) *Node {
		return Add(to, MatMul(when, MatMul(Reshape(what, 1, size), where)))
	}
	return atlas{add(a.Set, t.Set), add(a.Reached, t.Reached)}
}

// update is one minibatch for both minds. i counts the minibatches of the whole training.
func (p *pair) update(i *Node, s learners, l lesson) (learners, marks) {
	g := i.Graph()
	round := Mod(i, Const(g, int32(p.passes()*p.parts())))
	rows := Gather(l.Rows, ExpandAxes(Squeeze(Gather(l.Order, Reshape(round, 1, 1)), 0), -1))
	d := p.game.sees()
	one := func(k int) *Node { return column(rows, d+k) }
	b := rollout.Batch{Obs: columns(rows, 0, d), Action: whole(one(0)), LogProb: one(1), Advantage: one(2), Target: one(3)}
	var values []*Node
	learn := func(net *nn.ActorCritic, m mind, weight *Node, rate, entropy float64) mind {
		m, v := p.improve(net, m, b, weight, p.rate(i, rate), entropy)
		values = append(values, v...)
		return m
	}
	s.Bob = learn(p.bob, s.Bob, one(5), p.LR, p.Entropy)
	if p.Config.Alice == "learned" {
		s.Alice = learn(p.alice, s.Alice, one(4), p.aliceLR(), p.AliceEntropy)
	}
	return s, marks{Stack(values, 0)}
}

// learners is what the update changes.
type learners struct{ Alice, Bob mind }

// marks are the numbers of one minibatch, in the order of losses: Bob's, then Alice's.
type marks struct{ Values *Node }

var losses = [...]string{"policy_loss", "value_loss", "entropy", "grad_norm"}

// improve moves one mind along the gradient of its loss.
func (p *pair) improve(net *nn.ActorCritic, m mind, b rollout.Batch, weight, rate *Node, bonus float64) (mind, []*Node) {
	grad, values := p.gradient(net, m.Theta, b, weight, bonus)
	grad, norm := nn.ClipNorm(grad, p.MaxNorm)
	m.Theta, m.Adam = nn.Adam{Rate: rate, Eps: 1e-5}.Step(m.Theta, grad, m.Adam)
	return m, append(values, norm)
}

// gradient is that of one mind's loss over the rows that are its own, by their weights w:
//
//	mean w [ -log pi(a|s) A + value_weight (V(s) - target)^2 / 2 - entropy H(pi(.|s)) ]      with ppo the clipped surrogate in the first place
func (p *pair) gradient(net *nn.ActorCritic, theta *Node, b rollout.Batch, weight *Node, bonus float64) (grad *Node, values []*Node) {
	parts := net.Pack.Split(theta)
	out, value := net.Both(parts, b.Obs)
	pi := ops.NewCategorical(out)
	logp, gain := pi.LogProb(b.Action), Mul(weight, b.Advantage) // weights are not negative: they may go into the advantage
	policy := ops.A2CLoss(logp, gain)
	if p.Method == "ppo" {
		old := Where(Equal(weight, like(weight, 0)), StopGradient(logp), b.LogProb) // rows of the other mind: a ratio of 1
		policy = ops.PPOLoss(logp, old, gain, p.Clip)
	}
	critic := MulScalar(ReduceAllMean(Mul(weight, Square(Sub(value, b.Target)))), 0.5)
	entropy := ReduceAllMean(Mul(weight, pi.Entropy()))
	loss := Add(policy, Sub(MulScalar(critic, p.ValueWeight), MulScalar(entropy, bonus)))
	return net.Pack.Gradient(loss, parts), []*Node{policy, critic, entropy}
}

// rate is the step size in minibatch i: it falls from update to update.
func (p *pair) rate(i *Node, lr float64) *Node {
	if p.ConstantLR {
		return Scalar(i.Graph(), dtypes.Float32, lr)
	}
	done := ConvertDType(Div(i, Const(i.Graph(), int32(p.passes()*p.parts()))), dtypes.Float32) // updates so far
	return nn.Anneal(DivScalar(done, float64(p.iterations())), lr, 0)
}
