package env_test

import (
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/backend/backendtest"
	"github.com/rewardlab/rewardlab/rl/env"
	"github.com/rewardlab/rewardlab/rl/loop"
)

type watched struct{ Key, State, Obs *Node }

type mean struct{ Reward *Node }

// BenchmarkRandom plays 1,024 environments by random actions, automatic resets included, in one compiled loop, and counts the steps
// of all of them. "blind" keeps the rewards only; "observed" also writes each observation to memory, as a policy that reads it would
// make the loop do.
func BenchmarkRandom(b *testing.B) {
	for _, entry := range env.All() {
		b.Run(entry.Name, func(b *testing.B) {
			v := env.Auto(entry.Make())
			b.Run("blind", func(b *testing.B) {
				e := backendtest.XLA(b)
				stepping(b, e, begin(b, resetter(b, e, v, 1024), 1), func(_ *Node, s carried, _ constants) (carried, mean) {
					key, action := v.Spec().Action.Random(s.Key, 1024)
					key, next, out := v.Step(key, s.State, action)
					return carried{key, next}, mean{ReduceAllMean(out.Reward)}
				})
			})
			b.Run("observed", func(b *testing.B) {
				e := backendtest.XLA(b)
				s := begin(b, resetter(b, e, v, 1024), 1)
				obs, err := CallOnce(e.Backend, v.Observe, s.Get("State"))
				if err != nil {
					b.Fatal(err)
				}
				w, err := loop.Pack[watched](append(s.Tensors(), obs)...)
				if err != nil {
					b.Fatal(err)
				}
				stepping(b, e, w, func(_ *Node, s watched, _ constants) (watched, mean) {
					key, action := v.Spec().Action.Random(s.Key, 1024)
					key, next, out := v.Step(key, s.State, action)
					return watched{key, next, out.Obs}, mean{ReduceAllMean(out.Reward)}
				})
			})
		})
	}
}

func stepping[S any](b *testing.B, e *backend.Engine, s loop.Values[S], body loop.Body[S, constants, mean]) {
	const k = 500
	l, err := loop.New(e.Backend, b.Name(), k, body)
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	none, err := loop.Pack[constants](tensors.FromValue(float32(0)))
	if err != nil {
		b.Fatal(err)
	}
	took, err := l.Compile(s, none)
	if err != nil {
		b.Fatal(err)
	}
	var out loop.Values[mean]
	for b.Loop() {
		if s, out, err = l.Run(b.Context(), 0, k, s, none); err != nil {
			b.Fatal(err)
		}
		total := 0.0
		for _, r := range tensors.MustCopyFlatData[float32](out.Get("Reward")) {
			total += float64(r)
		}
		b.ReportMetric(total/k, "reward/step")
		if err := out.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*k*1024/b.Elapsed().Seconds(), "steps/s")
	b.ReportMetric(took.Seconds(), "compile-s")
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
}
