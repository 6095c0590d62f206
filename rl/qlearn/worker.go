package qlearn

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
	"github.com/rewardlab/rewardlab/rl/run"
	"github.com/rewardlab/rewardlab/rl/trainer"
)

// method is what distinguishes networks from tables. S begins with a play and has a leaf Theta.
type method[S any] struct {
	name                       string
	vector                     *env.Vector
	envs, iterations, logEvery int
	body                       loop.Body[S, none, metrics]
	start                      func(seed int64) []*tensors.Tensor // the leaves of S after those of play
	greedy                     func(theta, obs *Node) *Node
}

// build compiles a method on e.
func build[S any](ctx context.Context, e *backend.Engine, m method[S]) (*trainer.Worker, error) {
	began := time.Now()
	w := trainer.NewWorker(e.Name, e.Backend)
	fail := func(err error) (*trainer.Worker, error) {
		return nil, errors.Join(fmt.Errorf("%s: %w", m.name, err), w.Close())
	}
	// Nobody can look, or stop, in between: at most a tenth of the training a call.
	chunk := m.logEvery * max(1, min(max(m.iterations/10, 50), 2000)/m.logEvery)
	l, err := loop.New(e.Backend, m.name, chunk, m.body)
	if err != nil {
		return fail(err)
	}
	w.Frees(l.Close)
	reset, err := resetter(e.Backend, m.vector, m.envs)
	if err != nil {
		return fail(err)
	}
	w.Frees(reset.Close)
	exam, err := newExaminer(e.Backend, m.vector, m.greedy)
	if err != nil {
		return fail(err)
	}
	w.Frees(exam.close)

	start := func(seed int64) (loop.Values[S], error) {
		p, err := begin(ctx, reset, seed, run.StreamTrain)
		if err != nil {
			return loop.Values[S]{}, err
		}
		return loop.Pack[S](append(p.Tensors(), m.start(seed)...)...)
	}
	s, err := start(0)
	if err != nil {
		return fail(err)
	}
	constants, err := loop.Pack[none]()
	if err != nil {
		return fail(err)
	}
	var side errgroup.Group // the examination compiles while the loop does
	side.Go(func() error { return exam.compile(ctx, s.Get("Theta")) })
	_, err = l.Compile(s, constants)
	if err := errors.Join(err, side.Wait(), s.Close()); err != nil {
		return fail(err)
	}

	plan := &trainer.Plan[S]{
		Advance: func(ctx context.Context, from, n int, s loop.Values[S]) (loop.Values[S], []trainer.Metric, error) {
			s, outs, err := l.Run(ctx, from, n, s, constants)
			if err != nil {
				return s, nil, err
			}
			metrics, err := rows(outs, n)
			return s, metrics, errors.Join(err, outs.Close())
		},
		Total: m.iterations, Chunk: chunk, LogEvery: m.logEvery, StepsPer: m.envs,
		Start: start,
		Evaluate: func(ctx context.Context, seed int64, s loop.Values[S]) (map[string]float64, error) {
			return exam.examine(ctx, seed, run.StreamEval, s.Get("Theta"))
		},
	}
	w.Make = plan.Trainer
	w.Details.CompileSeconds = time.Since(began).Seconds()
	return w, nil
}

func discrete(s env.Spec) error {
	if !s.Action.Discrete() {
		return fmt.Errorf("environment %s has continuous actions: Q-learning chooses among a few; take another environment, or PPO", s.Name)
	}
	return nil
}
