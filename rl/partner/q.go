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

// learned is what a minibatch changes.
type learned struct {
	Theta *Node
	Adam  nn.Moments
}

// qBatch are the minibatches of one iteration, [Updates, Batch, ...]. Gain and Discount are of a move and its partner's; Next is what the player saw
// after both, and Lean what the prior adds there.
type qBatch struct {
	Target                 *Node // [size], the net that judges
	Obs, Next, Lean        *Node
	Action, Gain, Discount *Node
}

type qMarks struct{ Loss, Value, Norm *Node }

// update is one minibatch of instructQ. The prior takes part in the choice of the next move, by the net that learns, and in nothing else: what the move
// is worth is the target net's to say, without it.
func (c *Q) update(pack *nn.Packed, apply func([]*Node, *Node) *Node) loop.Body[learned, qBatch, qMarks] {
	return func(i *Node, s learned, b qBatch) (learned, qMarks) {
		round := Reshape(Mod(i, Const(i.Graph(), int32(c.Updates))), 1, 1)
		of := func(x *Node) *Node { return Squeeze(Gather(x, round), 0) }
		parts := pack.Split(s.Theta)
		next := of(b.Next)
		judged := apply(pack.Split(b.Target)[0], next)
		target := ops.InstructedQTarget(of(b.Gain), of(b.Discount), judged, apply(parts[0], next), of(b.Lean))
		value := ops.Pick(apply(parts[0], of(b.Obs)), of(b.Action))
		loss := ops.TDLoss(value, target)
		grad, norm := nn.ClipNorm(pack.Gradient(loss, parts), c.MaxNorm)
		s.Theta, s.Adam = nn.Adam{LR: c.LR, Eps: 1.5e-5}.Step(s.Theta, grad, s.Adam)
		return s, qMarks{loss, ReduceAllMean(value), norm}
	}
}

// NewQ prepares instructQ for a resolved c. The engine stays open: it belongs to whoever opened it.
func NewQ(b *backend.Engine, c *Q) (*Worker, error) {
	if err := run.Check(c); err != nil {
		return nil, err
	}
	w, err := newWorker(b, &c.Told, *c.Lambda, c.Iterations, 1)
	if err != nil {
		return nil, err
	}
	values := net(w.rules, c.Hidden)
	pack := nn.Pack(values)
	act, err1 := newChooser(b, w.rules, c.Hidden)
	update, err2 := loop.New(b.Backend, "instructQ", c.Updates, c.update(pack, values.Apply))
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	w.programs = append(w.programs, act, update)
	w.make = func(t *Trainer, seed int64) (learner, error) {
		theta := pack.Init(uint64(run.Stream(seed, run.StreamInit)))
		q := &qLearner{c: c, act: act, update: update, params: theta, target: append([]float32(nil), theta...), m: make([]float32, len(theta)),
			v: make([]float32, len(theta)), clock: make([]float32, 1), counts: make([]int64, 3)}
		q.makeRoom(t)
		return q, q.ready()
	}
	return w, nil
}

// qLearner is one seed of instructQ.
type qLearner struct {
	c      *Q
	act    *loop.Func[look, choice]
	update *loop.Loop[learned, qBatch, qMarks]

	params, target, m, v []float32 // on the host; params and moments are copies of what is on the device
	clock                []float32 // Adam's
	device               loop.Values[learned]
	judge                *tensors.Tensor // target on the device
	replay               *replay
	waiting              *waiting
	counts               []int64 // minibatches so far; how full the buffer is, and where it goes on

	chosen []int32
	batch  struct{ obs, next, lean, gain, discount []float32 }
	action []int32
	bits   []uint64
}

func (q *qLearner) makeRoom(t *Trainer) {
	n, size, moves := q.c.Updates*q.c.Batch, t.rules.Size(), t.rules.Moves()
	q.batch.obs, q.batch.next, q.batch.lean = make([]float32, n*size), make([]float32, n*size), make([]float32, n*moves)
	q.batch.gain, q.batch.discount, q.action = make([]float32, n), make([]float32, n), make([]int32, n)
	q.chosen, q.bits = make([]int32, q.c.Envs), make([]uint64, words(size))
	q.replay, q.waiting = newReplay(q.c.Buffer, words(size)), newWaiting(2*q.c.Envs, words(size))
}

func (q *qLearner) theta() []float32              { return q.params }
func (q *qLearner) weight(lambda float64) float64 { return lambda }

// ready puts the parameters on the device.
func (q *qLearner) ready() error {
	if err := q.close(); err != nil {
		return err
	}
	flat := func(x []float32) *tensors.Tensor {
		return tensors.FromFlatDataAndDimensions(append([]float32(nil), x...), len(x))
	}
	var err error
	q.replay.n, q.replay.at = int(q.counts[1]), int(q.counts[2])
	q.judge = flat(q.target)
	q.device, err = loop.Pack[learned](flat(q.params), flat(q.m), flat(q.v), tensors.FromValue(q.clock[0]))
	return err
}

func (q *qLearner) close() error {
	err := q.device.Close()
	if q.judge != nil {
		err = errors.Join(err, q.judge.FinalizeAll())
	}
	return err
}

// iterate makes a move in every game and learns from old ones.
func (q *qLearner) iterate(ctx context.Context, t *Trainer) error {
	lean := leaning{t.priors[t.which()], t.lambda() * q.c.Beta}
	if err := q.play(ctx, t, lean); err != nil {
		return err
	}
	if q.replay.n < q.c.Warmup {
		return nil
	}
	return q.learn(ctx, t, lean)
}

