package ops

import (
	. "github.com/gomlx/gomlx/core/graph"
)

// A discriminator gives a logit z, and D = sigmoid(z) is its probability of "expert". Everything is worked out from z: the logarithm of a
// saturated probability is not a number one can learn from. Softplus(z), which is gomlx's, is -log(1 - D), GAIL's reward that is never negative.

// LogSigmoid is -log(1 + e^-x), of a logit log D: GAIL's reward that is never positive.
func LogSigmoid(x *Node) *Node { return Neg(Softplus(Neg(x))) }

// BinaryCrossEntropy is mean[softplus(z) - y z] for logits z and labels y in [0, 1], both [n].
func BinaryCrossEntropy(z, y *Node) *Node {
	return ReduceAllMean(Sub(Softplus(z), Mul(StopGradient(y), z)))
}

// BernoulliEntropy is the mean entropy of sigmoid(z), in nats: softplus(z) - z sigmoid(z).
func BernoulliEntropy(z *Node) *Node {
	return ReduceAllMean(Sub(Softplus(z), Mul(z, Sigmoid(z))))
}

// GradientPenalty is mean_i (|dz_i/dx_i| - target)^2, where x_i is row i of all inputs together (Gulrajani et al. 2017, target 1). Row i of z [n]
// may depend on row i of the inputs [n, ...] alone. The inputs must be nodes that z was made of: not slices, which cannot be
// differentiated twice, and not what StopGradient gave, which has no gradient.
func GradientPenalty(z *Node, target float64, inputs ...*Node) *Node {
	n := z.Shape().Size()
	var square *Node
	for _, g := range Gradient(ReduceAllSum(z), inputs...) {
		s := ReduceSum(Reshape(Square(g), n, g.Shape().Size()/n), 1)
		if square == nil {
			square = s
		} else {
			square = Add(square, s)
		}
	}
	length := Sqrt(AddScalar(square, 1e-12)) // the root of 0 has no gradient
	return ReduceAllMean(Square(SubScalar(length, target)))
}
