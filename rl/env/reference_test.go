package env

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/backend/backendtest"
)

// A reference is one environment in plain Go. It reads like the published rules, and knows nothing of graphs.
type reference struct {
	reset     func(u []float64) []float64
	step      func(u, s, a []float64) move
	observe   func(s []float64) []float64
	anywhere  func(r *rand.Rand) []float64 // a state drawn widely, so that rare ones are met too; nil: reset alone
	tolerance float64                      // of float32 against float64; 0: equal
}

type move struct {
	next       []float64
	reward     float64
	terminated bool
	close      bool // so near to a threshold that float32 may fall on the other side: end and reward are not compared
}

func floats(xs []float32) []float64 {
	out := make([]float64, len(xs))
	for i, x := range xs {
		out[i] = float64(x)
	}
	return out
}

func same(a, b, tolerance float64) bool {
	return a == b || math.Abs(a-b) <= tolerance*(1+math.Abs(b))
}

// Every step of every environment in the table is compared with its reference, from states that a random policy meets and from
// states drawn widely, given the same random numbers.
func TestAgainstReferences(t *testing.T) {
	for _, entry := range All() {
		t.Run(entry.Name, func(t *testing.T) {
			ref, ok := references()[entry.Name]
			if !ok {
				t.Fatalf("%s has no reference", entry.Name)
			}
			backendtest.Each(t, func(t *testing.T, e *backend.Engine) { compare(t, e, entry.Make(), ref) })
		})
	}
}

func compare(t *testing.T, e *backend.Engine, made Env, ref reference) {
	const n, steps = 64, 60
	sim, _ := made.(*Sim)
	resets, draws := 0, 0
	if sim != nil {
		resets, draws = sim.rules.ResetDraws, sim.rules.StepDraws
	}
	spec := made.Spec()
	r := rand.New(rand.NewPCG(1, 2))
	program := func(fn func(in []*Node) []*Node) func(in ...any) []*tensors.Tensor {
		exec, err := NewExec(e.Backend, fn)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(exec.Finalize)
		return func(in ...any) []*tensors.Tensor {
			out, err := exec.Call(in...)
			if err != nil {
				t.Fatal(err)
			}
			return out
		}
	}
	matrix := func(k int) [][]float32 {
		rows := make([][]float32, n)
		for i := range rows {
			rows[i] = make([]float32, max(k, 1))
			for j := range rows[i] {
				rows[i][j] = r.Float32()
			}
		}
		return rows
	}
	reset := program(func(in []*Node) []*Node {
		if sim != nil {
			return []*Node{sim.start(in[0].Graph(), cols(in[0], 0, max(resets, 1)), n)}
		}
		key := Const(in[0].Graph(), []uint64{1, 2, 3})
		_, s := made.Reset(key, n)
		return []*Node{s}
	})
	step := program(func(in []*Node) []*Node {
		u, s, a := in[0], in[1], in[2]
		var next, reward, terminated *Node
		if sim != nil {
			next, reward, terminated = sim.rules.Step(cols(u, 0, draws), s, a)
		} else {
			_, next, reward, terminated = made.Step(Const(u.Graph(), []uint64{1, 2, 3}), s, a)
		}
		return []*Node{next, reward, ConvertDType(terminated, dtypes.Float32), made.Observe(s)}
	})
	fresh := func() [][]float32 {
		u := matrix(resets)
		rows := reset(u)[0].Value().([][]float32)
		for i, row := range rows {
			if ref.reset != nil {
				for j, want := range ref.reset(floats(u[i])) {
					if !same(float64(row[j]), want, max(ref.tolerance, 1e-6)) {
						t.Fatalf("reset: state[%d] = %g, want %g (draws %v)", j, row[j], want, u[i])
					}
				}
			}
		}
		return rows
	}
	state := fresh()
	ends, disagreements := 0, 0
	for k := range steps {
		if ref.anywhere != nil {
			for i := k % 2; i < n; i += 2 {
				for j, x := range ref.anywhere(r) {
					state[i][j] = float32(x)
				}
			}
		}
		u := matrix(draws)
		actions := make([][]float64, n)
		var fed any
		if spec.Action.Discrete() {
			chosen := make([]int32, n)
			for i := range chosen {
				chosen[i] = int32(r.IntN(spec.Action.N))
				actions[i] = []float64{float64(chosen[i])}
			}
			fed = chosen
		} else {
			chosen := matrix(spec.Action.Dim)
			for i := range chosen {
				for j := range chosen[i] {
					chosen[i][j] = float32(spec.Action.Low) + chosen[i][j]*float32(spec.Action.High-spec.Action.Low)
				}
				actions[i] = floats(chosen[i])
			}
			fed = chosen
		}
		out := step(u, state, fed)
		next := out[0].Value().([][]float32)
		reward, terminated := out[1].Value().([]float32), out[2].Value().([]float32)
		obs := tensors.MustCopyFlatData[float32](out[3])
		for i := range n {
			want := ref.step(floats(u[i]), floats(state[i]), actions[i])
			for j := range want.next {
				if want.close && spec.Fixed && j == len(want.next)-1 && sim == nil {
					continue // whether it is over
				}
				if !same(float64(next[i][j]), want.next[j], ref.tolerance) {
					t.Fatalf("step %d: from %v by %v (draws %v): state[%d] = %g, want %g", k, state[i], actions[i], u[i], j, next[i][j], want.next[j])
				}
			}
			if len(want.next) != len(next[i]) {
				t.Fatalf("state of %d numbers, the reference has %d", len(next[i]), len(want.next))
			}
			if want.close {
				disagreements++
			} else {
				if (terminated[i] != 0) != want.terminated {
					t.Fatalf("step %d: from %v by %v: terminated %v, want %v", k, state[i], actions[i], terminated[i], want.terminated)
				}
				if !same(float64(reward[i]), want.reward, ref.tolerance) {
					t.Fatalf("step %d: from %v by %v: reward %g, want %g", k, state[i], actions[i], reward[i], want.reward)
				}
			}
			size := spec.ObsSize()
			for j, want := range ref.observe(floats(state[i])) {
				if got := obs[i*size+j]; !same(float64(got), want, ref.tolerance) {
					t.Fatalf("step %d: observation[%d] of %v is %g, want %g", k, j, state[i], got, want)
				}
			}
			if terminated[i] != 0 {
				ends++
			}
		}
		again := fresh()
		for i := range n {
			if terminated[i] != 0 {
				next[i] = again[i]
			}
		}
		state = next
	}
	if !spec.Fixed && ends == 0 {
		t.Errorf("no episode ended in %d transitions: the reference's states should lead to ends", n*steps)
	}
	if disagreements > n*steps/100 {
		t.Errorf("%d of %d transitions were too close to a threshold to compare", disagreements, n*steps)
	}
}

