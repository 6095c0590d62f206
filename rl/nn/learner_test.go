package nn_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/backend/backendtest"
	"github.com/rewardlab/rewardlab/rl/nn"
)

// (3, 4) has length 5: it is scaled to 1, or left as it is under a limit of 10.
func TestClipNorm(t *testing.T) {
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		out := call(t, e, func(in []*Node) []*Node {
			a, norm := nn.ClipNorm(in[0], 1)
			b, _ := nn.ClipNorm(in[0], 10)
			zero, _ := nn.ClipNorm(ZerosLike(in[0]), 1)
			return []*Node{a, norm, b, zero}
		}, []float32{3, 4})
		near(t, "clipped", floats(out[0]), []float64{0.6, 0.8}, 1e-5)
		near(t, "norm", floats(out[1]), []float64{5}, 1e-6)
		near(t, "short enough", floats(out[2]), []float64{3, 4}, 0)
		near(t, "zero", floats(out[3]), []float64{0, 0}, 0)
	})
}

func TestSchedules(t *testing.T) {
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		for _, tt := range []struct {
			progress       float32
			linear, cosine float64
		}{{0, 8, 8}, {0.25, 6.5, 5 + 3*math.Cos(math.Pi/4)}, {0.5, 5, 5}, {1, 2, 2}} {
			out := call(t, e, func(in []*Node) []*Node {
				return []*Node{nn.Anneal(in[0], 8, 2), nn.Cosine(in[0], 8, 2)}
			}, tt.progress)
			near(t, "linear", floats(out[0]), []float64{tt.linear}, 1e-6)
			near(t, "cosine", floats(out[1]), []float64{tt.cosine}, 1e-6)
		}
	})
}

// Three batches, taken in one by one, against the moments of all numbers at once. The count begins at 1e-4, of mean 0 and variance 1.
func TestRunning(t *testing.T) {
	batches := [][][]float32{{{1, 100}, {3, 104}}, {{-2, 90}}, {{5, 101}, {5, 99}, {0, 97}}}
	var all [2][]float64
	for _, b := range batches {
		for _, row := range b {
			for k, v := range row {
				all[k] = append(all[k], float64(v))
			}
		}
	}
	var means, vars []float64
	for k := range all {
		n := float64(len(all[k]))
		var mean, variance float64
		for _, v := range all[k] {
			mean += v / n
		}
		for _, v := range all[k] {
			variance += (v - mean) * (v - mean) / n
		}
		// The start counts as 1e-4 numbers of mean 0.
		total := n + 1e-4
		variance = (variance*n + 1e-4 + mean*mean*n*1e-4/total) / total
		means, vars = append(means, mean*n/total), append(vars, variance)
	}
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		s := nn.RunningStart(2)
		state := []any{s[0], s[1], s[2]}
		for _, b := range batches {
			out := call(t, e, func(in []*Node) []*Node {
				r := nn.Running{Mean: in[0], Var: in[1], Count: in[2]}.Update(in[3])
				return []*Node{r.Mean, r.Var, r.Count}
			}, append(state, b)...)
			state = []any{out[0], out[1], out[2]}
		}
		out := call(t, e, func(in []*Node) []*Node {
			r := nn.Running{Mean: in[0], Var: in[1], Count: in[2]}
			return []*Node{r.Mean, r.Var, r.Count, r.Normalise(in[3], 2), r.Scale(in[3], 2), r.Scale(in[4], 2)}
		}, append(state, [][]float32{{1, 1e6}}, []float32{-1, -1})...)
		near(t, "mean", floats(out[0]), means, 1e-5)
		near(t, "variance", floats(out[1]), vars, 1e-4)
		near(t, "count", floats(out[2]), []float64{6.0001}, 1e-6)
		near(t, "normalised and cut", floats(out[3]), []float64{(1 - means[0]) / math.Sqrt(vars[0]), 2}, 1e-4)
		near(t, "scaled and cut", floats(out[4]), []float64{1 / math.Sqrt(vars[0]), 2}, 1e-4)
		near(t, "a vector, scaled", floats(out[5]), []float64{-1 / math.Sqrt(vars[0]), -1 / math.Sqrt(vars[1])}, 1e-4)
	})
}

// W'W = gain^2 I along the shorter side, both ways round.
func TestOrthogonal(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, size := range [][2]int{{3, 7}, {7, 3}, {5, 5}, {1, 4}} {
		in, out := size[0], size[1]
		w := nn.Orthogonal(r, in, out, 1.5)
		at := func(i, j int) float64 { // vector i of the shorter side, element j
			if in <= out {
				return float64(w[i*out+j])
			}
			return float64(w[j*out+i])
		}
		for i := range min(in, out) {
			for k := range min(in, out) {
				var dot float64
				for j := range max(in, out) {
					dot += at(i, j) * at(k, j)
				}
				want := 0.0
				if i == k {
					want = 1.5 * 1.5
				}
				if math.Abs(dot-want) > 1e-5 {
					t.Errorf("%v: vectors %d and %d have product %g, want %g", size, i, k, dot, want)
				}
			}
		}
	}
}

