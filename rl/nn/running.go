package nn

import (
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
)

// Running is the mean and variance of everything seen so far, as loop state: normalisation that a checkpoint keeps.
type Running struct {
	Mean, Var *Node // [d], or for each of M members of an ensemble, [M, d]
	Count     *Node // scalar
}

// RunningStart are the tensors of a Running that has seen nothing: mean 0, variance 1, and a count of almost none.
func RunningStart(dims ...int) []*tensors.Tensor {
	ones := ZeroTensor(dims...)
	tensors.MustMutableFlatData(ones, func(x []float32) {
		for i := range x {
			x[i] = 1
		}
	})
	return []*tensors.Tensor{ZeroTensor(dims...), ones, tensors.FromValue(float32(1e-4))}
}

// Update takes in a batch x [n, d], or [M, n, d], by the rule of Chan et al. for joining two samples.
func (r Running) Update(x *Node) Running {
	n := Scalar(x.Graph(), x.DType(), x.Shape().Dim(-2))
	mean := ReduceMean(x, -2)
	variance := ReduceMean(Square(Sub(x, ExpandAxes(mean, -2))), -2)
	total := Add(r.Count, n)
	delta := Sub(mean, r.Mean)
	sum := Add(Mul(r.Var, r.Count), Mul(variance, n))
	sum = Add(sum, Div(Mul(Square(delta), Mul(r.Count, n)), total))
	return Running{
		Mean:  Add(r.Mean, Mul(delta, Div(n, total))),
		Var:   Div(sum, total),
		Count: total,
	}
}

// Normalise is (x - mean) / std cut to [-most, most], for x [n, d] or [M, n, d].
func (r Running) Normalise(x *Node, most float64) *Node {
	return ClipScalar(Mul(Sub(x, ExpandAxes(r.Mean, -2)), ExpandAxes(r.inverse(), -2)), -most, most)
}

// Scale is x / std cut to [-most, most], for x [..., d], or of an ensemble [M, n, d]: for rewards, whose sign must stay.
func (r Running) Scale(x *Node, most float64) *Node {
	by := r.inverse()
	if by.Rank() == 2 {
		by = ExpandAxes(by, 1)
	}
	return ClipScalar(Mul(x, ExpandLeftToRank(by, x.Rank())), -most, most)
}

func (r Running) inverse() *Node { return Inverse(Sqrt(AddScalar(r.Var, 1e-8))) }
