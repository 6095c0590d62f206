package speed

import (
	"context"
	"fmt"
	"time"

	"github.com/rewardlab/rewardlab/rl/run"
)

// Training measures the training of one seed by an open worker: environment, policy, updates and metrics, without start-up,
// compilation, checkpoints and evaluation. A training that ends within a repeat is followed by the next seed's.
func Training(ctx context.Context, name string, w run.Worker, o Options) (Result, error) {
	fail := func(err error) (Result, error) { return Result{}, fmt.Errorf("training %s: %w", name, err) }
	o, err := o.withDefaults()
	if err != nil {
		return fail(err)
	}
	var (
		seed int64
		t    run.Trainer
		last run.Report
	)
	// chunk trains for one chunk, the shortest stretch there is.
	chunk := func() (int64, time.Duration, error) {
		if t == nil || last.Total > 0 && last.Iteration >= last.Total {
			seed++
			var err error
			if t, err = w.Trainer(ctx, seed, nil); err != nil {
				return 0, 0, err
			}
			last = run.Report{}
		}
		began := time.Now()
		report, err := t.Step(ctx)
		took := time.Since(began)
		steps := report.Steps - last.Steps
		if err == nil && steps <= 0 {
			err = fmt.Errorf("a chunk that ends at iteration %d of %d made no steps", report.Iteration, report.Total)
		}
		last = report
		return steps, took, err
	}
	if _, _, err := chunk(); err != nil { // warms up
		return fail(err)
	}
	r := Result{What: "train", Name: name}
	for range o.Repeats {
		var steps int64
		var took time.Duration
		for took < o.Each {
			if err := ctx.Err(); err != nil {
				return fail(err)
			}
			n, d, err := chunk()
			if err != nil {
				return fail(err)
			}
			steps, took = steps+n, took+d
		}
		r.Steps += steps
		r.Repeats = append(r.Repeats, float64(steps)/took.Seconds())
	}
	info := w.Info()
	r.Engine, r.CompileSeconds = info.Engine, info.CompileSeconds
	return r, r.sum()
}
