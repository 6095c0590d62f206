package nn_test

import (
	"math"
	"math/rand/v2"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/backend/backendtest"
	"github.com/rewardlab/rewardlab/rl/nn"
)

func call(t *testing.T, e *backend.Engine, fn func(in []*Node) []*Node, inputs ...any) []*tensors.Tensor {
	t.Helper()
	exec, err := NewExec(e.Backend, fn)
	if err != nil {
		t.Fatal(err)
	}
	defer exec.Finalize()
	out, err := exec.Call(inputs...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func floats(x *tensors.Tensor) []float32 { return tensors.MustCopyFlatData[float32](x) }

func near(t *testing.T, name string, got []float32, want []float64, tolerance float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s has %d numbers, want %d", name, len(got), len(want))
	}
	for i := range got {
		if math.Abs(float64(got[i])-want[i]) > tolerance*(1+math.Abs(want[i])) {
			t.Fatalf("%s[%d] = %g, want %g", name, i, got[i], want[i])
		}
	}
}

// Two inputs, two tanh units, one output, by hand.
func TestMLP(t *testing.T) {
	net := nn.MLP(2, 1, 2)
	pack := nn.Pack(net)
	theta := []float32{1, -1, 0.5, 2, 0.1, -0.2, 3, -2, 0.25} // W0 [2,2], b0, W1 [2,1], b1
	if pack.Size() != len(theta) {
		t.Fatalf("size %d, want %d", pack.Size(), len(theta))
	}
	h0, h1 := math.Tanh(1*2+0.5*-1+0.1), math.Tanh(-1*2+2*-1-0.2)
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		out := call(t, e, func(in []*Node) []*Node { return []*Node{net.Apply(pack.Split(in[0])[0], in[1])} }, theta, [][]float32{{2, -1}})
		near(t, "output", floats(out[0]), []float64{3*h0 - 2*h1 + 0.25}, 1e-5)
	})
}

// The convolution by patches against four loops on the host.
func TestConv(t *testing.T) {
	const side, filters, hidden, out, k, stride = 9, 2, 3, 2, 5, 2
	net := nn.Conv(side, out, filters, hidden)
	pack := nn.Pack(net)
	r := rand.New(rand.NewPCG(1, 2))
	theta := make([]float32, pack.Size())
	for i := range theta {
		theta[i] = float32(r.NormFloat64()) / 3
	}
	x := make([][]float32, 2)
	var want []float64
	for n := range x {
		x[n] = make([]float32, side*side)
		for i := range x[n] {
			x[n][i] = float32(r.Float64())
		}
		want = append(want, hostConv(theta, x[n], side, out, filters, hidden, k, stride)...)
	}
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		got := call(t, e, func(in []*Node) []*Node { return []*Node{net.Apply(pack.Split(in[0])[0], in[1])} }, theta, x)
		near(t, "output", floats(got[0]), want, 1e-4)
	})
}

func hostConv(theta, x []float32, side, out, filters, hidden, k, stride int) []float64 {
	take := func(n int) []float32 {
		part := theta[:n]
		theta = theta[n:]
		return part
	}
	o := (side-k)/stride + 1
	w, b := take(k*k*filters), take(filters)
	features := make([]float64, 0, o*o*filters)
	for row := range o {
		for col := range o {
			for f := range filters {
				sum := float64(b[f])
				for i := range k {
					for j := range k {
						sum += float64(x[(row*stride+i)*side+col*stride+j]) * float64(w[(i*k+j)*filters+f])
					}
				}
				features = append(features, math.Max(sum, 0))
			}
		}
	}
	dense := func(in []float64, w, b []float32) []float64 {
		y := make([]float64, len(b))
		for j := range y {
			y[j] = float64(b[j])
			for i, v := range in {
				y[j] += v * float64(w[i*len(b)+j])
			}
		}
		return y
	}
	w, b = take(o*o*filters*hidden), take(hidden)
	h := dense(features, w, b)
	for i := range h {
		h[i] = math.Tanh(h[i])
	}
	w, b = take(hidden*out), take(out)
	return dense(h, w, b)
}

// Gradients of every form against central differences, through the packed vector.
func TestGradients(t *testing.T) {
	forms := map[string]nn.Net{"linear": nn.Linear(49, 2), "mlp": nn.MLP(49, 2, 4), "conv": nn.Conv(7, 2, 2, 3)}
	r := rand.New(rand.NewPCG(3, 4))
	x := make([][]float32, 3)
	for n := range x {
		x[n] = make([]float32, 49)
		for i := range x[n] {
			x[n][i] = float32(r.Float64())
		}
	}
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		for name, net := range forms {
			pack := nn.Pack(net)
			theta := pack.Init(7)
			exec, err := NewExec(e.Backend, func(in []*Node) []*Node {
				parts := pack.Split(in[0])
				loss := ReduceAllSum(Square(net.Apply(parts[0], in[1])))
				return []*Node{loss, pack.Gradient(loss, parts)}
			})
			if err != nil {
				t.Fatal(err)
			}
			value := func(theta []float32) (float64, []float32) {
				out, err := exec.Call(theta, x)
				if err != nil {
					t.Fatal(err)
				}
				return float64(out[0].Value().(float32)), floats(out[1])
			}
			_, grad := value(theta)
			for range 20 {
				i := r.IntN(len(theta))
				const h = 1e-2
				at := func(d float32) float64 {
					moved := append([]float32{}, theta...)
					moved[i] += d
					v, _ := value(moved)
					return v
				}
				want := (at(h) - at(-h)) / (2 * h)
				if math.Abs(float64(grad[i])-want) > 2e-2*(0.1+math.Abs(want)) {
					t.Errorf("%s: gradient[%d] = %g, differences give %g", name, i, grad[i], want)
				}
			}
			exec.Finalize()
		}
	})
}

