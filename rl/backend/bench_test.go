package backend

import (
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
)

// BenchmarkStep is one gradient step of a linear softmax classifier on 64 images
// of 784 pixels, called from the host: what goCost compares.
func BenchmarkStep(b *testing.B) {
	for _, name := range []string{"go", "xla"} {
		b.Run(name, func(b *testing.B) {
			e, err := Open(b.Context(), Config{Spec: name})
			if err != nil {
				b.Skip(err)
			}
			defer e.Close()
			step := MustNewExec(e.Backend, func(w, x, y *Node) *Node {
				logp := LogSoftmax(MatMul(x, w))
				loss := Neg(ReduceAllMean(ReduceSum(Mul(logp, OneHot(y, 10, dtypes.Float32)), -1)))
				return Sub(w, MulScalar(Gradient(loss, w)[0], 0.1))
			})
			w := tensors.FromShape(shapes.Make(dtypes.Float32, 784, 10))
			x := tensors.FromShape(shapes.Make(dtypes.Float32, 64, 784))
			y := tensors.FromShape(shapes.Make(dtypes.Int32, 64))
			step.MustExec(w, x, y)
			for b.Loop() {
				step.MustExec(w, x, y)
			}
		})
	}
}

// BenchmarkMatMul multiplies two 512x512 matrices.
func BenchmarkMatMul(b *testing.B) {
	for _, name := range []string{"go", "xla"} {
		b.Run(name, func(b *testing.B) {
			e, err := Open(b.Context(), Config{Spec: name})
			if err != nil {
				b.Skip(err)
			}
			defer e.Close()
			mul := MustNewExec(e.Backend, func(x, y *Node) *Node { return ReduceAllSum(MatMul(x, y)) })
			x := tensors.FromShape(shapes.Make(dtypes.Float32, 512, 512))
			mul.MustExec(x, x)
			for b.Loop() {
				mul.MustExec(x, x)
			}
		})
	}
}
