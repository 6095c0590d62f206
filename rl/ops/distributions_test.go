package ops_test

import (
	"math"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/backend/backendtest"
	"github.com/rewardlab/rewardlab/rl/ops"
)

func TestCategorical(t *testing.T) {
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		got := eval(t, e, func(in []*Node) []*Node {
			d := ops.NewCategorical(in[0])
			return []*Node{d.LogProb(in[1]), d.Entropy(), ConvertDType(d.Mode(), in[0].DType())}
		}, logits, []int32{1, 2})
		near(t, "log pi(a)", got[0], math.Log(0.25), math.Log(0.5))
		near(t, "entropy", got[1], 1.5*math.Log(2), 1.5*math.Log(2))
		near(t, "mode", got[2], 0, 2)
	})
}

// Means (0, 1) and (2, -1), standard deviations 1 and 2.
func TestNormal(t *testing.T) {
	const half = 0.9189385332046727 // log(2 pi) / 2
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		got := eval(t, e, func(in []*Node) []*Node {
			d := ops.NewNormal(in[0], in[1])
			return []*Node{d.LogProb(in[2]), d.Entropy(), d.Mode()}
		}, [][]float32{{0, 1}, {2, -1}}, []float32{0, float32(math.Log(2))}, [][]float32{{1, 1}, {2, 3}})
		near(t, "log density", got[0], -0.5-math.Log(2)-2*half, -2-math.Log(2)-2*half)
		near(t, "entropy", got[1], 1+2*half+math.Log(2), 1+2*half+math.Log(2))
		near(t, "mode", got[2], 0, 1, 2, -1)
	})
}

// Densities of a squashed normal against the change of variables worked out in float64, at middling and at extreme actions.
func TestSquashed(t *testing.T) {
	u := []float64{0, 0.5, -1.5, 3}
	const mean, std, low, high = 0.25, 0.5, -2.0, 4.0
	var actions [][]float32
	var want []float64
	for _, v := range u {
		actions = append(actions, []float32{float32(low + (high-low)*(math.Tanh(v)+1)/2)})
		z := (v - mean) / std
		slope := (high - low) / 2 * (1 - math.Tanh(v)*math.Tanh(v))
		want = append(want, -z*z/2-math.Log(std)-math.Log(2*math.Pi)/2-math.Log(slope))
	}
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		of := func(in []*Node) ops.Squashed {
			return ops.Squashed{Normal: ops.NewNormal(in[0], in[1]), Low: low, High: high}
		}
		got := eval(t, e, func(in []*Node) []*Node {
			d := of(in)
			return []*Node{d.LogProb(in[2]), d.Mode()}
		}, [][]float32{{mean}, {mean}, {mean}, {mean}}, []float32{float32(math.Log(std))}, actions)
		for i := range want {
			if math.Abs(float64(got[0][i])-want[i]) > 2e-3 { // tanh 3 = 0.995 has lost three digits in float32
				t.Errorf("log density of %v is %g, want %g", actions[i], got[0][i], want[i])
			}
		}
		near(t, "mode", got[1][:1], low+(high-low)*(math.Tanh(mean)+1)/2)

		exec, err := NewExec(e.Backend, func(in []*Node) []*Node {
			key, a, logp := of(in).SampleLogProb(in[2])
			return []*Node{key, a, logp, of(in).LogProb(a)}
		})
		if err != nil {
			t.Fatal(err)
		}
		defer exec.Finalize()
		out, err := exec.Call([][]float32{{0.1, 0.2}, {0.3, 0.4}}, []float32{-1, -2}, []uint64{1, 2, 3})
		if err != nil {
			t.Fatal(err)
		}
		direct, again := tensors.MustCopyFlatData[float32](out[2]), tensors.MustCopyFlatData[float32](out[3])
		for i := range direct {
			if math.Abs(float64(direct[i]-again[i])) > 1e-3 {
				t.Errorf("sample %d: log density %g with the draw, %g from the action", i, direct[i], again[i])
			}
		}
		for _, a := range tensors.MustCopyFlatData[float32](out[1]) {
			if a <= low || a >= high {
				t.Errorf("sampled %g, outside (%g, %g)", a, low, high)
			}
		}
	})
}

// Moments of 20,000 draws: mean within 4 standard errors, variance within 4 of its own; and the tail beyond 2.
func TestStandardNormal(t *testing.T) {
	const n = 20000
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		exec, err := NewExec(e.Backend, func(key *Node) (*Node, *Node) { return ops.StandardNormal(key, n) })
		if err != nil {
			t.Fatal(err)
		}
		defer exec.Finalize()
		out, err := exec.Call([]uint64{7, 8, 9})
		if err != nil {
			t.Fatal(err)
		}
		var sum, squares, tail float64
		for _, v := range tensors.MustCopyFlatData[float32](out[1]) {
			x := float64(v)
			sum, squares = sum+x, squares+x*x
			if math.Abs(x) > 2 {
				tail++
			}
		}
		if mean := sum / n; math.Abs(mean) > 4/math.Sqrt(n) {
			t.Errorf("mean %g", mean)
		}
		if variance := squares / n; math.Abs(variance-1) > 4*math.Sqrt(2.0/n) {
			t.Errorf("variance %g", variance)
		}
		if p := tail / n; math.Abs(p-0.0455) > 0.006 {
			t.Errorf("share beyond 2 is %g, want 0.0455", p)
		}
	})
}
