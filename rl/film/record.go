package film

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/rewardlab/rewardlab/rl/env"
	"github.com/rewardlab/rewardlab/rl/loop"
	"github.com/rewardlab/rewardlab/rl/run"
)

// Episode is what happened in T steps, in numbers.
type Episode struct {
	Obs        []float32 // [T+1, ObsSize]
	Action     []float32 // [T] numbers of choices, or [T, Dim]; as the environment took them, within its range
	Reward     []float32 // [T]
	Terminated bool      // it came to its own end; else the time limit cut it
}

// unlimited is how many steps are recorded in an environment without a time limit.
const unlimited = 2000

// step is what a step of n environments brought.
type step struct{ Obs, Final, Action, Reward, Over, Terminated *Node }

// record plays o.Episodes environments side by side, each until its first episode has ended.
func record[P any](ctx context.Context, b compute.Backend, e env.Env, o Options, params loop.Values[P], act Act[P]) (eps []Episode, err error) {
	n, v, spec := o.Episodes, env.Auto(e), e.Spec()
	limit := cmp.Or(spec.Horizon, unlimited)
	name, obsSize := spec.Name, spec.ObsSize()
	reset, err := loop.NewFunc(b, "reset of "+name, func(in start) walk {
		key, state := v.Reset(in.Key, n)
		return walk{key, state}
	})
	if err != nil {
		return nil, err
	}
	defer reset.Close()
	const chunk = 50 // steps between two looks at whether all episodes have ended
	l, err := loop.New(b, "recording of "+name, min(limit, chunk), func(_ *Node, w walk, p P) (walk, step) {
		obs := v.Observe(w.Env)
		key, action := act(w.Key, obs, p)
		action = spec.Action.Clip(action)
		key, next, out := v.Step(key, w.Env, action)
		flat := func(x *Node) *Node { return ConvertDType(Reshape(x, n, x.Shape().Size()/n), dtypes.Float32) }
		return walk{key, next}, step{flat(obs), flat(out.FinalObs), flat(action), out.Reward, Or(out.Terminated, out.Truncated), out.Terminated}
	})
	if err != nil {
		return nil, err
	}
	defer l.Close()
	key, err := RNGStateFromSeed(run.Stream(o.Seed, "record"))
	if err != nil {
		return nil, err
	}
	in, err := loop.Pack[start](key)
	if err != nil {
		return nil, err
	}
	w, err := reset.Call(ctx, in)
	if err != nil {
		return nil, errors.Join(err, in.Close())
	}
	defer func() { err = errors.Join(err, w.Close(), in.Close()) }()

	eps = make([]Episode, n)
	over, open := make([]bool, n), n
	for at := 0; at < limit && open > 0; {
		steps := min(chunk, limit-at)
		var out loop.Values[step]
		if w, out, err = l.Run(ctx, at, steps, w, params); err != nil {
			return nil, err
		}
		floats := func(leaf string) []float32 { return tensors.MustCopyFlatData[float32](out.Get(leaf)) }
		obs, final, action, reward := floats("Obs"), floats("Final"), floats("Action"), floats("Reward")
		ends, terminated := tensors.MustCopyFlatData[bool](out.Get("Over")), tensors.MustCopyFlatData[bool](out.Get("Terminated"))
		if err := out.Close(); err != nil {
			return nil, err
		}
		cols := len(action) / len(reward)
		for t := range steps {
			for k := range n {
				i := t*n + k
				if over[k] {
					continue
				}
				ep := &eps[k]
				ep.Obs = append(ep.Obs, obs[i*obsSize:(i+1)*obsSize]...)
				ep.Action = append(ep.Action, action[i*cols:(i+1)*cols]...)
				ep.Reward = append(ep.Reward, reward[i])
				if ends[i] || at+t == limit-1 {
					ep.Obs = append(ep.Obs, final[i*obsSize:(i+1)*obsSize]...)
					ep.Terminated, over[k] = terminated[i], true
					open--
				}
			}
		}
		at += steps
	}
	return eps, nil
}

func (o Options) check() error {
	if o.Steps < 0 || o.Episodes < 0 {
		return fmt.Errorf("%d steps, %d episodes: give positive numbers", o.Steps, o.Episodes)
	}
	return nil
}
