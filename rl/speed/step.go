package speed

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/env"
	"github.com/rewardlab/rewardlab/rl/loop"
	"github.com/rewardlab/rewardlab/rl/nn"
	"github.com/rewardlab/rewardlab/rl/ops"
)

// stepState carries a batch of environments. Obs is what a policy would look at; Reward and Ended add up rewards and episodes.
type stepState struct{ Key, Env, Obs, Reward, Ended *Node }

type stepConstants struct{ Theta *Node }

type nothing struct{}

// act chooses an action for each observation.
type act func(key, obs, theta *Node) (newKey, action *Node)

// Random measures steps with uniformly random actions: what the environment alone costs.
func Random(ctx context.Context, e *backend.Engine, of env.Env, o Options) (Result, error) {
	a := of.Spec().Action
	return step(ctx, e, "random", of, o, []float32{0}, func(key, obs, _ *Node) (*Node, *Node) {
		return a.Random(key, obs.Shape().Dimensions[0])
	})
}

// Policy measures steps whose actions a fresh policy with two tanh layers of 64 samples, as PPO's does for vectors; images are flattened for it.
func Policy(ctx context.Context, e *backend.Engine, of env.Env, o Options) (Result, error) {
	spec := of.Spec()
	size, out := spec.ObsSize(), spec.Action.N
	if !spec.Action.Discrete() {
		out = spec.Action.Dim
	}
	net := nn.NewActorCritic(size, out, !spec.Action.Discrete(), 64, 64)
	return step(ctx, e, "policy", of, o, net.Init(1), func(key, obs, theta *Node) (*Node, *Node) {
		parts := net.Pack.Split(theta)
		head := net.Policy(parts, Reshape(obs, obs.Shape().Dimensions[0], size))
		if spec.Action.Discrete() {
			return ops.NewCategorical(head).Sample(key)
		}
		return ops.NewNormal(head, net.Spread(parts)).Sample(key)
	})
}

// mostSteps bounds the iterations of one call; with 1,024 environments that is a billion steps.
const mostSteps = 1 << 20

func step(ctx context.Context, e *backend.Engine, what string, of env.Env, o Options, theta []float32, choose act) (r Result, err error) {
	v := env.Auto(of)
	name := of.Spec().Name
	fail := func(err error) (Result, error) { return Result{}, fmt.Errorf("%s steps of %s: %w", what, name, err) }
	if o, err = o.withDefaults(); err != nil {
		return fail(err)
	}
	r = Result{What: what, Name: name, Engine: e.Name, Envs: o.Envs}

	first, err := loop.NewFunc(e.Backend, "reset of "+name, func(in struct{ Key *Node }) stepState {
		key, state := v.Reset(in.Key, o.Envs)
		zero := BroadcastToDims(Const(key.Graph(), float32(0)), o.Envs)
		return stepState{key, state, v.Observe(state), zero, zero}
	})
	if err != nil {
		return fail(err)
	}
	defer first.Close()
	body := func(_ *Node, s stepState, c stepConstants) (stepState, nothing) {
		key, action := choose(s.Key, s.Obs, c.Theta)
		key, next, out := v.Step(key, s.Env, action)
		ended := ConvertDType(Or(out.Terminated, out.Truncated), dtypes.Float32)
		return stepState{key, next, out.Obs, Add(s.Reward, out.Reward), Add(s.Ended, ended)}, nothing{}
	}
	l, err := loop.New(e.Backend, what+" steps of "+name, mostSteps, body)
	if err != nil {
		return fail(err)
	}
	defer l.Close()

	key, err := RNGStateFromSeed(1)
	if err != nil {
		return fail(err)
	}
	in, err := loop.Pack[struct{ Key *Node }](key)
	if err != nil {
		return fail(err)
	}
	constants, err := loop.Pack[stepConstants](tensors.FromValue(theta))
	if err != nil {
		return fail(err)
	}
	none, err := loop.Pack[nothing]()
	if err != nil {
		return fail(err)
	}
	state, err := first.Call(ctx, in)
	if err != nil {
		return fail(err)
	}
	defer func() { err = errors.Join(err, state.Close(), in.Close(), constants.Close(), none.Close()) }()
	compiled, err := l.Compile(state, constants)
	if err != nil {
		return fail(err)
	}
	r.CompileSeconds = compiled.Seconds()

	at := 0
	run := func(n int) (time.Duration, error) {
		began := time.Now()
		s, _, err := l.Run(ctx, at, n, state, constants)
		if err != nil {
			return 0, err
		}
		state = s
		at = (at + n) % (1 << 30) // the counter is an int32, and its value does not matter here
		_, err = episodes(state)  // reading waits for an engine that runs behind
		return time.Since(began), err
	}
	n, err := fill(ctx, o.Each, mostSteps, run)
	if err != nil {
		return fail(err)
	}
	before, err := episodes(state)
	if err != nil {
		return fail(err)
	}
	for range o.Repeats {
		took, err := run(n)
		if err != nil {
			return fail(err)
		}
		r.Steps += int64(n) * int64(o.Envs)
		r.Repeats = append(r.Repeats, float64(n)*float64(o.Envs)/took.Seconds())
	}
	after, err := episodes(state)
	if err != nil {
		return fail(err)
	}
	r.Episodes = after - before
	return r, r.sum()
}

// episodes reads how many have ended.
func episodes(s loop.Values[stepState]) (int64, error) {
	var sum float64
	err := tensors.ConstFlatData(s.Get("Ended"), func(x []float32) {
		for _, v := range x {
			sum += float64(v)
		}
	})
	if err != nil {
		return 0, fmt.Errorf("episodes: %w", err)
	}
	return int64(sum), nil
}
