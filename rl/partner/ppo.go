package partner

import (
	"context"
	"errors"
	"fmt"
	"math"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/loop"
	"github.com/rewardlab/rewardlab/rl/nn"
	"github.com/rewardlab/rewardlab/rl/ops"
	"github.com/rewardlab/rewardlab/rl/run"
)

// lesson is what one iteration learns from, R = Envs x Steps moves.
type lesson struct {
	Obs, Own           *Node // [R, Size], and the mover's own hand [R, Private], for the critic alone
	Mask, Prior        *Node // [R, Moves]: 0 or never; log-probabilities of the prior, 0 where a move is not legal
	Action             *Node // [R] int32
	LogProb, Advantage *Node // [R]
	Value, Target      *Node
	Order              *Node // [Epochs*Minibatches, size] int32: the rows of each minibatch
	Lambda             *Node // scalar
}

type ppoMarks struct{ Policy, Value, Entropy, Prior, KL, Norm *Node }

// mind is what plays in training: the positions of all games, to log-probabilities of moves and values.
type mind struct{ Theta, Obs, Own, Mask *Node }
type verdict struct{ LogPi, Value *Node }

// nets are the policy, which sees what its player sees, and the critic, which also sees his hand: with it the value of a position is the same
// whoever moves, and both players' moves make one trajectory.
type nets struct {
	policy, critic nn.Net
	pack           *nn.Packed
}

func (n *nets) judge(theta, obs, own, mask *Node) (parts [][]*Node, logPi, value *Node) {
	parts = n.pack.Split(theta)
	logPi = LogSoftmax(Add(n.policy.Apply(parts[0], obs), mask), -1)
	return parts, logPi, Squeeze(n.critic.Apply(parts[1], Concatenate([]*Node{obs, own}, -1)), -1)
}

// update is one minibatch of instructPPO: PPO's objective, less lambda times the divergence of the policy from the prior.
func (c *PPO) update(n *nets) loop.Body[learned, lesson, ppoMarks] {
	rounds := c.Epochs * c.Minibatches
	return func(i *Node, s learned, l lesson) (learned, ppoMarks) {
		g := i.Graph()
		rows := Squeeze(Gather(l.Order, Reshape(Mod(i, Const(g, int32(rounds))), 1, 1)), 0)
		of := func(x *Node) *Node { return Gather(x, ExpandAxes(rows, -1)) }
		parts, logPi, value := n.judge(s.Theta, of(l.Obs), of(l.Own), of(l.Mask))
		logp, old := ops.LogProb(logPi, of(l.Action)), of(l.LogProb)
		policy := ops.PPOLoss(logp, old, ops.Standardise(of(l.Advantage)), c.Clip)
		judged := ops.ClippedValueLoss(value, of(l.Value), of(l.Target), c.Clip)
		entropy := ops.Entropy(logPi)
		prior := ops.Divergence(logPi, of(l.Prior))
		loss := Add(policy, Sub(MulScalar(judged, c.ValueWeight), MulScalar(entropy, c.Entropy)))
		loss = Add(loss, Mul(l.Lambda, prior))
		_, kl := ops.ApproxKL(logp, old)
		grad, norm := nn.ClipNorm(n.pack.Gradient(loss, parts), c.MaxNorm)
		done := DivScalar(ConvertDType(Div(i, Const(g, int32(rounds))), grad.DType()), float64(c.Iterations))
		s.Theta, s.Adam = nn.Adam{Rate: nn.Anneal(done, c.LR, 0), Eps: 1e-5}.Step(s.Theta, grad, s.Adam)
		return s, ppoMarks{policy, judged, entropy, prior, kl, norm}
	}
}

// NewPPO prepares instructPPO for a resolved c. The engine stays open: it belongs to whoever opened it.
func NewPPO(b *backend.Engine, c *PPO) (*Worker, error) {
	if err := run.Check(c); err != nil {
		return nil, err
	}
	w, err := newWorker(b, &c.Told, *c.Lambda, c.Iterations, c.Steps)
	if err != nil {
		return nil, err
	}
	n := &nets{policy: net(w.rules, c.Hidden), critic: nn.ReLU(w.rules.Size()+w.rules.Private(), 1, c.Hidden...)}
	n.pack = nn.Pack(n.policy, n.critic)
	act, err1 := loop.NewFunc(b.Backend, "play", func(in mind) verdict {
		_, logPi, value := n.judge(in.Theta, in.Obs, in.Own, in.Mask)
		return verdict{logPi, value}
	})
	rounds := c.Epochs * c.Minibatches
	update, err2 := loop.New(b.Backend, "instructPPO", rounds, c.update(n))
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	w.programs = append(w.programs, act, update)
	w.make = func(t *Trainer, seed int64) (learner, error) {
		theta := n.pack.Init(uint64(run.Stream(seed, run.StreamInit)))
		last := n.pack.Offset(1) - (c.Hidden[len(c.Hidden)-1]+1)*w.rules.Moves() // the policy begins near uniform
		for k := last; k < n.pack.Offset(1); k++ {
			theta[k] *= 0.01
		}
		p := &ppoLearner{c: c, act: act, update: update, actor: n.pack.Offset(1), params: theta, m: make([]float32, len(theta)), v: make([]float32, len(theta)), clock: make([]float32, 1)}
		p.makeRoom(t)
		return p, p.ready()
	}
	return w, nil
}

