package ppo

import (
	"context"
	"errors"
	"fmt"
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

// New compiles the programs for c, which must be resolved and checked, in environment e. Closing the worker frees them; the engine stays
// open: it belongs to whoever opened it.
func New(ctx context.Context, b *backend.Engine, e env.Env, c *Config) (*trainer.Worker, error) {
	began := time.Now()
	w := trainer.NewWorker(b.Name, b.Backend)
	if err := build(ctx, w, b, env.Auto(e), c); err != nil {
		return nil, errors.Join(fmt.Errorf("ppo: %w", err), w.Close())
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
	p := &programs{ppo: &ppo{c, agent}}
	if p.player, err = rollout.NewPlayer(b.Backend, agent, c.Envs, c.Steps); err != nil {
		return err
	}
	w.Frees(p.player.Close)
	if p.prepare, err = loop.NewFunc(b.Backend, "ppo: prepare", p.ppo.prepare); err != nil {
		return err
	}
	w.Frees(p.prepare.Close)
	if p.update, err = loop.NewOver(b.Backend, c.Devices, "ppo: update", c.rounds(), p.ppo.update); err != nil {
		return err
	}
	w.Frees(p.update.Close)
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
		Advance: p.advance, Start: func(seed int64) (loop.Values[state], error) { return p.start(ctx, seed) },
		Total: c.iterations(), Chunk: c.chunk(), LogEvery: c.logEvery(), StepsPer: c.batch(),
		Evaluate: rollout.Evaluation[state](exam),
	}
	w.Make = func(ctx context.Context, seed int64, state []run.Array) (run.Trainer, error) {
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
		order := tensors.FromShape(shapes.Make(dtypes.Int32, p.rounds(), p.batch()/p.Minibatches))
		l, err1 := loop.Pack[lesson](nn.ZeroTensor(p.batch(), p.agent.RowSize()), order)
		s, err2 := loop.Pack[learner](nn.Start(make([]float32, p.agent.Net.Pack.Size()))...)
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
		ts := append([]*tensors.Tensor{nn.ZeroTensor(p.agent.Net.Pack.Size())}, p.player.LedgerStart()...)
		q, err := loop.Pack[question](append(append(ts, key), p.player.StepsLike()...)...)
		if err != nil {
			return err
		}
		_, err = p.prepare.Compile(q)
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
	key, err := RNGStateFromSeed(run.Stream(seed, "shuffle"))
	if err != nil {
		return loop.Values[state]{}, fmt.Errorf("random state of the shuffles: %w", err)
	}
	ts := nn.Start(p.agent.Net.Init(uint64(run.Stream(seed, run.StreamInit))))
	ts = append(append(ts, walk.Tensors()...), p.player.LedgerStart()...)
	return loop.Pack[state](append(ts, key)...)
}
