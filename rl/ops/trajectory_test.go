package ops_test

import (
	"math"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/backend/backendtest"
	"github.com/rewardlab/rewardlab/rl/ops"
)

// Five steps of two columns: a length that is no power of two, and coefficients that cut.
func TestBackwardAndForward(t *testing.T) {
	x := [][]float32{{1, 1}, {2, 1}, {3, 1}, {4, 1}, {5, 1}}
	c := [][]float32{{0.5, 1}, {0, 1}, {2, 1}, {-1, 0}, {7, 1}}
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		got := eval(t, e, func(in []*Node) []*Node {
			return []*Node{ops.Backward(in[0], in[1]), ops.Forward(in[0], in[1])}
		}, x, c)
		// column 0 from the end: 5; 4 - 5 = -1; 3 - 2 = 1; 2; 1 + 1 = 2. Column 1: 1, 1 (cut), 2, 3, 4.
		near(t, "backward", got[0], 2, 4, 2, 3, 1, 2, -1, 1, 5, 1)
		// column 0 from the start: 1; 2 + 0 = 2; 3 + 4 = 7; 4 - 7 = -3; 5 - 21 = -16. Column 1: 1, 2, 3, 1 (cut), 2.
		near(t, "forward", got[1], 1, 1, 2, 2, 7, 3, -3, 1, -16, 2)
	})
}

// One environment, four steps, gamma 0.5, lambda 0.5; the second step ends in one of the two ways.
func TestGAE(t *testing.T) {
	reward, value, next := [][]float32{{1}, {2}, {3}, {4}}, [][]float32{{10}, {20}, {30}, {40}}, [][]float32{{20}, {60}, {40}, {80}}
	flag := func(set bool) [][]bool { return [][]bool{{false}, {set}, {false}, {false}} }
	tests := []struct {
		name                  string
		terminated, truncated bool
		advantage             []float64
	}{
		// delta: 1+10-10=1, 2+30-20=12, 3+20-30=-7, 4+40-40=4. A3=4, A2=-7+1=-6, A1=12-1.5=10.5, A0=1+2.625.
		{"neither", false, false, []float64{3.625, 10.5, -6, 4}},
		// delta1 = 2 - 20 = -18, and nothing flows over the end.
		{"terminated", true, false, []float64{1 - 18.0/4, -18, -6, 4}},
		// delta1 = 2 + 30 - 20 = 12 counts the value of where the episode stood; nothing flows over the cut.
		{"truncated", false, true, []float64{1 + 12.0/4, 12, -6, 4}},
	}
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				got := eval(t, e, func(in []*Node) []*Node {
					a, target := ops.GAE(ops.Path{Reward: in[0], Value: in[1], Next: in[2], Terminated: in[3], Truncated: in[4]}, 0.5, 0.5)
					return []*Node{a, target}
				}, reward, value, next, flag(tt.terminated), flag(tt.truncated))
				near(t, "advantage", got[0], tt.advantage...)
				for i := range tt.advantage {
					near(t, "target", got[1][i:i+1], tt.advantage[i]+float64(value[i][0]))
				}
			})
		}
	})
}

// gamma 0.5; with a termination at step 1, then with a truncation there, whose next value is 60.
func TestDiscountedReturns(t *testing.T) {
	reward, next := [][]float32{{1}, {2}, {3}, {4}}, [][]float32{{20}, {60}, {40}, {80}}
	cut, none := [][]bool{{false}, {true}, {false}, {false}}, [][]bool{{false}, {false}, {false}, {false}}
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		got := eval(t, e, func(in []*Node) []*Node {
			of := func(terminated, truncated *Node) *Node {
				return ops.DiscountedReturns(ops.Path{Reward: in[0], Next: in[1], Terminated: terminated, Truncated: truncated}, 0.5)
			}
			return []*Node{of(in[3], in[3]), of(in[2], in[3]), of(in[3], in[2])}
		}, reward, next, cut, none)
		// G3 = 4 + 40 = 44, G2 = 3 + 22 = 25.
		near(t, "whole", got[0], 1+14.5/2, 2+25.0/2, 25, 44)
		near(t, "terminated", got[1], 2, 2, 25, 44)
		near(t, "truncated", got[2], 1+16, 32, 25, 44)
	})
}

func TestPathOfUnequalShapes(t *testing.T) {
	e := backendtest.Go(t)
	exec, err := NewExec(e.Backend, func(in []*Node) *Node {
		return ops.DiscountedReturns(ops.Path{Reward: in[0], Next: in[1], Terminated: in[0], Truncated: in[0]}, 0.9)
	})
	if err != nil {
		t.Fatal(err)
	}
	defer exec.Finalize()
	if _, err := exec.Call([][]float32{{1}, {2}}, [][]float32{{1}}); err == nil {
		t.Error("a path whose parts differ in shape was accepted")
	}
}

