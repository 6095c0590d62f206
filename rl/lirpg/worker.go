package lirpg

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"golang.org/x/sync/errgroup"

	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/env"
	"github.com/rewardlab/rewardlab/rl/loop"
	"github.com/rewardlab/rewardlab/rl/nn"
	"github.com/rewardlab/rewardlab/rl/rollout"
	"github.com/rewardlab/rewardlab/rl/run"
	"github.com/rewardlab/rewardlab/rl/trainer"
)

// programs are the three of an iteration.
type programs struct {
	*lirpg
	player  *rollout.Player
	prepare *loop.Func[question, answer]
	update  *loop.Loop[minds, lesson, marks]
	say     func(string)
	silent  bool // the training that goes on has been said to earn nothing
}

// New compiles the programs for c, which must be resolved and checked, in environment e, whose rewards it delays as c says. say gets sentences for
// people; it may be nil. Closing the worker frees the programs; the engine stays open: it belongs to whoever opened it.
func New(ctx context.Context, b *backend.Engine, e env.Env, c *Config, say func(string)) (*trainer.Worker, error) {
	began := time.Now()
	if say == nil {
		say = func(string) {}
	}
	w := trainer.NewWorker(b.Name, b.Backend)
	if err := build(ctx, w, b, e, c, say); err != nil {
		return nil, errors.Join(fmt.Errorf("lirpg: %w", err), w.Close())
	}
	w.Details.CompileSeconds = time.Since(began).Seconds()
	return w, nil
}

// newLIRPG fits nets to the environment.
func newLIRPG(e env.Env, c *Config) (*lirpg, error) {
	if c.Delay > 1 {
		e = env.DelayReward(e, c.Delay)
	}
	agent, err := rollout.NewAgent(env.Auto(e), c.Agent())
	if err != nil {
		return nil, err
	}
	return &lirpg{c, agent, newMotive(c, agent), agent.Vector.Spec()}, nil
}

// newPrograms makes and compiles the programs, side by side; w frees them.
func newPrograms(ctx context.Context, w *trainer.Worker, b *backend.Engine, e env.Env, c *Config, say func(string)) (*programs, error) {
	l, err := newLIRPG(e, c)
	if err != nil {
		return nil, err
	}
	p := &programs{lirpg: l, say: say}
	if p.player, err = rollout.NewPlayer(b.Backend, l.agent, c.Envs, c.Steps); err != nil {
		return nil, err
	}
	w.Frees(p.player.Close)
	if p.prepare, err = loop.NewFunc(b.Backend, "lirpg: prepare", l.prepare); err != nil {
		return nil, err
	}
	w.Frees(p.prepare.Close)
	if p.update, err = loop.New(b.Backend, "lirpg: update", c.rounds(), l.update); err != nil {
		return nil, err
	}
	w.Frees(p.update.Close)
	return p, p.compile(ctx)
}

// build makes a worker of the programs and an examination.
func build(ctx context.Context, w *trainer.Worker, b *backend.Engine, e env.Env, c *Config, say func(string)) error {
	if c.Steps < c.Delay {
		say(fmt.Sprintf("lirpg: a trajectory has %d steps and rewards are paid every %d: some updates will see no reward at all; more steps help", c.Steps, c.Delay))
	}
	p, err := newPrograms(ctx, w, b, e, c, say)
	if err != nil {
		return err
	}
	if c.sign(c.Iterations()-1) < 0 {
		e = env.WithReward(e, func(_, _, _, reward *Node) *Node { return Neg(reward) })
	}
	undelayed, err := rollout.NewAgent(env.Auto(e), c.Agent())
	if err != nil {
		return err
	}
	exam, err := rollout.NewExaminer(b.Backend, undelayed, c.EvalEpisodes, c.EvalSteps)
	if err != nil {
		return err
	}
	w.Frees(exam.Close)
	exam.CompileAhead(ctx)
	w.Make = func(ctx context.Context, seed int64, state []run.Array) (run.Trainer, error) {
		p.silent = false
		plan := trainer.Plan[State]{
			Advance: rollout.Advance(c.Env, func(ctx context.Context, i int, s loop.Values[State], log *rollout.Journal) (loop.Values[State], error) {
				return p.iterate(ctx, seed, i, s, log)
			}),
			Start: func(seed int64) (loop.Values[State], error) { return p.start(ctx, seed) },
			Total: c.Iterations(), Chunk: c.Chunk(), LogEvery: c.Every(), StepsPer: c.Batch(),
			Evaluate: rollout.Evaluation[State](exam, ""),
		}
		return plan.Trainer(ctx, seed, state)
	}
	return nil
}

