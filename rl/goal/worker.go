package goal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/env"
	"github.com/rewardlab/rewardlab/rl/loop"
	"github.com/rewardlab/rewardlab/rl/ppo"
	"github.com/rewardlab/rewardlab/rl/rollout"
	"github.com/rewardlab/rewardlab/rl/run"
	"github.com/rewardlab/rewardlab/rl/trainer"
)

// State is everything that a training carries from one iteration to the next.
type State struct {
	Policy ppo.State
	Judge  judge
}

// learner is a policy that learns for the reward of a classifier.
type learner struct {
	*Config
	policy *ppo.Learner
	court  *court
	exam   *examiner
}

// New compiles the programs for c, which must be resolved and checked, in environment e, which must have a goal. Closing the worker frees them;
// the engine belongs to whoever opened it.
func New(ctx context.Context, b *backend.Engine, e env.Env, c *Config) (*trainer.Worker, error) {
	began := time.Now()
	w := trainer.NewWorker(b.Name, b.Backend)
	l := &learner{Config: c}
	w.Frees(l.Close)
	if err := l.build(ctx, b, e); err != nil {
		return nil, errors.Join(fmt.Errorf("goal: %w", err), w.Close())
	}
	plan := trainer.Plan[State]{
		Advance: l.advance, Start: func(seed int64) (loop.Values[State], error) { return l.start(ctx, b, seed) },
		Total: c.Iterations(), Chunk: c.Chunk(), LogEvery: c.Every(), StepsPer: c.Batch(),
		Evaluate: func(ctx context.Context, seed int64, s loop.Values[State]) (map[string]float64, error) {
			mind, err := rollout.MindIn(s, "Policy.")
			if err != nil {
				return nil, err
			}
			return l.exam.examine(ctx, seed, mind, s.Get("Judge.Fit.Theta"))
		},
	}
	w.Make = func(ctx context.Context, seed int64, state []run.Array) (run.Trainer, error) {
		return plan.Trainer(ctx, seed, state)
	}
	w.Details.CompileSeconds = time.Since(began).Seconds()
	return w, nil
}

func (l *learner) build(ctx context.Context, b *backend.Engine, e env.Env) error {
	spec := e.Spec()
	if !spec.Fixed {
		return fmt.Errorf("episodes of %s end by what is done in them, so that their length would tell what the classifier must learn: take an environment of fixed horizon", spec.Name)
	}
	goal, err := env.GoalOf(e)
	if err != nil {
		return err
	}
	v := env.Auto(e)
	k := newClassifier(l.Config, goal, spec)
	if l.policy, err = ppo.NewLearner(ctx, b, v, &l.Config.Config); err != nil {
		return err
	}
	if l.court, err = newCourt(b, k, e, l.policy.Player(), "goal/", k.goals(e)); err != nil {
		return err
	}
	if l.exam, err = newExaminer(b, k, v, l.policy.Agent()); err != nil {
		return err
	}
	var side errgroup.Group
	l.court.compile(&side)
	if err := side.Wait(); err != nil {
		return err
	}
	l.exam.compileAhead(ctx)
	return nil
}

// start is the state of iteration 0: a policy that has learned nothing, and a classifier that tells the examples from what such a policy visits.
func (l *learner) start(ctx context.Context, b *backend.Engine, seed int64) (loop.Values[State], error) {
	var none loop.Values[State]
	policy, err := l.policy.Start(ctx, seed)
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
func (l *learner) warm(ctx context.Context, seed int64, j loop.Values[judge]) (loop.Values[judge], error) {
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
	j, err = l.court.fit(ctx, l.Pretrain, j, mind, nil)
	return j, errors.Join(err, fool.Close(), steps.Close())
}

// advance does n iterations: the policy plays, the classifier learns and judges, the policy learns.
func (l *learner) advance(ctx context.Context, from, n int, s loop.Values[State]) (loop.Values[State], []trainer.Metric, error) {
	log := rollout.NewJournal(l.Env)
	for i := from; i < from+n; i++ {
		policy, err1 := loop.Part[ppo.State](s, "Policy")
		judge, err2 := loop.Part[judge](s, "Judge")
		if err := errors.Join(err1, err2); err != nil {
			return s, nil, err
		}
		policy, judge, err := l.iterate(ctx, i, policy, judge, log)
		if err != nil {
			return s, nil, err
		}
		if s, err = loop.Join[State](policy, judge); err != nil {
			return s, nil, err
		}
	}
	return s, log.Metrics(), nil
}

func (l *learner) iterate(ctx context.Context, i int, policy loop.Values[ppo.State], j loop.Values[judge], log *rollout.Journal) (loop.Values[ppo.State], loop.Values[judge], error) {
	policy, steps, err := l.policy.Play(ctx, policy)
	if err != nil {
		return policy, j, err
	}
	mind, err := rollout.MindIn(policy, "")
	if err != nil {
		return policy, j, err
	}
	j, reward, err := l.court.judge(ctx, j, mind, steps, log)
	if err != nil {
		return policy, j, err
	}
	policy, err = l.policy.Learn(ctx, i, policy, steps, reward, log)
	return policy, j, err
}

// Close frees the programs.
func (l *learner) Close() {
	if l.exam != nil {
		l.exam.Close()
	}
	if l.court != nil {
		l.court.Close()
	}
	if l.policy != nil {
		l.policy.Close()
	}
}
