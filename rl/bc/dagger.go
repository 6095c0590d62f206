package bc

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/rewardlab/rewardlab/datasets"
	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/env"
	"github.com/rewardlab/rewardlab/rl/loop"
	"github.com/rewardlab/rewardlab/rl/nn"
	"github.com/rewardlab/rewardlab/rl/ops"
	"github.com/rewardlab/rewardlab/rl/rollout"
	"github.com/rewardlab/rewardlab/rl/run"
	"github.com/rewardlab/rewardlab/rl/trainer"
)

// Teacher is an expert that answers: an actor-critic in the same environment.
type Teacher struct {
	Agent rollout.AgentConfig
	Mind  loop.Values[rollout.Mind]
}

// DAggerState is everything that DAgger carries from one round to the next.
type DAggerState struct {
	Policy policy
	Adam   nn.Moments
	Key    *Node
	Walk   rollout.Walk
	Data   pairs // of all rounds: those collected so far are the last rows
}

// minds are what a round is played with. Beta is a float32 scalar, the probability that the teacher leads.
type minds struct {
	Student, Teacher rollout.Mind
	Beta             *Node
}

// visit is one step of a round in N environments.
type visit struct {
	Obs    *Node // [N, Obs...]
	Answer *Node // [N, columns], what the teacher would do
	Miss   *Node // [N], how far the student would be off
	Reward *Node // [N]
}

// collection is what a round adds to the data.
type collection struct {
	Data        pairs
	Obs, Answer *Node // [Steps, N, ...]
	Stats       nn.Running
}

type collected struct {
	Data  pairs
	Stats nn.Running
}

// dagger is the algorithm with its programs.
type dagger struct {
	*DAggerConfig
	fit     fitting
	teacher *rollout.Agent
	mind    loop.Values[rollout.Mind] // the teacher's

	player *rollout.Player // for where it begins
	play   *loop.Loop[rollout.Walk, minds, visit]
	add    *loop.Func[collection, collected]
	update *loop.Loop[learner, lesson, marks]
}

// visits is one step: whoever leads, the teacher says what it would do.
func (p *dagger) visits(_ *Node, w rollout.Walk, m minds) (rollout.Walk, visit) {
	v := p.fit.agent.Vector
	obs := v.Observe(w.Env)
	answer := v.Spec().Action.Clip(p.teacher.Act(m.Teacher, obs).Mode())
	own := p.fit.agent.Act(m.Student, obs).Mode()
	key, u := ops.Uniform(w.Key, p.Envs)
	leads := LessThan(u, BroadcastToDims(m.Beta, p.Envs))
	if own.Rank() == 2 {
		leads = BroadcastToDims(ExpandAxes(leads, -1), own.Shape().Dimensions...)
	}
	action := Where(leads, answer, own)
	key, next, out := v.Step(key, w.Env, action)
	rows := p.fit.agent.Columns(answer)
	return rollout.Walk{Env: next, Key: key}, visit{obs, rows, p.fit.miss(rows, own), out.Reward}
}

// collect adds a round to the data, and to what is known of observations.
func (p *dagger) collect(c collection) collected {
	n := p.Envs * p.Steps
	flat := func(x *Node) *Node { return Reshape(x, append([]int{n}, x.Shape().Dimensions[2:]...)...) }
	push := func(all, x *Node) *Node {
		if p.Iterations == 1 {
			return flat(x)
		}
		return Concatenate([]*Node{SliceAxis(all, 0, AxisRange(n)), flat(x)}, 0)
	}
	stats := c.Stats.Update(Reshape(c.Obs, n, p.fit.agent.Vector.Spec().ObsSize()))
	return collected{pairs{push(c.Data.Obs, c.Obs), push(c.Data.Action, c.Answer)}, stats}
}