// compile compiles what training needs, side by side.
func (p *programs) compile(ctx context.Context) error {
	mind, err := p.agent.MindLike()
	if err != nil {
		return err
	}
	var side errgroup.Group
	side.Go(func() error { return p.player.Compile(ctx, mind) })
	side.Go(func() error {
		l, err1 := p.lessonLike()
		s, err2 := p.mindsOf(0, 0)
		if err := errors.Join(err1, err2); err != nil {
			return err
		}
		_, err := p.update.Compile(s, l)
		return errors.Join(err, s.Close(), l.Close())
	})
	side.Go(func() error {
		key, err := RNGStateFromSeed(0)
		if err != nil {
			return err
		}
		ts := []*tensors.Tensor{nn.ZeroTensor(p.agent.Net.Pack.Size()), nn.ZeroTensor(p.motive.Pack.Size())}
		ts = append(append(append(ts, p.player.LedgerStart()...), p.countsStart(), key, tensors.FromScalar(p.sign(0))), p.player.StepsLike()...)
		q, err := loop.Pack[question](ts...)
		if err != nil {
			return err
		}
		_, err = p.prepare.Compile(q)
		return errors.Join(err, q.Close())
	})
	return errors.Join(side.Wait(), mind.Close())
}

// lessonLike is a lesson of zeros.
func (l *lirpg) lessonLike() (loop.Values[lesson], error) {
	width := l.spec.ObsSize() + max(l.spec.Action.Dim, 1) + numbers
	order := tensors.FromShape(shapes.Make(dtypes.Int32, l.steps(), l.Envs/l.Minibatches))
	return loop.Pack[lesson](nn.ZeroTensor(l.Envs, l.Steps, width), order)
}

// mindsOf is a fresh agent and a fresh motive.
func (l *lirpg) mindsOf(agent, motive int64) (loop.Values[minds], error) {
	return loop.Pack[minds](append(nn.Start(l.agent.Net.Init(uint64(agent))), nn.Start(l.motive.Init(uint64(motive)))...)...)
}

func (l *lirpg) countsStart() *tensors.Tensor {
	if l.Bonus != "count" {
		return nn.ZeroTensor(1)
	}
	return nn.ZeroTensor(1 << l.Bits)
}

// start is the state of iteration 0.
func (p *programs) start(ctx context.Context, seed int64) (loop.Values[State], error) {
	var none loop.Values[State]
	walk, err := p.player.Start(ctx, run.Stream(seed, run.StreamTrain))
	if err != nil {
		return none, err
	}
	key, err := RNGStateFromSeed(run.Stream(seed, "shuffle"))
	if err != nil {
		return none, fmt.Errorf("random state of the shuffles: %w", err)
	}
	m, err := p.mindsOf(run.Stream(seed, run.StreamInit), run.Stream(seed, "motive"))
	if err != nil {
		return none, err
	}
	ts := append(append(m.Tensors(), walk.Tensors()...), p.player.LedgerStart()...)
	return loop.Pack[State](append(ts, p.countsStart(), key)...)
}

// iterate is one iteration of the training of seed.
func (p *programs) iterate(ctx context.Context, seed int64, i int, s loop.Values[State], log *rollout.Journal) (loop.Values[State], error) {
	if i == p.freshAt() {
		var err error
		if s, err = p.renew(seed, s); err != nil {
			return s, err
		}
	}
	s, steps, err := p.play(ctx, s)
	if err != nil {
		return s, err
	}
	return p.learn(ctx, i, s, steps, log)
}

// renew puts a fresh agent in the place of the old one, and a fresh motive too if that is asked for.
func (p *programs) renew(seed int64, s loop.Values[State]) (loop.Values[State], error) {
	fresh, err := p.mindsOf(run.Stream(seed, "fresh agent"), run.Stream(seed, "fresh motive"))
	if err != nil {
		return s, err
	}
	agent, err1 := loop.Part[learner](fresh, "Learner")
	newMotive, err2 := loop.Part[motive](fresh, "Motive")
	motive, err3 := loop.Part[motive](s, "Motive")
	old, err4 := loop.Part[learner](s, "Learner")
	walk, err5 := loop.Part[rollout.Walk](s, "Walk")
	ledger, err6 := loop.Part[rollout.Ledger](s, "Ledger")
	if err := errors.Join(err1, err2, err3, err4, err5, err6); err != nil {
		return s, err
	}
	if p.FreshMotive {
		motive, newMotive = newMotive, motive
	}
	s, err = loop.Join[State](agent, motive, walk, ledger, loop.Leaf{T: s.Get("Counts")}, loop.Leaf{T: s.Get("Key")})
	return s, errors.Join(err, newMotive.Close(), old.Close())
}

