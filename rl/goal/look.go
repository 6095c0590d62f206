package goal

import (
	"context"
	"errors"
	"fmt"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/env"
	"github.com/rewardlab/rewardlab/rl/loop"
	"github.com/rewardlab/rewardlab/rl/nn"
	"github.com/rewardlab/rewardlab/rl/rollout"
	"github.com/rewardlab/rewardlab/rl/run"
	"github.com/rewardlab/rewardlab/rl/trainer"
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
func NewLook(b *backend.Engine, e env.Env, c *Config) (*Look, error) {
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
	mind, err := trainer.Recall[rollout.Mind](state, "Policy.Learner.Theta", "Policy.Ledger.Obs.Mean", "Policy.Ledger.Obs.Var", "Policy.Ledger.Obs.Count")
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
	l.scores.Close()
}

// Success is the share of greedy episodes that end in success, for any actor-critic in a checkpoint: what an imitation is worth by the measure of
// this package. prefix is as for rollout.MindIn.
func Success(ctx context.Context, b *backend.Engine, e env.Env, a rollout.AgentConfig, state []run.Array, prefix string, episodes int, seed int64) (float64, error) {
	goal, err := task(e)
	if err != nil {
		return 0, err
	}
	v := env.Auto(e)
	agent, err := rollout.NewAgent(v, a)
	if err != nil {
		return 0, fmt.Errorf("goal: %w", err)
	}
	c := &Config{View: "state", Judge: []int{1}} // a classifier of zeros, which nobody asks
	c.EvalEpisodes = episodes
	k := newClassifier(c, goal, e.Spec())
	exam, err := newExaminer(b, k, v, agent)
	defer exam.Close()
	if err != nil {
		return 0, fmt.Errorf("goal: %w", err)
	}
	mind, err := trainer.Recall[rollout.Mind](state, prefix+"Learner.Theta", prefix+"Ledger.Obs.Mean", prefix+"Ledger.Obs.Var", prefix+"Ledger.Obs.Count")
	if err != nil {
		return 0, err
	}
	if n := mind.Get("Theta").Size(); n != agent.Net.Pack.Size() {
		return 0, fmt.Errorf("the checkpoint's policy has %d parameters, this configuration's %d: take both from one run", n, agent.Net.Pack.Size())
	}
	theta := nn.ZeroTensor(k.pack.Size())
	played, err := exam.play(ctx, run.Stream(seed, run.StreamEval), mind, theta)
	if err != nil {
		return 0, errors.Join(err, mind.Close())
	}
	return played.values()["eval/success"], errors.Join(mind.Close(), theta.FinalizeAll())
}

// Shown is one state, as the environment's observation and as the picture that a classifier with view image sees, [side*side*Channels].
type Shown struct {
	Obs, Picture []float32
	Channels     int
}

type painted struct{ Picture, Obs *Node }

// Examples are n success examples of e, or with begin n beginnings of episodes, and their pictures of side x side cells.
func Examples(ctx context.Context, b *backend.Engine, e env.Env, n, side int, begin bool, seed int64) ([]Shown, error) {
	goal, err := task(e)
	if err != nil {
		return nil, err
	}
	if n < 1 || side < 1 {
		return nil, fmt.Errorf("goal: %d examples in pictures of %d cells a side: give at least 1 of each", n, side)
	}
	f, err := loop.NewFunc(b.Backend, "examples", func(in keyed) painted {
		draw := func(key *Node, n int) (*Node, *Node) { return goal.Examples(e, key, n) }
		if begin {
			draw = beginnings(e)
		}
		_, obs := draw(in.Key, n)
		return painted{goal.Paint(obs, side), Reshape(obs, n, e.Spec().ObsSize())}
	})
	if err != nil {
		return nil, err
	}
	defer f.Close()
	key, err := RNGStateFromSeed(run.Stream(seed, "examples"))
	if err != nil {
		return nil, fmt.Errorf("random state: %w", err)
	}
	in, err := loop.Pack[keyed](key)
	if err != nil {
		return nil, err
	}
	out, err := f.Call(ctx, in)
	if err != nil {
		return nil, errors.Join(err, in.Close())
	}
	pictures, err1 := tensors.CopyFlatData[float32](out.Get("Picture"))
	obs, err2 := tensors.CopyFlatData[float32](out.Get("Obs"))
	if err := errors.Join(err1, err2, in.Close(), out.Close()); err != nil {
		return nil, err
	}
	shown := make([]Shown, n)
	for i := range shown {
		w, p := len(obs)/n, len(pictures)/n
		shown[i] = Shown{obs[i*w : (i+1)*w], pictures[i*p : (i+1)*p], goal.Channels}
	}
	return shown, nil
}
