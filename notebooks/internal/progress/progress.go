// Package progress shows, one line per step, that a long set-up is alive.
//
//	log := progress.New(os.Stdout)
//	step := log.Step("Python packages")
//	step.Note("12/70 jupyterlab")
//	step.Done("70 packages")
//
// On a terminal the running step's line is redrawn with its latest note and the seconds so far. Elsewhere (a log
// file, CI) the step is announced, repeated every ten seconds while it runs, and closed with its own line.
package progress

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// Log writes the steps. Its methods, and those of its steps, may be called from several goroutines.
type Log struct {
	mu    sync.Mutex
	w     io.Writer
	tty   bool
	every time.Duration
	now   func() time.Time
}

// New is a log on f; a terminal gets lines that redraw themselves.
func New(f *os.File) *Log {
	l := &Log{w: f, every: 10 * time.Second, now: time.Now}
	if info, err := f.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb" {
		l.tty, l.every = true, 200*time.Millisecond
	}
	return l
}

// Say prints a line of its own.
func (l *Log) Say(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.clear()
	fmt.Fprintf(l.w, format+"\n", args...)
}

func (l *Log) clear() {
	if l.tty {
		fmt.Fprint(l.w, "\r\x1b[K")
	}
}

// Step is one running step. End it with Done or Fail.
type Step struct {
	log   *Log
	name  string
	note  string
	start time.Time
	stop  chan struct{}
	over  sync.WaitGroup
	ended bool
}

// Step starts a step and the clock that keeps its line alive.
func (l *Log) Step(name string) *Step {
	s := &Step{log: l, name: name, start: l.now(), stop: make(chan struct{})}
	l.mu.Lock()
	if !l.tty {
		fmt.Fprintf(l.w, "  %s ...\n", name)
	}
	l.mu.Unlock()
	s.over.Go(func() {
		tick := time.NewTicker(l.every)
		defer tick.Stop()
		for {
			select {
			case <-s.stop:
				return
			case <-tick.C:
				s.beat()
			}
		}
	})
	return s
}

func (s *Step) beat() {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	s.log.clear()
	text := fmt.Sprintf("  %s %4.0f s", s.name, s.log.now().Sub(s.start).Seconds())
	if s.note != "" {
		text += "  " + s.note
	}
	if s.log.tty {
		fmt.Fprint(s.log.w, clip(text, 100))
		return
	}
	fmt.Fprintln(s.log.w, text)
}

// clip keeps a redrawn line from wrapping, which would leave its first half behind.
func clip(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return string(r[:n-1]) + "…"
}

// Note replaces the detail shown beside the running step.
func (s *Step) Note(format string, args ...any) {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	s.note = fmt.Sprintf(format, args...)
}

// Done closes the step; summary may be empty.
func (s *Step) Done(format string, args ...any) { s.end("✓", fmt.Sprintf(format, args...)) }

// Fail closes the step as failed. After Done it does nothing, so that it can be deferred.
func (s *Step) Fail() { s.end("✗", "") }

func (s *Step) end(mark, summary string) {
	s.log.mu.Lock()
	if s.ended {
		s.log.mu.Unlock()
		return
	}
	s.ended = true
	s.log.mu.Unlock()
	close(s.stop)
	s.over.Wait()
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	s.log.clear()
	fmt.Fprintf(s.log.w, "%s %s %.1f s", mark, s.name, s.log.now().Sub(s.start).Seconds())
	if summary != "" {
		fmt.Fprintf(s.log.w, "  %s", summary)
	}
	fmt.Fprintln(s.log.w)
}
