package loop_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/backend/backendtest"
	"github.com/rewardlab/rewardlab/rl/loop"
)

type inner struct{ A, B *Node }

type nested struct {
	X    *Node
	Pair inner
	Two  [2]*Node
}

func TestNamesFollowDeclarationOrder(t *testing.T) {
	if got, want := loop.Names[nested](), []string{"X", "Pair.A", "Pair.B", "Two.0", "Two.1"}; !slices.Equal(got, want) {
		t.Fatalf("names %v, want %v", got, want)
	}
}

func TestNamesRefuseOtherFields(t *testing.T) {
	defer func() {
		if r := recover(); r == nil || !strings.Contains(r.(error).Error(), "*graph.Node") {
			t.Fatalf("recovered %v, want an error that says which fields are allowed", r)
		}
	}()
	loop.Names[struct{ N int }]()
}

type state struct{ Sum *Node }
type constants struct{ Step *Node } // [2]
type outputs struct {
	Before *Node // [2]
	Index  *Node // scalar
}

// add is a body whose results are known: it adds Step, and keeps what was there before.
func add(i *Node, s state, c constants) (state, outputs) {
	return state{Add(s.Sum, c.Step)}, outputs{s.Sum, ConvertDType(i, dtypes.Float32)}
}

func pack[S any](t *testing.T, ts ...*tensors.Tensor) loop.Values[S] {
	t.Helper()
	v, err := loop.Pack[S](ts...)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestRunStacksOutputsAndGoesOn(t *testing.T) {
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		l, err := loop.New(e.Backend, "add", 5, add)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		s := pack[state](t, tensors.FromValue([]float32{0, 10}))
		c := pack[constants](t, tensors.FromValue([]float32{1, 2}))
		s, out, err := l.Run(t.Context(), 7, 3, s, c)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Get("Sum").Value().([]float32); !slices.Equal(got, []float32{3, 16}) {
			t.Errorf("sum %v, want [3 16]", got)
		}
		if got := tensors.MustCopyFlatData[float32](out.Get("Before"))[:6]; !slices.Equal(got, []float32{0, 10, 1, 12, 2, 14}) {
			t.Errorf("before %v, want the three sums before each step", got)
		}
		if got := tensors.MustCopyFlatData[float32](out.Get("Index"))[:3]; !slices.Equal(got, []float32{7, 8, 9}) {
			t.Errorf("iterations %v, want 7 8 9", got)
		}
		s, _, err = l.Run(t.Context(), 10, 5, s, c)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Get("Sum").Value().([]float32); !slices.Equal(got, []float32{8, 26}) {
			t.Errorf("sum after five more %v, want [8 26]", got)
		}
	})
}

// Gradients and random numbers inside the body, many iterations in one call against one iteration in each of many calls.
func TestOneCallEqualsManyCalls(t *testing.T) {
	type descent struct{ Theta, Key *Node }
	type none struct{}
	type loss struct{ Loss *Node }
	body := func(_ *Node, s descent, _ none) (descent, loss) {
		key, noise := RandomNormal(s.Key, s.Theta.Shape())
		l := ReduceAllSum(Square(Sub(s.Theta, MulScalar(noise, 0.1))))
		return descent{Sub(s.Theta, MulScalar(Gradient(l, s.Theta)[0], 0.1)), key}, loss{l}
	}
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		l, err := loop.New(e.Backend, "descent", 20, body)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		start := func() loop.Values[descent] {
			key, err := RNGStateFromSeed(3)
			if err != nil {
				t.Fatal(err)
			}
			return pack[descent](t, tensors.FromValue([]float32{1, -2, 3}), key)
		}
		whole, _, err := l.Run(t.Context(), 0, 20, start(), pack[none](t))
		if err != nil {
			t.Fatal(err)
		}
		parts := start()
		for i := range 20 {
			if parts, _, err = l.Run(t.Context(), i, 1, parts, pack[none](t)); err != nil {
				t.Fatal(err)
			}
		}
		for name, x := range whole.All() {
			if !x.Equal(parts.Get(name)) {
				t.Errorf("%s: %v in one call, %v in twenty", name, x, parts.Get(name))
			}
		}
	})
}

