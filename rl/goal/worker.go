package goal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/rewardlab/rewardlab/datasets"
	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/env"
	"github.com/rewardlab/rewardlab/rl/loop"
	"github.com/rewardlab/rewardlab/rl/ppo"
	"github.com/rewardlab/rewardlab/rl/rollout"
	"github.com/rewardlab/rewardlab/rl/run"
	"github.com/rewardlab/rewardlab/rl/trainer"
)

// State is a policy and the classifier that pays it: everything that a training carries from one iteration to the next.
type State struct {
	Policy ppo.State
	Judge  judge
}

// student is a policy that learns for the reward of a classifier, as compiled programs.
type student struct {
	*Config
	policy *ppo.Learner
	court  *court
}

// newStudent learns in v; e is the environment inside. Close it, with an error too.
func newStudent(ctx context.Context, b *backend.Engine, v *env.Vector, k *classifier, name string, from examples) (*student, error) {
	s := &student{Config: k.Config}
	var err error
	if s.policy, err = ppo.NewLearner(ctx, b, v, &k.Config.Config); err != nil {
		return s, err
	}
	if s.court, err = newCourt(b, k, s.policy.Player(), name, from); err != nil {
		return s, err
	}
	var side errgroup.Group
	s.court.compile(&side)
	return s, side.Wait()
}

// start is the state of iteration 0: a policy that has learned nothing, and a classifier that tells the examples from what such a policy visits.
func (l *student) start(ctx context.Context, b *backend.Engine, seed int64) (loop.Values[State], error) {
	var none loop.Values[State]
	policy, err := l.policy.Start(ctx, run.Stream(seed, l.court.name+"policy"))
	if err != nil {
		return none, err
	}
	judge, err := l.court.start(ctx, b, seed)
	if err != nil {
		return none, err
	}
	if judge, err = l.warm(ctx, seed, judge); err != nil {
		return none, err
	}
	return loop.Join[State](policy, judge)
}

// warm fits the classifier to the examples and the trajectory of an untrained policy of its own.
func (l *student) warm(ctx context.Context, seed int64, j loop.Values[judge]) (loop.Values[judge], error) {
	fool, err := l.policy.Start(ctx, run.Stream(seed, "failures"))
	if err != nil {
		return j, err
	}
	fool, steps, err := l.policy.Play(ctx, fool)
	if err != nil {
		return j, err
	}
	mind, err := rollout.MindIn(fool, "")
	if err != nil {
		return j, err
	}
	if j, err = l.court.file(ctx, j, steps); err != nil {
		return j, err
	}
	j, err = l.court.fit(ctx, 0, l.Pretrain, j, mind, nil)
	return j, errors.Join(err, fool.Close(), steps.Close())
}

// iterate is one iteration: the policy plays, the classifier learns and judges, the policy learns. It consumes what changes of s.
func (l *student) iterate(ctx context.Context, i int, s loop.Values[State], log *rollout.Journal) (loop.Values[State], error) {
	policy, err1 := loop.Part[ppo.State](s, "Policy")
	judge, err2 := loop.Part[judge](s, "Judge")
	if err := errors.Join(err1, err2); err != nil {
		return s, err
	}
	policy, steps, err := l.policy.Play(ctx, policy)
	if err != nil {
		return s, err
	}
	mind, err := rollout.MindIn(policy, "")
	if err != nil {
		return s, err
	}
	judge, reward, err := l.court.judge(ctx, i, judge, mind, steps, log)
	if err != nil {
		return s, err
	}
	if policy, err = l.policy.Learn(ctx, i, policy, steps, reward, log); err != nil {
		return s, err
	}
	return loop.Join[State](policy, judge)
}

// Close frees the programs.
func (l *student) Close() {
	if l.court != nil {
		l.court.Close()
	}
	if l.policy != nil {
		l.policy.Close()
	}
}

// task is what c can be trained on in e.
func task(e env.Env) (*env.Goal, error) {
	if spec := e.Spec(); !spec.Fixed {
		return nil, fmt.Errorf("goal: episodes of %s end by what is done in them, so that their length would tell what the classifier must learn: take an environment of fixed horizon", spec.Name)
	}
	goal, err := env.GoalOf(e)
	if err != nil {
		return nil, fmt.Errorf("goal: %w", err)
	}
	return goal, nil
}

// New compiles the programs for c, which must be resolved and checked, in environment e, which must have a goal. d are the demonstrations that
// c.Demos asks for; nil where it asks for none. Closing the worker frees the programs; the engine belongs to whoever opened it.
func New(ctx context.Context, b *backend.Engine, e env.Env, c *Config, d *datasets.Demos) (*trainer.Worker, error) {
	began := time.Now()
	goal, err := task(e)
	if err != nil {
		return nil, err
	}
	if err := c.fits(d, e.Spec()); err != nil {
		return nil, err
	}
	w := trainer.NewWorker(b.Name, b.Backend)
	v, k := env.Auto(e), newClassifier(c, goal, e.Spec())
	l, err := newStudent(ctx, b, v, k, "goal/", k.goals(e))
	w.Frees(l.Close)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("goal: %w", err), w.Close())
	}
	if c.Demos > 0 {
		l.court.demos = d
	}
	exam, err := newExaminer(b, k, v, l.policy.Agent())
	w.Frees(exam.Close)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("goal: %w", err), w.Close())
	}
	exam.compileAhead(ctx)
	plan := trainer.Plan[State]{
		Advance: rollout.Advance(c.Env, l.iterate), Start: func(seed int64) (loop.Values[State], error) { return l.start(ctx, b, seed) },
		Total: c.Iterations(), Chunk: c.Chunk(), LogEvery: c.Every(), StepsPer: c.Batch(),
		Evaluate: func(ctx context.Context, seed int64, s loop.Values[State]) (map[string]float64, error) {
			return examine(ctx, exam, seed, s, "")
		},
	}
	w.Make = plan.Trainer
	w.Details.CompileSeconds = time.Since(began).Seconds()
	return w, nil
}