// ratios 1.5, 0.5, 1 with advantages 2, -1, 3 and clip 0.2: min(3, 2.4), min(-0.5, -0.8), 3.
func TestPPOLoss(t *testing.T) {
	logp := []float32{float32(math.Log(1.5)), float32(math.Log(0.5)), 0}
	old, advantage := []float32{0, 0, 0}, []float32{2, -1, 3}
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		got := eval(t, e, func(in []*Node) []*Node {
			loss := ops.PPOLoss(in[0], in[1], in[2], 0.2)
			g := Gradient(loss, in[0], in[1], in[2])
			return []*Node{loss, g[0], g[1], g[2]}
		}, logp, old, advantage)
		near(t, "loss", got[0], -(2.4-0.8+3)/3)
		// Clipped terms have no gradient; the third has -ratio A / 3. Neither the old probabilities nor the advantages are learned.
		near(t, "d loss / d logp", got[1], 0, 0, -1)
		near(t, "d loss / d old", got[2], 0, 0, 0)
		near(t, "d loss / d advantage", got[3], 0, 0, 0)
	})
}

func TestOtherLosses(t *testing.T) {
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		got := eval(t, e, func(in []*Node) []*Node {
			a2c, value := ops.A2CLoss(in[0], in[1]), ops.ValueLoss(in[0], in[1])
			clipped := ops.ClippedValueLoss(in[0], in[2], in[1], 0.5)
			return []*Node{a2c, Gradient(a2c, in[0])[0], value, Gradient(value, in[0])[0], clipped, Gradient(clipped, in[0])[0]}
		}, []float32{-1, 2}, []float32{3, 5}, []float32{0, 5})
		near(t, "A2C", got[0], -(-3+10)/2.0)
		near(t, "its gradient", got[1], -1.5, -2.5)
		near(t, "value", got[2], (16+9)/4.0)
		near(t, "its gradient", got[3], -2, -1.5)
		// -1 was 0 and counts as -0.5 when clipped: max(16, 12.25). 2 was 5 and counts as 4.5: max(9, 0.25).
		near(t, "clipped value", got[4], (16+9)/4.0)
		near(t, "its gradient", got[5], -2, -1.5)
		got = eval(t, e, func(in []*Node) []*Node {
			clipped := ops.ClippedValueLoss(in[0], in[2], in[1], 0.5)
			return []*Node{clipped, Gradient(clipped, in[0])[0]}
		}, []float32{2}, []float32{3}, []float32{0})
		near(t, "moved too far towards the target", got[0], 2.5*2.5/2) // 0.5 counts, not 2: (0.5 - 3)^2 > (2 - 3)^2
		near(t, "no gradient pulls it further", got[1], 0)
	})
}

func TestDiagnostics(t *testing.T) {
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		got := eval(t, e, func(in []*Node) []*Node {
			k1, k3 := ops.ApproxKL(in[0], in[1])
			return []*Node{k1, k3, ops.ClipFraction(in[0], in[1], 0.2)}
		}, []float32{float32(math.Log(0.5)), float32(math.Log(1.1))}, []float32{0, 0})
		near(t, "k1", got[0], -(math.Log(0.5)+math.Log(1.1))/2)
		near(t, "k3", got[1], (0.5-1-math.Log(0.5)+1.1-1-math.Log(1.1))/2)
		near(t, "clip fraction", got[2], 0.5)

		explained := func(prediction, target []float32) float32 {
			return eval(t, e, func(in []*Node) []*Node { return []*Node{ops.ExplainedVariance(in[0], in[1])} }, prediction, target)[0][0]
		}
		target := []float32{1, 2, 3, 6}
		for _, tt := range []struct {
			name       string
			prediction []float32
			want       float64
		}{
			{"perfect", target, 1}, {"constant", []float32{7, 7, 7, 7}, 0}, {"shifted", []float32{2, 3, 4, 7}, 1},
			{"half", []float32{0.5, 1, 1.5, 3}, 0.75}, {"opposite", []float32{-1, -2, -3, -6}, -3},
		} {
			near(t, tt.name, []float32{explained(tt.prediction, target)}, tt.want)
		}
		near(t, "equal targets", []float32{explained(target, []float32{3, 3, 3, 3})}, 0)
	})
}

func TestShuffle(t *testing.T) {
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		exec, err := NewExec(e.Backend, func(key *Node) (*Node, *Node) { return ops.Shuffle(key, 3, 50) })
		if err != nil {
			t.Fatal(err)
		}
		defer exec.Finalize()
		out, err := exec.Call([]uint64{1, 2, 3})
		if err != nil {
			t.Fatal(err)
		}
		rows := out[1].Value().([][]int32)
		still := 0
		for k, row := range rows {
			seen := map[int32]bool{}
			for i, v := range row {
				seen[v] = true
				if int(v) == i {
					still++
				}
				if v < 0 || v >= 50 {
					t.Fatalf("row %d holds %d", k, v)
				}
			}
			if len(seen) != 50 {
				t.Errorf("row %d has %d different numbers, want all 50", k, len(seen))
			}
		}
		if still > 15 { // 3 expected
			t.Errorf("%d of 150 numbers stayed where they were", still)
		}
	})
}
