package goal

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"golang.org/x/sync/errgroup"

	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/env"
	"github.com/rewardlab/rewardlab/rl/loop"
	"github.com/rewardlab/rewardlab/rl/nn"
	"github.com/rewardlab/rewardlab/rl/rollout"
	"github.com/rewardlab/rewardlab/rl/run"
)

// sitting is what stays as it is during an examination.
type sitting struct {
	Mind  rollout.Mind
	Theta *Node // of the classifier
}

// seen is what one step of it shows, [n] each, and where it led.
type seen struct{ Done, Score, Reward, Obs *Node }

// examiner plays greedy episodes, all of the same length, and looks at where they end.
type examiner struct {
	agent   *rollout.Agent
	n, most int
	size    int // parameters of the classifier
	loop    *loop.Loop[rollout.Walk, sitting, seen]
	reset   *loop.Func[keyed, rollout.Walk]
	ahead   errgroup.Group // compiles while the training goes on
}

func newExaminer(b *backend.Engine, k *classifier, v *env.Vector, a *rollout.Agent) (*examiner, error) {
	x := &examiner{agent: a, n: k.EvalEpisodes, most: k.spec.Horizon, size: k.pack.Size()}
	var err1, err2 error
	x.loop, err1 = loop.New(b.Backend, "examination", x.most, func(_ *Node, w rollout.Walk, s sitting) (rollout.Walk, seen) {
		key, next, out := v.Step(w.Key, w.Env, a.Act(s.Mind, v.Observe(w.Env)).Mode())
		obs := Reshape(out.FinalObs, x.n, k.spec.ObsSize())
		p := Sigmoid(k.logit(k.pack.Split(s.Theta), obs))
		return rollout.Walk{Env: next, Key: key}, seen{ConvertDType(k.goal.Success(out.FinalObs), dtypes.Float32), p, out.Reward, obs}
	})
	x.reset, err2 = loop.NewFunc(b.Backend, "examination: reset", func(in keyed) rollout.Walk {
		key, state := v.Reset(in.Key, x.n)
		return rollout.Walk{Env: state, Key: key}
	})
	return x, errors.Join(err1, err2)
}

func (x *examiner) start(ctx context.Context, stream int64) (loop.Values[rollout.Walk], error) {
	var none loop.Values[rollout.Walk]
	key, err := RNGStateFromSeed(stream)
	if err != nil {
		return none, fmt.Errorf("random state: %w", err)
	}
	in, err := loop.Pack[keyed](key)
	if err != nil {
		return none, err
	}
	w, err := x.reset.Call(ctx, in)
	return w, errors.Join(err, in.Close())
}

// compileAhead begins to compile and returns.
func (x *examiner) compileAhead(ctx context.Context) {
	ctx = context.WithoutCancel(ctx)
	x.ahead.Go(func() error {
		w, err1 := x.start(ctx, 0)
		mind, err2 := x.agent.MindLike()
		if err := errors.Join(err1, err2); err != nil {
			return err
		}
		s, err := loop.Join[sitting](mind, loop.Leaf{T: nn.ZeroTensor(x.size)})
		if err != nil {
			return err
		}
		_, err = x.loop.Compile(w, s)
		return errors.Join(err, w.Close(), s.Close())
	})
}

// Episodes are greedy episodes, step after step.
type Episodes struct {
	Obs    [][][]float32 // [episode][step], what each step led to
	Done   [][]bool      // whether the task was done then
	Score  [][]float64   // what the classifier said of it
	Reward [][]float64   // what the environment paid for it
}

// play plays the episodes that stream is the seed of. mind and theta stay the caller's.
func (x *examiner) play(ctx context.Context, stream int64, mind loop.Values[rollout.Mind], theta *tensors.Tensor) (*Episodes, error) {
	if err := x.ahead.Wait(); err != nil {
		return nil, fmt.Errorf("compiling the examination: %w", err)
	}
	w, err := x.start(ctx, stream)
	if err != nil {
		return nil, err
	}
	s, err := loop.Join[sitting](mind, loop.Leaf{T: theta})
	if err != nil {
		return nil, err
	}
	w, out, err := x.loop.Run(ctx, 0, x.most, w, s)
	if err != nil {
		return nil, err
	}
	flat := map[string][]float32{}
	for leaf, t := range out.All() {
		if flat[leaf], err = tensors.CopyFlatData[float32](t); err != nil {
			return nil, fmt.Errorf("examination: %s: %w", leaf, err)
		}
	}
	e := &Episodes{}
	width := len(flat["Obs"]) / (x.most * x.n)
	for i := range x.n {
		var obs [][]float32
		var done []bool
		var score, reward []float64
		for t := range x.most {
			at := t*x.n + i
			obs = append(obs, flat["Obs"][at*width:(at+1)*width])
			done, score, reward = append(done, flat["Done"][at] > 0), append(score, float64(flat["Score"][at])), append(reward, float64(flat["Reward"][at]))
		}
		e.Obs, e.Done, e.Score, e.Reward = append(e.Obs, obs), append(e.Done, done), append(e.Score, score), append(e.Reward, reward)
	}
	return e, errors.Join(w.Close(), out.Close())
}

// values are the shares of episodes that end in success, and that were there at any time, what the classifier says of their ends, and the
// environment's own return.
func (e *Episodes) values() map[string]float64 {
	var end, ever, score, earned float64
	for i, done := range e.Done {
		last := len(done) - 1
		if done[last] {
			end++
		}
		if slices.Contains(done, true) {
			ever++
		}
		score += e.Score[i][last]
		for _, r := range e.Reward[i] {
			earned += r
		}
	}
	n := float64(len(e.Done))
	return map[string]float64{"eval/success": end / n, "eval/success_ever": ever / n, "eval/score": score / n, "eval/return": earned / n}
}

// examine plays the episodes of seed, which no training sees, for the state whose policy and classifier are found by prefix.
func examine[S any](ctx context.Context, x *examiner, seed int64, s loop.Values[S], prefix string) (map[string]float64, error) {
	mind, err := rollout.MindIn(s, prefix+"Policy.")
	if err != nil {
		return nil, err
	}
	e, err := x.play(ctx, run.Stream(seed, run.StreamEval), mind, s.Get(prefix+"Judge.Fit.Theta"))
	if err != nil {
		return nil, err
	}
	return e.values(), nil
}

// Close frees the programs.
func (x *examiner) Close() {
	_ = x.ahead.Wait() // its error is examine's
	x.loop.Close()
	x.reset.Close()
}
