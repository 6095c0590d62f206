package ops_test

import (
	"math"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/backend/backendtest"
	"github.com/rewardlab/rewardlab/rl/ops"
)

// At z = log 3, D = 3/4: -log(1 - D) = log 4, log D = log 3/4. At 200 and -200 nothing overflows.
func TestLogits(t *testing.T) {
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		got := eval(t, e, func(in []*Node) []*Node {
			return []*Node{Softplus(in[0]), ops.LogSigmoid(in[0]), ops.BinaryCrossEntropy(in[0], in[1]), ops.BernoulliEntropy(in[2])}
		}, []float32{float32(math.Log(3)), 0, 200, -200}, []float32{1, 0, 1, 0}, []float32{float32(math.Log(3)), 0})
		near(t, "-log(1-D)", got[0], math.Log(4), math.Log(2), 200, 0)
		near(t, "log D", got[1], math.Log(0.75), -math.Log(2), 0, -200)
		near(t, "cross-entropy", got[2], (-math.Log(0.75)+math.Log(2))/4)
		near(t, "entropy", got[3], (-0.75*math.Log(0.75)-0.25*math.Log(0.25)+math.Log(2))/2)
	})
}

// The gradient of the cross-entropy by the logit is (D - y)/n: an expert's logit is pushed up, a policy's down.
func TestCrossEntropyGradient(t *testing.T) {
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		got := eval(t, e, func(in []*Node) []*Node {
			return Gradient(ops.BinaryCrossEntropy(in[0], in[1]), in[0])
		}, []float32{float32(math.Log(3)), float32(math.Log(3)), 0, 0}, []float32{1, 0, 1, 0})
		near(t, "gradient", got[0], -0.25/4, 0.75/4, -0.5/4, 0.5/4)
	})
}

// z = w1 x1^2 + w2 x2 has gradient (2 w1 x1, w2) by x. The rows (1, .) and (2, .) with w = (1.5, 4) give lengths 5 and sqrt 52, and the
// derivative of the penalty by w is worked out by hand.
func TestGradientPenalty(t *testing.T) {
	long := math.Sqrt(52)
	want := (16 + (long-1)*(long-1)) / 2
	// d/dw1 = mean 2 (L - 1) (2 x1)^2 w1 / L, d/dw2 = mean 2 (L - 1) w2 / L
	d1 := (2*4*4*1.5/5 + 2*(long-1)*16*1.5/long) / 2
	d2 := (2*4*4.0/5 + 2*(long-1)*4/long) / 2
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		got := eval(t, e, func(in []*Node) []*Node {
			x1, x2, w1, w2 := in[0], in[1], in[2], in[3]
			z := Squeeze(Add(Mul(w1, Square(x1)), Mul(w2, x2)), 1)
			penalty := ops.GradientPenalty(z, 1, x1, x2)
			return append([]*Node{penalty}, Gradient(penalty, w1, w2)...)
		}, [][]float32{{1}, {2}}, [][]float32{{7}, {-3}}, [][]float32{{1.5}}, [][]float32{{4}})
		near(t, "penalty", got[0], want)
		near(t, "d/dw1", got[1], d1)
		near(t, "d/dw2", got[2], d2)
	})
}
