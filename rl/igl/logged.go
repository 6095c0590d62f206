package igl

import (
	"context"
	"slices"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/rewardlab/rewardlab/rl/loop"
	"github.com/rewardlab/rewardlab/rl/nn"
	"github.com/rewardlab/rewardlab/rl/ops"
	"github.com/rewardlab/rewardlab/rl/run"
)

// rounds is a log of uniform play: round j showed image Context[j], played Action[j] and was answered with image Answer[j].
// Reward is the latent reward, for the baselines and for nothing else.
type rounds struct {
	Context, Action, Answer *Node // [logs] int32
	Reward                  *Node // [logs] float32
}

// loggedData are the constants of the methods that learn from a log.
type loggedData struct {
	Deck deck
	Log  rounds
}

// candidate is one start of the search: a policy and a decoder.
type candidate struct {
	Theta *Node
	Adam  nn.Moments
	Value *Node // running mean of the objective on held-out rounds
	Base  *Node // [decoders] running mean of decoded reward on uniform play
}

// loggedState: the better candidate so far, and its mirror on trial.
type loggedState struct {
	Incumbent, Challenger candidate
	Fresh                 *Node // parameters that have learned nothing
	Key                   *Node
}

type loggedMetrics struct {
	Reward     *Node `metric:"reward/true"`       // latent reward of the chosen policy, sampled actions
	Incumbent  *Node `metric:"value/incumbent"`   // held-out objective
	Challenger *Node `metric:"value/challenger"`  // and of the mirror on trial; 0 where there is none
	Base       *Node `metric:"decoder/base_rate"` // mean decoded reward of the chosen decoder on uniform play
	Loss       *Node `metric:"losses/loss"`       // of the incumbent
}

// uniformPlay makes a log of n rounds in which the action is uniform. Round j happens at iteration j / Explore.
func (p *problem) uniformPlay(d deck, key *Node) rounds {
	n := p.Logs
	key, context := d.contexts(key, n)
	key, action := ops.Below(key, n, classes)
	reward := p.reward(action, d.label(context))
	round := Iota(key.Graph(), action.Shape(), 0)
	_, answer := p.answer(d, key, DivScalar(round, float64(p.Explore)), action, reward)
	return rounds{context, action, answer, reward}
}

// at picks rounds by index [n].
func (r rounds) at(j *Node) rounds {
	j = ExpandAxes(j, -1)
	return rounds{Gather(r.Context, j), Gather(r.Action, j), Gather(r.Answer, j), Gather(r.Reward, j)}
}

// heldOut says that every tenth round of a log never trains: it chooses between the two starts.
const heldOut = 10

// logged is one iteration of the methods that learn from uniform play: offline from the whole log, ground (explore-to-ground) from
// the part that has been explored so far; ips and supervised are the baselines that see the reward or the label.
func (p *problem) logged(i *Node, s loggedState, data loggedData) (loggedState, loggedMetrics) {
	c, d := p.Config, data.Deck
	g := i.Graph()

	// The rounds to learn from, [oldest, oldest + visible): a minibatch for training from all but each tenth, one for choosing from
	// each tenth.
	visible, oldest := Scalar(g, dtypes.Float32, float64(c.Logs)), ScalarZero(g, dtypes.Int32)
	if c.Method == "ground" {
		visible = MinScalar(ConvertDType(MulScalar(AddScalar(i, 1), float64(c.Explore)), dtypes.Float32), float64(c.Logs))
		if c.Window > 0 {
			newest := visible
			visible = MinScalar(visible, float64(c.Window))
			oldest = MulScalar(ConvertDType(Floor(DivScalar(Sub(newest, visible), heldOut)), dtypes.Int32), heldOut)
		}
	}
	key, u := ops.Uniform(s.Key, c.Batch)
	k := ops.Floored(u, Floor(MulScalar(visible, float64(heldOut-1)/heldOut)))
	batch := data.Log.at(Add(Add(k, DivScalar(k, heldOut-1)), oldest))
	key, u = ops.Uniform(key, c.Batch/2)
	h := ops.Floored(u, Floor(MulScalar(visible, 1.0/heldOut)))
	held := data.Log.at(Add(AddScalar(MulScalar(h, heldOut), heldOut-1), oldest))

	s = p.reground(i, s)
	next := s
	var loss, value *Node
	next.Incumbent, loss, value = p.descend(s.Incumbent, d, batch, held)
	challenge := ZerosLike(value)
	better := LessThan(value, value) // false
	if p.challenged() {
		next.Challenger, _, challenge = p.descend(s.Challenger, d, batch, held)
		better = p.better(next.Challenger, next.Incumbent)
	}

	// Act with the better policy; nobody learns from these rounds.
	theta := Where(better, next.Challenger.Theta, next.Incumbent.Theta)
	key, context := d.contexts(key, c.Exploit)
	logPi := LogSoftmax(p.policy.Apply(p.pack.Split(theta)[0], d.pixels(context)), -1)
	key, acted := ops.Sample(key, logPi)
	next.Key = key
	return next, loggedMetrics{
		Reward:     ReduceAllMean(c.reward(acted, d.label(context))),
		Incumbent:  value,
		Challenger: challenge,
		Base:       ReduceAllMean(Where(better, next.Challenger.Base, next.Incumbent.Base)),
		Loss:       loss,
	}
}

