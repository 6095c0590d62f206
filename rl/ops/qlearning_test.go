package ops_test

import (
	"math"
	"slices"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/backend/backendtest"
	"github.com/rewardlab/rewardlab/rl/ops"
)

// Four places, three steps, gamma 1/2, rewards 1, 2, 4:
// nothing ends: 1 + 1 + 1 = 3, discount 1/8, at the last step;
// terminated at the second: 1 + 1 = 2, and nothing after it;
// truncated at the second: the same 2, but the value of where it stood counts, 1/4;
// terminated at the last: 3, and nothing after it.
func TestNStep(t *testing.T) {
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		r := [][]float32{{1, 2, 4}, {1, 2, 4}, {1, 2, 4}, {1, 2, 4}}
		terminated := [][]bool{{false, false, false}, {false, true, false}, {false, false, false}, {false, false, true}}
		truncated := [][]bool{{false, false, false}, {false, false, false}, {false, true, false}, {false, false, false}}
		got := eval(t, e, func(in []*Node) []*Node {
			ret, discount, last := ops.NStep(in[0], in[1], in[2], 0.5)
			return []*Node{ret, discount, last}
		}, r, terminated, truncated)
		near(t, "return", got[0], 3, 2, 2, 3)
		near(t, "discount", got[1], 0.125, 0, 0.25, 0)
		near(t, "last", got[2], 0, 0, 1, 0, 1, 0, 0, 1, 0, 0, 0, 1)
	})
}

// One step each: going on, terminated, truncated. Values of what followed: (1, 5), chosen by (3, 2): Q takes 5, double Q the first, 1.
func TestTargets(t *testing.T) {
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		next := [][]float32{{1, 5}, {1, 5}, {1, 5}}
		selector := [][]float32{{3, 2}, {3, 2}, {2, 3}}
		got := eval(t, e, func(in []*Node) []*Node {
			ret, discount, _ := ops.NStep(in[0], in[1], in[2], 0.9)
			return []*Node{ops.QTarget(ret, discount, in[3]), ops.DoubleQTarget(ret, discount, in[3], in[4])}
		}, [][]float32{{-1}, {-1}, {-1}}, [][]bool{{false}, {true}, {false}}, [][]bool{{false}, {false}, {true}}, next, selector)
		near(t, "Q target", got[0], -1+0.9*5, -1, -1+0.9*5)
		near(t, "double Q target", got[1], -1+0.9*1, -1, -1+0.9*5)
	})
}

// q = (1, 2; 3, 4), actions 1 and 0: values 2 and 3; targets 2.5 and 0: errors 0.5 and -3.
// Squares: (0.25 + 9)/2, gradient -(2 d)/2 = -0.5 and 3 at what was taken. Huber: (0.125 + 2.5)/2, gradient -0.25 and 0.5.
func TestTDLosses(t *testing.T) {
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		got := eval(t, e, func(in []*Node) []*Node {
			q := ops.Pick(in[0], in[1])
			l, h := ops.TDLoss(q, in[2]), ops.HuberTDLoss(q, in[2])
			g := Gradient(l, in[0], in[2])
			return []*Node{q, l, h, g[0], g[1], Gradient(h, in[0])[0]}
		}, [][]float32{{1, 2}, {3, 4}}, []int32{1, 0}, []float32{2.5, 0})
		near(t, "values", got[0], 2, 3)
		near(t, "loss", got[1], 4.625)
		near(t, "Huber loss", got[2], 1.3125)
		near(t, "gradient", got[3], 0, -0.5, 3, 0)
		near(t, "gradient of the target", got[4], 0, 0)
		near(t, "gradient of the Huber loss", got[5], 0, -0.25, 0.5, 0)
	})
}

// With epsilon 0.4 and 4 actions the best is taken with probability 0.6 + 0.1, each other with 0.1.
func TestEpsilonGreedy(t *testing.T) {
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		const n = 20_000
		key, err := RNGStateFromSeed(5)
		if err != nil {
			t.Fatal(err)
		}
		exec, err := NewExec(e.Backend, func(key, q, epsilon *Node) *Node {
			_, action := ops.EpsilonGreedy(key, BroadcastToDims(q, n, 4), epsilon)
			return action
		})
		if err != nil {
			t.Fatal(err)
		}
		defer exec.Finalize()
		for _, tt := range []struct {
			epsilon float32
			want    [4]float64
		}{{0, [4]float64{0, 0, 1, 0}}, {0.4, [4]float64{0.1, 0.1, 0.7, 0.1}}, {1, [4]float64{0.25, 0.25, 0.25, 0.25}}} {
			out, err := exec.Call1(key, [][]float32{{0, -1, 2, 1}}, tt.epsilon)
			if err != nil {
				t.Fatal(err)
			}
			var got [4]float64
			for _, a := range tensors.MustCopyFlatData[int32](out) {
				got[a] += 1.0 / n
			}
			for a := range got {
				if math.Abs(got[a]-tt.want[a]) > 4*0.5/math.Sqrt(n) {
					t.Errorf("epsilon %g: action %d with frequency %g, want %g", tt.epsilon, a, got[a], tt.want[a])
				}
			}
		}
	})
}

// What was there before leaves no trace, however large it is beside what replaces it.
func TestWrite(t *testing.T) {
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		buffer := [][]float32{{1, 2}, {1e20, -7}, {3, 1e-20}, {5, 6}}
		for _, tt := range []struct {
			at   int32
			want []float32
		}{
			{0, []float32{8, 9, 0.1, 0.2, 3, 1e-20, 5, 6}},
			{1, []float32{1, 2, 8, 9, 0.1, 0.2, 5, 6}},
			{2, []float32{1, 2, 1e20, -7, 8, 9, 0.1, 0.2}},
		} {
			got := eval(t, e, func(in []*Node) []*Node { return []*Node{ops.Write(in[0], in[1], in[2])} }, buffer, [][]float32{{8, 9}, {0.1, 0.2}}, tt.at)
			if !slices.Equal(got[0], tt.want) {
				t.Errorf("written at %d: %v, want %v", tt.at, got[0], tt.want)
			}
		}
	})
}
