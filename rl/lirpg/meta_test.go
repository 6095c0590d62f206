package lirpg

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/backend/backendtest"
	"github.com/rewardlab/rewardlab/rl/env"
	"github.com/rewardlab/rewardlab/rl/loop"
	"github.com/rewardlab/rewardlab/rl/nn"
	"github.com/rewardlab/rewardlab/rl/run"
)

// setting is one pass of the update in float64: parameters, optimiser and trajectories [Inner, n, T, columns].
type setting struct{ Theta, M, V, T, Eta, Rows *Node }

type outcome struct{ Loss, Grad, Next, Norm *Node }

// problem compiles the update of c in e; hidden may be empty, which makes everything linear.
func problem(t *testing.T, b *backend.Engine, e env.Env, hidden []int, set string) (*lirpg, *loop.Func[setting, outcome]) {
	t.Helper()
	c := &Config{}
	if err := run.Set(c, strings.Fields(set)...); err != nil {
		t.Fatal(err)
	}
	if err := run.Resolve(c); err != nil {
		t.Fatal(err)
	}
	c.Hidden = hidden
	l, err := newLIRPG(e, c)
	if err != nil {
		t.Fatal(err)
	}
	f, err := loop.NewFunc(b.Backend, "update", func(s setting) outcome {
		g := s.Theta.Graph()
		m := minds{learner{s.Theta, nn.Moments{M: s.M, V: s.V, T: s.T}}, motive{Eta: s.Eta}}
		var batches []batch
		for k := range c.Inner {
			batches = append(batches, l.unpack(Squeeze(SliceAxis(s.Rows, 0, AxisElem(k)), 0)))
		}
		next, grad, numbers := l.descent(m, batches, Scalar(g, s.Theta.DType(), c.LR))
		loss := Add(numbers[7], MulScalar(numbers[8], c.ExWeight))
		return outcome{loss, grad, next.Theta, numbers[6]}
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	return l, f
}

// draw makes up a setting: n trajectories of `steps` steps with an episode's end here and there.
func (l *lirpg) draw(seed uint64, steps, n int) map[string][]float64 {
	r := rand.New(rand.NewPCG(seed, 8))
	normal := func(size int, scale float64) []float64 {
		x := make([]float64, size)
		for i := range x {
			x[i] = scale * r.NormFloat64()
		}
		return x
	}
	p := l.agent.Net.Pack.Size()
	s := map[string][]float64{"theta": normal(p, 0.3), "m": normal(p, 0.1), "v": normal(p, 0.1), "t": {3}, "eta": normal(l.motive.Pack.Size(), 0.3)}
	for i, x := range s["v"] {
		s["v"][i] = x*x + 1e-3
	}
	for range l.Inner * n * steps {
		row := normal(l.spec.ObsSize(), 1)
		logp := -math.Log(2) + 0.15*r.NormFloat64()
		if l.spec.Action.Discrete() {
			row = append(row, float64(r.IntN(l.spec.Action.N)))
			logp = -math.Log(float64(l.spec.Action.N)) + 0.15*r.NormFloat64()
		} else {
			row = append(row, normal(l.spec.Action.Dim, 1)...)
		}
		decay := 0.9
		if r.IntN(4) == 0 {
			decay = 0
		}
		row = append(row, logp, r.NormFloat64(), r.NormFloat64(), decay)
		row = append(row, normal(3, 1)...)
		s["rows"] = append(s["rows"], row...)
	}
	return s
}

func (l *lirpg) pack(t *testing.T, s map[string][]float64, steps, n int) loop.Values[setting] {
	t.Helper()
	flat := func(x []float64) *tensors.Tensor { return tensors.FromFlatDataAndDimensions(x, len(x)) }
	rows := tensors.FromFlatDataAndDimensions(s["rows"], l.Inner, n, steps, len(s["rows"])/(l.Inner*n*steps))
	v, err := loop.Pack[setting](flat(s["theta"]), flat(s["m"]), flat(s["v"]), tensors.FromValue(s["t"][0]), flat(s["eta"]), rows)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// result is what the update makes of s.
func (l *lirpg) result(t *testing.T, f *loop.Func[setting, outcome], s map[string][]float64, steps, n int) (loss float64, grad []float64, norm float64) {
	t.Helper()
	in := l.pack(t, s, steps, n)
	out, err := f.Call(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	loss, grad = tensors.ToScalar[float64](out.Get("Loss")), tensors.MustCopyFlatData[float64](out.Get("Grad"))
	norm = tensors.ToScalar[float64](out.Get("Norm"))
	if err := in.Close(); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	return loss, grad, norm
}

func length(x []float64) float64 {
	var sum float64
	for _, v := range x {
		sum += v * v
	}
	return math.Sqrt(sum)
}

func grid(t *testing.T) env.Env {
	t.Helper()
	g, err := env.Grid(env.GridConfig{})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// differences compares the meta-gradient with central differences of the outer loss, at up to 60 coordinates: the relative error, and
// the length of what was compared.
func differences(t *testing.T, b *backend.Engine, e env.Env, hidden []int, set string) (relative, size float64) {
	t.Helper()
	const steps, n, h = 6, 3, 1e-5
	l, f := problem(t, b, e, hidden, set)
	s := l.draw(1, steps, n)
	_, grad, norm := l.result(t, f, s, steps, n)
	if strings.Contains(set, "max_norm=0.01") == (norm < l.MaxNorm) {
		t.Errorf("the inner gradient has length %g, limit %g: this case wants the other side of it", norm, l.MaxNorm)
	}
	r := rand.New(rand.NewPCG(2, 2))
	var got, diff []float64
	for _, k := range r.Perm(len(grad))[:min(60, len(grad))] {
		at := func(d float64) float64 {
			old := s["eta"][k]
			s["eta"][k] += d
			loss, _, _ := l.result(t, f, s, steps, n)
			s["eta"][k] = old
			return loss
		}
		want := (at(h) - at(-h)) / (2 * h)
		got, diff = append(got, grad[k]), append(diff, grad[k]-want)
	}
	return length(diff) / length(got), length(got)
}

func TestMetaGradientEqualsDifferences(t *testing.T) {
	cartpole, pendulum := env.CartPole(env.CartPoleConfig{}), env.Pendulum()
	tests := []struct {
		name   string
		env    env.Env
		hidden []int
		set    string
		xla    bool // compile it there too: that takes seconds
	}{
		{"linear softmax, sgd", cartpole, nil, "optimizer=sgd", false},
		{"linear softmax, rmsprop", cartpole, nil, "optimizer=rmsprop", false},
		{"linear softmax, adam", cartpole, nil, "optimizer=adam", true},
		{"linear softmax, clipped gradient", cartpole, nil, "optimizer=sgd max_norm=0.01 lr=30", false},
		{"MLP, sgd", pendulum, []int{5}, "optimizer=sgd", false},
		{"MLP, rmsprop", pendulum, []int{5}, "optimizer=rmsprop", false},
		{"MLP, adam", pendulum, []int{5}, "optimizer=adam", false},
		{"MLP, clipped gradient", pendulum, []int{5}, "optimizer=adam max_norm=0.01 lr=1", true},
		{"MLP, a2c", cartpole, []int{5}, "base=a2c epochs=1 minibatches=1 optimizer=rmsprop entropy=0.01", false},
		{"MLP, three inner steps", pendulum, []int{5}, "optimizer=adam epochs=3 inner=3", false},
		{"MLP, with the critic", pendulum, []int{5}, "optimizer=sgd ex_weight=0.5", false},
		{"convolution", grid(t), []int{6}, "torso=conv base=a2c epochs=1 minibatches=1 optimizer=rmsprop", true},
		{"convolution, two inner steps", grid(t), []int{6}, "torso=conv optimizer=adam inner=2", false},
	}
	backendtest.Each(t, func(t *testing.T, b *backend.Engine) {
		for _, tt := range tests {
			if b.IsXLA() && !tt.xla {
				continue
			}
			t.Run(tt.name, func(t *testing.T) {
				set := "c_in=0.5 max_norm=100 lr=0.1 ex_weight=1e-9 exact=true " + tt.set
				relative, size := differences(t, b, tt.env, tt.hidden, set)
				t.Logf("relative error %.1e of a gradient of length %.1e", relative, size)
				if relative > 1e-5 || math.IsNaN(relative) {
					t.Errorf("the meta-gradient differs from finite differences by %.1e of its length, want at most 1e-5", relative)
				}
				if size < 1e-5 {
					t.Errorf("the gradient has length %g: the way through the inner step is cut", size)
				}
			})
		}
	})
}

// What is held constant in the usual setting is visible to this test, and so would be any other cut.
func TestDifferencesSeeACut(t *testing.T) {
	b := backendtest.Go(t)
	relative, _ := differences(t, b, env.Pendulum(), []int{5}, "optimizer=adam c_in=0.5 max_norm=0.01 lr=1 ex_weight=1e-9")
	if relative < 1e-4 {
		t.Errorf("with constants in the inner step the gradient still equals finite differences to %.1e", relative)
	}
}

// A reward adds to the advantages of its own episode and environment before it, by gamma lambda for each step, and to no others.
func TestTrace(t *testing.T) {
	backendtest.Each(t, func(t *testing.T, b *backend.Engine) {
		// Two environments (columns). In the first an episode ends with step 1, in the second with the last step. Decay 1/2.
		decay := [][]float32{{0.5, 0.5}, {0, 0.5}, {0.5, 0.5}, {0.5, 0}}
		tests := []struct {
			name   string
			at     [2]int // the one reward: step, environment
			reward float32
			want   [][]float32
		}{
			{"before an episode's end", [2]int{1, 0}, 8, [][]float32{{4, 0}, {8, 0}, {0, 0}, {0, 0}}},
			{"after it", [2]int{3, 0}, 8, [][]float32{{0, 0}, {0, 0}, {4, 0}, {8, 0}}},
			{"one long episode", [2]int{3, 1}, 8, [][]float32{{0, 1}, {0, 2}, {0, 4}, {0, 8}}},
		}
		f, err := NewExec(b.Backend, trace)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Finalize()
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				r := [][]float32{{0, 0}, {0, 0}, {0, 0}, {0, 0}}
				r[tt.at[0]][tt.at[1]] = tt.reward
				out, err := f.Call(r, decay)
				if err != nil {
					t.Fatal(err)
				}
				got := out[0].Value().([][]float32)
				for i := range got {
					for j := range got[i] {
						if got[i][j] != tt.want[i][j] {
							t.Fatalf("traces %v, want %v", got, tt.want)
						}
					}
				}
			})
		}
	})
}
