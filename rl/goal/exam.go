package goal

import (
	"context"
	"errors"
	"fmt"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"golang.org/x/sync/errgroup"

	"github.com/gomlx/compute/dtypes"

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

// seen is what one step of it shows, [n] each.
type seen struct{ Done, Score, Reward *Node }

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
		f := k.logit(k.pack.Split(s.Theta), Reshape(out.FinalObs, x.n, k.spec.ObsSize()))
		return rollout.Walk{Env: next, Key: key}, seen{ConvertDType(k.goal.Success(out.FinalObs), dtypes.Float32), Sigmoid(f), out.Reward}
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

// examine plays the episodes of seed: the share that ends in success, the share that was there at any time, what the classifier says of the
// ends, and the environment's own return.
func (x *examiner) examine(ctx context.Context, seed int64, mind loop.Values[rollout.Mind], theta *tensors.Tensor) (map[string]float64, error) {
	if err := x.ahead.Wait(); err != nil {
		return nil, fmt.Errorf("compiling the examination: %w", err)
	}
	w, err := x.start(ctx, run.Stream(seed, run.StreamEval))
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
	var done, scores, rewards []float32
	for leaf, to := range map[string]*[]float32{"Done": &done, "Score": &scores, "Reward": &rewards} {
		if *to, err = tensors.CopyFlatData[float32](out.Get(leaf)); err != nil {
			return nil, err
		}
	}
	var end, ever, score, earned float64
	last := (x.most - 1) * x.n
	for i := range x.n {
		end += float64(done[last+i])
		score += float64(scores[last+i])
		was := float32(0)
		for t := range x.most {
			was = max(was, done[t*x.n+i])
			earned += float64(rewards[t*x.n+i])
		}
		ever += float64(was)
	}
	n := float64(x.n)
	return map[string]float64{
		"eval/success": end / n, "eval/success_ever": ever / n, "eval/score": score / n, "eval/return": earned / n,
	}, errors.Join(w.Close(), out.Close())
}

// Close frees the programs.
func (x *examiner) Close() {
	_ = x.ahead.Wait() // its error is examine's
	if x.loop != nil {
		x.loop.Close()
	}
	if x.reset != nil {
		x.reset.Close()
	}
}