// challenged says whether the method tries the mirror solution. The baselines have none; per-action decoders have one for each
// action, and reground turns them by their base rates instead.
func (c *Config) challenged() bool {
	return !c.OneStart && c.Method != "ips" && c.Method != "supervised" && c.Decoder != "per-action"
}

// better says whether candidate a beats b: by the held-out objective, which is larger for the right solution when random behaviour
// mostly fails; or, when random behaviour is known to be good, by the base rate of decoded reward.
func (p *problem) better(a, b candidate) *Node {
	if p.RandomIsGood {
		return GreaterThan(ReduceAllMean(a.Base), ReduceAllMean(b.Base))
	}
	return GreaterThan(a.Value, b.Value)
}

// descend takes one step of Adam on a minibatch, and updates the running held-out value and base rate.
func (p *problem) descend(s candidate, d deck, batch, held rounds) (candidate, *Node, *Node) {
	parts := p.pack.Split(s.Theta)
	value, base := p.value(parts, d, batch)
	loss := Neg(value)
	if p.Method == "supervised" {
		logPi := LogSoftmax(p.policy.Apply(parts[0], d.pixels(batch.Context)), -1)
		loss = Neg(ReduceAllMean(ops.LogProb(logPi, d.label(batch.Context))))
	}
	s.Theta, s.Adam = p.adam(s.Theta.Graph()).Step(s.Theta, p.pack.Gradient(loss, parts), s.Adam)

	heldValue, _ := p.value(p.pack.Split(s.Theta), d, held)
	slow := func(old, now *Node) *Node { return Add(MulScalar(old, 0.98), MulScalar(StopGradient(now), 0.02)) }
	s.Value, s.Base = slow(s.Value, heldValue), slow(s.Base, base)
	return s, loss, heldValue
}

// value is the method's objective on rounds, and the base rate of decoded reward [decoders].
func (p *problem) value(parts [][]*Node, d deck, r rounds) (*Node, *Node) {
	logPi := LogSoftmax(p.policy.Apply(parts[0], d.pixels(r.Context)), -1)
	logp := ops.LogProb(logPi, r.Action)
	if p.Method == "ips" {
		return ops.IGLValue(logp, r.Reward, classes), Reshape(ReduceAllMean(r.Reward), 1)
	}
	psi := Sigmoid(p.decoder.Apply(parts[1], p.view(d, r.Answer))) // [n, 1] or [n, 10]
	if p.Decoder != "per-action" {
		return ops.IGLValue(logp, Squeeze(psi, -1), classes), ReduceMean(psi, 0)
	}
	// Feedback that shows the action: psi_a is learned by contrast within each action, and the policy from psi as it stands.
	hot := OneHot(r.Action, classes, dtypes.Float32)
	decoded := ReduceSum(Mul(psi, hot), -1)
	base := Div(ReduceSum(Mul(psi, hot), 0), MaxScalar(ReduceSum(hot, 0), 1))
	match := Sigmoid(p.contrast.Apply(parts[2], d.pixels(r.Context)))
	contrast := ops.IGLPerAction(match, r.Action, decoded)
	return Add(ops.IGLValue(logp, StopGradient(decoded), classes), contrast), base
}

// firstReground is the iteration of the first re-grounding. The next ones follow at every doubling.
const firstReground = 128

