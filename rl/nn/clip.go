package nn

import . "github.com/gomlx/gomlx/core/graph"

// ClipNorm scales grad, the flat gradient of all parameters, so that its Euclidean norm is at most `most`:
//
//	grad min(1, most / (norm + 1e-6))
//
// as PyTorch's clip_grad_norm_ does. It returns the norm before clipping too, a scalar. The gradients of an ensemble, [M, size], are each clipped
// by their own norm, [M].
func ClipNorm(grad *Node, most float64) (clipped, norm *Node) {
	norm = Sqrt(ReduceSum(Square(grad), -1))
	limit := MulScalar(OnesLike(norm), most)
	scale := MinScalar(Div(limit, AddScalar(norm, 1e-6)), 1)
	if grad.Rank() == 2 {
		scale = ExpandAxes(scale, 1)
	}
	return Mul(grad, scale), norm
}
