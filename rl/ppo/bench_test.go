package ppo_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/backend/backendtest"
	"github.com/rewardlab/rewardlab/rl/env"
	"github.com/rewardlab/rewardlab/rl/ppo"
	"github.com/rewardlab/rewardlab/rl/run"
)

// open compiles a configuration made of assignments.
func open(t testing.TB, e *backend.Engine, set string) run.Worker {
	t.Helper()
	c := &ppo.Config{}
	if err := run.Set(c, strings.Fields(set)...); err != nil {
		t.Fatal(err)
	}
	if err := run.Resolve(c); err != nil {
		t.Fatal(err)
	}
	if err := run.Check(c); err != nil {
		t.Fatal(err)
	}
	made, err := env.Find(c.Env)
	if err != nil {
		t.Fatal(err)
	}
	w, err := ppo.New(t.Context(), e, made, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

// train trains one seed to its end and evaluates it.
func train(t testing.TB, w run.Worker, seed int64) ([]run.Row, map[string]float64, time.Duration) {
	t.Helper()
	began := time.Now()
	tr, err := w.Trainer(t.Context(), seed, nil)
	if err != nil {
		t.Fatal(err)
	}
	var rows []run.Row
	for {
		r, err := tr.Step(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, r.Rows...)
		if r.Iteration == r.Total {
			break
		}
	}
	took := time.Since(began)
	eval, err := tr.Evaluate(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return rows, eval, took
}

// BenchmarkTrain trains with the configuration in $PPO, "envs=64 total=2000000" for example.
func BenchmarkTrain(b *testing.B) {
	e := backendtest.XLA(b)
	w := open(b, e, os.Getenv("PPO"))
	b.ReportMetric(w.Info().CompileSeconds, "compile-s")
	seed := int64(0)
	for b.Loop() {
		seed++
		rows, eval, took := train(b, w, seed)
		last := rows[len(rows)-1]
		b.Logf("seed %d: %.0f steps/s, return at first %.1f, greedy at last %.1f [%.0f, %.0f], last row %v", seed,
			float64(last.Steps)/took.Seconds(), rows[0].Values["charts/episodic_return"],
			eval["eval/return"], eval["eval/return_min"], eval["eval/return_max"], last.Values)
		b.ReportMetric(float64(last.Steps)/took.Seconds(), "steps/s")
	}
}
