package nn_test

import (
	"testing"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/backend/backendtest"
	"github.com/rewardlab/rewardlab/rl/nn"
)

// [[3, 0], [4, 5]] has singular values sqrt 45 and sqrt 5, with left vector (1, 3)/sqrt 10 and right vector (1, 1)/sqrt 2, whose product is the
// gradient.
func TestSpectralNorm(t *testing.T) {
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		out := call(t, e, func(in []*Node) []*Node {
			s := nn.SpectralNorm(in[0], 20)
			return []*Node{s, Gradient(s, in[0])[0], nn.SpectralNorm(in[1], 20)}
		}, [][]float32{{3, 0}, {4, 5}}, [][]float32{{0, 2, 0}, {0, 0, -1}})
		near(t, "norm", floats(out[0]), []float64{6.7082039}, 1e-5)
		near(t, "gradient", floats(out[1]), []float64{0.2236068, 0.2236068, 0.6708204, 0.6708204}, 1e-4)
		near(t, "of a wide matrix", floats(out[2]), []float64{2}, 1e-5)
	})
}

// A linear net times 100 gives what it gave, because its weights are divided by their norm; its bias is left alone.
func TestSpectral(t *testing.T) {
	net := nn.Spectral(nn.Linear(2, 1))
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		out := call(t, e, func(in []*Node) []*Node {
			return []*Node{net.Apply(in[:2], in[3]), net.Apply([]*Node{MulScalar(in[0], 100), in[1]}, in[3])}
		}, [][]float32{{3}, {4}}, []float32{0.5}, float32(0), [][]float32{{5, 0}, {3, 4}})
		near(t, "outputs", floats(out[0]), []float64{3.5, 5.5}, 1e-5)
		near(t, "outputs of 100 times the weights", floats(out[1]), []float64{3.5, 5.5}, 1e-5)
	})
}