func (q *qLearner) play(ctx context.Context, t *Trainer, lean leaning) error {
	if err := t.observe(); err != nil {
		return err
	}
	if err := t.leanTo(lean); err != nil {
		return err
	}
	if err := ask(ctx, q.act, q.device.Get("Theta"), t.obs, t.lean, q.chosen); err != nil {
		return err
	}
	size := t.rules.Size()
	for i := range t.moves {
		t.moves[i] = int(q.chosen[i])
		if t.rng.Float64() < q.epsilon(i) {
			t.moves[i] = anyOf(t.legal[i], t.rng.Uint64N)
		}
		pack(t.obs[i*size:][:size], q.bits)
		now, mine := seen{q.bits, int32(t.history[i]), t.legal[i]}, 2*i+t.games.Game(i).Player()
		q.replay.add(q.waiting, mine, &now)
		q.waiting.begin(mine, now, t.moves[i])
	}
	if err := t.step(); err != nil {
		return err
	}
	for i, reward := range t.steps.Reward {
		for p := range 2 {
			q.waiting.reward(2*i+p, reward, float32(q.c.Gamma))
			if t.steps.Done[i] {
				q.replay.add(q.waiting, 2*i+p, nil)
			}
		}
	}
	return nil
}

// epsilon of a game: most in the first, its eighth power in the last.
func (q *qLearner) epsilon(game int) float64 {
	return math.Pow(q.c.Epsilon, 1+7*float64(game)/float64(max(q.c.Envs-1, 1)))
}

// anyOf is one of the legal moves, all equally likely.
func anyOf(legal uint64, below func(uint64) uint64) int {
	n := uint64(0)
	for l := legal; l != 0; l &= l - 1 {
		n++
	}
	k := below(n)
	for m := 0; ; m++ {
		if legal>>m&1 == 1 {
			if k == 0 {
				return m
			}
			k--
		}
	}
}

func (q *qLearner) learn(ctx context.Context, t *Trainer, lean leaning) error {
	size, moves, n := t.rules.Size(), t.rules.Moves(), q.c.Updates*q.c.Batch
	r := q.replay
	for k := range n {
		from := r.draw(t.rng)
		unpack(r.obs[from*r.width:][:r.width], q.batch.obs[k*size:][:size])
		unpack(r.next[from*r.width:][:r.width], q.batch.next[k*size:][:size])
		if err := lean.write(int(r.history[from]), r.legal[from], q.batch.lean[k*moves:][:moves]); err != nil {
			return err
		}
		q.action[k], q.batch.gain[k], q.batch.discount[k] = int32(r.action[from]), r.gain[from], r.discount[from]
	}
	shaped := func(x []float32, last ...int) *tensors.Tensor {
		return tensors.FromFlatDataAndDimensions(x, append([]int{q.c.Updates, q.c.Batch}, last...)...)
	}
	b, err := loop.Pack[qBatch](q.judge, shaped(q.batch.obs, size), shaped(q.batch.next, size), shaped(q.batch.lean, moves),
		tensors.FromFlatDataAndDimensions(q.action, q.c.Updates, q.c.Batch), shaped(q.batch.gain), shaped(q.batch.discount))
	if err != nil {
		return err
	}
	device, marks, err := q.update.Run(ctx, 0, q.c.Updates, q.device, b)
	q.device = device
	if err != nil {
		return err
	}
	for _, x := range b.Tensors()[1:] {
		err = errors.Join(err, x.FinalizeAll())
	}
	for name, x := range marks.All() {
		err = errors.Join(err, tensors.ConstFlatData(x, func(v []float32) {
			for _, y := range v[:q.c.Updates] {
				t.put(map[string]string{"Loss": "losses/td", "Value": "losses/value", "Norm": "losses/grad_norm"}[name], float64(y))
			}
		}))
	}
	before := q.counts[0]
	q.counts[0] += int64(q.c.Updates)
	every := int64(q.c.TargetEvery)
	if before/every != q.counts[0]/every {
		err = errors.Join(err, q.copyTarget())
	}
	return errors.Join(err, marks.Close(), copyOut(q.device.Get("Theta"), q.params))
}

func (q *qLearner) copyTarget() error {
	if err := copyOut(q.device.Get("Theta"), q.target); err != nil {
		return err
	}
	err := q.judge.FinalizeAll()
	q.judge = tensors.FromFlatDataAndDimensions(append([]float32(nil), q.target...), len(q.target))
	return err
}

func (q *qLearner) slots() ([]slot, error) {
	err := errors.Join(copyOut(q.device.Get("Theta"), q.params), copyOut(q.device.Get("Adam.M"), q.m), copyOut(q.device.Get("Adam.V"), q.v),
		copyOut(q.device.Get("Adam.T"), q.clock))
	q.counts[1], q.counts[2] = int64(q.replay.n), int64(q.replay.at)
	out := []slot{{"theta", q.params}, {"target", q.target}, {"adam/m", q.m}, {"adam/v", q.v}, {"adam/t", q.clock}, {"counts", q.counts}}
	return append(append(out, q.replay.slots()...), q.waiting.slots()...), err
}

func (q *qLearner) sound(t *Trainer) error {
	histories, err := t.rules.Histories()
	if err != nil {
		return err
	}
	r, w := q.replay, q.waiting
	n, at := q.counts[1], q.counts[2]
	if n < 0 || n > int64(r.capacity) || at < 0 || at >= int64(r.capacity) {
		return fmt.Errorf("the replay buffer holds %d moves of %d", n, r.capacity)
	}
	moves := t.rules.Moves()
	return errors.Join(
		sound(moves, len(histories), r.action, r.history, r.legal, func(k int) bool { return int64(k) < n }),
		sound(moves, len(histories), w.action, w.history, w.legal, func(k int) bool { return w.open[k] != 0 }))
}
