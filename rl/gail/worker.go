package gail

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"golang.org/x/sync/errgroup"

	"github.com/rewardlab/rewardlab/datasets"
	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/bc"
	"github.com/rewardlab/rewardlab/rl/env"
	"github.com/rewardlab/rewardlab/rl/loop"
	"github.com/rewardlab/rewardlab/rl/nn"
	"github.com/rewardlab/rewardlab/rl/ppo"
	"github.com/rewardlab/rewardlab/rl/rollout"
	"github.com/rewardlab/rewardlab/rl/run"
	"github.com/rewardlab/rewardlab/rl/trainer"
)

// New compiles the programs for c, which must be resolved and checked, in environment e, to imitate demos. form is a reward of one's own; nil
// takes the one that c names. Closing the worker frees everything but the engine, which belongs to whoever opened it.
func New(ctx context.Context, b *backend.Engine, e env.Env, c *Config, demos *datasets.Demos, form Form) (*trainer.Worker, error) {
	began := time.Now()
	spec := e.Spec()
	if err := fits(spec, c, demos); err != nil {
		return nil, fmt.Errorf("%s: %w", c.Method, err)
	}
	w := trainer.NewWorker(b.Name, b.Backend)
	g := &gail{Config: c, disc: NewDiscriminator(spec, c)}
	g.rows = g.most(demos)
	if form != nil {
		g.disc.Of = form
	}
	w.Frees(g.close)
	exam, err := g.build(ctx, b, e, demos)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.Method, errors.Join(err, w.Close()))
	}
	w.Frees(exam.Close)
	w.Make = func(ctx context.Context, seed int64, state []run.Array) (run.Trainer, error) {
		shown, rows, err := g.demonstrations(demos, seed)
		if err != nil {
			return nil, err
		}
		w.Closers = append(w.Closers, shown.Close)
		plan := trainer.Plan[State]{
			Advance: rollout.Advance(c.Env, func(ctx context.Context, i int, s loop.Values[State], log *rollout.Journal) (loop.Values[State], error) {
				s, err := g.iterate(ctx, i, s, shown, log)
				if err != nil {
					err = fmt.Errorf("%s: iteration %d: %w", c.Method, i, err)
				}
				return s, err
			}),
			Start: func(seed int64) (loop.Values[State], error) { return g.start(ctx, seed, shown, rows) },
			Total: c.Iterations(), Chunk: c.Chunk(), LogEvery: c.Every(), StepsPer: c.Batch(),
			Evaluate: bc.Normalised(rollout.Evaluation[State](exam, "Policy."), demos),
		}
		return plan.Trainer(ctx, seed, state)
	}
	w.Details.CompileSeconds = time.Since(began).Seconds()
	return w, nil
}

// fits says what is wrong with demonstrations for an environment.
func fits(spec env.Spec, c *Config, demos *datasets.Demos) error {
	if !spec.Fixed && !c.AllowVariableHorizon {
		return fmt.Errorf("episodes of %s end early or late by what the policy does, and a learned reward pays for that: use an environment of fixed horizon (%s-fixed), or set allow_variable_horizon", spec.Name, spec.Name)
	}
	if demos.ObsSize() != spec.ObsSize() {
		return fmt.Errorf("demonstrations in %q: observations have %d numbers, those of %s have %d: give demonstrations of that environment", demos.Env, demos.ObsSize(), spec.Name, spec.ObsSize())
	}
	if demos.Actions != spec.Action.N || demos.Actions == 0 && demos.ActionDim != spec.Action.Dim {
		return fmt.Errorf("demonstrations in %q: actions are one of %d choices or vectors of %d numbers, those of %s one of %d or vectors of %d: give demonstrations of that environment",
			demos.Env, demos.Actions, demos.ActionDim, spec.Name, spec.Action.N, spec.Action.Dim)
	}
	if n := len(demos.Trajectories); c.Trajectories > n {
		return fmt.Errorf("demonstrations in %q: trajectories is %d, there are %d: give at most that", demos.Env, c.Trajectories, n)
	}
	return nil
}

// table are demonstrations on the host: rows one after the other.
type table struct {
	rows         []float32 // [count, width]
	count        int
	mean, spread []float32 // of observations: mean and variance
}