func itself(s []float64) []float64 { return s }

func bit(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// near says whether x is within rounding of a threshold.
func near(x, threshold float64) bool { return math.Abs(x-threshold) < 1e-4 }

func references() map[string]reference {
	return map[string]reference{
		"cartpole":          cartPoleReference(false),
		"breakout":          breakoutReference(),
		"freeway":           freewayReference(),
		"asterix":           asterixReference(),
		"seaquest":          seaquestReference(),
		"spaceinvaders":     invadersReference(),
		"cartpole-fixed":    cartPoleReference(true),
		"pendulum":          pendulumReference(),
		"mountaincar":       mountainCarReference(),
		"mountaincar-fixed": absorbing(mountainCarReference()),
		"acrobot":           acrobotReference(),
		"acrobot-fixed":     absorbing(acrobotReference()),
		"gridworld":         gridReference(GridConfig{}),
		"keydoor":           gridReference(KeyDoor()),
		"gridworld-fixed":   absorbing(gridReference(GridConfig{})),
		"keydoor-fixed":     absorbing(gridReference(KeyDoor())),
		"fourrooms":         gridReference(FourRooms()),
		"chain":             gridReference(Chain()),
		"tmaze":             gridReference(TMaze()),
		"lightkey":          gridReference(LightKey()),
		"hallway":           hallwayReference(),
		"pointmass-open":    pointMassReference(0, false, false),
		"pointmass":         pointMassReference(1, false, false),
		"pointmass-left":    pointMassReference(-1, false, false),
		"pointmass-sparse":  pointMassReference(1, false, true),
		"reacher":           reacherReference(false),
		"pusher":            pusherReference(false),
		"driving":           drivingReference(false),
		"driving-long":      drivingReference(true),
	}
}

// absorbing is a reference that stands still, without reward, where the given one ends. Its state has a last column that says so.
func absorbing(r reference) reference {
	inner := r
	r.reset = nil
	r.step = func(u, s, a []float64) move {
		last := len(s) - 1
		if s[last] == 1 {
			return move{next: s}
		}
		m := inner.step(u, s[:last], a)
		m.next = append(m.next, bit(m.terminated))
		m.terminated = false
		return m
	}
	r.observe = func(s []float64) []float64 { return inner.observe(s[:len(s)-1]) }
	r.anywhere = func(g *rand.Rand) []float64 { return append(inner.anywhere(g), float64(g.IntN(2))) }
	return r
}