// ppoLearner is one seed of instructPPO.
type ppoLearner struct {
	c      *PPO
	act    *loop.Func[mind, verdict]
	update *loop.Loop[learned, lesson, ppoMarks]
	actor  int // size of the policy's part of the parameters

	params, m, v, clock []float32
	device              loop.Values[learned]

	// A trajectory, [Steps, Envs, ...].
	obs, own, mask, prior               []float32
	action, order                       []int32
	logp, value, reward, gain, estimate []float32
	done                                []bool
	hand, logPi, now                    []float32 // of one step
	other                               []float32
}

func (p *ppoLearner) makeRoom(t *Trainer) {
	n, r, moves := p.c.batch(), t.rules, t.rules.Moves()
	floats := func(n int) []float32 { return make([]float32, n) }
	p.obs, p.own, p.mask, p.prior = floats(n*r.Size()), floats(n*r.Private()), floats(n*moves), floats(n*moves)
	p.action, p.order = make([]int32, n), make([]int32, p.c.Epochs*n)
	p.logp, p.value, p.reward, p.gain, p.estimate, p.done = floats(n), floats(n), floats(n), floats(n), floats(n), make([]bool, n)
	p.hand, p.logPi, p.now = floats(p.c.Envs*r.Private()), floats(p.c.Envs*moves), floats(p.c.Envs)
	p.other = floats(r.Size())
}

func (p *ppoLearner) theta() []float32 { return p.params[:p.actor] }

// weight implements learner: what was learned holds the prior, and acting does not need it.
func (p *ppoLearner) weight(float64) float64 { return 0 }

func (p *ppoLearner) ready() error {
	err := p.close()
	flat := func(x []float32) *tensors.Tensor {
		return tensors.FromFlatDataAndDimensions(append([]float32(nil), x...), len(x))
	}
	device, err2 := loop.Pack[learned](flat(p.params), flat(p.m), flat(p.v), tensors.FromValue(p.clock[0]))
	p.device = device
	return errors.Join(err, err2)
}

func (p *ppoLearner) close() error { return p.device.Close() }

func (p *ppoLearner) slots() ([]slot, error) {
	err := errors.Join(copyOut(p.device.Get("Theta"), p.params), copyOut(p.device.Get("Adam.M"), p.m), copyOut(p.device.Get("Adam.V"), p.v), copyOut(p.device.Get("Adam.T"), p.clock))
	return []slot{{"theta", p.params}, {"adam/m", p.m}, {"adam/v", p.v}, {"adam/t", p.clock}}, err
}

func (p *ppoLearner) sound(*Trainer) error { return nil }

// iterate plays Steps moves of every game and learns from them.
func (p *ppoLearner) iterate(ctx context.Context, t *Trainer) error {
	n := p.c.Envs
	for step := range p.c.Steps {
		if err := p.judge(ctx, t, leaning{}); err != nil {
			return err
		}
		if err := p.play(t, step); err != nil {
			return err
		}
	}
	if err := p.judge(ctx, t, leaning{}); err != nil { // what the last positions are worth
		return err
	}
	copy(p.estimate, p.now)
	advantages(p.c.Gamma, p.c.Trace, n, p.reward, p.value, p.now, p.done, p.gain, p.estimate)
	return p.learn(ctx, t)
}

// judge asks the nets about all games: logPi, now and hand.
func (p *ppoLearner) judge(ctx context.Context, t *Trainer, free leaning) error {
	if err := t.observe(); err != nil {
		return err
	}
	if err := t.leanTo(free); err != nil {
		return err
	}
	n, private := p.c.Envs, t.rules.Private()
	for i := range n {
		g := t.games.Game(i)
		g.Encode(1-g.Player(), p.other) // the partner sees the mover's hand
		copy(p.hand[i*private:][:private], p.other)
	}
	in, err := loop.Pack[mind](p.device.Get("Theta"), tensors.FromFlatDataAndDimensions(t.obs, n, t.rules.Size()),
		tensors.FromFlatDataAndDimensions(p.hand, n, private), tensors.FromFlatDataAndDimensions(t.lean, n, t.rules.Moves()))
	if err != nil {
		return err
	}
	out, err := p.act.Call(ctx, in)
	if err != nil {
		return err
	}
	err = errors.Join(copyOut(out.Get("LogPi"), p.logPi), copyOut(out.Get("Value"), p.now), out.Close())
	for _, x := range in.Tensors()[1:] {
		err = errors.Join(err, x.FinalizeAll())
	}
	return err
}

