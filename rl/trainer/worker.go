package trainer

import (
	"context"
	"errors"

	"github.com/rewardlab/rewardlab/rl/run"
)

// Worker is the compiled programs of one configuration. It implements run.Worker.
type Worker struct {
	// Make starts or resumes the training of one seed.
	Make func(ctx context.Context, seed int64, state []run.Array) (run.Trainer, error)
	// Details name the engine, and hold how long compiling took.
	Details run.Info
	// Closers free the programs. The engine belongs to whoever opened it.
	Closers []func() error
}

// Trainer implements run.Worker.
func (w *Worker) Trainer(ctx context.Context, seed int64, state []run.Array) (run.Trainer, error) {
	return w.Make(ctx, seed, state)
}

// Info implements run.Worker.
func (w *Worker) Info() run.Info { return w.Details }

// Close implements run.Worker.
func (w *Worker) Close() error {
	var errs []error
	for _, f := range w.Closers {
		errs = append(errs, f())
	}
	return errors.Join(errs...)
}