// Ten steps of Adam against the algorithm of the paper written out for scalars.
func TestAdam(t *testing.T) {
	grads := [][]float32{{1, -2, 0}, {0.5, 3, 0}, {-1, 0.1, 1e-3}}
	const lr, b1, b2, eps = 0.1, 0.9, 0.999, 1e-8
	want := []float64{1, 2, 3}
	m, v := make([]float64, 3), make([]float64, 3)
	for step := range 10 {
		for i := range want {
			g := float64(grads[step%3][i])
			m[i] = b1*m[i] + (1-b1)*g
			v[i] = b2*v[i] + (1-b2)*g*g
			n := float64(step + 1)
			want[i] -= lr * (m[i] / (1 - math.Pow(b1, n))) / (math.Sqrt(v[i]/(1-math.Pow(b2, n))) + eps)
		}
	}
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		for name, rate := range map[string]bool{"LR": false, "Rate": true} {
			theta, s := []float32{1, 2, 3}, []any{make([]float32, 3), make([]float32, 3), float32(0)}
			for step := range 10 {
				out := call(t, e, func(in []*Node) []*Node {
					a := nn.Adam{LR: lr}
					if rate {
						a = nn.Adam{Rate: nn.Pack(nn.Table(1, 1), nn.Table(2, 1)).Spread(in[0].Graph(), lr, lr)}
					}
					th, s := a.Step(in[0], in[1], nn.Moments{M: in[2], V: in[3], T: in[4]})
					return []*Node{th, s.M, s.V, s.T}
				}, theta, grads[step%3], s[0], s[1], s[2])
				theta, s = floats(out[0]), []any{out[1], out[2], out[3]}
			}
			near(t, name, theta, want, 1e-5)
		}
	})
}

func TestPackLayout(t *testing.T) {
	a, b := nn.Linear(3, 2), nn.MLP(2, 1, 4)
	p := nn.Pack(a, b)
	if p.Offset(0) != 0 || p.Offset(1) != 8 || p.Offset(2) != p.Size() || p.Size() != 8+2*4+4+4+1 {
		t.Fatalf("offsets %d %d %d of %d", p.Offset(0), p.Offset(1), p.Offset(2), p.Size())
	}
	signs := p.OutputSigns(1)
	for i, s := range signs {
		want := float32(1)
		if i >= len(signs)-5 { // four output weights and a bias
			want = -1
		}
		if s != want {
			t.Fatalf("sign %d is %g, want %g", i, s, want)
		}
	}
	theta := p.Init(5)
	bound := 1 / math.Sqrt(3)
	var most float64
	for _, v := range theta[:8] {
		most = math.Max(most, math.Abs(float64(v)))
	}
	if most > bound || most < bound/3 {
		t.Errorf("largest initial weight %g, want within %g", most, bound)
	}
	other := p.Init(6)
	if theta[0] == other[0] {
		t.Error("two seeds give the same parameters")
	}
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		out := call(t, e, func(in []*Node) []*Node {
			return []*Node{p.Replace(in[0], 0, Neg(p.Part(in[0], 0))), p.Spread(in[0].Graph(), 1, 2)}
		}, theta)
		got, spread := floats(out[0]), floats(out[1])
		for i, v := range theta {
			want, rate := v, float32(2)
			if i < 8 {
				want, rate = -v, 1
			}
			if got[i] != want || spread[i] != rate {
				t.Fatalf("parameter %d: %g with rate %g, want %g with %g", i, got[i], spread[i], want, rate)
			}
		}
	})
}

func TestTable(t *testing.T) {
	net := nn.Table(3, 2)
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		out := call(t, e, func(in []*Node) []*Node {
			y := net.Apply([]*Node{in[0]}, in[1])
			return []*Node{y, Gradient(ReduceAllSum(y), in[0])[0]}
		}, [][]float32{{1, 2}, {3, 4}, {5, 6}}, []int32{2, 0, 2})
		near(t, "rows", floats(out[0]), []float64{5, 6, 1, 2, 5, 6}, 0)
		near(t, "gradient", floats(out[1]), []float64{1, 1, 0, 0, 2, 2}, 0)
	})
}
