package rl

import (
	"context"
	"fmt"

	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/env"
	"github.com/rewardlab/rewardlab/rl/run"
)

// row is a preset of a learner with configuration C.
type row[C any] struct {
	name, summary string
	config        C
}

// presets makes presets of rows. open compiles a configuration.
func presets[C any](algorithm, source string, score run.Score, open func(context.Context, *C, run.OpenOptions) (run.Worker, error), rows []row[C]) []run.Preset {
	out := make([]run.Preset, len(rows))
	for i, r := range rows {
		out[i] = run.Preset{
			Name: r.name, Algorithm: algorithm, Summary: r.summary, Score: score,
			New:          func() any { c := r.config; return &c },
			ConfigSource: source,
			Open: func(ctx context.Context, cfg any, opt run.OpenOptions) (run.Worker, error) {
				c, ok := cfg.(*C)
				if !ok {
					return nil, fmt.Errorf("%s: a configuration of type %T: give a %T", algorithm, cfg, c)
				}
				return open(ctx, c, opt)
			},
		}
	}
	return out
}

// scored is the held-out number key as a score.
func scored(name, key string) run.Score {
	return run.Score{Name: name, Of: func(_ []run.Row, eval map[string]float64) (float64, error) {
		if v, ok := eval[key]; ok {
			return v, nil
		}
		return 0, fmt.Errorf("no %s yet: the training was interrupted before its evaluation; resume it", key)
	}}
}

// onEngine opens an engine, and on it the worker that learner makes, which closes the engine too.
func onEngine(ctx context.Context, opt run.OpenOptions, learner func(*backend.Engine) (run.Worker, error)) (run.Worker, error) {
	e, err := openEngine(ctx, opt.Log)
	if err != nil {
		return nil, err
	}
	w, err := learner(e)
	if err != nil {
		e.Close()
		return nil, err
	}
	return engineWorker{w, e}, nil
}

// inEnv is onEngine for a learner in the environment called name in the table.
func inEnv(ctx context.Context, opt run.OpenOptions, name string, learner func(*backend.Engine, env.Env) (run.Worker, error)) (run.Worker, error) {
	in, err := env.Find(name)
	if err != nil {
		return nil, err
	}
	return onEngine(ctx, opt, func(e *backend.Engine) (run.Worker, error) { return learner(e, in) })
}

// openEngine opens an engine; close it.
func openEngine(ctx context.Context, say func(string)) (*backend.Engine, error) {
	e, err := backend.Open(ctx, backend.Config{Say: say})
	if err != nil {
		return nil, fmt.Errorf("engine: %w", err)
	}
	return e, nil
}

// openIn makes the environment called name in the table and opens an engine; close it.
func openIn(ctx context.Context, name string, say func(string)) (env.Env, *backend.Engine, error) {
	in, err := env.Find(name)
	if err != nil {
		return nil, nil, err
	}
	e, err := openEngine(ctx, say)
	return in, e, err
}

// engineWorker is a worker that closes its engine too.
type engineWorker struct {
	run.Worker
	engine *backend.Engine
}

// Close implements run.Worker.
func (w engineWorker) Close() error {
	err := w.Worker.Close()
	w.engine.Close()
	return err
}
