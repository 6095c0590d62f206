package gail

import (
	"context"
	"errors"
	"fmt"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/rewardlab/rewardlab/datasets"
	"github.com/rewardlab/rewardlab/rl/env"
	"github.com/rewardlab/rewardlab/rl/loop"
	"github.com/rewardlab/rewardlab/rl/nn"
	"github.com/rewardlab/rewardlab/rl/run"
	"github.com/rewardlab/rewardlab/rl/trainer"
)

// asked is what a learned reward is asked about.
type asked struct {
	Theta *Node
	Seen  nn.Running
	Rows  *Node // [n, width]
}

type told struct{ Reward *Node } // [n]

// kept is what a checkpoint keeps of a reward.
type kept struct {
	Theta *Node
	Seen  nn.Running
}

// Rewards are what a training's state, as a checkpoint holds it, pays for each of some steps in environment e. With form=logit AIRL pays by the
// policy's probability too, which is not known here: ask with form=f or form=g.
func Rewards(ctx context.Context, b compute.Backend, e env.Env, c *Config, state []run.Array, p datasets.Pairs) ([]float64, error) {
	if !c.learned() || c.Method == "airl" && c.Form != "f" && c.Form != "g" {
		return nil, fmt.Errorf("rewards: method %s with form %s has none of states and actions alone: take a run of GAIL, or of AIRL with form=f or form=g", c.Method, c.Form)
	}
	d := NewDiscriminator(e.Spec(), c)
	if len(p.Obs) != p.Len()*d.spec.ObsSize() || len(p.Action) != p.Len()*d.columns || p.Len() == 0 {
		return nil, fmt.Errorf("rewards: %d steps with %d numbers of observations and %d of actions: %s has %d and %d a step", p.Len(), len(p.Obs), len(p.Action), d.spec.Name, d.spec.ObsSize(), d.columns)
	}
	theta, seen, err := reward(state, d)
	if err != nil {
		return nil, fmt.Errorf("rewards: %w", err)
	}
	f, err := loop.NewFunc(b, "rewards", func(a asked) told {
		q := d.unpack(a.Rows)
		g, f := d.score(d.Pack.Split(a.Theta), d.look(q, a.Seen), q.Done)
		return told{d.reward(f, g, f)}
	})
	if err != nil {
		return nil, err
	}
	defer f.Close()
	rows := tensors.FromFlatDataAndDimensions(d.flat(p), p.Len(), d.width())
	in, err := loop.Pack[asked](append(append([]*tensors.Tensor{theta}, seen...), rows)...)
	if err != nil {
		return nil, err
	}
	out, err := f.Call(ctx, in)
	if err != nil {
		return nil, err
	}
	var rewards []float64
	err = tensors.ConstFlatData(out.Get("Reward"), func(xs []float32) {
		for _, x := range xs {
			rewards = append(rewards, float64(x))
		}
	})
	return rewards, errors.Join(err, in.Close(), out.Close())
}

// flat are steps as rows, one after the other.
func (d *Discriminator) flat(p datasets.Pairs) []float32 {
	obs := d.spec.ObsSize()
	rows := make([]float32, 0, p.Len()*d.width())
	for i := range p.Len() {
		rows = append(rows, p.Obs[i*obs:(i+1)*obs]...)
		rows = append(rows, p.Action[i*d.columns:(i+1)*d.columns]...)
		rows = append(rows, p.Next[i*obs:(i+1)*obs]...)
		done := float32(0)
		if p.Done[i] {
			done = 1
		}
		rows = append(rows, done)
	}
	return rows
}

// reward finds the parameters of a discriminator, and how it sees observations, in a state.
func reward(state []run.Array, d *Discriminator) (theta *tensors.Tensor, seen []*tensors.Tensor, err error) {
	v, err := trainer.Recall[kept](state, "Critic.Theta", "Memory.Seen.Mean", "Memory.Seen.Var", "Memory.Seen.Count")
	if err != nil {
		return nil, nil, fmt.Errorf("the run keeps no learned reward: give one of GAIL or AIRL: %w", err)
	}
	out := v.Tensors()
	if n := out[0].Size(); n != d.Pack.Size() || out[1].Size() != d.spec.ObsSize() {
		return nil, nil, fmt.Errorf("the run's has %d parameters, this configuration %d: set method, sees, unshaped and disc_hidden as in that run", n, d.Pack.Size())
	}
	return out[0], out[1:], nil
}
