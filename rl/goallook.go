package rl

import (
	"context"
	"errors"
	"fmt"
	"image"

	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/bc"
	"github.com/rewardlab/rewardlab/rl/env"
	"github.com/rewardlab/rewardlab/rl/goal"
	"github.com/rewardlab/rewardlab/rl/run"
)

// GoalStage is one look at the training of a goal preset.
type GoalStage struct {
	Iteration int
	Scores    []float64      // what the classifier says of the observations that were asked about
	Episodes  *goal.Episodes // greedy ones
}

// GoalStages trains a goal preset on one seed, without a run folder, and looks at it before the training, after about every every-th iteration, and
// at the end. ask are observations for the classifier; set is as in Options.
func GoalStages(ctx context.Context, preset string, set []string, seed int64, every int, ask [][]float32) (stages []GoalStage, err error) {
	p, cfg, err := configured(preset, set)
	if err != nil {
		return nil, err
	}
	c, ok := cfg.(*goal.Config)
	if !ok {
		return nil, fmt.Errorf("preset %s has no classifier of success: take one of the goal presets", preset)
	}
	if every < 1 {
		return nil, fmt.Errorf("a look every %d iterations: give at least 1", every)
	}
	e, l, err := openLook(ctx, c)
	if err != nil {
		return nil, err
	}
	defer e.Close()
	defer l.Close()
	w, err := p.Open(ctx, cfg, run.OpenOptions{Workers: 1})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	t, err := w.Trainer(ctx, seed, nil)
	if err != nil {
		return nil, err
	}
	look := func(iteration int) error {
		state, err := t.State()
		if err != nil {
			return err
		}
		s, err := lookAt(ctx, l, state, seed, ask)
		s.Iteration = iteration
		stages = append(stages, s)
		return err
	}
	if err := look(0); err != nil {
		return nil, err
	}
	for next := every; ; {
		r, err := t.Step(ctx)
		if err != nil {
			return stages, err
		}
		if r.Iteration < next && r.Iteration < r.Total {
			continue
		}
		if err := look(r.Iteration); err != nil || r.Iteration == r.Total {
			return stages, err
		}
		next = r.Iteration + every
	}
}

// GoalLook looks at the newest checkpoint of a seed of a goal preset's run.
func GoalLook(ctx context.Context, r *run.Run, seed int64, ask [][]float32) (GoalStage, error) {
	c := &goal.Config{}
	if err := r.Decode(c); err != nil {
		return GoalStage{}, err
	}
	state, err := r.State(seed)
	if err != nil {
		return GoalStage{}, err
	}
	e, l, err := openLook(ctx, c)
	if err != nil {
		return GoalStage{}, err
	}
	defer e.Close()
	defer l.Close()
	return lookAt(ctx, l, state, seed, ask)
}

func openLook(ctx context.Context, c *goal.Config) (*backend.Engine, *goal.Look, error) {
	in, e, err := openIn(ctx, c.Env, nil)
	if err != nil {
		return nil, nil, err
	}
	l, err := goal.NewLook(e, in, c)
	if err != nil {
		e.Close()
		return nil, nil, err
	}
	return e, l, nil
}

func lookAt(ctx context.Context, l *goal.Look, state []run.Array, seed int64, ask [][]float32) (s GoalStage, err error) {
	if s.Scores, err = l.Scores(ctx, state, ask); err != nil {
		return s, err
	}
	s.Episodes, err = l.Play(ctx, state, seed)
	return s, err
}

// CloneSuccess is, for each seed of a run of behavioural cloning in an environment that has a goal, the share of 100 greedy episodes that end in
// success.
func CloneSuccess(ctx context.Context, r *run.Run) ([]float64, error) {
	c := &bc.Config{}
	if err := r.Decode(c); err != nil {
		return nil, err
	}
	in, e, err := openIn(ctx, c.Env, nil)
	if err != nil {
		return nil, err
	}
	defer e.Close()
	var out []float64
	for _, seed := range r.Seeds {
		state, err := r.State(seed)
		if err != nil {
			return nil, err
		}
		share, err := goal.Success(ctx, e, in, c.Agent(), state, "Policy.", 100, seed)
		if err != nil {
			return nil, err
		}
		out = append(out, share)
	}
	return out, nil
}

// GoalExample is a state of a task that has a goal.
type GoalExample struct {
	goal.Shown
	Frame image.Image // as a film shows it
}

// GoalExamples are n states of the environment called name in which its task is done, or with begin n beginnings of episodes, with their pictures of
// side x side cells.
func GoalExamples(ctx context.Context, name string, n, side int, begin bool, seed int64) ([]GoalExample, error) {
	in, e, err := openIn(ctx, name, nil)
	if err != nil {
		return nil, err
	}
	defer e.Close()
	shown, err := goal.Examples(ctx, e, in, n, side, begin, seed)
	if err != nil {
		return nil, err
	}
	out := make([]GoalExample, n)
	for i, s := range shown {
		out[i].Shown = s
		if r, ok := in.(env.Renderer); ok { // the observations of these environments begin with the state
			out[i].Frame = r.Frame(s.Obs[:in.Spec().State])
		}
	}
	return out, nil
}