// most is how many rows any choice of trajectories may have.
func (g *gail) most(demos *datasets.Demos) int {
	longest := 0
	for _, t := range demos.Trajectories {
		longest = max(longest, len(t.Action)/demos.Columns())
	}
	return g.count(demos) * ((longest + g.Subsample - 1) / g.Subsample)
}

func (g *gail) count(demos *datasets.Demos) int {
	if g.Trajectories == 0 {
		return len(demos.Trajectories)
	}
	return g.Trajectories
}

// leastVariance keeps an element that hardly changes in the demonstrations from becoming huge where it does.
const leastVariance = 1e-4

// demonstrations are those that a seed is shown, on the device and on the host. Behavioural cloning is shown the same.
func (g *gail) demonstrations(demos *datasets.Demos, seed int64) (loop.Values[expert], table, error) {
	var none loop.Values[expert]
	some, err := demos.Pick(g.count(demos), run.Stream(seed, "trajectories"))
	if err != nil {
		return none, table{}, err
	}
	p, err := some.Subsample(g.Subsample, run.Stream(seed, "phase"))
	if err != nil {
		return none, table{}, err
	}
	obs, width := g.disc.spec.ObsSize(), g.disc.width()
	t := table{rows: g.disc.flat(p), count: p.Len(), mean: make([]float32, obs), spread: make([]float32, obs)}
	for k := range obs {
		var sum, squares float64
		for i := range p.Len() {
			x := float64(p.Obs[i*obs+k])
			sum, squares = sum+x, squares+x*x
		}
		mean := sum / float64(p.Len())
		t.mean[k], t.spread[k] = float32(mean), float32(math.Max(squares/float64(p.Len())-mean*mean, leastVariance))
	}
	padded := tensors.FromFlatDataAndDimensions(append(slices.Clone(t.rows), make([]float32, (g.rows-t.count)*width)...), g.rows, width)
	shown, err := loop.Pack[expert](padded, tensors.FromValue(float32(t.count)))
	return shown, t, err
}

// start is the state of iteration 0.
func (g *gail) start(ctx context.Context, seed int64, shown loop.Values[expert], t table) (loop.Values[State], error) {
	policy, err := g.policy.Start(ctx, seed)
	if err != nil {
		return loop.Values[State]{}, err
	}
	if g.cloner != nil {
		if policy, err = g.warm(ctx, seed, policy); err != nil {
			return loop.Values[State]{}, fmt.Errorf("behavioural cloning: %w", err)
		}
	}
	key, err := RNGStateFromSeed(run.Stream(seed, "discriminator"))
	if err != nil {
		return loop.Values[State]{}, fmt.Errorf("random state of the discriminator: %w", err)
	}
	crit := append(nn.Start(g.disc.Init(uint64(run.Stream(seed, "reward")))), key)
	seen := t.seen()
	if g.Frozen != "" {
		if crit[0], seen, err = g.thaw(seed); err != nil {
			return loop.Values[State]{}, err
		}
	}
	mem := append(seen, nn.ZeroTensor(g.Replay*g.Batch(), g.disc.width()), nn.ZeroTensor())
	return loop.Pack[State](append(append(policy.Tensors(), crit...), mem...)...)
}

// warm gives a policy the parameters that behavioural cloning ends with, and its statistics of observations.
func (g *gail) warm(ctx context.Context, seed int64, policy loop.Values[ppo.State]) (loop.Values[ppo.State], error) {
	mind, err := g.cloner.Fit(ctx, seed)
	if err != nil {
		return policy, err
	}
	var ts []*tensors.Tensor
	for name, x := range policy.All() {
		from, ok := map[string]string{
			"Learner.Theta": "Theta", "Ledger.Obs.Mean": "Obs.Mean", "Ledger.Obs.Var": "Obs.Var", "Ledger.Obs.Count": "Obs.Count",
		}[name]
		if ok {
			if err := x.FinalizeAll(); err != nil {
				return policy, err
			}
			x = mind.Get(from)
		}
		ts = append(ts, x)
	}
	return loop.Pack[ppo.State](ts...)
}

// seen are the statistics of the expert's observations.
func (t table) seen() []*tensors.Tensor {
	return []*tensors.Tensor{tensors.FromValue(t.mean), tensors.FromValue(t.spread), tensors.FromValue(float32(t.count))}
}