// NewDAgger compiles DAgger in environment e for c, which must be resolved and checked. It takes over the teacher's mind. Demonstrations d scale the
// score; nothing is learned from them.
func NewDAgger(ctx context.Context, b *backend.Engine, e env.Env, c *DAggerConfig, t Teacher, d *datasets.Demos) (*trainer.Worker, error) {
	began := time.Now()
	w := trainer.NewWorker(b.Name, b.Backend)
	p := &dagger{DAggerConfig: c, mind: t.Mind}
	fail := func(err error) (*trainer.Worker, error) {
		return nil, errors.Join(fmt.Errorf("dagger: %w", err), w.Close(), t.Mind.Close())
	}
	agent, err := rollout.NewAgent(env.Auto(e), c.Agent())
	if err != nil {
		return fail(err)
	}
	if p.teacher, err = rollout.NewAgent(env.Auto(e), t.Agent); err != nil {
		return fail(err)
	}
	if have, want := t.Mind.Get("Theta").Size(), p.teacher.Net.Pack.Size(); have != want {
		return fail(fmt.Errorf("the expert has %d parameters, in %s it would need %d: name one that was trained there", have, e.Spec().Name, want))
	}
	if err := fits(d, e.Spec()); err != nil {
		return fail(err)
	}
	p.fit = fitting{&c.Fitting, agent}
	if err := p.build(b.Backend, w); err != nil {
		return fail(err)
	}
	exam, err := rollout.NewExaminer(b.Backend, agent, c.EvalEpisodes, c.EvalSteps)
	if err != nil {
		return fail(err)
	}
	w.Frees(exam.Close)
	exam.CompileAhead(ctx)
	plan := trainer.Plan[DAggerState]{
		Advance: p.advance, Start: func(seed int64) (loop.Values[DAggerState], error) { return p.start(ctx, seed) },
		Total: c.Iterations, Chunk: max(1, c.Iterations/10), LogEvery: 1, StepsPer: c.Envs * c.Steps,
		Evaluate: Normalised(rollout.Evaluation[DAggerState](exam, "Policy."), d),
	}
	w.Make = plan.Trainer
	w.Closers = append(w.Closers, t.Mind.Close)
	// One round of play compiles the programs.
	s, err := p.start(ctx, 0)
	if err == nil {
		s, _, err = p.advance(ctx, 0, 1, s)
	}
	if err := errors.Join(err, s.Close()); err != nil {
		return nil, errors.Join(fmt.Errorf("dagger: %w", err), w.Close())
	}
	w.Details.CompileSeconds = time.Since(began).Seconds()
	return w, nil
}

func (p *dagger) build(b compute.Backend, w *trainer.Worker) error {
	var err error
	if p.player, err = rollout.NewPlayer(b, p.fit.agent, p.Envs, p.Steps); err != nil {
		return err
	}
	w.Frees(p.player.Close)
	if p.play, err = loop.New(b, "dagger: play", p.Steps, p.visits); err != nil {
		return err
	}
	w.Frees(p.play.Close)
	if p.add, err = loop.NewFunc(b, "dagger: collect", p.collect); err != nil {
		return err
	}
	w.Frees(p.add.Close)
	if p.update, err = loop.New(b, "dagger: update", p.Updates, p.fit.update); err != nil {
		return err
	}
	w.Frees(p.update.Close)
	return nil
}

// start is the state of round 0.
func (p *dagger) start(ctx context.Context, seed int64) (loop.Values[DAggerState], error) {
	var none loop.Values[DAggerState]
	walk, err := p.player.Start(ctx, run.Stream(seed, run.StreamTrain))
	if err != nil {
		return none, err
	}
	key, err := RNGStateFromSeed(run.Stream(seed, "minibatches"))
	if err != nil {
		return none, fmt.Errorf("random state: %w", err)
	}
	spec := p.fit.agent.Vector.Spec()
	theta := p.fit.agent.Net.Init(uint64(run.Stream(seed, run.StreamInit)))
	begin := nn.Start(theta) // parameters, then Adam's moments
	ts := append(begin[:1:1], nn.RunningStart(spec.ObsSize())...)
	ts = append(append(append(ts, begin[1:]...), key), walk.Tensors()...)
	ts = append(ts, nn.ZeroTensor(append([]int{p.rows()}, spec.Obs...)...), nn.ZeroTensor(p.rows(), max(spec.Action.Dim, 1)))
	return loop.Pack[DAggerState](ts...)
}

