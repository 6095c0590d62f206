package env_test

import (
	"errors"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/backend/backendtest"
	"github.com/rewardlab/rewardlab/rl/env"
	"github.com/rewardlab/rewardlab/rl/loop"
)

type carried struct{ Key, State *Node }

type shown struct {
	Obs, FinalObs, Before *Node
	Reward                *Node
	Terminated, Truncated *Node
	Steps                 *Node // before the step
	Action                *Node
}

type constants struct{ Wild *Node } // 1: two of three actions are far out of their range

// random is a rollout of a random policy.
func random(v *env.Vector, n int) loop.Body[carried, constants, shown] {
	a := v.Spec().Action
	return func(i *Node, s carried, c constants) (carried, shown) {
		before, steps := v.Observe(s.State), v.Steps(s.State)
		key, action := a.Random(s.Key, n)
		var played *Node
		if g := i.Graph(); a.Discrete() {
			shift := Mul(Sub(Const(g, int32(1)), Mod(i, Const(g, int32(3)))), Const(g, int32(1000)))
			played = Add(action, BroadcastToDims(Mul(shift, ConvertDType(c.Wild, dtypes.Int32)), n))
		} else {
			played = Mul(action, BroadcastToShape(AddScalar(MulScalar(c.Wild, 999), 1), action.Shape()))
		}
		key, next, out := v.Step(key, s.State, played)
		return carried{key, next}, shown{out.Obs, out.FinalObs, before, out.Reward,
			ConvertDType(out.Terminated, dtypes.Float32), ConvertDType(out.Truncated, dtypes.Float32), steps, ConvertDType(a.Clip(played), dtypes.Float32)}
	}
}

