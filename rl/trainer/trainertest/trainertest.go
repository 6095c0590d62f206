// Package trainertest has what the tests of trainers share: a configuration from assignments, and a whole training.
package trainertest

import (
	"strings"
	"testing"
	"time"

	"github.com/rewardlab/rewardlab/rl/run"
)

// Resolved is cfg, a pointer to a configuration, with the assignments ("lr=1e-3") and the defaults put in, and checked.
func Resolved[C any](t testing.TB, cfg C, set ...string) C {
	t.Helper()
	if err := run.Set(cfg, set...); err != nil {
		t.Fatal(err)
	}
	if err := run.Resolve(cfg); err != nil {
		t.Fatal(err)
	}
	if err := run.Check(cfg); err != nil {
		t.Fatal(err)
	}
	return cfg
}

// Open makes the worker of cfg with the assignments in set ("lr=1e-3 envs=8"); it is closed when the test ends.
func Open[C any](t testing.TB, cfg C, set string, open func(cfg C) (run.Worker, error)) run.Worker {
	t.Helper()
	w, err := open(Resolved(t, cfg, strings.Fields(set)...))
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

// Result is what a training came to.
type Result struct {
	Trainer run.Trainer
	Rows    []run.Row
	Eval    map[string]float64
	Took    time.Duration // without the evaluation
}

// Last is the last row.
func (r Result) Last() run.Row { return r.Rows[len(r.Rows)-1] }

// StepsPerSecond is how fast the training was.
func (r Result) StepsPerSecond() float64 { return float64(r.Last().Steps) / r.Took.Seconds() }

// Train trains one seed to its end and evaluates it.
func Train(t testing.TB, w run.Worker, seed int64) Result {
	t.Helper()
	began := time.Now()
	tr, err := w.Trainer(t.Context(), seed, nil)
	if err != nil {
		t.Fatal(err)
	}
	res := Result{Trainer: tr}
	for {
		r, err := tr.Step(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		res.Rows = append(res.Rows, r.Rows...)
		if r.Iteration == r.Total {
			break
		}
	}
	res.Took = time.Since(began)
	if res.Eval, err = tr.Evaluate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return res
}

// Benchmark trains seeds 1, 2, ... and reports seconds of compiling and steps a second.
func Benchmark(b *testing.B, w run.Worker) {
	b.ReportMetric(w.Info().CompileSeconds, "compile-s")
	seed := int64(0)
	for b.Loop() {
		seed++
		r := Train(b, w, seed)
		b.Logf("seed %d: %.0f steps/s, return at first %.1f, greedy at last %.1f [%.0f, %.0f], last row %v", seed, r.StepsPerSecond(),
			r.Rows[0].Values["charts/episodic_return"], r.Eval["eval/return"], r.Eval["eval/return_min"], r.Eval["eval/return_max"], r.Last().Values)
		b.ReportMetric(r.StepsPerSecond(), "steps/s")
	}
}
