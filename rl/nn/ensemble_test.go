package nn_test

import (
	"math"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/backend/backendtest"
	"github.com/rewardlab/rewardlab/rl/nn"
)

// outputs of a net with the parameters of seed 1 and gradient of the last member's output, summed over x, by all parameters.
func ensemble(t *testing.T, e *backend.Engine, net nn.Net, x [][]float32) (out, grad [][]float32) {
	t.Helper()
	pack := nn.Pack(net)
	exec := MustNewExec(e.Backend, func(theta, x *Node) (*Node, *Node) {
		parts := pack.Split(theta)
		y := Squeeze(net.Apply(parts[0], x), -1)
		return y, ExpandAxes(pack.Gradient(ReduceAllSum(SliceAxis(y, 0, AxisElem(-1))), parts), 0)
	})
	defer exec.Finalize()
	a, b := exec.MustCall2(pack.Init(1), x)
	rows := func(x *tensors.Tensor) [][]float32 { return x.Value().([][]float32) }
	return rows(a), rows(b)
}

// Two members of a 2-1-1 net by hand, and the members of both forms learn apart from each other.
func TestEnsemble(t *testing.T) {
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		net := nn.EnsembleMLP(2, 2, 1, 1)
		theta := nn.Pack(net).Init(1)
		x := [][]float32{{1, 2}, {-3, 1}}
		out, grad := ensemble(t, e, net, x)
		// w0 [2, 2, 1], b0 [2, 1], w1 [2, 1, 1], b1 [2, 1]
		for m := range 2 {
			for i, row := range x {
				h := float64(theta[2*m]*row[0] + theta[2*m+1]*row[1] + theta[4+m])
				want := float64(theta[6+m])*math.Max(h, 0.01*h) + float64(theta[8+m])
				if math.Abs(float64(out[m][i])-want) > 1e-5 {
					t.Errorf("member %d of row %d: %g, want %g", m, i, out[m][i], want)
				}
			}
		}
		for _, i := range []int{0, 1, 4, 6, 8} {
			if grad[0][i] != 0 {
				t.Errorf("parameter %d of the first member moves with the second's output: %g", i, grad[0][i])
			}
		}
		if grad[0][9] != 2 {
			t.Errorf("the gradient by the second member's bias is %g, want 2: one for each row", grad[0][9])
		}

		picture := make([]float32, 4*4*2+3)
		for i := range picture {
			picture[i] = float32(i%5) / 5
		}
		moved := append([]float32{}, picture...)
		moved[len(moved)-1] += 1 // a number beside the picture
		out, grad = ensemble(t, e, nn.EnsembleImage(3, 4, 2, 3, 1, 4, 5, false), [][]float32{picture, moved})
		if len(out) != 3 || len(out[0]) != 2 || out[0][0] == out[1][0] || out[0][0] == out[0][1] {
			t.Errorf("three members on two pictures gave %v", out)
		}
		if n := len(grad[0]); n != 3*(18*4+4+(4*4+3)*5+5+5+1) {
			t.Errorf("%d parameters", n)
		}

		// A mark in the middle of 7x7 cells and one place above are seen by all nine places of a filter; one in the corner by a single one.
		mark := func(at int) []float32 {
			picture := make([]float32, 7*7)
			picture[at] = 1
			return picture
		}
		out, grad = ensemble(t, e, nn.EnsembleImage(2, 7, 1, 0, 1, 4, 5, true), [][]float32{mark(24), mark(17), mark(0)})
		if n := len(grad[0]); n != 2*(9*4+4+4*5+5+5+1) {
			t.Errorf("%d parameters of the net that adds up", n)
		}
		if math.Abs(float64(out[0][0]-out[0][1])) > 1e-6 || math.Abs(float64(out[0][0]-out[0][2])) < 1e-4 {
			t.Errorf("a mark in the middle and above gave %g and %g, in the corner, which one filter sees, %g", out[0][0], out[0][1], out[0][2])
		}
	})
}
