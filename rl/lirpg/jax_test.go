package lirpg

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"github.com/gomlx/gomlx/core/tensors"

	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/backend/backendtest"
	"github.com/rewardlab/rewardlab/rl/env"
)

// sines are what rl/bench/lirpg_jax.py makes its parameters and its batch of.
func sines(n int, step, scale float64) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = scale * math.Sin(step*float64(i+1))
	}
	return x
}

// The same batch in JAX, by autodiff through a matrix of coefficients: rl/bench/lirpg_jax.py.
func TestMetaGradientEqualsJAX(t *testing.T) {
	raw, err := os.ReadFile("testdata/jax.json")
	if err != nil {
		t.Fatal(err)
	}
	var want map[string]struct {
		Loss       float64
		Grad, Next []float64
	}
	if err := json.Unmarshal(raw, &want); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		env  env.Env
		set  string
	}{
		{"ppo, adam", env.Pendulum(), "optimizer=adam"},
		{"ppo, adam, exact", env.Pendulum(), "optimizer=adam exact=true"},
		{"a2c, rmsprop, exact", env.CartPole(env.CartPoleConfig{}), "base=a2c epochs=1 minibatches=1 optimizer=rmsprop exact=true"},
	}
	const steps, n = 6, 3
	backendtest.Each(t, func(t *testing.T, b *backend.Engine) {
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				l, f := problem(t, b, tt.env, []int{5}, "c_in=0.5 lr=0.1 "+tt.set)
				in := l.pack(t, l.wave(steps, n), steps, n)
				out, err := f.Call(t.Context(), in)
				if err != nil {
					t.Fatal(err)
				}
				w := want[tt.name]
				if got := tensors.ToScalar[float64](out.Get("Loss")); math.Abs(got-w.Loss) > 1e-9 {
					t.Errorf("outer loss %.12g, JAX has %.12g", got, w.Loss)
				}
				for leaf, w := range map[string][]float64{"Grad": w.Grad, "Next": w.Next} {
					got := tensors.MustCopyFlatData[float64](out.Get(leaf))
					if len(got) != len(w) || len(w) == 0 {
						t.Fatalf("%s has %d numbers, JAX has %d", leaf, len(got), len(w))
					}
					diff := make([]float64, len(w))
					for i := range w {
						diff[i] = got[i] - w[i]
					}
					if off := length(diff) / length(w); !(off < 1e-9) {
						t.Errorf("%s differs from JAX's by %.1e of its length", leaf, off)
					}
				}
			})
		}
	})
}

// wave is the setting of lirpg_jax.py.
func (l *lirpg) wave(steps, n int) map[string][]float64 {
	p, obs := l.agent.Net.Pack.Size(), l.spec.ObsSize()
	s := map[string][]float64{
		"theta": sines(p, 0.7, 0.4), "eta": sines(l.motive.Pack.Size(), 1.3, 0.4), "m": sines(p, 0.9, 0.1), "v": sines(p, 1.1, 0.1), "t": {3},
	}
	for i, x := range s["v"] {
		s["v"][i] = x*x + 1e-3
	}
	width := obs + 1 + numbers
	s["rows"] = sines(n*steps*width, 2.3, 1)
	for at := 0; at < len(s["rows"]); at += width {
		row := s["rows"][at+obs : at+width]
		if l.spec.Action.Discrete() {
			row[0] = math.Ceil(max(row[0], 0)) // 0 or 1
		}
		row[1] = 0.15*row[1] - 0.7
		if row[4] > 0.7 {
			row[4] = 0
		} else {
			row[4] = 0.9
		}
	}
	return s
}
