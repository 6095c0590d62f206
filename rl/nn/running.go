package nn

import (
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
)

// Running is the mean and variance of everything seen so far, as loop state: normalisation that a checkpoint keeps.
type Running struct {
	Mean, Var *Node // [d]
	Count     *Node // scalar
}

// RunningStart are the tensors of a Running that has seen nothing: mean 0, variance 1, and a count of almost none.
func RunningStart(d int) []*tensors.Tensor {
	ones := make([]float32, d)
	for i := range ones {
		ones[i] = 1
	}
	return []*tensors.Tensor{ZeroTensor(d), tensors.FromValue(ones), tensors.FromValue(float32(1e-4))}
}

// Update takes in a batch x [n, d], by the rule of Chan et al. for joining two samples.
func (r Running) Update(x *Node) Running {
	n := Scalar(x.Graph(), x.DType(), x.Shape().Dimensions[0])
	mean := ReduceMean(x, 0)
	variance := ReduceMean(Square(Sub(x, ExpandLeftToRank(mean, 2))), 0)
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

// Normalise is (x - mean) / std cut to [-most, most], for x [n, d].
func (r Running) Normalise(x *Node, most float64) *Node {
	return ClipScalar(Mul(Sub(x, ExpandLeftToRank(r.Mean, 2)), ExpandLeftToRank(r.inverse(), 2)), -most, most)
}

// Scale is x / std cut to [-most, most]: for rewards, whose sign must stay.
func (r Running) Scale(x *Node, most float64) *Node {
	return ClipScalar(Mul(x, ExpandLeftToRank(r.inverse(), x.Rank())), -most, most)
}

func (r Running) inverse() *Node { return Inverse(Sqrt(AddScalar(r.Var, 1e-8))) }
