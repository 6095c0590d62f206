package nn

import (
	"math"
	"slices"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
)

// Adam is the optimiser of Kingma and Ba (2015), algorithm 1, over one flat vector. Zero fields mean the defaults.
type Adam struct {
	LR    float64 // step size, default 1e-3
	Beta1 float64 // decay of the first moment, default 0.9
	Beta2 float64 // decay of the second moment, default 0.999
	Eps   float64 // added to the root of the second moment, default 1e-8
	Rate  *Node   // in place of LR: a scalar that changes with time, or [size], a step size for every parameter (Packed.Spread)
}

// Moments is Adam's state: first and second moment [size], and the number of steps taken, a float32 scalar. All zero at first.
type Moments struct{ M, V, T *Node }

// Start is where a learner begins: the tensors of theta, and of the Moments of no steps. Of several theta, an ensemble, they are [M, size].
func Start(theta ...[]float32) []*tensors.Tensor {
	dims := []int{len(theta[0])}
	if len(theta) > 1 {
		dims = []int{len(theta), len(theta[0])}
	}
	all := tensors.FromFlatDataAndDimensions(slices.Concat(theta...), dims...)
	return []*tensors.Tensor{all, ZeroTensor(dims...), ZeroTensor(dims...), ZeroTensor()}
}

// ZeroTensor is a float32 tensor of zeros.
func ZeroTensor(dims ...int) *tensors.Tensor {
	return tensors.FromShape(shapes.Make(dtypes.Float32, dims...))
}

func or(x, otherwise float64) float64 {
	if x == 0 {
		return otherwise
	}
	return x
}

// Step moves theta against grad, both [size].
func (a Adam) Step(theta, grad *Node, s Moments) (*Node, Moments) {
	b1, b2, eps := or(a.Beta1, 0.9), or(a.Beta2, 0.999), or(a.Eps, 1e-8)
	t := AddScalar(s.T, 1)
	// m <- b1 m + (1 - b1) g, v <- b2 v + (1 - b2) g^2, theta <- theta - lr m^ / (sqrt(v^) + eps), x^ = x / (1 - b^t)
	m := Add(MulScalar(s.M, b1), MulScalar(grad, 1-b1))
	v := Add(MulScalar(s.V, b2), MulScalar(Square(grad), 1-b2))
	mHat := Div(m, OneMinus(Exp(MulScalar(t, math.Log(b1)))))
	vHat := Div(v, OneMinus(Exp(MulScalar(t, math.Log(b2)))))
	lr := a.Rate
	if lr == nil {
		lr = Scalar(theta.Graph(), theta.DType(), or(a.LR, 1e-3))
	}
	theta = Sub(theta, Mul(Div(mHat, AddScalar(Sqrt(vHat), eps)), lr))
	return theta, Moments{m, v, t}
}