// Two inputs, one tanh unit, two actions, by hand; with continuous actions a log standard deviation of each.
func TestActorCritic(t *testing.T) {
	a := nn.NewActorCritic(2, 2, true, 1)
	// actor: W0 [2,1], b0, W1 [1,2], b1; critic: W0, b0, W1 [1,1], b1; log std.
	theta := []float32{1, -1, 0.5, 2, -3, 0.1, 0.2, 0.5, 0.5, 0, 4, -1, -0.5, 0.25}
	if a.Pack.Size() != len(theta) {
		t.Fatalf("size %d, want %d", a.Pack.Size(), len(theta))
	}
	h, g := math.Tanh(2-1+0.5), math.Tanh(1.5)
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		out := call(t, e, func(in []*Node) []*Node {
			parts := a.Pack.Split(in[0])
			policy, value := a.Both(parts, in[1])
			return []*Node{a.Policy(parts, in[1]), a.Value(parts, in[1]), policy, value, a.Spread(parts)}
		}, theta, [][]float32{{2, 1}})
		for k := range 2 {
			near(t, "policy", floats(out[2*k]), []float64{2*h + 0.1, -3*h + 0.2}, 1e-5)
			near(t, "value", floats(out[2*k+1]), []float64{4*g - 1}, 1e-5)
		}
		near(t, "log std", floats(out[4]), []float64{-0.5, 0.25}, 0)
	})
	discrete := nn.NewActorCritic(2, 2, false, 1)
	if discrete.Pack.Size() != len(theta)-2 {
		t.Errorf("discrete actions: %d parameters, want %d", discrete.Pack.Size(), len(theta)-2)
	}
}

// The policy begins near uniform, the value with gain 1, and biases at 0.
func TestActorCriticInit(t *testing.T) {
	a := nn.NewActorCritic(4, 2, false, 8)
	theta := a.Init(3)
	if len(theta) != a.Pack.Size() {
		t.Fatalf("%d initial parameters, want %d", len(theta), a.Pack.Size())
	}
	norm := func(from, to int) float64 {
		var sum float64
		for _, v := range theta[from:to] {
			sum += float64(v) * float64(v)
		}
		return math.Sqrt(sum)
	}
	// actor: W0 [4,8] of 4 orthogonal rows of length sqrt 2, b0 [8], W1 [8,2] of 2 columns of length 0.01, b1 [2]; critic: W0, b0, W1 [8,1], b1.
	near(t, "norms", []float32{float32(norm(0, 32)), float32(norm(32, 40)), float32(norm(40, 56)), float32(norm(98, 106))},
		[]float64{math.Sqrt(8), 0, 0.01 * math.Sqrt2, 1}, 1e-5)
	if b := a.Init(4); b[0] == theta[0] {
		t.Error("two seeds give the same parameters")
	}
}

func TestActorCriticStd(t *testing.T) {
	a := nn.NewActorCritic(4, 2, true, 8)
	plain := a.Init(3)
	a.Std = 2
	wide := a.Init(3)
	n := len(plain) - 2
	near(t, "log standard deviations", slices.Concat(plain[n:], wide[n:]), []float64{0, 0, math.Ln2, math.Ln2}, 1e-6)
	if !slices.Equal(plain[:n], wide[:n]) {
		t.Error("the other parameters depend on Std")
	}
}

// The convolution on two channels against loops on the host.
func TestImage(t *testing.T) {
	const side, channels, filters, hidden = 5, 2, 3, 4
	net := nn.Image(side, channels, filters, hidden)
	pack := nn.Pack(net)
	r := rand.New(rand.NewPCG(5, 6))
	theta := make([]float32, pack.Size())
	for i := range theta {
		theta[i] = float32(r.NormFloat64()) / 3
	}
	x := make([]float32, side*side*channels)
	for i := range x {
		x[i] = float32(r.Float64())
	}
	const o = side - 2
	w, b := theta[:9*channels*filters], theta[9*channels*filters:]
	dense := b[filters:]
	features := make([]float64, 0, o*o*filters)
	for row := range o {
		for col := range o {
			for f := range filters {
				sum := float64(b[f])
				for i := range 3 {
					for j := range 3 {
						for c := range channels {
							sum += float64(x[((row+i)*side+col+j)*channels+c]) * float64(w[((i*3+j)*channels+c)*filters+f])
						}
					}
				}
				features = append(features, math.Max(sum, 0))
			}
		}
	}
	want := make([]float64, hidden)
	for k := range want {
		want[k] = float64(dense[len(features)*hidden+k])
		for i, v := range features {
			want[k] += v * float64(dense[i*hidden+k])
		}
		want[k] = math.Max(want[k], 0)
	}
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		out := call(t, e, func(in []*Node) []*Node { return []*Node{net.Apply(pack.Split(in[0])[0], in[1])} }, theta, [][]float32{x})
		near(t, "features", floats(out[0]), want, 1e-4)
	})
}
