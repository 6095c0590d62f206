package goal

import (
	"context"
	"errors"
	"fmt"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/env"
	"github.com/rewardlab/rewardlab/rl/film"
	"github.com/rewardlab/rewardlab/rl/loop"
	"github.com/rewardlab/rewardlab/rl/rollout"
	"github.com/rewardlab/rewardlab/rl/run"
)

// asked are observations [n, ObsSize] to ask the classifier about.
type asked struct{ Theta, Obs *Node }

type told struct{ Score *Node }

// Look looks at states of trainings as checkpoints hold them: what the classifier thinks, and where the policy goes. It serves heat maps and films.
type Look struct {
	k      *classifier
	exam   *examiner
	scores *loop.Func[asked, told]
}

// NewLook compiles for trainings of c in e. The caller closes it; the engine stays open.
func NewLook(ctx context.Context, b *backend.Engine, e env.Env, c *Config) (*Look, error) {
	goal, err := task(e)
	if err != nil {
		return nil, err
	}
	v := env.Auto(e)
	a, err := rollout.NewAgent(v, c.Agent())
	if err != nil {
		return nil, fmt.Errorf("goal: %w", err)
	}
	l := &Look{k: newClassifier(c, goal, e.Spec())}
	var err1, err2 error
	l.exam, err1 = newExaminer(b, l.k, v, a)
	l.scores, err2 = loop.NewFunc(b.Backend, "scores", func(q asked) told {
		return told{Sigmoid(l.k.logit(l.k.pack.Split(q.Theta), q.Obs))}
	})
	if err := errors.Join(err1, err2); err != nil {
		l.Close()
		return nil, fmt.Errorf("goal: %w", err)
	}
	return l, nil
}

// theta are the classifier's parameters in state.
func (l *Look) theta(state []run.Array) (*tensors.Tensor, error) {
	a, err := run.Find(state, "Judge.Fit.Theta")
	if err != nil {
		return nil, err
	}
	x, err := a.Float32s()
	if err != nil {
		return nil, err
	}
	if len(x) != l.k.pack.Size() {
		return nil, fmt.Errorf("the checkpoint's classifier has %d parameters, this configuration's %d: take both from one run", len(x), l.k.pack.Size())
	}
	return tensors.FromValue(x), nil
}

// Scores is the classifier's probability of success for each observation, all of them as the environment shows them, flattened.
func (l *Look) Scores(ctx context.Context, state []run.Array, obs [][]float32) ([]float64, error) {
	if len(obs) == 0 {
		return nil, nil
	}
	for i, o := range obs {
		if len(o) != l.k.spec.ObsSize() {
			return nil, fmt.Errorf("observation %d has %d numbers, %s shows %d", i, len(o), l.k.spec.Name, l.k.spec.ObsSize())
		}
	}
	theta, err := l.theta(state)
	if err != nil {
		return nil, err
	}
	in, err := loop.Pack[asked](theta, tensors.FromValue(obs))
	if err != nil {
		return nil, err
	}
	out, err := l.scores.Call(ctx, in)
	if err != nil {
		return nil, errors.Join(err, in.Close())
	}
	scores := make([]float64, len(obs))
	err = tensors.ConstFlatData(out.Get("Score"), func(x []float32) {
		for i, v := range x {
			scores[i] = float64(v)
		}
	})
	return scores, errors.Join(err, in.Close(), out.Close())
}

// Play plays greedy episodes, as many as the configuration's evaluation; seed is of what is random in them.
func (l *Look) Play(ctx context.Context, state []run.Array, seed int64) (*Episodes, error) {
	theta, err := l.theta(state)
	if err != nil {
		return nil, err
	}
	mind, err := film.Recall[rollout.Mind](state, "Policy.Learner.Theta", "Policy.Ledger.Obs.Mean", "Policy.Ledger.Obs.Var", "Policy.Ledger.Obs.Count")
	if err != nil {
		return nil, err
	}
	e, err := l.exam.play(ctx, run.Stream(seed, "look"), mind, theta)
	return e, errors.Join(err, mind.Close(), theta.FinalizeAll())
}

// Close frees the programs.
func (l *Look) Close() {
	if l.exam != nil {
		l.exam.Close()
	}
	if l.scores != nil {
		l.scores.Close()
	}
}
