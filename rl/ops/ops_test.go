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

// eval runs fn on inputs and returns the outputs flattened.
func eval(t *testing.T, e *backend.Engine, fn func(in []*Node) []*Node, inputs ...any) [][]float32 {
	t.Helper()
	exec, err := NewExec(e.Backend, fn)
	if err != nil {
		t.Fatal(err)
	}
	defer exec.Finalize()
	res, err := exec.Call(inputs...)
	if err != nil {
		t.Fatal(err)
	}
	out := make([][]float32, len(res))
	for i, r := range res {
		out[i] = tensors.MustCopyFlatData[float32](r)
	}
	return out
}

func near(t *testing.T, name string, got []float32, want ...float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s has %d numbers, want %d", name, len(got), len(want))
	}
	for i := range got {
		if math.Abs(float64(got[i])-want[i]) > 1e-5*(1+math.Abs(want[i])) {
			t.Errorf("%s[%d] = %g, want %g", name, i, got[i], want[i])
		}
	}
}

// x = 1, 2, 3, 6: mean 3, unbiased variance (4 + 1 + 0 + 9)/3 = 14/3, standard deviation 2.160247.
func TestStandardise(t *testing.T) {
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		got := eval(t, e, func(in []*Node) []*Node { return []*Node{ops.Standardise(in[0])} }, []float32{1, 2, 3, 6})
		near(t, "standardised", got[0], -2/2.160247, -1/2.160247, 0, 3/2.160247)
	})
}

// A decoder that says the same of everything gives no advantage and no gradient, and above all no NaN.
func TestStandardiseOfEqualNumbers(t *testing.T) {
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		got := eval(t, e, func(in []*Node) []*Node {
			a := ops.Standardise(in[0])
			return []*Node{a, Gradient(ReduceAllSum(Mul(a, in[1])), in[0])[0]}
		}, []float32{0.25, 0.25, 0.25}, []float32{1, 2, 3})
		near(t, "standardised", got[0], 0, 0, 0)
		for i, g := range got[1] {
			if math.IsNaN(float64(g)) || math.IsInf(float64(g), 0) {
				t.Errorf("gradient[%d] = %g", i, g)
			}
		}
	})
}

// pi = (1/2, 1/4, 1/4) and (1/4, 1/4, 1/2).
var logits = [][]float32{{float32(math.Log(2)), 0, 0}, {0, 0, float32(math.Log(2))}}

func TestLogProbAndEntropy(t *testing.T) {
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		got := eval(t, e, func(in []*Node) []*Node {
			logPi := LogSoftmax(in[0], -1)
			return []*Node{ops.LogProb(logPi, in[1]), ops.Entropy(logPi)}
		}, logits, []int32{0, 1})
		near(t, "log pi(a)", got[0], math.Log(0.5), math.Log(0.25))
		near(t, "entropy", got[1], 0.5*math.Log(2)+0.5*math.Log(4))
	})
}

func TestIGLJoint(t *testing.T) {
	logp := []float32{-1, -2, -3}
	decoded := []float32{0.2, 0.4, 0.6}        // standardised: -1, 0, 1
	decodedRandom := []float32{0.1, 0.3}       // mean 0.2
	const pull = -((-1*-1.0 + 0 + -3*1.0) / 3) // -mean(log pi A) = 2/3
	tests := []struct {
		name    string
		options ops.IGLOptions
		want    float64
	}{
		{"joint", ops.IGLOptions{}, pull + 0.2},
		{"detached: same value", ops.IGLOptions{Detach: true}, pull + 0.2},
		{"no anchor", ops.IGLOptions{NoAnchor: true}, pull},
		{"random is good", ops.IGLOptions{RandomIsGood: true}, pull - 0.2},
	}
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				got := eval(t, e, func(in []*Node) []*Node {
					loss := ops.IGLJoint(in[0], in[1], in[2], tt.options)
					g := Gradient(loss, in[0], in[1], in[2])
					return []*Node{loss, g[0], g[1], g[2]}
				}, logp, decoded, decodedRandom)
				near(t, "loss", got[0], tt.want)
				near(t, "d loss / d log pi = -A/3", got[1], 1.0/3, 0, -1.0/3)
				// A_i = d_i / s with s = 0.2, d = x - mean. d(-mean(l A))/dx_j = -(1/3s)(l_j - mean l - A_j sum_i(l_i A_i)/2).
				// l = -1 -2 -3, mean -2, sum l A = -2: in the bracket 1 - 1, 0, -1 + 1: every entry is zero, because l is linear in A.
				near(t, "d loss / d decoded", got[2], 0, 0, 0)
				switch {
				case tt.options.NoAnchor:
					near(t, "d loss / d decoded random", got[3], 0, 0)
				case tt.options.RandomIsGood:
					near(t, "d loss / d decoded random", got[3], -0.5, -0.5)
				default:
					near(t, "d loss / d decoded random", got[3], 0.5, 0.5)
				}
			})
		}
	})
}

// The decoder must be pulled towards agreement with log pi, unless the advantage is detached. l = 0, -4, -1; x = 0.2, 0.4, 0.6, A = -1, 0, 1,
// mean l = -5/3, sum l A = -1: gradient -(1/(3*0.2)) (l_j - mean l + A_j/2).
func TestIGLJointPullsTheDecoder(t *testing.T) {
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		gradient := func(detach bool) []float32 {
			return eval(t, e, func(in []*Node) []*Node {
				return []*Node{Gradient(ops.IGLJoint(in[0], in[1], in[2], ops.IGLOptions{Detach: detach}), in[1])[0]}
			}, []float32{0, -4, -1}, []float32{0.2, 0.4, 0.6}, []float32{0.5})[0]
		}
		near(t, "attached", gradient(false), -(5.0/3-0.5)/0.6, -(-4+5.0/3)/0.6, -(-1+5.0/3+0.5)/0.6)
		near(t, "detached", gradient(true), 0, 0, 0)
	})
}

