package goal

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/rewardlab/rewardlab/datasets"
	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/env"
	"github.com/rewardlab/rewardlab/rl/loop"
	"github.com/rewardlab/rewardlab/rl/rollout"
	"github.com/rewardlab/rewardlab/rl/trainer"
)

// Pair is the state of a training without resets: a policy that does the task, and one that undoes it, each with its classifier.
type Pair struct {
	Forward  State
	Backward State
}

// pair is Pair as compiled programs.
type pair struct {
	*ResetFree
	forward, backward *student
}

// NewResetFree compiles the programs for c in e. The environments are reset every c.ResetEvery steps only; in between a policy that does the task
// and one that undoes it take turns, c.Steps steps each. The second is paid by a classifier whose examples are states in which episodes begin, so
// that the first has something to do again (Sharma et al. 2023, MEDAL++). d is as for New.
func NewResetFree(ctx context.Context, b *backend.Engine, e env.Env, c *ResetFree, d *datasets.Demos) (*trainer.Worker, error) {
	began := time.Now()
	goal, err := task(e)
	if err != nil {
		return nil, err
	}
	if err := c.fits(d, e.Spec()); err != nil {
		return nil, err
	}
	turns := 2
	if c.NoBackward {
		turns = 1
	}
	each := c.Config // what one of the two learns by
	each.Total /= turns
	rare := env.Auto(env.TimeLimit(e, c.ResetEvery))
	w := trainer.NewWorker(b.Name, b.Backend)
	fail := func(err error) (*trainer.Worker, error) {
		return nil, errors.Join(fmt.Errorf("goal: %w", err), w.Close())
	}
	p := &pair{ResetFree: c}
	k := newClassifier(&each, goal, e.Spec())
	k.phases = true
	p.forward, err = newStudent(ctx, b, rare, k, "goal/", k.goals(e))
	w.Frees(p.forward.Close)
	if err != nil {
		return fail(err)
	}
	if c.Demos > 0 {
		p.forward.court.demos = d
	}
	p.backward, err = newStudent(ctx, b, rare, k, "backward/", beginnings(e))
	w.Frees(p.backward.Close)
	if err != nil {
		return fail(err)
	}
	exam, err := newExaminer(b, k, env.Auto(e), p.forward.policy.Agent())
	w.Frees(exam.Close)
	if err != nil {
		return fail(err)
	}
	exam.compileAhead(ctx)
	plan := trainer.Plan[Pair]{
		Advance: p.advance,
		Start: func(seed int64) (loop.Values[Pair], error) {
			f, err1 := p.forward.start(ctx, b, seed)
			g, err2 := p.backward.start(ctx, b, seed)
			if err := errors.Join(err1, err2); err != nil {
				return loop.Values[Pair]{}, err
			}
			return loop.Join[Pair](f, g)
		},
		Total: each.Iterations(), Chunk: each.Chunk(), LogEvery: each.Every(), StepsPer: turns * c.Batch(),
		Evaluate: func(ctx context.Context, seed int64, s loop.Values[Pair]) (map[string]float64, error) {
			return examine(ctx, exam, seed, s, "Forward.")
		},
	}
	w.Make = plan.Trainer
	w.Details.CompileSeconds = time.Since(began).Seconds()
	return w, nil
}

// advance does n rounds: the task is done, and undone.
func (p *pair) advance(ctx context.Context, from, n int, s loop.Values[Pair]) (loop.Values[Pair], []trainer.Metric, error) {
	log := rollout.NewJournal(p.Env)
	back := rollout.NewJournal(p.Env)
	for i := from; i < from+n; i++ {
		f, err1 := loop.Part[State](s, "Forward")
		g, err2 := loop.Part[State](s, "Backward")
		if err := errors.Join(err1, err2); err != nil {
			return s, nil, err
		}
		var err error
		if f, err = p.forward.iterate(ctx, i, f, log); err != nil {
			return s, nil, err
		}
		if !p.NoBackward {
			if f, g, err = trade(f, g); err != nil { // the second goes on from where the first stopped
				return s, nil, err
			}
			if g, err = p.backward.iterate(ctx, i, g, back); err != nil {
				return s, nil, err
			}
			if f, g, err = trade(f, g); err != nil {
				return s, nil, err
			}
		}
		if s, err = loop.Join[Pair](f, g); err != nil {
			return s, nil, err
		}
	}
	metrics := log.Metrics()
	for _, m := range back.Metrics() {
		if strings.HasPrefix(m.Name, "backward/") {
			metrics = append(metrics, m)
		}
	}
	return s, metrics, nil
}

// trade exchanges the environments of two trainings.
func trade(a, b loop.Values[State]) (loop.Values[State], loop.Values[State], error) {
	as, bs := a.Tensors(), b.Tensors()
	for i, name := range loop.Names[State]() {
		if strings.HasPrefix(name, "Policy.Walk.") {
			as[i], bs[i] = bs[i], as[i]
		}
	}
	a, err1 := loop.Pack[State](as...)
	b, err2 := loop.Pack[State](bs...)
	return a, b, errors.Join(err1, err2)
}
