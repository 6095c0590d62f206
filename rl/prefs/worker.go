package prefs

import (
	"context"
	"errors"
	"fmt"
	"time"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"golang.org/x/sync/errgroup"

	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/env"
	"github.com/rewardlab/rewardlab/rl/loop"
	"github.com/rewardlab/rewardlab/rl/nn"
	"github.com/rewardlab/rewardlab/rl/ppo"
	"github.com/rewardlab/rewardlab/rl/rollout"
	"github.com/rewardlab/rewardlab/rl/run"
	"github.com/rewardlab/rewardlab/rl/trainer"
)

// learner is the compiled programs of one configuration.
type learner struct {
	prefs
	policy *ppo.Learner
	take   *loop.Func[taken, keep]
	ask    *loop.Func[question, stored]
	fit    *loop.Loop[student, lesson, progress]
	test   *loop.Func[exam, grade]
	pay    *loop.Func[work, wage]
	blind  *tensors.Tensor // [T, N, 1]: states that nobody draws
	random *randomPlayer
	host   *host // nil: the synthetic annotator answers inside the programs
}

// Options say who answers. The zero value is the synthetic annotator.
type Options struct {
	// Gatherer is asked. Nil, with a Book: nobody is, the answers in the book are all there is.
	Gatherer Gatherer
	// Book keeps the answers. Those that it holds at the start are learned from, and count as asked. Nil: they are kept in memory, and the training
	// cannot be resumed.
	Book *Book
	// Background lets the training go on while the gatherer answers: it learns from answers as they come into Book, which the gatherer itself must
	// keep them in. The training waits where it would run more than one round of queries ahead.
	Background bool
	// Frames gives clips their pictures.
	Frames bool
	// Task is the sentence that clips are judged by.
	Task string
}

// What the programs take and give.
type (
	taken struct {
		Replay Replay
		Seen   nn.Running
		Steps  rollout.Steps
		States *Node
	}
	keep struct {
		Replay Replay
		Seen   nn.Running
	}
	question struct {
		Key    *Node
		Eyes   eyes
		Replay Replay
		Data   Data
		N      *Node
	}
	stored struct {
		Key      *Node
		Data     Data
		Foreseen *Node
	}
	exam struct {
		Key    *Node
		Eyes   eyes
		Replay Replay
	}
	grade struct{ Key, Stats *Node }
	work  struct {
		Eyes   eyes
		Scale  nn.Running
		Steps  rollout.Steps
		Anchor rollout.Mind
		Anew   *Node
	}
	wage struct {
		Scale         nn.Running
		Reward, Stats *Node
	}
)

// New compiles the programs for c, which must be resolved and checked, in environment e. Closing the worker frees them; the engine stays open.
func New(ctx context.Context, b *backend.Engine, e env.Env, c *Config, o Options) (*trainer.Worker, error) {
	began := time.Now()
	e, err := judged(e, c.Judge)
	if err != nil {
		return nil, fmt.Errorf("prefs: %w", err)
	}
	w := trainer.NewWorker(b.Name, b.Backend)
	policy, err := ppo.NewLearner(ctx, b, env.Auto(e), &c.Config)
	if err != nil {
		return nil, fmt.Errorf("prefs: %w", err)
	}
	w.Frees(policy.Close)
	l := &learner{policy: policy}
	w.Frees(l.close)
	if err := l.build(ctx, b, c, o); err != nil {
		return nil, errors.Join(fmt.Errorf("prefs: %w", err), w.Close())
	}
	marks, err := policy.Examiner(ctx, b)
	if err != nil {
		return nil, errors.Join(err, w.Close())
	}
	w.Frees(marks.Close)
	plan := trainer.Plan[State]{
		Advance: l.advance, Start: func(seed int64) (loop.Values[State], error) { return l.start(ctx, seed) },
		Total: c.Iterations(), Chunk: c.Chunk(), LogEvery: c.Every(), StepsPer: c.Batch(),
		Evaluate: l.evaluation(marks),
	}
	w.Make = func(ctx context.Context, seed int64, state []run.Array) (run.Trainer, error) {
		t, err := plan.Trainer(ctx, seed, state)
		if err == nil && l.host != nil {
			l.host.begin(state != nil)
		}
		return t, err
	}
	w.Details.CompileSeconds = time.Since(began).Seconds()
	return w, nil
}