// play collects a trajectory. It consumes s; the one that it returns shares all but the environments with it.
func (p *programs) play(ctx context.Context, s loop.Values[State]) (loop.Values[State], loop.Values[rollout.Steps], error) {
	var none loop.Values[rollout.Steps]
	m, err1 := loop.Pack[minds](s.Tensors()[:len(loop.Names[minds]())]...)
	walk, err2 := loop.Part[rollout.Walk](s, "Walk")
	ledger, err3 := loop.Part[rollout.Ledger](s, "Ledger")
	mind, err4 := rollout.MindIn(s, "")
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return s, none, err
	}
	walk, steps, err := p.player.Play(ctx, walk, mind)
	if err != nil {
		return s, none, err
	}
	s, err = loop.Join[State](m, walk, ledger, loop.Leaf{T: s.Get("Counts")}, loop.Leaf{T: s.Get("Key")})
	return s, steps, err
}

// learn updates agent and motive in iteration i by the trajectory that play gave with s, both of which it consumes.
func (p *programs) learn(ctx context.Context, i int, s loop.Values[State], steps loop.Values[rollout.Steps], log *rollout.Journal) (loop.Values[State], error) {
	m, err1 := loop.Pack[minds](s.Tensors()[:len(loop.Names[minds]())]...)
	walk, err2 := loop.Part[rollout.Walk](s, "Walk")
	ledger, err3 := loop.Part[rollout.Ledger](s, "Ledger")
	counts, key := loop.Leaf{T: s.Get("Counts")}, loop.Leaf{T: s.Get("Key")}
	sign := loop.Leaf{T: tensors.FromScalar(p.sign(i))}
	q, err4 := loop.Join[question](loop.Leaf{T: s.Get("Learner.Theta")}, loop.Leaf{T: s.Get("Motive.Eta")}, ledger, counts, key, sign, steps)
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return s, err
	}
	a, err := p.prepare.Call(ctx, q)
	if err != nil {
		return s, errors.Join(err, steps.Close())
	}
	taught, err1 := loop.Part[lesson](a, "Lesson")
	newLedger, err2 := loop.Part[rollout.Ledger](a, "Ledger")
	if err := errors.Join(err1, err2); err != nil {
		return s, err
	}
	m, marks, err := p.update.Run(ctx, i*p.rounds(), p.rounds(), m, taught)
	if err != nil {
		return s, err
	}
	s, err = loop.Join[State](m, walk, newLedger, loop.Leaf{T: a.Get("Counts")}, loop.Leaf{T: a.Get("Key")})
	return s, errors.Join(err, log.Rollout(i, a.Get("Stats")), p.logRewards(i, log, a.Get("Largest")), p.logMarks(i, log, marks.Get("Values")),
		ledger.Close(), counts.T.FinalizeAll(), key.T.FinalizeAll(), sign.T.FinalizeAll(), steps.Close(), taught.Close(), marks.Close(),
		a.Get("Stats").FinalizeAll(), a.Get("Largest").FinalizeAll())
}

// logRewards notes iterations without any extrinsic reward, and says so the first time: with them, chance and the critics' errors are all that
// the outer step can follow.
func (p *programs) logRewards(i int, log *rollout.Journal, largest *tensors.Tensor) error {
	x := tensors.ToScalar[float32](largest)
	none := float32(0)
	if x == 0 {
		none = 1
		if !p.silent {
			p.silent = true
			p.say(fmt.Sprintf("lirpg: all %d extrinsic rewards of iteration %d are 0; the training goes on, metric meta/no_reward counts such iterations", p.Batch(), i))
		}
	}
	log.Put("meta/no_reward", none)
	return nil
}

// logMarks adds the means of the updates' marks, [rounds, len(names)].
func (p *programs) logMarks(i int, log *rollout.Journal, marks *tensors.Tensor) error {
	log.LearningRate(p.LR, p.ConstantLR, i, p.Iterations())
	m, err := tensors.CopyFlatData[float32](marks)
	if err != nil {
		return fmt.Errorf("losses: %w", err)
	}
	for k, name := range names {
		var sum float32
		for row := range p.rounds() {
			x := m[row*len(names)+k]
			if name == metaNorm && (math.IsNaN(float64(x)) || float64(x) > p.Explosion) {
				return fmt.Errorf("lirpg: in iteration %d, update %d of %d, the meta-gradient has length %g: it has exploded; try a smaller lr or beta, or optimizer=rmsprop", i, row+1, p.rounds(), x)
			}
			sum += x
		}
		log.Put(name, sum/float32(p.rounds()))
	}
	return nil
}
