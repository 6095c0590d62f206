package prefs

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/env"
	"github.com/rewardlab/rewardlab/rl/loop"
	"github.com/rewardlab/rewardlab/rl/rollout"
	"github.com/rewardlab/rewardlab/rl/run"
)

// evaluation examines the policy on the true reward, beside random behaviour and beside the same learner, from the same seed and for as many steps,
// on the true reward. eval/ratio is where it stands between the two: 0 as random, 1 as the learner that sees the true reward.
func (l *learner) evaluation(marks *rollout.Examiner) func(context.Context, int64, loop.Values[State]) (map[string]float64, error) {
	examine := rollout.Evaluation[State](marks, "Policy.")
	return func(ctx context.Context, seed int64, s loop.Values[State]) (map[string]float64, error) {
		values, err := examine(ctx, seed, s)
		if err != nil {
			return nil, err
		}
		random, err := l.random.play(ctx, run.Stream(seed, run.StreamEval))
		if err != nil {
			return nil, err
		}
		reference := l.Reference
		if reference == 0 {
			if reference, err = l.twin(ctx, seed, marks); err != nil {
				return nil, fmt.Errorf("the same learner on the true reward: %w", err)
			}
		}
		values["eval/random"], values["eval/reference"] = random, reference
		span := reference - random
		if span == 0 {
			return nil, fmt.Errorf("random behaviour and the learner on the true reward both earn %g: the score between them means nothing; train longer, or give reference", random)
		}
		values["eval/ratio"] = (values["eval/return"] - random) / span
		return values, nil
	}
}

// twin trains the policy's learner on the true reward and examines it.
func (l *learner) twin(ctx context.Context, seed int64, marks *rollout.Examiner) (float64, error) {
	s, err := l.policy.Start(ctx, seed)
	if err != nil {
		return 0, err
	}
	log := rollout.NewJournal(l.Env)
	for i := range l.Iterations() {
		played, steps, err := l.policy.Play(ctx, s)
		if err != nil {
			return 0, err
		}
		if s, err = l.policy.Learn(ctx, i, played, steps, nil, log); err != nil {
			return 0, err
		}
	}
	mind, err := rollout.MindIn(s, "")
	if err != nil {
		return 0, err
	}
	got, err := marks.Examine(ctx, run.Stream(seed, run.StreamEval), mind)
	if err != nil {
		return 0, err
	}
	return got.Values()["eval/return"], s.Close()
}

// randomPlayer plays episodes by uniformly random actions.
type randomPlayer struct {
	loop  *loop.Loop[episode, struct{}, struct{}]
	start *loop.Func[struct{ Key *Node }, episode]
	limit int
}

type episode struct{ Env, Key, Alive, Return *Node }

// randomSteps is how many steps one call takes.
const randomSteps = 50

func newRandomPlayer(b *backend.Engine, v *env.Vector, n, limit int) (*randomPlayer, error) {
	spec := v.Spec()
	r := &randomPlayer{limit: cmp.Or(limit, spec.Horizon, 2000)}
	var err1, err2 error
	r.start, err1 = loop.NewFunc(b.Backend, "prefs: random episodes", func(in struct{ Key *Node }) episode {
		key, state := v.Reset(in.Key, n)
		zero := BroadcastToDims(Const(key.Graph(), float32(0)), n)
		return episode{state, key, OnesLike(zero), zero}
	})
	r.loop, err2 = loop.New(b.Backend, "prefs: random steps", min(randomSteps, r.limit), func(_ *Node, s episode, _ struct{}) (episode, struct{}) {
		key, action := spec.Action.Random(s.Key, n)
		key, next, out := v.Step(key, s.Env, action)
		over := ConvertDType(Or(out.Terminated, out.Truncated), dtypes.Float32)
		return episode{next, key, Mul(s.Alive, OneMinus(over)), Add(s.Return, Mul(s.Alive, out.Reward))}, struct{}{}
	})
	return r, errors.Join(err1, err2)
}

// play is the mean return of the first episodes; one that outlasts the limit counts with what it has earned.
func (r *randomPlayer) play(ctx context.Context, stream int64) (mean float64, err error) {
	key, err := RNGStateFromSeed(stream)
	if err != nil {
		return 0, fmt.Errorf("random state: %w", err)
	}
	in, err := loop.Pack[struct{ Key *Node }](key)
	if err != nil {
		return 0, err
	}
	s, err := r.start.Call(ctx, in)
	if err != nil {
		return 0, err
	}
	none, err := loop.Pack[struct{}]()
	if err != nil {
		return 0, err
	}
	for at := 0; at < r.limit; at += randomSteps {
		if s, _, err = r.loop.Run(ctx, at, min(randomSteps, r.limit-at), s, none); err != nil {
			return 0, err
		}
	}
	returns, err := tensors.CopyFlatData[float32](s.Get("Return"))
	if err != nil {
		return 0, fmt.Errorf("returns of random behaviour: %w", err)
	}
	for _, x := range returns {
		mean += float64(x) / float64(len(returns))
	}
	return mean, errors.Join(s.Close(), in.Close())
}

func (r *randomPlayer) close() {
	r.start.Close()
	r.loop.Close()
}
