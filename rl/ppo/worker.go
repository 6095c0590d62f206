package ppo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gomlx/compute"
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
	w := &trainer.Worker{Details: run.Info{Engine: b.Name}}
	for d := range b.NumDevices() {
		w.Details.Devices = append(w.Details.Devices, b.DeviceDescription(compute.DeviceNum(d)))
	}
	if err := build(ctx, w, b, env.Auto(e), c); err != nil {
		return nil, errors.Join(fmt.Errorf("ppo: %w", err), w.Close())
	}
	w.Details.CompileSeconds = time.Since(began).Seconds()
	return w, nil
}

// build makes and compiles the programs, side by side.
func build(ctx context.Context, w *trainer.Worker, b *backend.Engine, v *env.Vector, c *Config) error {
	agent, err := rollout.NewAgent(v, c.agent())
	if err != nil {
		return err
	}
	p := &programs{ppo: &ppo{c, agent}}
	closer := func(f func()) { w.Closers = append(w.Closers, func() error { f(); return nil }) }
	if p.player, err = rollout.NewPlayer(b.Backend, agent, c.Envs, c.Steps); err != nil {
		return err
	}
	closer(p.player.Close)
	if p.prepare, err = loop.NewFunc(b.Backend, "ppo: prepare", p.ppo.prepare); err != nil {
		return err
	}
	closer(p.prepare.Close)
	if p.update, err = loop.New(b.Backend, "ppo: update", c.rounds(), p.ppo.update); err != nil {
		return err
	}
	closer(p.update.Close)
	limit := c.EvalSteps
	if limit == 0 && v.Spec().Horizon == 0 {
		limit = 2000
	}
	exam, err := rollout.NewExaminer(b.Backend, agent, c.EvalEpisodes, limit)
	if err != nil {
		return err
	}
	closer(exam.Close)
	if err := p.compile(ctx, exam); err != nil {
		return err
	}
	plan := trainer.Plan[state]{
		Advance: p.advance, Start: func(seed int64) (loop.Values[state], error) { return p.start(ctx, seed) },
		Total: c.iterations(), Chunk: c.chunk(), LogEvery: c.logEvery(), StepsPer: c.batch(),
		Evaluate: func(ctx context.Context, seed int64, s loop.Values[state]) (map[string]float64, error) {
			seen, err1 := loop.Part[nn.Running](s, "Ledger.Obs")
			mind, err2 := loop.Join[rollout.Mind](loop.Leaf{T: s.Get("Learner.Theta")}, seen)
			if err := errors.Join(err1, err2); err != nil {
				return nil, err
			}
			marks, err := exam.Examine(ctx, run.Stream(seed, run.StreamEval), mind)
			if err != nil {
				return nil, err
			}
			return marks.Values(), nil
		},
	}
	w.Make = func(ctx context.Context, seed int64, state []run.Array) (run.Trainer, error) {
		return plan.Trainer(ctx, seed, state)
	}
	return nil
}

// compile compiles everything for the shapes of seed 0's start.
func (p *programs) compile(ctx context.Context, exam *rollout.Examiner) error {
	var side errgroup.Group
	theta := zeros(p.agent.Net.Pack.Size())
	mind, err := loop.Pack[rollout.Mind](append([]*tensors.Tensor{theta}, nn.RunningStart(p.agent.Vector.Spec().ObsSize())...)...)
	if err != nil {
		return err
	}
	defer mind.Close()
	side.Go(func() error { return exam.Compile(ctx, mind) })
	side.Go(func() error { return p.player.Compile(ctx, mind) })
	side.Go(func() error {
		l, err := p.lessonLike()
		if err != nil {
			return err
		}
		n := p.agent.Net.Pack.Size()
		s, err := loop.Pack[learner](zeros(n), zeros(n), zeros(n), zeros())
		if err != nil {
			return err
		}
		_, err = p.update.Compile(s, l)
		return errors.Join(err, s.Close(), l.Close())
	})
	side.Go(func() error {
		q, err := p.questionLike(theta)
		if err != nil {
			return err
		}
		_, err = p.prepare.Compile(q)
		return err
	})
	return side.Wait()
}

// lessonLike and questionLike are zeros of the shapes that a lesson and a question have.
func (p *programs) lessonLike() (loop.Values[lesson], error) {
	return loop.Pack[lesson](zeros(p.batch(), p.agent.RowSize()), tensors.FromShape(shapes.Make(dtypes.Int32, p.rounds(), p.batch()/p.Minibatches)))
}

func (p *programs) questionLike(theta *tensors.Tensor) (loop.Values[question], error) {
	key, err := RNGStateFromSeed(0)
	if err != nil {
		return loop.Values[question]{}, err
	}
	ts := append([]*tensors.Tensor{theta}, p.player.LedgerStart()...)
	return loop.Pack[question](append(append(ts, key), p.player.StepsLike()...)...)
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
	n := p.agent.Net.Pack.Size()
	ts := []*tensors.Tensor{tensors.FromValue(p.agent.Net.Init(uint64(run.Stream(seed, run.StreamInit)))), zeros(n), zeros(n), zeros()}
	ts = append(append(ts, walk.Tensors()...), p.player.LedgerStart()...)
	return loop.Pack[state](append(ts, key)...)
}

func zeros(dims ...int) *tensors.Tensor {
	return tensors.FromShape(shapes.Make(dtypes.Float32, dims...))
}
