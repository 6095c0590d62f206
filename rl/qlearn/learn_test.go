package qlearn

import (
	"fmt"
	"testing"

	"github.com/rewardlab/rewardlab/rl/backend/backendtest"
	"github.com/rewardlab/rewardlab/rl/env"
	"github.com/rewardlab/rewardlab/rl/trainer/trainertest"
)

// A third of the preset q-mountaincar. A car that never learns gets -200; so does one whose table forgets that time limits cut.
func TestTableDrivesTheMountainCar(t *testing.T) {
	if testing.Short() {
		t.Skip("two seconds of training")
	}
	c := trainertest.Resolved(t, &Table{Iterations: 20_000, Gamma: 1, LR: 0.3, LREnd: 0.07, Exploration: Exploration{Epsilon: 0.1, EpsilonEnd: 0.001}})
	w, err := NewTable(t.Context(), backendtest.XLA(t), env.MountainCar(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if eval, _ := train(t, w, 1); eval["eval/return"] < -130 {
		t.Errorf("mean return %.1f, want at least -130", eval["eval/return"])
	}
}

// An eighth of the preset dqn-cartpole. Random pushes hold the pole for 22 steps.
func TestNetworkBalancesAPole(t *testing.T) {
	if testing.Short() {
		t.Skip("two seconds of training")
	}
	c := trainertest.Resolved(t, &Network{Iterations: 5000})
	w, err := NewNetwork(t.Context(), backendtest.XLA(t), env.CartPole(env.CartPoleConfig{}), c)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if eval, _ := train(t, w, 1); eval["eval/return"] < 100 {
		t.Errorf("mean return %.1f, want at least 100", eval["eval/return"])
	}
}

// BenchmarkBuffer times iterations with small and large replay buffers: the time must not grow with the size, for the loop writes in place.
//
//	go test ./rl/qlearn -bench Buffer -run - -benchtime 3x
func BenchmarkBuffer(b *testing.B) {
	for _, size := range []int{1_600, 32_000, 640_000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			c := trainertest.Resolved(b, &Network{Buffer: size, Iterations: 1 << 20})
			w, err := NewNetwork(b.Context(), backendtest.XLA(b), env.CartPole(env.CartPoleConfig{}), c)
			if err != nil {
				b.Fatal(err)
			}
			defer w.Close()
			tr, err := w.Trainer(b.Context(), 1, nil)
			if err != nil {
				b.Fatal(err)
			}
			first, err := tr.Step(b.Context())
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if _, err := tr.Step(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(first.Steps)*float64(b.N)/b.Elapsed().Seconds(), "steps/s")
			b.ReportMetric(w.Info().CompileSeconds, "compile-s")
		})
	}
}
