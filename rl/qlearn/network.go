package qlearn

import (
	"context"
	"fmt"
	"math"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/env"
	"github.com/rewardlab/rewardlab/rl/nn"
	"github.com/rewardlab/rewardlab/rl/ops"
	"github.com/rewardlab/rewardlab/rl/run"
	"github.com/rewardlab/rewardlab/rl/trainer"
)

// netState is everything that training a network carries from one iteration to the next.
type netState struct {
	Play   play
	Theta  *Node // parameters, flat
	Target *Node // those of the target network
	Adam   nn.Moments
	Buffer *Node // [Network.Buffer, width], a ring: rows of all environments at one step, step after step
	Hold   *Node // [N] float32: the random action that goes on, or -1
}

// network is a configuration with its net and environment.
type network struct {
	*Network
	vector *env.Vector
	spec   env.Spec
	net    nn.Net
	pack   *nn.Packed
}

// NewNetwork compiles the training of a deep Q-network in environment en for c, which must be resolved and checked.
func NewNetwork(ctx context.Context, b *backend.Engine, en env.Env, c *Network) (*trainer.Worker, error) {
	m, err := c.method(en)
	if err != nil {
		return nil, err
	}
	return build(ctx, b, m)
}

func (c *Network) method(en env.Env) (method[netState], error) {
	if err := discrete(en.Spec()); err != nil {
		return method[netState]{}, fmt.Errorf("dqn: %w", err)
	}
	n := &network{Network: c, vector: env.Auto(en), spec: en.Spec()}
	layers := map[string]func(in, out int, hidden ...int) nn.Net{"relu": nn.ReLU, "tanh": nn.MLP}[c.Activation]
	n.net = layers(n.spec.ObsSize(), n.spec.Action.N, c.Hidden...)
	n.pack = nn.Pack(n.net)
	return method[netState]{
		name: "dqn on " + n.spec.Name, vector: n.vector, envs: c.Envs, iterations: c.Iterations, logEvery: c.LogEvery,
		body: n.iterate, start: n.start,
		greedy: func(theta, obs *Node) *Node {
			return ArgMax(n.net.Apply(n.pack.Split(theta)[0], n.see(obs)), -1)
		},
	}, nil
}

func (n *network) start(seed int64) []*tensors.Tensor {
	theta := n.pack.Init(uint64(run.Stream(seed, run.StreamInit)))
	hold := make([]float32, n.Envs)
	for i := range hold {
		hold[i] = -1
	}
	return []*tensors.Tensor{
		tensors.FromValue(theta), tensors.FromValue(theta),
		nn.ZeroTensor(len(theta)), nn.ZeroTensor(len(theta)), nn.ZeroTensor(),
		nn.ZeroTensor(n.Buffer, 2*n.spec.ObsSize()+4), tensors.FromValue(hold),
	}
}

// see flattens observations and brings those with bounds to [-1, 1]: [n, ObsSize].
func (n *network) see(obs *Node) *Node {
	size := n.spec.ObsSize()
	scale, shift := make([]float32, size), make([]float32, size)
	for i := range size {
		scale[i] = 1
		if low, high := n.spec.Bounds(i); !n.RawObs && !math.IsInf(low, 0) && !math.IsInf(high, 0) {
			scale[i] = float32(2 / (high - low))
			shift[i] = float32(-(high + low) / (high - low))
		}
	}
	g := obs.Graph()
	x := Reshape(obs, obs.Shape().Dimensions[0], size)
	row := func(v []float32) *Node { return ExpandLeftToRank(Const(g, v), 2) }
	return Add(Mul(x, row(scale)), row(shift))
}

// iterate is one step of every environment, a write into the buffer, and one step of Adam on a minibatch from it.
func (n *network) iterate(i *Node, s netState, _ none) (netState, metrics) {
	c := n.Network
	obs := n.see(n.vector.Observe(s.Play.Env))
	epsilon := c.epsilon(progress(i, c.Iterations))
	var action *Node
	s, action = n.act(s, n.net.Apply(n.pack.Split(s.Theta)[0], obs), epsilon)
	next, out, m := s.Play.step(n.vector, action)
	s.Play = next
	s.Hold = Where(Or(out.Terminated, out.Truncated), Neg(OnesLike(s.Hold)), s.Hold)

	column := func(x *Node) *Node { return ExpandAxes(ConvertDType(x, dtypes.Float32), -1) }
	slot := ModScalar(i, c.Buffer/c.Envs)
	s.Buffer = ops.Write(s.Buffer, Concatenate([]*Node{
		obs, n.see(out.FinalObs), column(action), column(out.Reward), column(out.Terminated), column(out.Truncated),
	}, 1), MulScalar(slot, c.Envs))

	learn := ConvertDType(GreaterOrEqual(i, Const(i.Graph(), int32(c.Warmup))), dtypes.Float32)
	s, m.Loss, m.Q = n.learn(i, s, learn)
	m.Epsilon, m.Learned = epsilon, learn
	return s, m
}

