package bc

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
	"github.com/rewardlab/rewardlab/rl/rollout"
	"github.com/rewardlab/rewardlab/rl/run"
	"github.com/rewardlab/rewardlab/rl/trainer"
)

// New compiles behavioural cloning of d in environment e for c, which must be resolved and checked. Closing the worker frees the programs; the
// engine stays open: it belongs to whoever opened it.
func New(ctx context.Context, b *backend.Engine, e env.Env, c *Config, d *datasets.Demos) (*trainer.Worker, error) {
	began := time.Now()
	w := trainer.NewWorker(b.Name, b.Backend)
	agent, err := rollout.NewAgent(env.Auto(e), c.Agent())
	if err != nil {
		return nil, fmt.Errorf("bc: %w", err)
	}
	p, err := NewCloner(b.Backend, agent, c, d)
	if err != nil {
		return nil, err
	}
	w.Frees(p.Close)
	exam, err := rollout.NewExaminer(b.Backend, agent, c.EvalEpisodes, c.EvalSteps)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("bc: %w", err), w.Close())
	}
	w.Frees(exam.Close)
	exam.CompileAhead(ctx)
	if err := p.Compile(ctx); err != nil {
		return nil, errors.Join(err, w.Close())
	}
	w.Make = func(ctx context.Context, seed int64, state []run.Array) (run.Trainer, error) {
		l, err := p.material(seed)
		if err != nil {
			return nil, err
		}
		plan := trainer.Plan[State]{
			Advance: func(ctx context.Context, from, n int, s loop.Values[State]) (loop.Values[State], []trainer.Metric, error) {
				return p.advance(ctx, from, n, s, l)
			},
			Start: func(seed int64) (loop.Values[State], error) { return p.start(seed, l) },
			Total: c.Iterations, Chunk: max(1, c.Iterations/10), LogEvery: 1, StepsPer: c.Updates * c.Batch,
			Evaluate: Normalised(rollout.Evaluation[State](exam, "Policy."), d),
		}
		return plan.Trainer(ctx, seed, state)
	}
	w.Details.CompileSeconds = time.Since(began).Seconds()
	return w, nil
}

// Compile compiles both programs, side by side.
func (p *Cloner) Compile(ctx context.Context) error {
	m, err := p.material(0)
	if err != nil {
		return err
	}
	defer m.Close()
	s, err := p.start(0, m)
	if err != nil {
		return err
	}
	defer s.Close()
	kept, err1 := loop.Part[policy](s, "Policy")
	learn, err2 := loop.Part[learner](s, "Learn")
	l, err3 := loop.Part[lesson](m, "Lesson")
	data, err4 := loop.Part[pairs](m, "Lesson.Pairs")
	parts, err5 := loop.Part[split](m, "Split")
	if err := errors.Join(err1, err2, err3, err4, err5); err != nil {
		return err
	}
	q, err := loop.Join[check](kept, loop.Leaf{T: s.Get("Learn.Theta")}, loop.Leaf{T: s.Get("Best")}, loop.Leaf{T: s.Get("Stale")}, data, parts)
	if err != nil {
		return err
	}
	var side errgroup.Group
	side.Go(func() error { _, err := p.update.Compile(learn, l); return err })
	side.Go(func() error { _, err := p.judge.Compile(q); return err })
	return side.Wait()
}

// Normalised adds to an evaluation what "eval/return" is worth between random actions and the expert of d: "eval/normalised" is 0 for the one and
// 1 for the other. Demonstrations that do not say what random actions earn leave it out.
func Normalised[S any](evaluate func(context.Context, int64, loop.Values[S]) (map[string]float64, error), d *datasets.Demos) func(context.Context, int64, loop.Values[S]) (map[string]float64, error) {
	return func(ctx context.Context, seed int64, s loop.Values[S]) (map[string]float64, error) {
		values, err := evaluate(ctx, seed, s)
		if err != nil {
			return nil, err
		}
		if worth, err := d.Normalise(values["eval/return"]); err == nil {
			values["eval/normalised"], values["eval/expert"], values["eval/random"] = worth, d.Stats().Mean, d.Random
		}
		return values, nil
	}
}
