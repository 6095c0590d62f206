package film

import (
	"context"
	"errors"
	"fmt"
	"image"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/rewardlab/rewardlab/rl/env"
	"github.com/rewardlab/rewardlab/rl/loop"
	"github.com/rewardlab/rewardlab/rl/run"
)

// Stage is one environment that somebody steers, a step at a time.
type Stage struct {
	vector *env.Vector
	reset  *loop.Func[start, walk]
	step   *loop.Func[push, moved]

	walk    loop.Values[walk]
	state   []float32 // what Frame draws
	obs     []float32 // that the next action meets
	episode Episode
	over    bool
}

type push struct {
	Walk   walk
	Action *Node // [1, columns] float32
}

type moved struct {
	Walk walk
	Step step
	Shot *Node // the state to draw
}

// NewStage prepares e. seed is that of everything random in it. Close it after use.
func NewStage(ctx context.Context, b compute.Backend, e env.Env, seed int64) (*Stage, error) {
	name := e.Spec().Name
	s := &Stage{vector: env.Auto(e)}
	var err error
	if s.reset, err = loop.NewFunc(b, "reset of "+name, func(in start) walk {
		key, state := s.vector.Reset(in.Key, 1)
		return walk{key, state}
	}); err != nil {
		return nil, err
	}
	if s.step, err = loop.NewFunc(b, "step of "+name, s.move); err != nil {
		s.reset.Close()
		return nil, err
	}
	key, err := RNGStateFromSeed(run.Stream(seed, "stage"))
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	in, err := loop.Pack[start](key)
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.walk, err = s.reset.Call(ctx, in)
	if err := errors.Join(err, in.Close()); err != nil {
		return nil, errors.Join(fmt.Errorf("stage of %s: %w", name, err), s.Close())
	}
	s.state = tensors.MustCopyFlatData[float32](s.walk.Get("Env"))
	return s, s.look(ctx, b)
}

// look fills obs with what the first action meets.
func (s *Stage) look(ctx context.Context, b compute.Backend) error {
	see, err := loop.NewFunc(b, "look", func(w walk) start { return start{s.vector.Observe(w.Env)} })
	if err != nil {
		return err
	}
	defer see.Close()
	out, err := see.Call(ctx, s.walk)
	if err != nil {
		return err
	}
	s.obs = tensors.MustCopyFlatData[float32](out.Get("Key"))
	return out.Close()
}

func (s *Stage) move(p push) moved {
	spec := s.vector.Spec()
	action := p.Action
	if spec.Action.Discrete() {
		action = ConvertDType(Squeeze(action, 1), dtypes.Int32)
	}
	action = spec.Action.Clip(action)
	key, next, out := s.vector.Step(p.Walk.Key, p.Walk.Env, action)
	flat := func(x *Node) *Node { return ConvertDType(Reshape(x, x.Shape().Size()), dtypes.Float32) }
	return moved{
		Walk: walk{key, next},
		Step: step{flat(out.Obs), flat(out.FinalObs), flat(action), out.Reward, Or(out.Terminated, out.Truncated), out.Terminated},
		Shot: Squeeze(out.FinalState, 0),
	}
}

// Step takes an action: one number that is a choice, or Dim numbers. It says whether the episode is over; then the next step begins another.
func (s *Stage) Step(ctx context.Context, action ...float32) (over bool, err error) {
	spec := s.vector.Spec()
	if want := max(spec.Action.Dim, 1); len(action) != want {
		return false, fmt.Errorf("stage of %s: an action of %d numbers: give %d", spec.Name, len(action), want)
	}
	if s.over {
		s.episode, s.over = Episode{}, false
	}
	a := tensors.FromFlatDataAndDimensions(action, 1, len(action))
	in, err := loop.Join[push](s.walk, loop.Leaf{T: a})
	if err != nil {
		return false, err
	}
	out, err := s.step.Call(ctx, in)
	if err != nil {
		return false, fmt.Errorf("stage of %s: %w", spec.Name, err)
	}
	next, err := loop.Part[walk](out, "Walk")
	if err != nil {
		return false, err
	}
	rest, err := loop.Part[step](out, "Step")
	if err != nil {
		return false, err
	}
	floats := func(leaf string) []float32 { return tensors.MustCopyFlatData[float32](out.Get(leaf)) }
	ep := &s.episode
	if len(ep.Reward) == 0 {
		ep.Obs = append(ep.Obs, s.obs...)
	}
	ep.Obs = append(ep.Obs, floats("Step.Final")...)
	ep.Action = append(ep.Action, floats("Step.Action")...)
	ep.Reward = append(ep.Reward, floats("Step.Reward")...)
	ep.Terminated = tensors.MustCopyFlatData[bool](out.Get("Step.Terminated"))[0]
	s.over = tensors.MustCopyFlatData[bool](out.Get("Step.Over"))[0]
	s.obs, s.state = floats("Step.Obs"), floats("Shot")
	err = errors.Join(s.walk.Close(), rest.Close(), out.Get("Shot").FinalizeAll(), a.FinalizeAll())
	s.walk = next
	return s.over, err
}

// Frame draws what the last step led to, nil where the environment cannot be drawn.
func (s *Stage) Frame() image.Image { return s.vector.Frame(s.state) }

// Episode is what has happened since the episode began.
func (s *Stage) Episode() Episode { return s.episode }

// Close frees the programs.
func (s *Stage) Close() error {
	s.reset.Close()
	s.step.Close()
	if s.walk.Empty() {
		return nil
	}
	return s.walk.Close()
}