// act chooses actions by values q [N, actions]: a random action may go on for several steps, which moves an environment further than as many
// independent ones (Dabney, Ostrovski and Barreto 2021).
func (n *network) act(s netState, q, epsilon *Node) (netState, *Node) {
	if n.Keep == 0 {
		var action *Node
		s.Play.Key, action = ops.EpsilonGreedy(s.Play.Key, q, epsilon)
		return s, action
	}
	g := q.Graph()
	like := func(x float64) *Node { return BroadcastToDims(Const(g, float32(x)), n.Envs) }
	key, u := ops.Uniform(s.Play.Key, 3, n.Envs)
	row := func(k int) *Node { return Squeeze(SliceAxis(u, 0, AxisElem(k)), 0) }
	goesOn := And(GreaterThan(s.Hold, like(-0.5)), LessThan(row(0), like(n.Keep)))
	explores := LessThan(row(1), BroadcastToDims(epsilon, n.Envs))
	random := ConvertDType(ops.Floored(row(2), Const(g, float32(n.spec.Action.N))), dtypes.Float32)
	s.Hold = Where(goesOn, s.Hold, Where(explores, random, like(-1)))
	s.Play.Key = key
	free := LessThan(s.Hold, like(-0.5))
	return s, Where(free, ArgMax(q, -1), ConvertDType(s.Hold, dtypes.Int32))
}

// minibatch is what is learned from: Batch observations and actions, and what they led to.
type minibatch struct {
	obs, action   *Node // [batch, ObsSize], [batch] int32
	ret, discount *Node // [batch]: the rewards of up to NStep steps, and the weight of what follows
	final         *Node // [batch, ObsSize], where those steps ended
}

// sample draws a minibatch: stretches of NStep steps, evenly from those that lie whole in the buffer after iteration i.
func (n *network) sample(i *Node, s netState) (key *Node, b minibatch) {
	c := n.Network
	g := i.Graph()
	slots, width, size := c.Buffer/c.Envs, s.Buffer.Shape().Dimensions[1], n.spec.ObsSize()
	key, u := ops.Uniform(s.Play.Key, 2, c.Batch)
	draw := func(k int) *Node { return Squeeze(SliceAxis(u, 0, AxisElem(k)), 0) }
	filled := Min(Add(i, Const(g, int32(1))), Const(g, int32(slots)))
	span := Max(ConvertDType(Sub(filled, Const(g, int32(c.NStep-1))), dtypes.Float32), Const(g, float32(1)))
	age := AddScalar(ops.Floored(draw(0), BroadcastToDims(span, c.Batch)), c.NStep-1)
	first := Max(Sub(i, age), ZerosLike(age))
	copyOf := ops.Floored(draw(1), Const(g, float32(c.Envs)))

	steps := Add(ExpandAxes(first, -1), Iota(g, shapes.Make(dtypes.Int32, 1, c.NStep), 1)) // [batch, NStep]
	index := Add(MulScalar(ModScalar(steps, slots), c.Envs), ExpandAxes(copyOf, -1))
	rows := Reshape(Gather(s.Buffer, Reshape(index, c.Batch*c.NStep, 1)), c.Batch, c.NStep, width)
	column := func(k int) *Node { return Squeeze(SliceAxis(rows, 2, AxisElem(2*size+k)), 2) } // [batch, NStep]
	flag := func(k int) *Node { return GreaterThan(column(k), ScalarZero(g, dtypes.Float32)) }
	at := func(x *Node, k int) *Node { return Squeeze(SliceAxis(x, 1, AxisElem(k)), 1) }

	var last *Node
	b.ret, b.discount, last = ops.NStep(column(1), flag(2), flag(3), c.Gamma)
	b.obs = at(SliceAxis(rows, 2, AxisRange(0, size)), 0)
	b.action = ConvertDType(at(column(0), 0), dtypes.Int32)
	b.final = SliceAxis(rows, 2, AxisRange(size, 2*size))
	if c.NStep == 1 {
		b.final = at(b.final, 0)
	} else {
		b.final = ReduceSum(Mul(b.final, ExpandAxes(last, -1)), 1)
	}
	return key, b
}

// learn takes a step of Adam, unless learn is 0, and moves the target network when its time has come.
func (n *network) learn(i *Node, s netState, learn *Node) (_ netState, loss, value *Node) {
	c := n.Network
	var b minibatch
	s.Play.Key, b = n.sample(i, s)
	parts := n.pack.Split(s.Theta)
	next := n.net.Apply(n.pack.Split(s.Target)[0], b.final)
	target := ops.QTarget(b.ret, b.discount, next)
	if c.Double == "on" {
		target = ops.DoubleQTarget(b.ret, b.discount, next, n.net.Apply(parts[0], b.final))
	}
	q := ops.Pick(n.net.Apply(parts[0], b.obs), b.action)
	loss = ops.HuberTDLoss(q, target)
	if c.Loss == "squared" {
		loss = ops.TDLoss(q, target)
	}
	grad, _ := nn.ClipNorm(n.pack.Gradient(loss, parts), c.Clip)
	steps := s.Adam.T
	adam := nn.Adam{Rate: nn.Anneal(progress(i, c.Iterations), c.LR, c.LR*c.LREnd)}
	// Zero gradients from zero moments move nothing; the count of steps waits for the first real one.
	s.Theta, s.Adam = adam.Step(s.Theta, Mul(grad, learn), s.Adam)
	s.Adam.T = Add(steps, learn)

	goal := s.Theta
	if c.Tau < 1 {
		goal = Add(s.Target, MulScalar(Sub(s.Theta, s.Target), c.Tau))
	}
	due := Equal(ModScalar(i, c.TargetEvery), Const(i.Graph(), int32(c.TargetEvery-1)))
	s.Target = Where(BroadcastToDims(due, n.pack.Size()), goal, s.Target)
	return s, loss, ReduceAllMean(q)
}
