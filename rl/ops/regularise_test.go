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

// Goods are rows of 1, bads of -1, and rows of bad that are not in use of 99.
func TestBatchesOfTwoClasses(t *testing.T) {
	good, bad := make([][]float32, 6), make([][]float32, 50)
	for i := range good {
		good[i] = []float32{1, float32(i)}
	}
	for i := range bad {
		bad[i] = []float32{-1, float32(i)}
		if i >= 20 {
			bad[i][0] = 99
		}
	}
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		for _, tt := range []struct {
			name         string
			draw         func(key, good, bad, filled *Node, half int) (newKey, rows, labels *Node)
			least, limit int // goods in 2000 rows
		}{
			{"balanced", ops.Balanced, 1000, 1000},
			{"pooled", ops.Pooled, 404, 519}, // 2000 * 6/26 = 461.5, three standard deviations of 19
		} {
			key, err := RNGStateFromSeed(1)
			if err != nil {
				t.Fatal(err)
			}
			out := eval(t, e, func(in []*Node) []*Node {
				_, x, y := tt.draw(in[0], in[1], in[2], in[3], 1000)
				return []*Node{x, y}
			}, key, good, bad, int32(20))
			n, seen := 0, map[[2]float32]bool{}
			for i, label := range out[1] {
				x := [2]float32{out[0][2*i], out[0][2*i+1]}
				if x[0] != 2*label-1 {
					t.Fatalf("%s: row %d is %v and has label %g", tt.name, i, x, label)
				}
				n += int(label)
				seen[x] = true
			}
			if len(out[1]) != 2000 || n < tt.least || n > tt.limit {
				t.Errorf("%s: %d of %d rows are good, want %d to %d", tt.name, n, len(out[1]), tt.least, tt.limit)
			}
			if len(seen) != 26 {
				t.Errorf("%s: %d different rows were drawn, there are 26", tt.name, len(seen))
			}
		}
	})
}

// D = exp f / (exp f + pi) with f = 1 and pi = 1/2: the logit is 1 + log 2, and its gradient by log pi is cut.
func TestEventLogit(t *testing.T) {
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		out := eval(t, e, func(in []*Node) []*Node {
			z := ops.EventLogit(in[0], in[1])
			return append([]*Node{z, Sigmoid(z)}, Gradient(ReduceAllSum(z), in[0], in[1])...)
		}, []float32{1}, []float32{-0.6931472})
		near(t, "logit", out[0], 1.6931472)
		near(t, "D", out[1], 2.7182818/(2.7182818+0.5))
		near(t, "gradient by f", out[2], 1)
		near(t, "gradient by log pi", out[3], 0)
	})
}
