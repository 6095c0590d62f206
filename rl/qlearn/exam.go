package qlearn

import (
	"context"
	"errors"
	"math"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/rewardlab/rewardlab/rl/env"
	"github.com/rewardlab/rewardlab/rl/loop"
	"github.com/rewardlab/rewardlab/rl/nn"
)

const (
	examEpisodes = 100
	// examLimit is the length at which episodes of an environment without a time limit are broken off.
	examLimit = 1000
	// examSteps are taken between two looks at whether all episodes have ended.
	examSteps = 50
)

// exam is where greedy episodes stand.
type exam struct {
	Play  play
	Alive *Node // [n], 1 until the environment's first episode has ended
	Sums  *Node // [2, n]: its return and length
}

// values are the parameters that are examined.
type values struct{ Theta *Node }

// examiner plays greedy episodes, one an environment, in programs of its own.
type examiner struct {
	reset *loop.Func[seed, play]
	loop  *loop.Loop[exam, values, none]
	limit int
}

// newExaminer prepares examinations of a policy: theta and observations [n, Obs...] to actions [n].
func newExaminer(b compute.Backend, v *env.Vector, greedy func(theta, obs *Node) *Node) (*examiner, error) {
	x := &examiner{limit: v.Spec().Horizon}
	if x.limit == 0 {
		x.limit = examLimit
	}
	var err error
	if x.reset, err = resetter(b, v, examEpisodes); err != nil {
		return nil, err
	}
	x.loop, err = loop.New(b, "examination in "+v.Spec().Name, examSteps, func(_ *Node, s exam, c values) (exam, none) {
		key, next, out := v.Step(s.Play.Key, s.Play.Env, greedy(c.Theta, v.Observe(s.Play.Env)))
		over := ConvertDType(Or(out.Terminated, out.Truncated), dtypes.Float32)
		s.Sums = Add(s.Sums, Stack([]*Node{Mul(out.Reward, s.Alive), s.Alive}, 0))
		s.Alive = Mul(s.Alive, OneMinus(over))
		s.Play.Key, s.Play.Env = key, next
		return s, none{}
	})
	if err != nil {
		x.reset.Close()
		return nil, err
	}
	return x, nil
}

func (x *examiner) start(ctx context.Context, s int64, stream string) (loop.Values[exam], error) {
	p, err := begin(ctx, x.reset, s, stream)
	if err != nil {
		return loop.Values[exam]{}, err
	}
	alive := make([]float32, examEpisodes)
	for i := range alive {
		alive[i] = 1
	}
	return loop.Pack[exam](append(p.Tensors(), tensors.FromValue(alive), nn.ZeroTensor(2, examEpisodes))...)
}

// compile compiles for parameters like theta.
func (x *examiner) compile(ctx context.Context, theta *tensors.Tensor) error {
	s, err := x.start(ctx, 0, "compile")
	if err != nil {
		return err
	}
	c, err := loop.Pack[values](theta)
	if err == nil {
		_, err = x.loop.Compile(s, c)
	}
	return errors.Join(err, s.Close())
}

// examine plays the episodes of a seed's stream.
func (x *examiner) examine(ctx context.Context, s int64, stream string, theta *tensors.Tensor) (map[string]float64, error) {
	e, err := x.start(ctx, s, stream)
	if err != nil {
		return nil, err
	}
	defer func() { _ = e.Close() }()
	c, err := loop.Pack[values](theta)
	if err != nil {
		return nil, err
	}
	for at := 0; at < x.limit; at += examSteps {
		if e, _, err = x.loop.Run(ctx, at, min(examSteps, x.limit-at), e, c); err != nil {
			return nil, err
		}
		if !slices.Contains(tensors.MustCopyFlatData[float32](e.Get("Alive")), 1) {
			break
		}
	}
	sums := tensors.MustCopyFlatData[float32](e.Get("Sums"))
	return marks(sums[:examEpisodes], sums[examEpisodes:]), nil
}

// marks are mean return with the normal 95% interval of the mean, standard deviation and extremes, and mean length.
func marks(returns, lengths []float32) map[string]float64 {
	n := float64(len(returns))
	var mean, square, length float64
	for i, r := range returns {
		mean += float64(r) / n
		length += float64(lengths[i]) / n
	}
	for _, r := range returns {
		square += (float64(r) - mean) * (float64(r) - mean)
	}
	std := math.Sqrt(square / (n - 1))
	half := 1.96 * std / math.Sqrt(n)
	return map[string]float64{
		"eval/return": mean, "eval/return_lo": mean - half, "eval/return_hi": mean + half, "eval/return_std": std,
		"eval/return_min": float64(slices.Min(returns)), "eval/return_max": float64(slices.Max(returns)), "eval/length": length,
	}
}

func (x *examiner) close() {
	x.reset.Close()
	x.loop.Close()
}
