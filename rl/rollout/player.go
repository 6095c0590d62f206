package rollout

import (
	"context"
	"errors"
	"fmt"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/rewardlab/rewardlab/rl/loop"
	"github.com/rewardlab/rewardlab/rl/nn"
)

// Walk is where N environments stand, and the random state that they and the policy draw from.
type Walk struct{ Env, Key *Node }

// Steps is what one step of N environments brought; a trajectory has T of each in front, [T, N, ...].
type Steps struct {
	Obs        *Node // [N, Obs...], what was acted on
	Final      *Node // [N, Obs...], what the step led to, before a reset
	Action     *Node // [N] int32 or [N, Dim], as drawn; the environment clips it
	LogProb    *Node // [N]
	Reward     *Node // [N]
	Terminated *Node // [N] bool
	Truncated  *Node // [N] bool
}

// Player steps environments with an agent, a whole trajectory in one compiled loop.
type Player struct {
	Agent *Agent
	N, T  int // environments of all members, and steps

	loop  *loop.Loop[Walk, Mind, Steps]
	reset *loop.Func[seed, Walk]
}

type seed struct{ Key *Node }

// NewPlayer prepares trajectories of `steps` steps of n environments, or of n for each member of an ensemble.
func NewPlayer(b compute.Backend, a *Agent, n, steps int) (*Player, error) {
	if n < 1 || steps < 1 {
		return nil, fmt.Errorf("rollout of %d steps of %d environments: give at least 1 of each", steps, n)
	}
	n *= a.members()
	name := a.spec.Name
	l, err := loop.New(b, "rollout of "+name, steps, a.step)
	if err != nil {
		return nil, err
	}
	reset, err := loop.NewFunc(b, "reset of "+name, func(in seed) Walk {
		key, state := a.Vector.Reset(in.Key, n)
		return Walk{state, key}
	})
	if err != nil {
		l.Close()
		return nil, err
	}
	return &Player{Agent: a, N: n, T: steps, loop: l, reset: reset}, nil
}

// step is one step of every environment.
func (a *Agent) step(_ *Node, w Walk, m Mind) (Walk, Steps) {
	obs := a.Vector.Observe(w.Env)
	pi := a.Act(m, obs)
	key, action := pi.Sample(w.Key)
	logp := pi.LogProb(action)
	key, next, out := a.Vector.Step(key, w.Env, action)
	return Walk{next, key}, Steps{obs, out.FinalObs, action, logp, out.Reward, out.Terminated, out.Truncated}
}

// Start begins N episodes. stream is the seed of everything random in them.
func (p *Player) Start(ctx context.Context, stream int64) (loop.Values[Walk], error) {
	k, err := RNGStateFromSeed(stream)
	if err != nil {
		return loop.Values[Walk]{}, fmt.Errorf("random state: %w", err)
	}
	in, err := loop.Pack[seed](k)
	if err != nil {
		return loop.Values[Walk]{}, err
	}
	w, err := p.reset.Call(ctx, in)
	return w, errors.Join(err, in.Close())
}

// Play takes T steps. It consumes w, as Loop.Run does, and leaves the mind alone.
func (p *Player) Play(ctx context.Context, w loop.Values[Walk], mind loop.Values[Mind]) (loop.Values[Walk], loop.Values[Steps], error) {
	return p.loop.Run(ctx, 0, p.T, w, mind)
}

// MindLike is a mind of zeros, of the right shapes.
func (a *Agent) MindLike() (loop.Values[Mind], error) {
	theta := nn.ZeroTensor(a.dims(a.Net.Pack.Size())...)
	return loop.Pack[Mind](append([]*tensors.Tensor{theta}, nn.RunningStart(a.dims(a.spec.ObsSize())...)...)...)
}

// Compile compiles both programs for parameters like those of mind.
func (p *Player) Compile(ctx context.Context, mind loop.Values[Mind]) error {
	w, err := p.Start(ctx, 0)
	if err != nil {
		return err
	}
	_, err = p.loop.Compile(w, mind)
	return errors.Join(err, w.Close())
}

// Close frees the programs. A nil Player has none.
func (p *Player) Close() {
	if p != nil {
		p.loop.Close()
		p.reset.Close()
	}
}

// StepsLike are zeros of the shapes of a trajectory.
func (p *Player) StepsLike() []*tensors.Tensor {
	zeros := func(t dtypes.DType, dims ...int) *tensors.Tensor {
		return tensors.FromShape(shapes.Make(t, append([]int{p.T, p.N}, dims...)...))
	}
	spec := p.Agent.spec
	action := zeros(dtypes.Int32)
	if !spec.Action.Discrete() {
		action = zeros(dtypes.Float32, spec.Action.Dim)
	}
	return []*tensors.Tensor{zeros(dtypes.Float32, spec.Obs...), zeros(dtypes.Float32, spec.Obs...), action,
		zeros(dtypes.Float32), zeros(dtypes.Float32), zeros(dtypes.Bool), zeros(dtypes.Bool)}
}
