package bc

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/gomlx/gomlx/core/tensors"

	"github.com/rewardlab/rewardlab/datasets"
	"github.com/rewardlab/rewardlab/rl/env"
	"github.com/rewardlab/rewardlab/rl/loop"
	"github.com/rewardlab/rewardlab/rl/run"
)

// fits says whether demonstrations are of an environment's observations and actions.
func fits(d *datasets.Demos, spec env.Spec) error {
	if !slices.Equal(d.Obs, spec.Obs) && d.ObsSize() != spec.ObsSize() || d.Actions > spec.Action.N || (d.Actions == 0) != (spec.Action.N == 0) || d.ActionDim != spec.Action.Dim {
		return fmt.Errorf("bc: demonstrations of observations %v, %d choices, action vectors of %d do not fit environment %s, which has %v, %d and %d: take those of the same environment",
			d.Obs, d.Actions, d.ActionDim, spec.Name, spec.Obs, spec.Action.N, spec.Action.Dim)
	}
	return nil
}

// most is how many pairs a seed may have: those of the longest trajectories, each from the earliest phase.
func (c *Config) most(d *datasets.Demos) int {
	var lengths []int
	for _, t := range d.Trajectories {
		steps := len(t.Action) / d.Columns()
		lengths = append(lengths, (steps+c.Every-1)/c.Every)
	}
	slices.Sort(lengths)
	sum := 0
	for _, n := range lengths[len(lengths)-c.count(d):] {
		sum += n
	}
	return sum
}

func (c *Config) count(d *datasets.Demos) int {
	if c.Trajectories == 0 {
		return len(d.Trajectories)
	}
	return c.Trajectories
}

// leastPairs is how few pairs can be parted: at least one on each side.
const leastPairs = 2

// material is what a seed has of the demonstrations.
type material struct {
	Lesson lesson
	Split  split
}

// material is the seed's choice of trajectories, thinned out, shuffled and parted.
func (p *Cloner) material(seed int64) (loop.Values[material], error) {
	var none loop.Values[material]
	some, err := p.demos.Pick(p.count(p.demos), run.Stream(seed, "trajectories"))
	if err != nil {
		return none, err
	}
	x, err := some.Subsample(p.Every, run.Stream(seed, "phase"))
	if err != nil {
		return none, err
	}
	if x.Len() < leastPairs {
		return none, fmt.Errorf("bc: %d pairs of %d trajectories, every %d-th step: that cannot be parted into pairs to learn from and to hold out; take more", x.Len(), p.count(p.demos), p.Every)
	}
	order := rand.New(rand.NewPCG(uint64(run.Stream(seed, run.StreamData)), 1)).Perm(x.Len())
	train := min(max(x.Len()-int(p.Validation*float64(x.Len())), 1), x.Len()-1)

	size, cols := p.demos.ObsSize(), p.demos.Columns()
	obs, action := make([]float32, p.rows*size), make([]float32, p.rows*cols)
	for to, from := range order {
		copy(obs[to*size:(to+1)*size], x.Obs[from*size:])
		copy(action[to*cols:(to+1)*cols], x.Action[from*cols:])
	}
	ts := []*tensors.Tensor{
		tensors.FromFlatDataAndDimensions(obs, append([]int{p.rows}, p.fit.agent.Vector.Spec().Obs...)...),
		tensors.FromFlatDataAndDimensions(action, p.rows, cols),
		tensors.FromValue(int32(0)), tensors.FromValue(float32(train)),
	}
	ts = append(ts, moments(obs[:train*size], size)...)
	return loop.Pack[material](append(ts, tensors.FromValue(float32(train)), tensors.FromValue(float32(x.Len())))...)
}

// leastVariance keeps an element that hardly changes in the demonstrations from becoming huge where it does.
const leastVariance = 1e-4

// moments are mean, variance and number of rows of xs, [n, size], as an nn.Running has them.
func moments(xs []float32, size int) []*tensors.Tensor {
	n := float64(len(xs) / size)
	mean, variance := make([]float64, size), make([]float64, size)
	for i, v := range xs {
		mean[i%size] += float64(v) / n
	}
	for i, v := range xs {
		variance[i%size] += math.Pow(float64(v)-mean[i%size], 2) / n
	}
	narrow := func(xs []float64, least float64) *tensors.Tensor {
		out := make([]float32, size)
		for i, v := range xs {
			out[i] = float32(max(v, least))
		}
		return tensors.FromValue(out)
	}
	return []*tensors.Tensor{narrow(mean, math.Inf(-1)), narrow(variance, leastVariance), tensors.FromValue(float32(n))}
}
