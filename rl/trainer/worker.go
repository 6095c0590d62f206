package trainer

import (
	"context"
	"errors"

	"github.com/gomlx/compute"

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

// NewWorker is a Worker on an engine, with nothing in it yet.
func NewWorker(engine string, b compute.Backend) *Worker {
	w := &Worker{Details: run.Info{Engine: engine}}
	for d := range b.NumDevices() {
		w.Details.Devices = append(w.Details.Devices, b.DeviceDescription(compute.DeviceNum(d)))
	}
	return w
}

// Frees notes what Close calls, in order.
func (w *Worker) Frees(f func()) { w.Closers = append(w.Closers, func() error { f(); return nil }) }

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
