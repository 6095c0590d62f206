package a2c

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/env"
	"github.com/rewardlab/rewardlab/rl/loop"
	"github.com/rewardlab/rewardlab/rl/nn"
	"github.com/rewardlab/rewardlab/rl/rollout"
	"github.com/rewardlab/rewardlab/rl/run"
	"github.com/rewardlab/rewardlab/rl/trainer"
)

// New compiles the programs for c, which must be resolved and checked, in environment e. Closing the worker frees them; the engine stays
// open: it belongs to whoever opened it.
func New(ctx context.Context, b *backend.Engine, e env.Env, c *Config) (*trainer.Worker, error) {
	began := time.Now()
	w := trainer.NewWorker(b.Name, b.Backend)
	if err := build(ctx, w, b, env.Auto(e), c); err != nil {
		return nil, errors.Join(fmt.Errorf("a2c: %w", err), w.Close())
	}
	w.Details.CompileSeconds = time.Since(began).Seconds()
	return w, nil
}

// build makes and compiles the programs, side by side.
func build(ctx context.Context, w *trainer.Worker, b *backend.Engine, v *env.Vector, c *Config) error {
	agent, err := rollout.NewAgent(v, c.Agent())
	if err != nil {
		return err
	}
	p := &programs{a2c: &a2c{c, agent}}
	if p.player, err = rollout.NewPlayer(b.Backend, agent, c.Envs, c.Steps); err != nil {
		return err
	}
	w.Frees(p.player.Close)
	if p.learn, err = loop.NewFunc(b.Backend, "a2c: learn", p.a2c.learn); err != nil {
		return err
	}
	w.Frees(p.learn.Close)
	exam, err := rollout.NewExaminer(b.Backend, agent, c.EvalEpisodes, c.EvalSteps)
	if err != nil {
		return err
	}
	w.Frees(exam.Close)
	if err := p.compile(ctx); err != nil {
		return err
	}
	exam.CompileAhead(ctx)
	plan := trainer.Plan[state]{
		Advance: rollout.Advance(c.Env, p.iterate), Start: func(seed int64) (loop.Values[state], error) { return p.start(ctx, seed) },
		Total: c.iterations(), Chunk: c.chunk(), LogEvery: c.logEvery(), StepsPer: c.batch(),
		Evaluate: rollout.Evaluation[state](exam, ""),
	}
	w.Make = plan.Trainer
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
		ts := append(nn.Start(make([]float32, p.agent.Net.Pack.Size())), p.player.LedgerStart()...)
		q, err := loop.Pack[question](append(append(ts, p.player.StepsLike()...), nn.ZeroTensor())...)
		if err != nil {
			return err
		}
		_, err = p.learn.Compile(q)
		return errors.Join(err, q.Close())
	})
	return errors.Join(side.Wait(), mind.Close())
}

// start is the state of iteration 0.
func (p *programs) start(ctx context.Context, seed int64) (loop.Values[state], error) {
	walk, err := p.player.Start(ctx, run.Stream(seed, run.StreamTrain))
	if err != nil {
		return loop.Values[state]{}, err
	}
	ts := nn.Start(p.agent.Net.Init(uint64(run.Stream(seed, run.StreamInit))))
	return loop.Pack[state](append(append(ts, walk.Tensors()...), p.player.LedgerStart()...)...)
}