// build makes and compiles the programs, side by side.
func (l *learner) build(ctx context.Context, b *backend.Engine, c *Config, o Options) error {
	agent := l.policy.Agent()
	l.prefs = prefs{Config: c, agent: agent, model: newModel(agent.Vector.Spec(), c), frame: 1}
	for _, n := range c.plan() {
		l.most = max(l.most, n)
	}
	p := &l.prefs
	if err := p.check(); err != nil {
		return err
	}
	var errs [7]error
	if o.Gatherer != nil || o.Book != nil {
		l.host, errs[6] = newHost(b, p, o)
	}
	l.blind = nn.ZeroTensor(c.Steps, c.Envs, p.frame)
	l.take, errs[0] = loop.NewFunc(b.Backend, "prefs: clips", func(in taken) keep {
		r, seen := p.take(in.Replay, in.Seen, in.Steps, in.States)
		return keep{r, seen}
	})
	l.ask, errs[1] = loop.NewFunc(b.Backend, "prefs: queries and answers", func(in question) stored {
		key, chosen := p.choose(in.Key, in.Eyes, in.Replay, in.N)
		key, prefer := p.annotate(key, p.merit(chosen.Reward))
		key, data, foreseen := p.store(key, in.Eyes, in.Data, chosen.Rows, prefer, chosen.OK)
		return stored{key, data, foreseen}
	})
	l.fit, errs[2] = loop.New(b.Backend, "prefs: fit", c.Fit*c.Warmup, p.fit)
	l.test, errs[3] = loop.NewFunc(b.Backend, "prefs: held-out pairs", func(in exam) grade {
		key, stats := p.examine(in.Key, in.Eyes, in.Replay)
		return grade{key, stats}
	})
	l.pay, errs[4] = loop.NewFunc(b.Backend, "prefs: rewards", func(in work) wage {
		scale, reward, stats := p.pay(in.Eyes, in.Scale, in.Steps, in.Anchor, in.Anew)
		return wage{scale, reward, stats}
	})
	l.random, errs[5] = newRandomPlayer(b, agent.Vector, c.EvalEpisodes, c.EvalSteps)
	if err := errors.Join(errs[:]...); err != nil {
		return err
	}
	return l.compile(ctx)
}

func (l *learner) compile(ctx context.Context) error {
	s, err := l.start(ctx, 0)
	if err != nil {
		return err
	}
	h, err := open(s)
	if err != nil {
		return err
	}
	steps, err := loop.Pack[rollout.Steps](l.policy.Player().StepsLike()...)
	if err != nil {
		return err
	}
	one := loop.Leaf{T: nn.ZeroTensor()}
	var side errgroup.Group
	side.Go(func() error {
		in, err1 := loop.Join[taken](h.replay, h.seen, steps, loop.Leaf{T: l.blind})
		_, err2 := l.take.Compile(in)
		return errors.Join(err1, err2)
	})
	side.Go(func() error {
		in, err1 := loop.Join[question](h.key, h.theta, h.seen, h.replay, h.data, one)
		_, err2 := l.ask.Compile(in)
		return errors.Join(err1, err2)
	})
	side.Go(func() error {
		who, err1 := loop.Join[student](h.theta, h.adam, h.key)
		what, err2 := loop.Join[lesson](h.data, h.seen)
		_, err3 := l.fit.Compile(who, what)
		return errors.Join(err1, err2, err3)
	})
	side.Go(func() error {
		in, err1 := loop.Join[exam](h.key, h.theta, h.seen, h.replay)
		_, err2 := l.test.Compile(in)
		return errors.Join(err1, err2)
	})
	side.Go(func() error {
		in, err1 := loop.Join[work](h.theta, h.seen, h.scale, steps, h.anchor, one)
		_, err2 := l.pay.Compile(in)
		return errors.Join(err1, err2)
	})
	return errors.Join(side.Wait(), s.Close(), steps.Close(), one.T.FinalizeAll())
}

// close frees the programs.
func (l *learner) close() {
	l.take.Close()
	l.ask.Close()
	l.fit.Close()
	l.test.Close()
	l.pay.Close()
	if l.random != nil {
		l.random.close()
	}
	if l.host != nil {
		l.host.close()
	}
	if l.blind != nil {
		_ = l.blind.FinalizeAll()
	}
}