// K = 4, pi = 1/2, 1/4, 1/8, psi = 1, 0.5, 0.2: weights K pi - 1 = 1, 0, -1/2.
func TestIGLValue(t *testing.T) {
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		logp := []float32{float32(math.Log(0.5)), float32(math.Log(0.25)), float32(math.Log(0.125))}
		got := eval(t, e, func(in []*Node) []*Node { return []*Node{ops.IGLValue(in[0], in[1], 4)} }, logp, []float32{1, 0.5, 0.2})
		near(t, "L", got[0], (1*1+0*0.5-0.5*0.2)/3)
	})
}

// The value of a pair is (V(pi) - V(uniform)) (psi(1) - psi(0)): 0.9 for the right pair, 0.1 for its mirror, with ten actions.
func TestIGLValueOfRightAndMirror(t *testing.T) {
	var logp, mirror, right, flipped []float32
	for a := range 10 { // one context whose good action is 0, logged once with every action
		p, m, r := 1e-9, 1.0/9, 0.0
		if a == 0 {
			p, m, r = 1, 1e-9, 1
		}
		logp, mirror = append(logp, float32(math.Log(p))), append(mirror, float32(math.Log(m)))
		right, flipped = append(right, float32(r)), append(flipped, float32(1-r))
	}
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		got := eval(t, e, func(in []*Node) []*Node {
			return []*Node{ops.IGLValue(in[0], in[2], 10), ops.IGLValue(in[1], in[3], 10)}
		}, logp, mirror, right, flipped)
		near(t, "right pair", got[0], 0.9)
		near(t, "mirror pair", got[1], 0.1)
	})
}

// Within an action weights are centred: a decoder that only recognises the action earns nothing, whatever the match says.
func TestIGLPerAction(t *testing.T) {
	match := [][]float32{{0.9, 0.2}, {0.1, 0.2}, {0.9, 0.2}, {0.1, 0.6}} // means 0.5 and 0.3
	logged := []int32{0, 0, 1, 1}
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		value := func(psi ...float32) []float32 {
			return eval(t, e, func(in []*Node) []*Node { return []*Node{ops.IGLPerAction(in[0], in[1], in[2])} }, match, logged, psi)[0]
		}
		// The mean carries 1e-3 against division by zero: weights 0.9/0.501 - 1, 0.1/0.501 - 1, 0.2/0.301 - 1, 0.6/0.301 - 1.
		near(t, "psi agrees with the match", value(1, 0, 0, 1), (0.9/0.501-1+0.6/0.301-1)/4)
		near(t, "psi recognises action 0", value(1, 1, 0, 0), (0.9/0.501+0.1/0.501-2)/4)
	})
}

func TestSampleFollowsThePolicy(t *testing.T) {
	const n = 20000
	rows := make([][]float32, n)
	for i := range rows {
		rows[i] = logits[0]
	}
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		key, err := RNGStateFromSeed(1)
		if err != nil {
			t.Fatal(err)
		}
		got := eval(t, e, func(in []*Node) []*Node {
			key, a := ops.Sample(in[0], in[1])
			_, b := ops.Below(key, n, 3)
			return []*Node{ConvertDType(a, in[1].DType()), ConvertDType(b, in[1].DType())}
		}, key, rows)
		for which, want := range [][]float64{{0.5, 0.25, 0.25}, {1.0 / 3, 1.0 / 3, 1.0 / 3}} {
			var count [3]float64
			for _, a := range got[which] {
				count[int(a)]++
			}
			for a, c := range count {
				if sd := math.Sqrt(want[a] * (1 - want[a]) / n); math.Abs(c/n-want[a]) > 5*sd {
					t.Errorf("draw %d: action %d has frequency %.4f, want %.4f +- %.4f", which, a, c/n, want[a], sd)
				}
			}
		}
	})
}

func TestFlooredNeverReachesTheEnd(t *testing.T) {
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		almostOne := math.Nextafter32(1, 0)
		got := eval(t, e, func(in []*Node) []*Node {
			return []*Node{ConvertDType(ops.Floored(in[0], in[1]), in[0].DType())}
		}, []float32{0, 0.5, almostOne, almostOne}, []float32{3, 3, 3, 60000})
		near(t, "index", got[0], 0, 1, 2, 59999)
	})
}

// The pure-Go engine does not fill the last word of its random state. Equal trainings must have equal checkpoints.
func TestUniformLeavesNoGarbageInTheKey(t *testing.T) {
	e := backendtest.Go(t)
	exec, err := NewExec(e.Backend, func(key *Node) []*Node {
		key, u := ops.Uniform(key, 3)
		return []*Node{key, u}
	})
	if err != nil {
		t.Fatal(err)
	}
	defer exec.Finalize()
	out, err := exec.Call([]uint64{1, 2, 3})
	if err != nil {
		t.Fatal(err)
	}
	if key := out[0].Value().([]uint64); key[2] != 3 || key[0] == 1 && key[1] == 2 {
		t.Errorf("key %v after 1 2 3: want new first words and the old last one", key)
	}
}