// play draws moves, makes them, and writes row step of the trajectory.
func (p *ppoLearner) play(t *Trainer, step int) error {
	n, moves := p.c.Envs, t.rules.Moves()
	row := step * n
	copy(p.obs[row*t.rules.Size():], t.obs)
	copy(p.own[row*t.rules.Private():], p.hand)
	copy(p.mask[row*moves:], t.lean)
	copy(p.value[row:], p.now)
	for i := range n {
		prior := p.prior[(row+i)*moves:][:moves]
		if err := t.priors[t.which()].Log(t.history[i], t.legal[i], p.c.Beta, prior); err != nil {
			return err
		}
		logPi := p.logPi[i*moves:][:moves]
		m := draw(logPi, t.legal[i], t.rng.Float64())
		t.moves[i] = m
		p.action[row+i], p.logp[row+i] = int32(m), logPi[m]
		for m, x := range prior {
			if t.legal[i]>>m&1 == 0 {
				prior[m] = 0
			} else if math.IsInf(float64(x), -1) {
				prior[m] = forbidden
			}
		}
	}
	if err := t.step(); err != nil {
		return err
	}
	copy(p.reward[row:], t.steps.Reward)
	copy(p.done[row:], t.steps.Done)
	return nil
}

// forbidden is the log-probability of a legal move that the prior gives none: finite, so that the divergence is.
const forbidden = -20

// draw takes a legal move by its log-probability, where u is uniform in [0, 1).
func draw(logPi []float32, legal uint64, u float64) int {
	sum, last := 0.0, 0
	for m, x := range logPi {
		if legal>>m&1 == 0 {
			continue
		}
		sum += math.Exp(float64(x))
		last = m
		if u < sum {
			break
		}
	}
	return last
}

// advantages estimates them for a trajectory [T, n] of games, backwards in time (generalised advantage estimation): last [n] is what the positions after
// it are worth. estimate gets advantage plus value.
func advantages(gamma, trace float64, n int, reward, value, last []float32, done []bool, gain, estimate []float32) {
	for i := range n {
		next, g := float64(last[i]), 0.0
		for k := len(reward) - n + i; k >= 0; k -= n {
			if done[k] {
				next, g = 0, 0
			}
			g = float64(reward[k]) + gamma*next - float64(value[k]) + gamma*trace*g
			next = float64(value[k])
			gain[k], estimate[k] = float32(g), float32(g+next)
		}
	}
}

func (p *ppoLearner) learn(ctx context.Context, t *Trainer) error {
	n, rounds := p.c.batch(), p.c.Epochs*p.c.Minibatches
	for e := range p.c.Epochs {
		order := p.order[e*n:][:n]
		for k := range order {
			order[k] = int32(k)
		}
		t.rng.Shuffle(n, func(i, j int) { order[i], order[j] = order[j], order[i] })
	}
	wide := func(x []float32) *tensors.Tensor { return tensors.FromFlatDataAndDimensions(x, n, len(x)/n) }
	flat := func(x []float32) *tensors.Tensor { return tensors.FromFlatDataAndDimensions(x, n) }
	l, err := loop.Pack[lesson](wide(p.obs), wide(p.own), wide(p.mask), wide(p.prior), tensors.FromFlatDataAndDimensions(p.action, n), flat(p.logp), flat(p.gain),
		flat(p.value), flat(p.estimate), tensors.FromFlatDataAndDimensions(p.order, rounds, n/p.c.Minibatches), tensors.FromValue(float32(t.lambda())))
	if err != nil {
		return err
	}
	device, marks, err := p.update.Run(ctx, t.iteration*rounds, rounds, p.device, l)
	p.device = device
	if err != nil {
		return err
	}
	names := map[string]string{"Policy": "losses/policy", "Value": "losses/value", "Entropy": "losses/entropy", "Prior": "prior/divergence", "KL": "losses/kl", "Norm": "losses/grad_norm"}
	for name, x := range marks.All() {
		err = errors.Join(err, tensors.ConstFlatData(x, func(v []float32) {
			for _, y := range v[:rounds] {
				t.put(names[name], float64(y))
			}
		}))
	}
	if err != nil {
		return fmt.Errorf("losses: %w", err)
	}
	return errors.Join(l.Close(), marks.Close(), copyOut(p.device.Get("Theta"), p.params))
}
