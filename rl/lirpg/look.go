package lirpg

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

// View is what the state of a training makes of n observations and actions.
type View struct {
	Reward []float64   // the intrinsic reward of the action
	Value  []float64   // of the observation, by the critic of extrinsic reward
	Greedy [][]float64 // the agent's likeliest action, one number or one for each component
}

// remembered is what a View is made with.
type remembered struct {
	Theta, Eta *Node
	Obs        nn.Running
}

type sight struct {
	Mind        remembered
	Obs, Action *Node
}

type view struct{ Reward, Value, Greedy *Node }

// Look shows a training's state, as a checkpoint or run.Trainer.State has it, observations [n][ObsSize] as the environment e gives them, and actions,
// [n][1] for choices.
func Look(ctx context.Context, b *backend.Engine, e env.Env, c *Config, state []run.Array, obs, actions [][]float32) (_ *View, err error) {
	l, err := newLIRPG(e, c)
	if err != nil {
		return nil, fmt.Errorf("lirpg: %w", err)
	}
	if len(obs) == 0 || len(obs) != len(actions) || len(obs[0]) != l.spec.ObsSize() || len(actions[0]) != max(l.spec.Action.Dim, 1) {
		return nil, fmt.Errorf("lirpg: %d observations and %d actions: give as many of both, of %d and %d numbers", len(obs), len(actions), l.spec.ObsSize(), max(l.spec.Action.Dim, 1))
	}
	mind, err := trainer.Recall[remembered](state, "Learner.Theta", "Motive.Eta", "Ledger.Obs.Mean", "Ledger.Obs.Var", "Ledger.Obs.Count")
	if err != nil {
		return nil, fmt.Errorf("lirpg: %w", err)
	}
	defer func() { err = errors.Join(err, mind.Close()) }()
	f, err := loop.NewFunc(b.Backend, "lirpg: look", func(s sight) view {
		x := s.Obs
		if l.NormObs {
			x = s.Mind.Obs.Normalise(x, 10)
		}
		eta, action := l.motive.Pack.Split(s.Mind.Eta), l.agent.Actions(s.Action)
		pi := l.agent.Act(rollout.Mind{Theta: s.Mind.Theta, Obs: s.Mind.Obs}, Reshape(s.Obs, append([]int{len(obs)}, l.spec.Obs...)...))
		return view{l.pays(eta, x, action), l.motive.Value(eta, x), l.agent.Columns(pi.Mode())}
	})
	if err != nil {
		return nil, err
	}
	defer f.Close()
	in, err := loop.Join[sight](mind, loop.Leaf{T: tensors.FromValue(obs)}, loop.Leaf{T: tensors.FromValue(actions)})
	if err != nil {
		return nil, err
	}
	out, err := f.Call(ctx, in)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	wide := func(name string) []float64 {
		var x []float64
		for _, v := range tensors.MustCopyFlatData[float32](out.Get(name)) {
			x = append(x, float64(v))
		}
		return x
	}
	v := &View{Reward: wide("Reward"), Value: wide("Value")}
	greedy := wide("Greedy")
	for w := len(greedy) / len(obs); len(greedy) > 0; greedy = greedy[w:] {
		v.Greedy = append(v.Greedy, greedy[:w])
	}
	return v, nil
}
