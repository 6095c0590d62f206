package igl

import (
	"testing"

	"github.com/rewardlab/rewardlab/datasets"
	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/backend/backendtest"
	"github.com/rewardlab/rewardlab/rl/run"
)

// BenchmarkTraining times whole trainings of 1,000 iterations, and what compiling them costs:
//
//	go test ./rl/igl -bench Training -run - -count 5
func BenchmarkTraining(b *testing.B) {
	engines := map[string]func(testing.TB) *backend.Engine{"xla": backendtest.XLA, "go": backendtest.Go}
	for _, engine := range []string{"xla", "go"} {
		for _, set := range []string{"method=online", "method=bandit", "feedback=grid"} {
			b.Run(engine+"/"+set, func(b *testing.B) { benchmark(b, engines[engine](b), set) })
		}
	}
}

func benchmark(b *testing.B, e *backend.Engine, set string) {
	d, err := datasets.Open(b.Context(), "synthetic", datasets.Options{})
	if err != nil {
		b.Fatal(err)
	}
	var compile float64
	iterations := 0
	for b.Loop() {
		b.StopTimer()
		w, err := New(b.Context(), e, config(b, set), Digits{d.Train.Images, d.Train.Labels}, Digits{d.Held.Images, d.Held.Labels})
		if err != nil {
			b.Fatal(err)
		}
		compile += w.Info().CompileSeconds
		tr, err := w.Trainer(b.Context(), 1, nil)
		if err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		var r run.Report
		for r.Iteration == 0 || r.Iteration < r.Total {
			if r, err = tr.Step(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
		b.StopTimer()
		iterations += r.Iteration
		if err := w.Close(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
	b.ReportMetric(float64(iterations)/b.Elapsed().Seconds(), "iterations/s")
	b.ReportMetric(compile/float64(b.N), "compile-s")
}