// reground breaks the sign symmetry, at iterations 128, 256, 512, ... Gradient ascent on the objective readily ends in the mirror
// solution, the flipped decoder with the worst policy, whatever the start. So the mirror of the decoder that has been learned, with
// a policy that has learned nothing, becomes the challenger, and the better of the two acts. With per-action decoders, an action whose decoded
// reward on uniform play is above 1/2 (below, where random behaviour is good) has its decoder negated, and the policy starts afresh; that
// ends half-way.
func (p *problem) reground(i *Node, s loggedState) loggedState {
	g := i.Graph()
	power := Equal(BitwiseAnd(i, SubScalar(i, 1)), ScalarZero(g, dtypes.Int32))
	now := LogicalAnd(power, GreaterOrEqual(i, Scalar(g, dtypes.Int32, firstReground)))
	restart := func(c candidate, theta *Node) candidate { // theta, with Adam and the running means at zero
		zero := func(n *Node) *Node { return Where(now, ZerosLike(n), n) }
		return candidate{
			Theta: Where(now, theta, c.Theta),
			Adam:  nn.Moments{M: zero(c.Adam.M), V: zero(c.Adam.V), T: zero(c.Adam.T)},
			Value: zero(c.Value), Base: zero(c.Base),
		}
	}
	afresh := func(theta, sign *Node) *Node {
		return p.pack.Replace(s.Fresh, 1, Mul(p.pack.Part(theta, 1), sign))
	}
	if p.Decoder == "per-action" {
		wrong := GreaterThan(s.Incumbent.Base, Scalar(g, dtypes.Float32, 0.5))
		if p.RandomIsGood {
			wrong = LogicalNot(wrong)
		}
		if 2*firstReground <= p.Iterations { // leave half of the training to what comes out
			now = LogicalAnd(now, LessOrEqual(i, Scalar(g, dtypes.Int32, float64(p.Iterations/2))))
		}
		sign := Where(wrong, Neg(OnesLike(s.Incumbent.Base)), OnesLike(s.Incumbent.Base)) // [10]
		weights := BroadcastToDims(ExpandAxes(sign, 0), p.decoder.Params[0].Dims...)
		s.Incumbent = restart(s.Incumbent, afresh(s.Incumbent.Theta, nn.Join([]*Node{weights, sign})))
		return s
	}
	if !p.challenged() {
		return s
	}
	swap := LogicalAnd(now, p.better(s.Challenger, s.Incumbent))
	pick := func(a, b *Node) *Node { return Where(swap, a, b) }
	a, b := s.Challenger, s.Incumbent
	s.Incumbent = candidate{
		Theta: pick(a.Theta, b.Theta),
		Adam:  nn.Moments{M: pick(a.Adam.M, b.Adam.M), V: pick(a.Adam.V, b.Adam.V), T: pick(a.Adam.T, b.Adam.T)},
		Value: pick(a.Value, b.Value), Base: pick(a.Base, b.Base),
	}
	sign := Const(g, p.pack.OutputSigns(1))
	s.Challenger = restart(s.Challenger, afresh(s.Incumbent.Theta, sign))
	return s
}

// loggedStart is the state of iteration 0.
func (p *problem) loggedStart(seed int64) (loop.Values[loggedState], error) {
	k, err := key(seed, run.StreamTrain)
	if err != nil {
		return loop.Values[loggedState]{}, err
	}
	decoders := p.decoder.Params[len(p.decoder.Params)-1].Dims[0]
	if p.Method == "ips" {
		decoders = 1
	}
	first := p.pack.Init(uint64(run.Stream(seed, run.StreamInit)))
	fresh := p.pack.Init(uint64(run.Stream(seed, "fresh")))
	mirror := slices.Clone(fresh)
	from := p.pack.Offset(1)
	for i, sign := range p.pack.OutputSigns(1) {
		mirror[from+i] = sign * first[from+i]
	}
	var ts []*tensors.Tensor
	for _, theta := range [][]float32{first, mirror} {
		ts = append(append(ts, nn.Start(theta)...), nn.ZeroTensor(), nn.ZeroTensor(decoders))
	}
	return loop.Pack[loggedState](append(ts, tensors.FromValue(fresh), k)...)
}

// logRequest is what a log is made from.
type logRequest struct {
	Deck deck
	Key  *Node
}

// logFor makes the log of one seed. It shares the deck with every other seed.
func logFor(ctx context.Context, play *loop.Func[logRequest, rounds], d loop.Values[deck], seed int64) (loop.Values[loggedData], error) {
	k, err := key(seed, run.StreamData)
	if err != nil {
		return loop.Values[loggedData]{}, err
	}
	images := d.Tensors()
	in, err := loop.Pack[logRequest](append(images, k)...)
	if err != nil {
		return loop.Values[loggedData]{}, err
	}
	log, err := play.Call(ctx, in)
	if err != nil {
		return loop.Values[loggedData]{}, err
	}
	return loop.Pack[loggedData](append(images, log.Tensors()...)...)
}
