package run

import (
	"sync"
	"time"
)

// stopwatch measures the time in which at least one of its users is busy.
type stopwatch struct {
	mu    sync.Mutex
	busy  int
	since time.Time
	total time.Duration
}

func (w *stopwatch) start() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.busy == 0 {
		w.since = time.Now()
	}
	w.busy++
}

func (w *stopwatch) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.busy--
	if w.busy == 0 {
		w.total += time.Since(w.since)
	}
}

func (w *stopwatch) seconds() float64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	t := w.total
	if w.busy > 0 {
		t += time.Since(w.since)
	}
	return t.Seconds()
}
