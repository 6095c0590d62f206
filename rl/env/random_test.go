package env

import (
	"math"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/backend/backendtest"
)

// The numbers fill [0, 1) evenly, and know nothing of their neighbours: of the next environment, the next column or the next step.
func TestUniforms(t *testing.T) {
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		const n, k, steps = 1000, 7, 10
		exec, err := NewExec(e.Backend, func(key *Node) (*Node, *Node) { return uniforms(key, n, k) })
		if err != nil {
			t.Fatal(err)
		}
		defer exec.Finalize()
		key, err := RNGStateFromSeed(1)
		if err != nil {
			t.Fatal(err)
		}
		var xs []float64
		for range steps {
			out, err := exec.Call(key)
			if err != nil {
				t.Fatal(err)
			}
			key = out[0]
			for _, row := range out[1].Value().([][]float32) {
				xs = append(xs, floats(row)...)
			}
		}
		const bins = 100
		var counts [bins]float64
		for _, x := range xs {
			if !(x >= 0 && x < 1) {
				t.Fatalf("%g is outside [0, 1)", x)
			}
			counts[int(x*bins)]++
		}
		expected, chi := float64(len(xs))/bins, 0.0
		for _, c := range counts {
			chi += (c - expected) * (c - expected) / expected
		}
		if chi > 149 || chi < 57 { // 99 degrees of freedom: one in a thousand is beyond either
			t.Errorf("chi-squared of %d bins is %.1f", bins, chi)
		}
		for name, lag := range map[string]int{"column": 1, "environment": k, "step": n * k} {
			sum := 0.0
			for i := range len(xs) - lag {
				sum += (xs[i] - 0.5) * (xs[i+lag] - 0.5) * 12
			}
			if z := sum / math.Sqrt(float64(len(xs)-lag)); math.Abs(z) > 4 {
				t.Errorf("correlation with the next %s is %.1f standard errors off 0", name, z)
			}
		}
	})
}
