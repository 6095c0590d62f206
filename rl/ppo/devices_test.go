package ppo_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/backend/backendtest"
	"github.com/rewardlab/rewardlab/rl/env"
	"github.com/rewardlab/rewardlab/rl/ppo"
	"github.com/rewardlab/rewardlab/rl/run"
)

// several is an XLA engine with at least n devices.
func several(t *testing.T, n int) *backend.Engine {
	t.Helper()
	e := backendtest.XLA(t)
	if has := e.NumDevices(); has < n {
		t.Skipf("%d devices are needed, the engine has %d", n, has)
	}
	return e
}

// after trains for n chunks, from the start or from state, and returns the state and the last row.
func after(t *testing.T, w run.Worker, n int, state []run.Array) ([]run.Array, run.Row) {
	t.Helper()
	tr, err := w.Trainer(t.Context(), 1, state)
	if err != nil {
		t.Fatal(err)
	}
	var last run.Row
	for range n {
		r, err := tr.Step(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		last = r.Rows[len(r.Rows)-1]
	}
	if state, err = tr.State(); err != nil {
		t.Fatal(err)
	}
	return state, last
}

// farthest is the largest difference between the float32 arrays of that name, and the largest element.
func farthest(t *testing.T, name string, a, b []run.Array) (difference, size float64) {
	t.Helper()
	values := func(arrays []run.Array) []float32 {
		k := slices.IndexFunc(arrays, func(a run.Array) bool { return a.Name == name })
		if k < 0 {
			t.Fatalf("the state has no %s", name)
		}
		x := make([]float32, len(arrays[k].Data)/4)
		if _, err := binary.Decode(arrays[k].Data, binary.LittleEndian, x); err != nil {
			t.Fatal(err)
		}
		return x
	}
	x, y := values(a), values(b)
	if len(x) != len(y) {
		t.Fatalf("%s: %d and %d elements", name, len(x), len(y))
	}
	for i := range x {
		difference = max(difference, math.Abs(float64(x[i])-float64(y[i])))
		size = max(size, math.Abs(float64(x[i])))
	}
	return difference, size
}

// Rounding is all that tells two devices from one: 6e-8 when this was written. It grows with time, since a training is chaotic, hence few updates.
func TestDevicesGiveTheResultOfOne(t *testing.T) {
	e := several(t, 2)
	const set = "envs=8 steps=32 epochs=2 total=2560 entropy=0.01 lr=1e-3 norm_obs=true norm_reward=true log_every=1 hidden=16 eval_episodes=1"
	alone, shared := open(t, e, set), open(t, e, set+" devices=2")
	one, rowOne := after(t, alone, 1, nil)
	two, rowTwo := after(t, shared, 1, nil)
	for _, name := range []string{"Learner.Theta", "Learner.Adam.M", "Learner.Adam.V", "Walk.Env", "Ledger.Obs.Mean"} {
		if d, size := farthest(t, name, one, two); d > 1e-5*max(size, 1) {
			t.Errorf("%s: %g apart, its largest element is %g", name, d, size)
		}
	}
	for name, x := range rowOne.Values {
		if y := rowTwo.Values[name]; math.Abs(x-y) > 1e-4*max(math.Abs(x), 1) {
			t.Errorf("%s: %g on one device, %g on two", name, x, y)
		}
	}

	whole, _ := after(t, shared, 2, nil)
	parts, _ := after(t, shared, 1, two)
	for k, a := range whole {
		if !bytes.Equal(a.Data, parts[k].Data) {
			t.Errorf("%s is another after a stop and a resume", a.Name)
		}
	}
	if moved, _ := farthest(t, "Learner.Theta", two, whole); moved < 1e-4 {
		t.Errorf("nothing was learned: the parameters moved by %g", moved)
	}
}

func TestDevicesThatAreNotThere(t *testing.T) {
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		c := &ppo.Config{Devices: 64, Envs: 64}
		if err := run.Resolve(c); err != nil {
			t.Fatal(err)
		}
		if err := run.Check(c); err != nil {
			t.Fatal(err)
		}
		_, err := ppo.New(t.Context(), e, env.CartPole(env.CartPoleConfig{}), c)
		want := fmt.Sprintf("64 devices asked for, engine %s has %d", e.Backend.Name(), e.NumDevices())
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one that says %q", err, want)
		}
	})
}
