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
	v := env.Auto(e)
	p, err := NewLearner(ctx, b, v, c)
	if err != nil {
		return nil, err
	}
	w.Frees(p.Close)
	exam, err := p.Examiner(ctx, b)
	if err != nil {
		return nil, errors.Join(err, w.Close())
	}
	w.Frees(exam.Close)
	plan := trainer.Plan[State]{
		Advance: rollout.Advance(c.Env, p.iterate), Start: func(seed int64) (loop.Values[State], error) { return p.Start(ctx, seed) },
		Total: c.Iterations(), Chunk: c.Chunk(), LogEvery: c.Every(), StepsPer: c.Batch(),
		Evaluate: rollout.Evaluation[State](exam, ""),
	}
	w.Make = plan.Trainer
	w.Details.CompileSeconds = time.Since(began).Seconds()
	return w, nil
}

// NewLearner compiles PPO for c, which must be resolved and checked, in the environments v.
func NewLearner(ctx context.Context, b *backend.Engine, v *env.Vector, c *Config) (*Learner, error) {
	p := &Learner{}
	if err := p.build(ctx, b, v, c); err != nil {
		p.Close()
		return nil, fmt.Errorf("ppo: %w", err)
	}
	return p, nil
}

// build makes and compiles the programs, side by side.
func (p *Learner) build(ctx context.Context, b *backend.Engine, v *env.Vector, c *Config) error {
	agent, err := rollout.NewAgent(v, c.Agent())
	if err != nil {
		return err
	}
	p.ppo = &ppo{c, agent}
	if p.player, err = rollout.NewPlayer(b.Backend, agent, c.Envs, c.Steps); err != nil {
		return err
	}
	if p.prepare, err = loop.NewFunc(b.Backend, "ppo: prepare", p.ppo.prepare); err != nil {
		return err
	}
	if p.update, err = loop.NewOver(b.Backend, c.Devices, "ppo: update", c.rounds(), p.ppo.update); err != nil {
		return err
	}
	return p.compile(ctx)
}

// Examiner is one for the evaluation that the configuration asks for, about to be compiled. The caller closes it.
func (p *Learner) Examiner(ctx context.Context, b *backend.Engine) (*rollout.Examiner, error) {
	exam, err := rollout.NewExaminer(b.Backend, p.agent, p.EvalEpisodes, p.EvalSteps)
	if err != nil {
		return nil, fmt.Errorf("ppo: %w", err)
	}
	exam.CompileAhead(ctx)
	return exam, nil
}

// Agent is the actor-critic that learns.
func (p *Learner) Agent() *rollout.Agent { return p.agent }

// Player collects its trajectories.
func (p *Learner) Player() *rollout.Player { return p.player }

// Close frees the programs.
func (p *Learner) Close() {
	p.player.Close()
	p.prepare.Close()
	p.update.Close()
}

// compile compiles what training needs, side by side.
func (p *Learner) compile(ctx context.Context) error {
	mind, err := p.agent.MindLike()
	if err != nil {
		return err
	}
	var side errgroup.Group
	side.Go(func() error { return p.player.Compile(ctx, mind) })
	side.Go(func() error {
		order := tensors.FromShape(shapes.Make(dtypes.Int32, p.rounds(), p.Batch()/p.Minibatches))
		l, err1 := loop.Pack[lesson](nn.ZeroTensor(p.Batch(), p.agent.RowSize()), order)
		s, err2 := loop.Pack[learner](nn.Start(p.init(0)...)...)
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
		ts := append(nn.Start(p.init(0)...)[:1], p.player.LedgerStart()...)
		q, err := loop.Pack[question](append(append(append(ts, key), p.player.StepsLike()...), nn.ZeroTensor(p.player.T, p.player.N))...)
		if err != nil {
			return err
		}
		_, err = p.prepare.Compile(q)
		return errors.Join(err, q.Close())
	})
	return errors.Join(side.Wait(), mind.Close())
}

// init draws the parameters of every member. The first one's are those of a training without an ensemble.
func (p *Learner) init(seed int64) [][]float32 {
	return p.agent.Init(func(member int) uint64 {
		stream := run.StreamInit
		if member > 0 {
			stream += fmt.Sprint("/", member)
		}
		return uint64(run.Stream(seed, stream))
	})
}

// Start is the state of iteration 0.
func (p *Learner) Start(ctx context.Context, seed int64) (loop.Values[State], error) {
	walk, err := p.player.Start(ctx, run.Stream(seed, run.StreamTrain))
	if err != nil {
		return loop.Values[State]{}, err
	}
	key, err := RNGStateFromSeed(run.Stream(seed, "shuffle"))
	if err != nil {
		return loop.Values[State]{}, fmt.Errorf("random state of the shuffles: %w", err)
	}
	ts := nn.Start(p.init(seed)...)
	ts = append(append(ts, walk.Tensors()...), p.player.LedgerStart()...)
	return loop.Pack[State](append(ts, key)...)
}