// advance does n rounds: play, ask, learn from all that was ever answered.
func (p *dagger) advance(ctx context.Context, from, n int, s loop.Values[DAggerState]) (loop.Values[DAggerState], []trainer.Metric, error) {
	log := newNotes("charts/beta", "charts/reward", "charts/miss", "losses/train", "losses/entropy", "losses/grad_norm")
	for i := from; i < from+n; i++ {
		var err error
		if s, err = p.round(ctx, i, s, log); err != nil {
			return s, nil, fmt.Errorf("round %d: %w", i, err)
		}
	}
	return s, log.metrics, nil
}

func (p *dagger) round(ctx context.Context, i int, s loop.Values[DAggerState], log *notes) (loop.Values[DAggerState], error) {
	student, err1 := rollout.MindIn(s, "Policy.")
	walk, err2 := loop.Part[rollout.Walk](s, "Walk")
	adam, err3 := loop.Part[nn.Moments](s, "Adam")
	data, err4 := loop.Part[pairs](s, "Data")
	stats, err5 := loop.Part[nn.Running](s, "Policy.Ledger.Obs")
	theta, key := loop.Leaf{T: s.Get("Policy.Learner.Theta")}, loop.Leaf{T: s.Get("Key")}
	beta := math.Pow(p.Beta, float64(i))
	who, err6 := loop.Join[minds](student, p.mind, loop.Leaf{T: tensors.FromValue(float32(beta))})
	if err := errors.Join(err1, err2, err3, err4, err5, err6); err != nil {
		return s, err
	}
	walk, seen, err := p.play.Run(ctx, 0, p.Steps, walk, who)
	if err != nil {
		return s, err
	}
	in, err := loop.Join[collection](data, loop.Leaf{T: seen.Get("Obs")}, loop.Leaf{T: seen.Get("Answer")}, stats)
	if err != nil {
		return s, err
	}
	more, err := p.add.Call(ctx, in)
	if err != nil {
		return s, err
	}
	data2, err1 := loop.Part[pairs](more, "Data")
	stats2, err2 := loop.Part[nn.Running](more, "Stats")
	learn, err3 := loop.Join[learner](theta, adam, key)
	count := (i + 1) * p.Envs * p.Steps
	first, many := loop.Leaf{T: tensors.FromValue(int32(p.rows() - count))}, loop.Leaf{T: tensors.FromValue(float32(count))}
	l, err4 := loop.Join[lesson](data2, first, many, stats2)
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return s, err
	}
	learn, m, err := p.update.Run(ctx, i*p.Updates, p.Updates, learn, l)
	if err != nil {
		return s, err
	}
	log.put(float32(beta), mean(seen.Get("Reward")), mean(seen.Get("Miss")), mean(m.Get("Loss")), mean(m.Get("Entropy")), mean(m.Get("Norm")))
	newAdam, err1 := loop.Part[nn.Moments](learn, "Adam")
	next, err2 := loop.Join[DAggerState](loop.Leaf{T: learn.Get("Theta")}, stats2, newAdam, loop.Leaf{T: learn.Get("Key")}, walk, data2)
	return next, errors.Join(err1, err2, data.Close(), stats.Close(), seen.Close(), m.Close(),
		first.T.FinalizeAll(), many.T.FinalizeAll(), who.Get("Beta").FinalizeAll())
}

// miss is how far actions are from answers [n, columns], [n]: 1 for another choice, or the mean squared error of a component.
func (c *fitting) miss(answer, action *Node) *Node {
	off := ReduceMean(Square(Sub(c.agent.Columns(action), answer)), -1)
	if c.agent.Vector.Spec().Action.Discrete() {
		off = ConvertDType(NotEqual(off, ZerosLike(off)), dtypes.Float32)
	}
	return off
}