func TestMisuseNamesTheRule(t *testing.T) {
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		c := pack[constants](t, tensors.FromValue([]float32{1, 2}))
		run := func(body loop.Body[state, constants, outputs]) error {
			l, err := loop.New(e.Backend, "bad", 5, body)
			if err != nil {
				return err
			}
			defer l.Close()
			_, _, err = l.Run(t.Context(), 0, 2, pack[state](t, tensors.FromValue([]float32{0, 10})), c)
			return err
		}
		var outside *Node
		tests := []struct {
			name, want string
			body       loop.Body[state, constants, outputs]
		}{
			{"changed shape", "state Sum went in as", func(i *Node, s state, c constants) (state, outputs) {
				_, o := add(i, s, c)
				return state{Concatenate([]*Node{s.Sum, s.Sum}, 0)}, o
			}},
			{"changed type", "state Sum went in as", func(i *Node, s state, c constants) (state, outputs) {
				_, o := add(i, s, c)
				return state{ConvertDType(s.Sum, dtypes.Float64)}, o
			}},
			{"missing output", "Index is nil", func(i *Node, s state, c constants) (state, outputs) {
				return s, outputs{Before: s.Sum}
			}},
			{"second loop", "keep a second loop out of the body", func(i *Node, s state, c constants) (state, outputs) {
				done := NewClosure(i.Graph(), func(g *Graph) []*Node {
					return []*Node{LessThan(ReduceAllSum(Parameter(g, "x", s.Sum.Shape())), Const(g, float32(3)))}
				})
				step := NewClosure(i.Graph(), func(g *Graph) []*Node {
					return []*Node{Add(Parameter(g, "x", s.Sum.Shape()), Const(g, []float32{1, 1}))}
				})
				return state{While(done, step, s.Sum)[0]}, outputs{s.Sum, ConvertDType(i, dtypes.Float32)}
			}},
			{"captured node", "use only its own arguments", func(i *Node, s state, c constants) (state, outputs) {
				if outside == nil {
					outside = s.Sum
				}
				return state{Add(outside, c.Step)}, outputs{s.Sum, ConvertDType(i, dtypes.Float32)}
			}},
		}
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				if loop.Stepped(e.Backend) && (tt.name == "captured node" || tt.name == "second loop") {
					t.Skip("a stepped body is no closure: the rule is of compiled loops")
				}
				err := run(tt.body)
				if err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Fatalf("error %v, want one that says %q", err, tt.want)
				}
			})
		}
	})
}

func TestSizesAndCancellation(t *testing.T) {
	e := backendtest.Go(t)
	if _, err := loop.New(e.Backend, "none", 0, add); err == nil {
		t.Error("a loop of no iterations was accepted")
	}
	l, err := loop.New(e.Backend, "add", 5, add)
	if err != nil {
		t.Fatal(err)
	}
	s, c := pack[state](t, tensors.FromValue([]float32{0, 10})), pack[constants](t, tensors.FromValue([]float32{1, 2}))
	for _, n := range []int{0, 6} {
		if _, _, err := l.Run(t.Context(), 0, n, s, c); err == nil || !strings.Contains(err.Error(), "1 to 5") {
			t.Errorf("%d iterations: error %v, want one that names the limits", n, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := l.Run(ctx, 0, 1, s, c); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: error %v", err)
	}
	if _, err := loop.Pack[nested](tensors.FromValue(float32(1))); err == nil || !strings.Contains(err.Error(), "Pair.A") {
		t.Errorf("too few tensors: error %v, want one that lists the fields", err)
	}
}

func TestFunc(t *testing.T) {
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		f, err := loop.NewFunc(e.Backend, "swap", func(in inner) inner { return inner{in.B, Neg(in.A)} })
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		out, err := f.Call(t.Context(), pack[inner](t, tensors.FromValue(float32(1)), tensors.FromValue(float32(2))))
		if err != nil {
			t.Fatal(err)
		}
		if a, b := out.Get("A").Value(), out.Get("B").Value(); a != float32(2) || b != float32(-1) {
			t.Errorf("got %v %v, want 2 -1", a, b)
		}
		if out.Get("C") != nil {
			t.Error("a field that is not there was found")
		}
	})
}