func resetter(t testing.TB, e *backend.Engine, v *env.Vector, n int) *Exec {
	t.Helper()
	exec, err := NewExec(e.Backend, func(key *Node) (*Node, *Node) { return v.Reset(key, n) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(exec.Finalize)
	return exec
}

func begin(t testing.TB, reset *Exec, seed int64) loop.Values[carried] {
	t.Helper()
	key, err := RNGStateFromSeed(seed)
	if err != nil {
		t.Fatal(err)
	}
	out, err := reset.Call(key)
	if err != nil {
		t.Fatal(err)
	}
	s, err := loop.Pack[carried](out...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// film is a rollout of k steps, as flat numbers on the host.
type film map[string][]float32

func roll(t testing.TB, e *backend.Engine, v *env.Vector, n, k int, seed int64) film {
	return newRoller(t, e, v, n, k).roll(t, k, seed, 0)
}

// roller is a compiled rollout of up to most steps.
type roller struct {
	loop  *loop.Loop[carried, constants, shown]
	reset *Exec
}

func newRoller(t testing.TB, e *backend.Engine, v *env.Vector, n, most int) roller {
	t.Helper()
	l, err := loop.New(e.Backend, v.Spec().Name, most, random(v, n))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return roller{l, resetter(t, e, v, n)}
}

func (r roller) roll(t testing.TB, k int, seed int64, wild float32) film {
	t.Helper()
	c, err := loop.Pack[constants](tensors.FromValue(wild))
	if err != nil {
		t.Fatal(err)
	}
	s, outs, err := r.loop.Run(t.Context(), 0, k, begin(t, r.reset, seed), c)
	if err != nil {
		t.Fatal(err)
	}
	f := film{"state": tensors.MustCopyFlatData[float32](s.Get("State"))}
	for name, x := range outs.All() {
		xs := tensors.MustCopyFlatData[float32](x)
		f[name] = xs[:len(xs)/x.Shape().Dimensions[0]*k]
	}
	if err := errors.Join(s.Close(), outs.Close(), c.Close()); err != nil {
		t.Fatal(err)
	}
	return f
}

func (f film) same(other film) bool {
	for name, xs := range f {
		if !slices.Equal(xs, other[name]) {
			return false
		}
	}
	return true
}

func TestConformance(t *testing.T) {
	for _, entry := range env.All() {
		t.Run(entry.Name, func(t *testing.T) {
			made := entry.Make()
			spec := made.Spec()
			if spec.Name != entry.Name || entry.About == "" || strings.ToLower(spec.Name) != spec.Name {
				t.Errorf("entry %q %q makes an environment called %q", entry.Name, entry.About, spec.Name)
			}
			if spec.Fixed && spec.Horizon == 0 {
				t.Error("a fixed horizon without a horizon")
			}
			backendtest.Each(t, func(t *testing.T, e *backend.Engine) { conform(t, e, made) })
		})
	}
}

func conform(t *testing.T, e *backend.Engine, made env.Env) {
	v := env.Auto(made)
	spec := v.Spec()
	n, k := 8, 1000
	if loop.Stepped(e.Backend) {
		n, k = 2, 600
	}
	if spec.Horizon > k {
		k = 200 // no time limit to be met
	}
	r := newRoller(t, e, v, n, k)
	f := r.roll(t, k, 7, 0)
	d := spec.ObsSize()
	if got, want := len(f["state"]), n*spec.State; got != want {
		t.Fatalf("state of %d numbers, want %d", got, want)
	}
	for name, want := range map[string]int{"Obs": k * n * d, "FinalObs": k * n * d, "Reward": k * n, "Terminated": k * n, "Truncated": k * n} {
		if len(f[name]) != want {
			t.Fatalf("%s has %d numbers, want %d", name, len(f[name]), want)
		}
	}
	for name, xs := range f {
		for i, x := range xs {
			if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
				t.Fatalf("%s[%d] = %g", name, i, x)
			}
		}
	}
	for _, name := range []string{"Obs", "FinalObs", "Before"} {
		for i, x := range f[name] {
			low, high := spec.Bounds(i % d)
			if float64(x) < low-1e-5 || float64(x) > high+1e-5 {
				t.Fatalf("%s[%d] = %g, declared within [%g, %g]", name, i%d, x, low, high)
			}
		}
	}
	episodes(t, spec, f, n, k)

	again := r.roll(t, 50, 7, 0)
	short := r.roll(t, 50, 7, 0)
	if !again.same(short) {
		t.Error("the same key gave two different rollouts")
	}
	other := r.roll(t, 50, 8, 0)
	if again.same(other) {
		t.Error("another key gave the same rollout")
	}
	wild := r.roll(t, 50, 7, 1)
	for name, xs := range wild {
		for i, x := range xs {
			if math.IsNaN(float64(x)) {
				t.Fatalf("actions out of range: %s[%d] is NaN", name, i)
			}
		}
	}
	for i, a := range wild["Action"] {
		low, high := spec.Action.Low, spec.Action.High
		if spec.Action.Discrete() {
			low, high = 0, float64(spec.Action.N-1)
		}
		if float64(a) < low || float64(a) > high {
			t.Fatalf("action %d was played as %g, outside [%g, %g]", i, a, low, high)
		}
	}
}

// episodes checks ends: what is shown after one is a new episode's first observation, FinalObs is the old one's last, the time limit is
// kept to the step, and the two kinds of end are told apart.
func episodes(t *testing.T, spec env.Spec, f film, n, k int) {
	d := spec.ObsSize()
	ends := 0
	for i := range k {
		for j := range n {
			at := i*n + j
			term, trunc := f["Terminated"][at] != 0, f["Truncated"][at] != 0
			obs, final := f["Obs"][at*d:(at+1)*d], f["FinalObs"][at*d:(at+1)*d]
			steps := int(f["Steps"][at]) + 1
			switch {
			case term && trunc:
				t.Fatalf("step %d: both terminated and truncated", i)
			case term && spec.Fixed:
				t.Fatalf("step %d: an episode of fixed length terminated", i)
			case trunc && steps != spec.Horizon:
				t.Fatalf("step %d: truncated after %d steps, the limit is %d", i, steps, spec.Horizon)
			case spec.Horizon > 0 && steps >= spec.Horizon && !term && !trunc:
				t.Fatalf("step %d: %d steps passed the limit of %d", i, steps, spec.Horizon)
			case !term && !trunc && !slices.Equal(obs, final):
				t.Fatalf("step %d: within an episode Obs and FinalObs differ", i)
			}
			if i+1 == k {
				continue
			}
			if before := f["Before"][(at+n)*d : (at+n+1)*d]; !slices.Equal(before, obs) {
				t.Fatalf("step %d: Obs is not what the next step began from", i)
			}
			want := float32(steps)
			if term || trunc {
				want, ends = 0, ends+1
			}
			if got := f["Steps"][at+n]; got != want {
				t.Fatalf("step %d: the next step counts %g steps, want %g", i, got, want)
			}
		}
	}
	if ends == 0 && spec.Horizon > 0 && spec.Horizon < k {
		t.Error("no episode ended")
	}
}

// Every environment draws itself. With FRAMES set to a folder, the frames are written there to be looked at.
func TestFrames(t *testing.T) {
	e := backendtest.Go(t)
	for _, entry := range env.All() {
		t.Run(entry.Name, func(t *testing.T) {
			v := env.Auto(entry.Make())
			f := roll(t, e, v, 1, 15, 3)
			img := v.Frame(f["state"])
			if img == nil {
				t.Fatal("no frame")
			}
			b := img.Bounds()
			if b.Dx() < 60 || b.Dy() < 60 || b.Dx() > 400 || b.Dy() > 400 {
				t.Errorf("a frame of %d by %d pixels", b.Dx(), b.Dy())
			}
			colours := map[[3]uint32]int{}
			for y := b.Min.Y; y < b.Max.Y; y++ {
				for x := b.Min.X; x < b.Max.X; x++ {
					r, g, bl, _ := img.At(x, y).RGBA()
					colours[[3]uint32{r, g, bl}]++
				}
			}
			if len(colours) < 3 {
				t.Errorf("a frame of %d colours", len(colours))
			}
			if dir := os.Getenv("FRAMES"); dir != "" {
				out, err := os.Create(filepath.Join(dir, entry.Name+".png"))
				if err != nil {
					t.Fatal(err)
				}
				defer out.Close()
				if err := png.Encode(out, img); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func TestFind(t *testing.T) {
	if e, err := env.Find("cartpole"); err != nil || e.Spec().Name != "cartpole" {
		t.Errorf("cartpole: %v", err)
	}
	if _, err := env.Find("cartpol"); err == nil || !strings.Contains(err.Error(), `did you mean "cartpole"`) {
		t.Errorf("error %v, want one that names cartpole", err)
	}
}

func TestMisuseIsAnError(t *testing.T) {
	e := backendtest.Go(t)
	v := env.Auto(env.CartPole(env.CartPoleConfig{}))
	tests := []struct {
		name, want string
		fn         func(key *Node) *Node
	}{
		{"batch of 0", "at least 1", func(key *Node) *Node { _, s := v.Reset(key, 0); return s }},
		{"actions of another type", "takes [n] int32", func(key *Node) *Node {
			key, s := v.Reset(key, 2)
			_, s, _ = v.Step(key, s, Const(key.Graph(), []float32{0, 1}))
			return s
		}},
		{"another environment's state", "that Reset gave", func(key *Node) *Node {
			return v.Observe(Const(key.Graph(), [][]float32{{0, 1}}))
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			exec, err := NewExec(e.Backend, tt.fn)
			if err != nil {
				t.Fatal(err)
			}
			defer exec.Finalize()
			if _, err := exec.Call([]uint64{1, 2, 3}); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one that says %q", err, tt.want)
			}
		})
	}
}
