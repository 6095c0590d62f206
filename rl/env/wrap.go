package env

import (
	"fmt"
	"image"

	. "github.com/gomlx/gomlx/core/graph"
)

// TimeLimit is e with another time limit, in steps.
func TimeLimit(e Env, steps int) Env {
	if steps < 1 {
		panic(fmt.Errorf("time limit of %d steps for %s: give at least 1", steps, e.Spec().Name))
	}
	spec := e.Spec()
	spec.Horizon = steps
	return &wrapped{Env: e, spec: spec}
}

// FixedHorizon is e whose episodes all last `steps`: where e's would terminate, the state stands still until the limit and every
// further reward is 0. Episode length then tells a learned reward nothing about behaviour.
func FixedHorizon(e Env, steps int) Env {
	spec := TimeLimit(e, steps).Spec()
	spec.Name, spec.Fixed, spec.State = spec.Name+"-fixed", true, spec.State+1
	return &wrapped{
		Env: e, spec: spec,
		step: func(key, s, extra, action *Node) (newKey, next, nextExtra, reward, terminated *Node) {
			over := above(col(extra, 0), 0.5)
			key, next, reward, terminated = e.Step(key, s, action)
			next, reward = pick(over, s, next), Where(over, like(reward, 0), reward)
			return key, next, join(float(Or(over, terminated))), reward, none(s)
		},
	}
}

// DelayReward pays e's rewards only every `every` steps, and at the end of the episode: the sum since the last payment.
func DelayReward(e Env, every int) Env {
	if every < 1 {
		panic(fmt.Errorf("rewards of %s paid every %d steps: give at least 1", e.Spec().Name, every))
	}
	spec := e.Spec()
	horizon := spec.Horizon
	spec.State += 3
	return &wrapped{
		Env: e, spec: spec,
		step: func(key, s, extra, action *Node) (newKey, next, nextExtra, reward, terminated *Node) {
			key, next, reward, terminated = e.Step(key, s, action)
			owed, since, steps := Add(col(extra, 0), reward), AddScalar(col(extra, 1), 1), AddScalar(col(extra, 2), 1)
			pay := Or(terminated, atLeast(since, float64(every)))
			if horizon > 0 {
				pay = Or(pay, atLeast(steps, float64(horizon)))
			}
			zero := like(owed, 0)
			return key, next, join(Where(pay, zero, owed), Where(pay, zero, since), steps), Where(pay, owed, zero), terminated
		},
	}
}

// Reward computes a reward [n] from one step of n environments: observations before and after, the action, and the environment's own reward.
type Reward func(obs, action, next, reward *Node) *Node

// WithReward replaces e's reward, by a learned one for example. fn may use the parameters of a network as long as they belong to
// the graph that is being built: wrap inside the loop's body.
func WithReward(e Env, fn Reward) Env {
	return &wrapped{
		Env: e, spec: e.Spec(),
		step: func(key, s, extra, action *Node) (newKey, next, nextExtra, reward, terminated *Node) {
			key, next, reward, terminated = e.Step(key, s, action)
			return key, next, extra, fn(e.Observe(s), action, e.Observe(next), reward), terminated
		},
	}
}

// wrapped is an Env with columns of its own after those of the Env inside. They are 0 at a reset.
type wrapped struct {
	Env
	spec Spec
	step func(key, s, extra, action *Node) (newKey, next, nextExtra, reward, terminated *Node) // nil: as the Env inside
}

func (w *wrapped) Spec() Spec { return w.spec }

func (w *wrapped) split(state *Node) (s, extra *Node) {
	inside := w.Env.Spec().State
	return cols(state, 0, inside), cols(state, inside, w.spec.State)
}

func (w *wrapped) merge(s, extra *Node) *Node {
	if extra == nil {
		return s
	}
	return Concatenate([]*Node{s, extra}, 1)
}

func (w *wrapped) Reset(key *Node, n int) (newKey, state *Node) {
	key, s := w.Env.Reset(key, n)
	if more := w.spec.State - w.Env.Spec().State; more > 0 {
		s = w.merge(s, zeros(key.Graph(), n, more))
	}
	return key, s
}

func (w *wrapped) Observe(state *Node) *Node {
	s, _ := w.split(state)
	return w.Env.Observe(s)
}

func (w *wrapped) Step(key, state, action *Node) (newKey, next, reward, terminated *Node) {
	s, extra := w.split(state)
	if w.step == nil {
		key, next, reward, terminated = w.Env.Step(key, s, action)
		return key, w.merge(next, extra), reward, terminated
	}
	key, next, extra, reward, terminated = w.step(key, s, extra, action)
	return key, w.merge(next, extra), reward, terminated
}

func (w *wrapped) Frame(state []float32) image.Image {
	if r, ok := w.Env.(Renderer); ok {
		return r.Frame(state[:w.Env.Spec().State])
	}
	return nil
}
