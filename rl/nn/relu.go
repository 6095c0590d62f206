package nn

import . "github.com/gomlx/gomlx/core/graph"

// ReLU is MLP with max(x, 0) in the place of tanh.
func ReLU(in, out int, hidden ...int) Net {
	n := MLP(in, out, hidden...)
	n.Name = "relu"
	n.Apply = func(p []*Node, x *Node) *Node {
		for len(p) > 2 {
			x = affine(p, x)
			x = Max(x, ZerosLike(x))
			p = p[2:]
		}
		return affine(p, x)
	}
	return n
}
