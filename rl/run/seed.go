package run

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// seedRun is where one seed stands. While it trains, only its worker touches it,
// except for iteration and total, which the session's mutex guards.
type seedRun struct {
	seed      int64
	files     *checkpointFiles
	iteration int
	total     int // 0 until the trainer has said
	steps     int64
	seconds   float64
	rows      []Row
	state     []Array            // to start from; nil for the beginning
	trained   bool               // all iterations are done
	eval      map[string]float64 // nil until evaluated
	score     float64

	saved        int     // iteration of the newest checkpoint, 0 for none
	savedSeconds float64 // value of seconds at that time
	saveCost     float64 // seconds that the last save took
}

// DivergedError says that a metric was not a finite number. Errors that wrap it
// are found with errors.As.
type DivergedError struct {
	Seed      int64
	Iteration int
	Metric    string
	Value     float64
	// Checkpoint is the file of the last good checkpoint and CheckpointIteration
	// its iteration; "" if there is none yet.
	Checkpoint          string
	CheckpointIteration int
}

func (e *DivergedError) Error() string {
	last := "there is no checkpoint before it"
	if e.Checkpoint != "" {
		last = fmt.Sprintf("the last good checkpoint is %s of iteration %d", e.Checkpoint, e.CheckpointIteration)
	}
	return fmt.Sprintf("seed %d diverged: %s is %v at iteration %d; %s: try a smaller learning rate, or clip the gradient",
		e.Seed, e.Metric, e.Value, e.Iteration, last)
}

// restore reads checkpoints and rows, and drops the rows that were written
// after the checkpoint from which a seed goes on.
func (s *session) restore() error {
	path := filepath.Join(s.folder, metricsFile)
	rows, torn, err := readMetrics(path)
	if err != nil {
		return fmt.Errorf("metrics: %w", err)
	}
	bySeed := map[int64]*seedRun{}
	for _, seed := range s.manifest.Seeds {
		r := &seedRun{seed: seed, files: checkpointsOf(s.folder, seed)}
		c, err := r.files.load(func(c *checkpoint) error { return s.usable(c, seed, rows) }, s.log)
		if err != nil {
			return err
		}
		if c != nil {
			r.iteration, r.total, r.steps, r.seconds = c.Iteration, c.Total, c.Steps, c.Seconds
			r.saved, r.savedSeconds = c.Iteration, c.Seconds
			r.state = c.state
			r.trained = c.Iteration >= c.Total
			s.before = max(s.before, c.RunSeconds)
		}
		if e := s.stored.of(seed); e != nil && r.trained {
			r.eval = e.Values
			if e.Score != nil {
				r.score = *e.Score
			}
		}
		bySeed[seed] = r
		s.seeds = append(s.seeds, r)
	}
	keep := func(row Row) bool {
		r := bySeed[row.Seed]
		return r != nil && row.Iteration <= r.iteration
	}
	for _, row := range rows {
		if keep(row.Row) {
			bySeed[row.Seed].rows = append(bySeed[row.Seed].rows, row.Row)
		}
	}
	if err := trimMetrics(path, rows, torn, keep); err != nil {
		return fmt.Errorf("metrics: %w", err)
	}
	return nil
}

// usable says whether a checkpoint belongs here and its rows are on disk.
func (s *session) usable(c *checkpoint, seed int64, rows []rawRow) error {
	n := 0
	for _, r := range rows {
		if r.Seed == seed && r.Iteration <= c.Iteration {
			n++
		}
	}
	switch {
	case c.Seed != seed:
		return fmt.Errorf("it is a checkpoint of seed %d", c.Seed)
	case c.Config != s.hash:
		return errors.New("it belongs to another configuration")
	case c.Engine != s.manifest.Engine:
		return fmt.Errorf("it was made on engine %q, the run is on %q", c.Engine, s.manifest.Engine)
	case c.Rows != n:
		return fmt.Errorf("it was made after %d rows, of which %s has %d", c.Rows, metricsFile, n)
	}
	return nil
}

// train brings one seed to its end and evaluates it.
func (s *session) train(ctx context.Context, w Worker, r *seedRun) error {
	tr, err := w.Trainer(ctx, r.seed, r.state)
	if err != nil {
		return fmt.Errorf("seed %d: %w", r.seed, err)
	}
	r.state = nil
	for !r.trained {
		if ctx.Err() != nil {
			if err := s.save(tr, r); err != nil {
				return err
			}
			return ctx.Err()
		}
		if err := s.step(ctx, tr, r); err != nil {
			return err
		}
		if !r.trained && s.saveDue(r) {
			if err := s.save(tr, r); err != nil {
				return err
			}
		}
	}
	if err := s.save(tr, r); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.evaluate(ctx, tr, r)
}

