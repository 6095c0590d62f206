package qlearn

import (
	"context"
	"errors"
	"fmt"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/rewardlab/rewardlab/rl/env"
	"github.com/rewardlab/rewardlab/rl/loop"
	"github.com/rewardlab/rewardlab/rl/nn"
	"github.com/rewardlab/rewardlab/rl/run"
	"github.com/rewardlab/rewardlab/rl/trainer"
)

// play is where the environments stand: the part of a learner's state that is the same for networks and tables.
type play struct {
	Env  *Node // [N, Spec.State]
	Open *Node // [2, N]: return and length of the episodes under way
	Key  *Node
}

// none are the constants of a loop that has none.
type none struct{}

// metrics are the numbers of one iteration, scalars.
type metrics struct {
	Episodes, Returns, Lengths *Node // number, summed return and summed length of the episodes that ended
	Epsilon                    *Node
	Loss, Q, Learned           *Node // Learned is 0 as long as nothing is learned
}

// step takes one step of every environment and does the books.
func (p play) step(v *env.Vector, action *Node) (play, env.Step, metrics) {
	key, next, out := v.Step(p.Key, p.Env, action)
	over := ConvertDType(Or(out.Terminated, out.Truncated), dtypes.Float32)
	open := Add(p.Open, Stack([]*Node{out.Reward, OnesLike(out.Reward)}, 0))
	both := BroadcastToDims(ExpandAxes(over, 0), open.Shape().Dimensions...)
	ended := ReduceSum(Mul(open, both), 1)
	at := func(k int) *Node { return Squeeze(Slice(ended, AxisElem(k)), 0) }
	return play{Env: next, Open: Mul(open, OneMinus(both)), Key: key}, out, metrics{Episodes: ReduceAllSum(over), Returns: at(0), Lengths: at(1)}
}

// progress is the share of training that is done at iteration i.
func progress(i *Node, total int) *Node {
	return DivScalar(ConvertDType(i, dtypes.Float32), float64(total))
}

// epsilon is the probability of a random action.
func (x Exploration) epsilon(progress *Node) *Node {
	return nn.Anneal(MinScalar(DivScalar(progress, x.EpsilonFor), 1), x.Epsilon, x.EpsilonEnd)
}

// rows makes a row's numbers of n iterations' metrics: means over the episodes that ended, and over the iterations that learned.
func rows(outs loop.Values[metrics], n int) ([]trainer.Metric, error) {
	raw := map[string][]float32{}
	for name, t := range outs.All() {
		x, err := tensors.CopyFlatData[float32](t)
		if err != nil {
			return nil, fmt.Errorf("metric %s: %w", name, err)
		}
		raw[name] = x[:n]
	}
	per := func(sums []float32) []float32 {
		mean := make([]float32, n)
		for i, k := range raw["Episodes"] {
			if k > 0 {
				mean[i] = sums[i] / k
			}
		}
		return mean
	}
	return []trainer.Metric{
		{Name: "charts/episodic_return", Values: per(raw["Returns"]), Weights: raw["Episodes"]},
		{Name: "charts/episodic_length", Values: per(raw["Lengths"]), Weights: raw["Episodes"]},
		{Name: "charts/epsilon", Values: raw["Epsilon"]},
		{Name: "losses/td_loss", Values: raw["Loss"], Weights: raw["Learned"]},
		{Name: "losses/q_values", Values: raw["Q"], Weights: raw["Learned"]},
	}, nil
}

type seed struct{ Key *Node }

// resetter starts n episodes, in a program of its own.
func resetter(b compute.Backend, v *env.Vector, n int) (*loop.Func[seed, play], error) {
	return loop.NewFunc(b, "reset of "+v.Spec().Name, func(in seed) play {
		key, state := v.Reset(in.Key, n)
		return play{Env: state, Open: Zeros(in.Key.Graph(), shapes.Make(dtypes.Float32, 2, n)), Key: key}
	})
}

// begin starts episodes of a seed's stream.
func begin(ctx context.Context, f *loop.Func[seed, play], s int64, stream string) (loop.Values[play], error) {
	k, err := RNGStateFromSeed(run.Stream(s, stream))
	if err != nil {
		return loop.Values[play]{}, fmt.Errorf("random state of stream %s: %w", stream, err)
	}
	in, err := loop.Pack[seed](k)
	if err != nil {
		return loop.Values[play]{}, err
	}
	p, err := f.Call(ctx, in)
	return p, errors.Join(err, in.Close())
}
