package ops_test

import (
	"testing"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/backend/backendtest"
	"github.com/rewardlab/rewardlab/rl/ops"
)

// Rows 0, 1, 2, 3 with labels 1, 1, 0, 0: row i is mixed with row i + 2, so that x' = l i + (1 - l) j gives l away, and the label must be l or 1 - l.
func TestMixup(t *testing.T) {
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		key, err := RNGStateFromSeed(3)
		if err != nil {
			t.Fatal(err)
		}
		out := eval(t, e, func(in []*Node) []*Node {
			_, x, y := ops.Mixup(in[0], in[1], in[2])
			return []*Node{x, y}
		}, key, [][]float32{{0, 10}, {1, 11}, {2, 12}, {3, 13}}, []float32{1, 1, 0, 0})
		x, y := out[0], out[1]
		for i := range 4 {
			j := (i + 2) % 4
			l := (x[2*i] - float32(j)) / float32(i-j)
			if l < 0 || l >= 1 {
				t.Errorf("row %d is %g, not between rows %d and %d", i, x[2*i], i, j)
			}
			near(t, "second column", x[2*i+1:2*i+2], float64(x[2*i])+10)
			want := l
			if i >= 2 {
				want = 1 - l
			}
			near(t, "label", y[i:i+1], float64(want))
		}
		if x[0] == x[1]-1 || x[2] == x[0]+1 {
			t.Errorf("two rows share their weight: %v", x)
		}
	})
}

// Of 20,000 ones about a quarter vanish, and the rest become 4/3, so that the mean stays 1 (standard error 0.004).
func TestDropout(t *testing.T) {
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		key, err := RNGStateFromSeed(5)
		if err != nil {
			t.Fatal(err)
		}
		out := eval(t, e, func(in []*Node) []*Node {
			_, y := ops.Dropout(in[0], BroadcastToDims(Const(in[0].Graph(), float32(1)), 100, 200), 0.25)
			return []*Node{y}
		}, key)
		var sum float64
		for i, v := range out[0] {
			if v != 0 && (v < 1.33332 || v > 1.33335) {
				t.Fatalf("element %d is %g, want 0 or 4/3", i, v)
			}
			sum += float64(v) / float64(len(out[0]))
		}
		if sum < 0.98 || sum > 1.02 {
			t.Errorf("mean %g, want 1 within 0.02", sum)
		}
	})
}