// step trains for one chunk and writes down what it reported.
func (s *session) step(ctx context.Context, tr Trainer, r *seedRun) error {
	s.watch.start()
	start := time.Now()
	rep, err := tr.Step(ctx)
	took := time.Since(start).Seconds()
	s.watch.stop()
	if err != nil {
		return fmt.Errorf("seed %d, after iteration %d: %w", r.seed, r.iteration, err)
	}
	if err := r.plausible(rep, ctx.Err() != nil); err != nil {
		return fmt.Errorf("seed %d: %w", r.seed, err)
	}
	for i := range rep.Rows {
		row := &rep.Rows[i]
		row.Seed = r.seed
		row.Seconds = r.seconds + took*float64(row.Iteration-r.iteration)/float64(rep.Iteration-r.iteration)
	}
	good, diverged := r.finite(rep.Rows)
	r.rows = append(r.rows, rep.Rows[:good]...)
	if good > 0 {
		if err := s.metrics.append(rep.Rows[:good]); err != nil {
			return err
		}
	}
	if diverged != nil {
		return diverged
	}
	r.seconds += took
	r.steps = rep.Steps

	s.mu.Lock()
	defer s.mu.Unlock()
	r.iteration, r.total = rep.Iteration, rep.Total
	r.trained = r.iteration >= r.total
	done, total := s.progress()
	for _, w := range s.job.Watch {
		w.Rows(rep.Rows, done, total)
	}
	return nil
}

// plausible holds a trainer to its contract, on which exact resume rests.
func (r *seedRun) plausible(rep Report, stopping bool) error {
	if rep.Iteration > rep.Total || rep.Iteration < r.iteration || rep.Steps < r.steps {
		return fmt.Errorf("the trainer went from iteration %d to %d of %d, and from %d steps to %d",
			r.iteration, rep.Iteration, rep.Total, r.steps, rep.Steps)
	}
	if rep.Iteration == r.iteration && rep.Iteration < rep.Total && !stopping {
		return fmt.Errorf("the trainer made no progress at iteration %d of %d", rep.Iteration, rep.Total)
	}
	last := r.iteration
	for _, row := range rep.Rows {
		if row.Iteration <= last || row.Iteration > rep.Iteration {
			return fmt.Errorf("the trainer gave a row of iteration %d after %d, in a chunk up to %d", row.Iteration, last, rep.Iteration)
		}
		last = row.Iteration
	}
	return nil
}

// finite counts the rows before the first one with a value that is not finite.
func (r *seedRun) finite(rows []Row) (int, error) {
	for i, row := range rows {
		for _, k := range slices.Sorted(maps.Keys(row.Values)) {
			v := row.Values[k]
			if !math.IsNaN(v) && !math.IsInf(v, 0) {
				continue
			}
			e := &DivergedError{Seed: r.seed, Iteration: row.Iteration, Metric: k, Value: v}
			if r.saved > 0 {
				e.Checkpoint, e.CheckpointIteration = r.files.newest, r.saved
			}
			return i, e
		}
	}
	return len(rows), nil
}

// saveDue keeps saving below a twentieth of the training time.
func (s *session) saveDue(r *seedRun) bool {
	every := s.job.CheckpointEvery.Seconds()
	if every == 0 {
		every = 2
	}
	if n := s.job.CheckpointIterations; n > 0 && r.iteration-r.saved >= n {
		return true
	}
	return r.seconds-r.savedSeconds >= max(every, 20*r.saveCost)
}

// save writes a checkpoint, unless the newest one says the same.
func (s *session) save(tr Trainer, r *seedRun) error {
	if r.saved == r.iteration {
		return nil
	}
	start := time.Now()
	state, err := tr.State()
	if err != nil {
		return fmt.Errorf("seed %d: state: %w", r.seed, err)
	}
	if err := s.metrics.sync(); err != nil {
		return err
	}
	c := &checkpoint{
		Seed: r.seed, Iteration: r.iteration, Total: r.total, Steps: r.steps, Rows: len(r.rows),
		Seconds: r.seconds, RunSeconds: s.before + s.watch.seconds(),
		Config: s.hash, Engine: s.manifest.Engine, state: state,
	}
	if err := r.files.save(c); err != nil {
		return fmt.Errorf("seed %d: %w", r.seed, err)
	}
	r.saved, r.savedSeconds = r.iteration, r.seconds
	r.saveCost = time.Since(start).Seconds()
	return nil
}

// evaluate computes a seed's held-out numbers and its score.
func (s *session) evaluate(ctx context.Context, tr Trainer, r *seedRun) error {
	values, err := tr.Evaluate(ctx)
	if err != nil {
		return fmt.Errorf("seed %d: evaluation: %w", r.seed, err)
	}
	if values == nil {
		values = map[string]float64{}
	}
	for _, k := range slices.Sorted(maps.Keys(values)) {
		if v := values[k]; math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("seed %d: evaluation: %s is %v: the trained parameters are not usable, try a smaller learning rate", r.seed, k, v)
		}
	}
	score := 0.0
	if r.trained {
		score, err = s.job.Score.Of(r.rows, values)
		if err == nil && (math.IsNaN(score) || math.IsInf(score, 0)) {
			err = fmt.Errorf("it is %v", score)
		}
		if err != nil {
			return fmt.Errorf("seed %d: score %s: %w", r.seed, s.job.Score.Name, err)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r.eval, r.score = values, score
	return s.writeEvalLocked(nil)
}

// progress counts iterations over all seeds. A seed that has not begun counts
// with the total of the others.
func (s *session) progress() (done, total int) {
	longest := 0
	for _, r := range s.seeds {
		longest = max(longest, r.total)
	}
	for _, r := range s.seeds {
		done += r.iteration
		total += longest
		if r.total > 0 {
			total += r.total - longest
		}
	}
	return done, total
}

// quote makes a path safe to paste into a shell.
func quote(path string) string {
	if strings.ContainsFunc(path, func(c rune) bool {
		return !strings.ContainsRune("/._-+=:@%,~", c) && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z')
	}) {
		return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
	}
	return path
}
