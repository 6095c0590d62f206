package nn

import . "github.com/gomlx/gomlx/core/graph"

// ClipNorm scales grad, the flat gradient of all parameters, so that its Euclidean norm is at most `most`:
//
//	grad min(1, most / (norm + 1e-6))
//
// as PyTorch's clip_grad_norm_ does. It returns the norm before clipping too, a scalar.
func ClipNorm(grad *Node, most float64) (clipped, norm *Node) {
	norm = Sqrt(ReduceAllSum(Square(grad)))
	limit := Scalar(grad.Graph(), grad.DType(), most)
	return Mul(grad, MinScalar(Div(limit, AddScalar(norm, 1e-6)), 1)), norm
}