// start is the state of iteration 0.
func (l *learner) start(ctx context.Context, seed int64) (loop.Values[State], error) {
	policy, err := l.policy.Start(ctx, seed)
	if err != nil {
		return loop.Values[State]{}, err
	}
	key, err := RNGStateFromSeed(run.Stream(seed, "preferences"))
	if err != nil {
		return loop.Values[State]{}, fmt.Errorf("random state of queries: %w", err)
	}
	theta, err := tensors.CopyFlatData[float32](policy.Get("Learner.Theta"))
	if err != nil {
		return loop.Values[State]{}, fmt.Errorf("the policy's parameters: %w", err)
	}
	size, w := l.model.spec.ObsSize(), l.model.width()
	ts := append(policy.Tensors(), nn.Start(l.model.pack.Init(uint64(run.Stream(seed, "reward"))))...)
	ts = append(append(ts, nn.RunningStart(size)...), nn.RunningStart(l.Members)...)
	kept, q, k := l.kept(), l.queries(), l.Compare
	ts = append(ts, nn.ZeroTensor(kept, l.ClipSteps, w), nn.ZeroTensor(kept, l.ClipSteps), nn.ZeroTensor(kept, l.ClipSteps, l.frame), nn.ZeroTensor(kept))
	ts = append(ts, nn.ZeroTensor(q, k, l.ClipSteps, w), nn.ZeroTensor(q, k, k), nn.ZeroTensor(q, l.Members), nn.ZeroTensor())
	ts = append(append(ts, tensors.FromValue(theta)), nn.RunningStart(size)...)
	return loop.Pack[State](append(ts, key)...)
}

// hand is a State taken apart. The parts share its tensors.
type hand struct {
	policy      loop.Values[ppo.State]
	theta       loop.Leaf
	adam        loop.Values[nn.Moments]
	seen, scale loop.Values[nn.Running]
	replay      loop.Values[Replay]
	data        loop.Values[Data]
	anchor      loop.Values[rollout.Mind]
	key         loop.Leaf
}

func open(s loop.Values[State]) (*hand, error) {
	var errs [7]error
	h := &hand{theta: loop.Leaf{T: s.Get("Reward.Theta")}, key: loop.Leaf{T: s.Get("Key")}}
	h.policy, errs[0] = loop.Part[ppo.State](s, "Policy")
	h.adam, errs[1] = loop.Part[nn.Moments](s, "Reward.Adam")
	h.seen, errs[2] = loop.Part[nn.Running](s, "Reward.Seen")
	h.scale, errs[3] = loop.Part[nn.Running](s, "Reward.Scale")
	h.replay, errs[4] = loop.Part[Replay](s, "Replay")
	h.data, errs[5] = loop.Part[Data](s, "Data")
	h.anchor, errs[6] = loop.Part[rollout.Mind](s, "Anchor")
	return h, errors.Join(errs[:]...)
}

// join is the State again.
func (h *hand) join() (loop.Values[State], error) {
	return loop.Join[State](h.policy, h.theta, h.adam, h.seen, h.scale, h.replay, h.data, h.anchor, h.key)
}

// count is how many answers there are.
func (h *hand) count() (int, error) {
	n, err := tensors.CopyFlatData[float32](h.data.Get("Count"))
	if err != nil {
		return 0, fmt.Errorf("number of answers: %w", err)
	}
	return int(n[0]), nil
}

// swap puts the field of out called name in the place of old, which it frees.
func swap[P, S any](old *loop.Values[P], out loop.Values[S], name string) error {
	part, err := loop.Part[P](out, name)
	if err != nil {
		return err
	}
	err = old.Close()
	*old = part
	return err
}

func swapLeaf(old *loop.Leaf, t *tensors.Tensor) error {
	err := old.T.FinalizeAll()
	old.T = t
	return err
}

// advance does n iterations.
func (l *learner) advance(ctx context.Context, from, n int, s loop.Values[State]) (loop.Values[State], []trainer.Metric, error) {
	log := newDiary(rollout.NewJournal(l.Env))
	for i := from; i < from+n; i++ {
		h, err := open(s)
		if err != nil {
			return s, nil, err
		}
		err = l.iterate(ctx, i, h, log)
		var joined error
		s, joined = h.join()
		if err := errors.Join(err, joined); err != nil {
			return s, nil, fmt.Errorf("prefs: %w", err)
		}
	}
	return s, log.metrics(), nil
}

