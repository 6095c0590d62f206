package nn

import (
	"math"

	. "github.com/gomlx/gomlx/core/graph"
)

// SpectralNorm is the largest singular value of w [m, n] by power iteration (Miyato et al. 2018), k times over from a fixed vector. The vectors
// take no gradient, so that the gradient by w is that of u'w v. Too few iterations give too small a value, never too large a one.
func SpectralNorm(w *Node, k int) *Node {
	n := w.Shape().Dimensions[1]
	start := make([]float32, n) // no singular vector of anything in particular
	for i := range start {
		start[i] = float32(math.Sin(float64(3*i+1))) + 0.5
	}
	unit := func(x *Node) *Node { return Div(x, Sqrt(AddScalar(ReduceAllSum(Square(x)), 1e-12))) }
	fixed := StopGradient(w)
	v := Reshape(Const(w.Graph(), start), n, 1)
	var u *Node
	for range max(k, 1) {
		u = unit(MatMul(fixed, v))
		v = unit(MatMul(Transpose(fixed, 0, 1), u))
	}
	return ReduceAllSum(Mul(u, MatMul(w, v)))
}

// Spectral is net with every weight matrix divided by its spectral norm, so that no layer stretches anything: with tanh or ReLU between them the
// net changes by no more than its input does.
func Spectral(net Net) Net {
	apply := net.Apply
	net.Apply = func(p []*Node, x *Node) *Node {
		scaled := make([]*Node, len(p))
		for i, w := range p {
			scaled[i] = w
			if w.Rank() == 2 {
				scaled[i] = Div(w, AddScalar(SpectralNorm(w, 5), 1e-6))
			}
		}
		return apply(scaled, x)
	}
	return net
}
