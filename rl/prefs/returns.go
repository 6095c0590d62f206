package prefs

import (
	"context"
	"errors"
	"fmt"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/rewardlab/rewardlab/rl/env"
	"github.com/rewardlab/rewardlab/rl/loop"
	"github.com/rewardlab/rewardlab/rl/run"
	"github.com/rewardlab/rewardlab/rl/trainer"
)

type asked struct {
	Eyes eyes
	Rows *Node // [n, ClipSteps, width]
}

type told struct{ Return *Node } // [n]

// Returns are what the reward models of a training, as a checkpoint's state holds them, pay for clips: the mean of the members' raw returns. Only their
// differences mean something.
func Returns(ctx context.Context, b compute.Backend, e env.Env, c *Config, state []run.Array, clips []Fragment) ([]float64, error) {
	e, err := judged(e, c.Judge)
	if err != nil {
		return nil, err
	}
	p := &prefs{Config: c, model: newModel(e.Spec(), c)}
	if len(clips) == 0 {
		return nil, errors.New("returns of no clips: give at least one")
	}
	width := p.model.width()
	rows := make([]float32, len(clips)*c.ClipSteps*width)
	for i, clip := range clips {
		if err := p.fitsClip(clip); err != nil {
			return nil, fmt.Errorf("returns: clip %d: %w", i+1, err)
		}
		p.model.unfold(clip, rows[i*c.ClipSteps*width:(i+1)*c.ClipSteps*width])
	}
	belief, err := p.recall(state)
	if err != nil {
		return nil, fmt.Errorf("returns: %w", err)
	}
	f, err := loop.NewFunc(b, "returns", func(a asked) told { return told{ReduceMean(p.returns(a.Eyes, a.Rows), 0)} })
	if err != nil {
		return nil, err
	}
	defer f.Close()
	in, err := loop.Join[asked](belief, loop.Leaf{T: tensors.FromFlatDataAndDimensions(rows, len(clips), c.ClipSteps, width)})
	if err != nil {
		return nil, err
	}
	out, err := f.Call(ctx, in)
	if err != nil {
		return nil, errors.Join(err, in.Close())
	}
	xs, err := read("returns", out.Get("Return"))
	returns := make([]float64, len(xs))
	for i, x := range xs {
		returns[i] = float64(x)
	}
	return returns, errors.Join(err, in.Close())
}

// recall finds the reward models in a state, with how they see observations.
func (p *prefs) recall(state []run.Array) (loop.Values[eyes], error) {
	e, err := trainer.Recall[eyes](state, "Reward.Theta", "Reward.Seen.Mean", "Reward.Seen.Var", "Reward.Seen.Count")
	if err != nil {
		return e, fmt.Errorf("the run keeps no rewards learned from answers: give one of prefs: %w", err)
	}
	for _, want := range []struct {
		leaf string
		size int
	}{{"Theta", p.model.pack.Size()}, {"Seen.Mean", p.model.spec.ObsSize()}} {
		if got := e.Get(want.leaf).Size(); got != want.size {
			return e, errors.Join(fmt.Errorf("the run's Reward.%s has %d numbers, this configuration needs %d: give the run's own", want.leaf, got, want.size), e.Close())
		}
	}
	return e, nil
}