// iterate is one iteration: play, cut clips, ask and fit if a round is due, pay, learn.
func (l *learner) iterate(ctx context.Context, i int, h *hand, log *diary) error {
	log.begin()
	before, err := l.scene(h)
	if err != nil {
		return err
	}
	policy, steps, err := l.policy.Play(ctx, h.policy)
	if err != nil {
		return err
	}
	h.policy = policy
	if err := l.remember(ctx, h, steps, before); err != nil {
		return err
	}
	anew := float32(0)
	r, due := l.round(i)
	switch {
	case l.host != nil:
		learned, err := l.consult(ctx, h, i, r, due, log)
		if err != nil {
			return err
		}
		if learned {
			anew = 1
		}
	case due:
		if err := l.askRound(ctx, h, r, log); err != nil {
			return err
		}
		anew = 1
	}
	reward, err := l.wages(ctx, h, steps, anew, log)
	if err != nil {
		return err
	}
	n, err := h.count()
	if err != nil {
		return err
	}
	log.Put("labels/answers", float32(n*Cost(l.Compare)))
	h.policy, err = l.policy.Learn(ctx, i, h.policy, steps, reward, log.Journal)
	return err
}

// remember cuts the trajectory into clips and keeps them.
func (l *learner) remember(ctx context.Context, h *hand, steps loop.Values[rollout.Steps], before loop.Values[rollout.Walk]) error {
	states := loop.Leaf{T: l.blind}
	if !before.Empty() {
		seen, err := l.host.watch(ctx, before, h.policy, steps)
		if err != nil {
			return err
		}
		defer func() { _ = seen.FinalizeAll() }()
		states.T = seen
	}
	in, err := loop.Join[taken](h.replay, h.seen, steps, states)
	if err != nil {
		return err
	}
	out, err := l.take.Call(ctx, in)
	if err != nil {
		return err
	}
	return errors.Join(swap(&h.replay, out, "Replay"), swap(&h.seen, out, "Seen"))
}

// askRound puts the queries of round r to the synthetic annotator, and fits the models.
func (l *learner) askRound(ctx context.Context, h *hand, r int, log *diary) error {
	n := loop.Leaf{T: tensors.FromValue(float32(l.plan()[r]))}
	defer func() { _ = n.T.FinalizeAll() }()
	in, err := loop.Join[question](h.key, h.theta, h.seen, h.replay, h.data, n)
	if err != nil {
		return err
	}
	out, err := l.ask.Call(ctx, in)
	if err != nil {
		return err
	}
	err = errors.Join(swap(&h.data, out, "Data"), swapLeaf(&h.key, out.Get("Key")), log.share("pairs/foreseen", out.Get("Foreseen")))
	if err != nil {
		return err
	}
	rounds := l.Fit
	if r == 0 {
		rounds *= l.Warmup
	}
	if err := l.refit(ctx, h, rounds, log); err != nil {
		return err
	}
	test, err := loop.Join[exam](h.key, h.theta, h.seen, h.replay)
	if err != nil {
		return err
	}
	marks, err := l.test.Call(ctx, test)
	if err != nil {
		return err
	}
	return errors.Join(swapLeaf(&h.key, marks.Get("Key")), log.grades(marks.Get("Stats")))
}

// refit learns from all answers so far, in so many minibatches.
func (l *learner) refit(ctx context.Context, h *hand, rounds int, log *diary) error {
	if n, err := h.count(); n == 0 || err != nil {
		return err
	}
	who, err1 := loop.Join[student](h.theta, h.adam, h.key)
	what, err2 := loop.Join[lesson](h.data, h.seen)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	who, marks, err := l.fit.Run(ctx, 0, rounds, who, what)
	if err != nil {
		return err
	}
	h.theta.T, h.key.T = who.Get("Theta"), who.Get("Key")
	adam, err := loop.Part[nn.Moments](who, "Adam")
	if err != nil {
		return err
	}
	h.adam = adam
	return errors.Join(log.losses(marks.Get("Loss"), rounds), marks.Close())
}

// wages are the rewards of a trajectory.
func (l *learner) wages(ctx context.Context, h *hand, steps loop.Values[rollout.Steps], anew float32, log *diary) (*tensors.Tensor, error) {
	flag := loop.Leaf{T: tensors.FromValue(anew)}
	defer func() { _ = flag.T.FinalizeAll() }()
	in, err := loop.Join[work](h.theta, h.seen, h.scale, steps, h.anchor, flag)
	if err != nil {
		return nil, err
	}
	out, err := l.pay.Call(ctx, in)
	if err != nil {
		return nil, err
	}
	return out.Get("Reward"), errors.Join(swap(&h.scale, out, "Scale"), log.paid(out.Get("Stats")))
}
