package lirpg

import (
	"math"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/rewardlab/rewardlab/rl/nn"
)

// The inner step is part of what the outer one differentiates, so gradients must flow through clipping and optimiser. The steps are those of nn and
// of the TensorFlow optimisers that the method was published with; what differs is that their roots have a finite slope at 0, where nn's have not.

// tiny is what roots are taken of at least: below it they are constant.
const tiny = 1e-30

func root(x *Node) *Node { return Sqrt(MaxScalar(x, tiny)) }

// clip shortens grad [size] to length `most`.
func clip(grad *Node, most float64) (clipped, norm *Node) {
	norm = root(ReduceAllSum(Square(grad)))
	return Mul(grad, MinScalar(Div(MulScalar(OnesLike(norm), most), AddScalar(norm, 1e-6)), 1)), norm
}

// descend takes a step of size rate against grad, both [size].
func (c *Config) descend(theta, grad *Node, s nn.Moments, rate *Node) (*Node, nn.Moments) {
	s.T = AddScalar(s.T, 1)
	switch c.Optimizer {
	case "sgd":
		return Sub(theta, Mul(grad, rate)), s
	case "rmsprop":
		// v <- v + 0.01 (g^2 - v), theta <- theta - rate g / sqrt(v + 1e-5)
		s.V = Add(s.V, MulScalar(Sub(Square(grad), s.V), 0.01))
		return Sub(theta, Mul(Div(grad, Sqrt(AddScalar(s.V, 1e-5))), rate)), s
	}
	const b1, b2, eps = 0.9, 0.999, 1e-5
	square := Square(grad)
	if !c.Exact {
		square = StopGradient(square)
	}
	s.M = Add(MulScalar(s.M, b1), MulScalar(grad, 1-b1))
	s.V = Add(MulScalar(s.V, b2), MulScalar(square, 1-b2))
	mHat := Div(s.M, OneMinus(Exp(MulScalar(s.T, math.Log(b1)))))
	vHat := Div(s.V, OneMinus(Exp(MulScalar(s.T, math.Log(b2)))))
	return Sub(theta, Mul(Div(mHat, AddScalar(root(vHat), eps)), rate)), s
}