// thaw reads the reward that a seed of another run has learned.
func (g *gail) thaw(seed int64) (theta *tensors.Tensor, seen []*tensors.Tensor, err error) {
	r, err := run.Load(g.Frozen)
	if err != nil {
		return nil, nil, fmt.Errorf("frozen reward: %w", err)
	}
	arrays, err := r.State(seed)
	if err != nil {
		return nil, nil, fmt.Errorf("frozen reward of %s: %w", g.Frozen, err)
	}
	if theta, seen, err = reward(arrays, g.disc); err != nil {
		return nil, nil, fmt.Errorf("frozen reward of %s: %w", g.Frozen, err)
	}
	return theta, seen, nil
}

// build makes and compiles the programs, those of PPO side by side with ours.
func (g *gail) build(ctx context.Context, b *backend.Engine, e env.Env, demos *datasets.Demos) (*rollout.Examiner, error) {
	v := env.Auto(e)
	var err error
	if g.agent, err = rollout.NewAgent(v, g.Config.Agent()); err != nil {
		return nil, err
	}
	if g.remember, err = loop.NewFunc(b.Backend, "remember", g.disc.remember); err != nil {
		return nil, err
	}
	if g.judged, err = loop.NewFunc(b.Backend, "judge", g.judge); err != nil {
		return nil, err
	}
	if g.taught, err = loop.New(b.Backend, "discriminator", g.DiscUpdates, g.teach); err != nil {
		return nil, err
	}
	if g.Warm {
		c := &bc.Config{Env: g.Env, Trajectories: g.Trajectories, Every: g.Subsample, Fitting: bc.Fitting{Hidden: g.Hidden, RawObs: !g.NormObs}}
		if err := run.Resolve(c); err != nil {
			return nil, err
		}
		if g.cloner, err = bc.NewCloner(b.Backend, g.agent, c, demos); err != nil {
			return nil, err
		}
	}
	var side errgroup.Group
	side.Go(func() (err error) {
		g.policy, err = ppo.NewLearner(ctx, b, v, &g.Config.Config)
		return err
	})
	if g.Method != "true" {
		side.Go(g.compile)
	}
	if err := side.Wait(); err != nil {
		return nil, err
	}
	return g.policy.Examiner(ctx, b)
}

// compile compiles what stands between playing and learning.
func (g *gail) compile() error {
	like := &rollout.Player{Agent: g.agent, N: g.Envs, T: g.Steps}
	mind, err := g.agent.MindLike()
	if err != nil {
		return err
	}
	key, err := RNGStateFromSeed(0)
	if err != nil {
		return err
	}
	width := g.disc.width()
	mem := append(nn.RunningStart(g.disc.spec.ObsSize()), nn.ZeroTensor(g.Replay*g.Batch(), width), nn.ZeroTensor())
	shown := []*tensors.Tensor{nn.ZeroTensor(g.rows, width), nn.ZeroTensor()}
	crit := append(nn.Start(make([]float32, g.disc.Pack.Size())), key)
	together := func(parts ...[]*tensors.Tensor) []*tensors.Tensor { return slices.Concat(parts...) }

	seen, err1 := loop.Pack[scene](together(mem, like.StepsLike())...)
	v, err2 := loop.Pack[verdict](together(crit[:1], mind.Tensors(), mem, shown, []*tensors.Tensor{nn.ZeroTensor(g.Steps, g.Envs)})...)
	s, err3 := loop.Pack[critic](crit...)
	c, err4 := loop.Pack[class](together(mind.Tensors(), mem, shown)...)
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return err
	}
	var side errgroup.Group
	side.Go(func() error { _, err := g.remember.Compile(seen); return err })
	side.Go(func() error { _, err := g.judged.Compile(v); return err })
	if g.learned() && g.Frozen == "" {
		side.Go(func() error { _, err := g.taught.Compile(s, c); return err })
	}
	return errors.Join(side.Wait(), seen.Close(), v.Close(), s.Close(), c.Close())
}

// close frees the programs.
func (g *gail) close() {
	if g.policy != nil {
		g.policy.Close()
	}
	g.remember.Close()
	g.judged.Close()
	g.taught.Close()
	if g.cloner != nil {
		g.cloner.Close()
	}
}
