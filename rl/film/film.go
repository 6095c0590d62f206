package film

import (
	"context"
	"errors"
	"fmt"
	"image"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/rewardlab/rewardlab/rl/env"
	"github.com/rewardlab/rewardlab/rl/loop"
	"github.com/rewardlab/rewardlab/rl/run"
)

// Options say what to film.
type Options struct {
	Seed  int64 // of the episodes
	Steps int   // how long; 0: 300 steps
	// Episodes to record as numbers, each from its beginning to its end, side by side. Nothing is drawn then, and Steps does not count.
	Episodes int
	// Sample plays what the policy draws, rather than what it likes best; for policies that are distributions.
	Sample bool
}

// Take is what was filmed.
type Take struct {
	Frames  []image.Image // the beginning, and what came of every step; after the end of an episode the beginning of the next
	Returns []float64     // of the episodes that ended
	Open    float64       // what the last episode had earned so far
	Rate    float64       // steps a second that the eye can follow: 30, or 12 where observations are pictures of a few cells

	Episodes []Episode // that were recorded
}

// Act chooses actions for observations [n, Obs...], of one environment in a film, with the parameters P.
type Act[P any] func(key, obs *Node, params P) (newKey, action *Node)

type walk struct{ Key, Env *Node }

type shot struct{ Env, Next, Reward, Over *Node }

type start struct{ Key *Node }

// Shoot plays e by act. The parameters stay the caller's.
func Shoot[P any](ctx context.Context, b compute.Backend, e env.Env, o Options, params loop.Values[P], act Act[P]) (t *Take, err error) {
	name := e.Spec().Name
	fail := func(err error) (*Take, error) { return nil, fmt.Errorf("film of %s: %w", name, err) }
	if o.Steps == 0 {
		o.Steps = 300
	}
	if err := o.check(); err != nil {
		return fail(err)
	}
	if o.Episodes > 0 {
		eps, err := record(ctx, b, e, o, params, act)
		if err != nil {
			return fail(err)
		}
		return &Take{Episodes: eps}, nil
	}
	v := env.Auto(e)
	reset, err := loop.NewFunc(b, "reset of "+name, func(in start) walk {
		key, state := v.Reset(in.Key, 1)
		return walk{key, state}
	})
	if err != nil {
		return fail(err)
	}
	defer reset.Close()
	l, err := loop.New(b, "film of "+name, o.Steps, func(_ *Node, w walk, p P) (walk, shot) {
		key, action := act(w.Key, v.Observe(w.Env), p)
		key, next, out := v.Step(key, w.Env, action)
		return walk{key, next}, shot{Squeeze(out.FinalState, 0), Squeeze(next, 0), Squeeze(out.Reward, 0), Squeeze(Or(out.Terminated, out.Truncated), 0)}
	})
	if err != nil {
		return fail(err)
	}
	defer l.Close()
	key, err := RNGStateFromSeed(run.Stream(o.Seed, "film"))
	if err != nil {
		return fail(err)
	}
	in, err := loop.Pack[start](key)
	if err != nil {
		return fail(err)
	}
	w, err := reset.Call(ctx, in)
	if err != nil {
		return fail(err)
	}
	first := tensors.MustCopyFlatData[float32](w.Get("Env"))
	w, shots, err := l.Run(ctx, 0, o.Steps, w, params)
	if err != nil {
		return fail(errors.Join(err, w.Close(), in.Close()))
	}
	defer func() { err = errors.Join(err, w.Close(), shots.Close(), in.Close()) }()
	states, next := tensors.MustCopyFlatData[float32](shots.Get("Env")), tensors.MustCopyFlatData[float32](shots.Get("Next"))
	rewards, over := tensors.MustCopyFlatData[float32](shots.Get("Reward")), tensors.MustCopyFlatData[bool](shots.Get("Over"))
	width := len(first)
	t = &Take{Rate: 30}
	if len(e.Spec().Obs) == 3 {
		t.Rate = 12
	}
	scenes := [][]float32{first}
	for k := range o.Steps {
		scenes = append(scenes, states[k*width:(k+1)*width])
		t.Open += float64(rewards[k])
		if over[k] {
			t.Returns, t.Open = append(t.Returns, t.Open), 0
			scenes = append(scenes, next[k*width:(k+1)*width])
		}
	}
	for _, state := range scenes {
		frame := v.Frame(state)
		if frame == nil {
			return fail(errors.New("it cannot be drawn: give its rules a Frame"))
		}
		t.Frames = append(t.Frames, frame)
	}
	return t, nil
}

// Random plays e by uniformly random actions.
func Random(ctx context.Context, b compute.Backend, e env.Env, o Options) (*Take, error) {
	none, err := loop.Pack[struct{}]()
	if err != nil {
		return nil, err
	}
	action := e.Spec().Action
	return Shoot(ctx, b, e, o, none, func(key, obs *Node, _ struct{}) (*Node, *Node) { return action.Random(key, obs.Shape().Dimensions[0]) })
}
