package run

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"

	"github.com/gofrs/flock"
)

// Train trains a job into a run folder and returns when every seed is done and
// evaluated. The folder is made; with job.Resume a run that is in it already is
// continued from its checkpoints, to the same parameters and rows as if it had
// never stopped. A run that is complete is not trained again: its result is
// returned.
//
// When ctx ends, every seed finishes its chunk and saves a checkpoint. Train then
// returns the partial result together with an error that wraps ctx's. A metric
// that is not finite stops the run with a [*DivergedError]. An error in one seed
// stops the others in the same way.
func Train(ctx context.Context, folder string, job Job) (_ *Result, err error) {
	if job.Replace {
		release, openErr := job.openFirst(ctx)
		if openErr != nil {
			return nil, openErr
		}
		defer func() { err = errors.Join(err, release()) }()
	}
	s, err := openSession(folder, job)
	if err != nil {
		return nil, err
	}
	defer s.close()
	if s.stored != nil && s.stored.Complete && len(s.pending()) == 0 {
		return s.stored.Result, nil
	}
	done, total := s.progress()
	for _, w := range job.Watch {
		w.Rows(nil, done, total)
	}
	err = s.work(ctx, s.train)
	return s.finish(ctx, err)
}

// openFirst opens worker 0 at once, and lets Open hand it out: that the engine cannot do the job is known before a run is thrown away for it.
// What it returns closes the worker if nobody has asked for it.
func (j *Job) openFirst(ctx context.Context) (release func() error, err error) {
	if _, err := j.check(); err != nil {
		return nil, err
	}
	open := j.Open
	first, err := open(ctx, 0)
	if err != nil {
		return nil, err
	}
	j.Open = func(ctx context.Context, i int) (Worker, error) {
		if i != 0 || first == nil {
			return open(ctx, i)
		}
		w := first
		first = nil
		return w, nil
	}
	return func() error {
		if first == nil {
			return nil
		}
		return first.Close()
	}, nil
}

// Evaluate evaluates every seed of a run again at its newest checkpoint, and
// writes eval.json anew. Seeds that are not trained to the end are evaluated as
// they stand, but have no part in the score. The job must be the one that the
// run was trained with.
func Evaluate(ctx context.Context, folder string, job Job) (*Result, error) {
	if _, err := readManifest(folder); err != nil {
		return nil, err
	}
	job.Resume, job.Replace = true, false
	s, err := openSession(folder, job)
	if err != nil {
		return nil, err
	}
	defer s.close()
	if s.stored != nil && s.stored.Result != nil {
		s.compile = s.stored.Result.CompileSeconds
		s.keepCompile = true
	}
	some := false
	for _, r := range s.seeds {
		r.eval = nil
		some = some || r.saved > 0
	}
	if !some {
		return nil, fmt.Errorf("run folder %s has no checkpoint yet: resume the run first", folder)
	}
	err = s.work(ctx, func(ctx context.Context, w Worker, r *seedRun) error {
		if r.saved == 0 {
			return nil
		}
		tr, err := w.Trainer(ctx, r.seed, r.state)
		if err != nil {
			return fmt.Errorf("seed %d: %w", r.seed, err)
		}
		return s.evaluate(ctx, tr, r)
	})
	return s.finish(ctx, err)
}

// session is one process's work on one run.
type session struct {
	job      Job
	folder   string
	lock     *flock.Flock
	manifest *Manifest
	hash     string
	metrics  *metricsLog
	seeds    []*seedRun
	stored   *evalReport // what eval.json held
	watch    stopwatch   // time in which at least one seed was training
	before   float64     // that time in earlier sessions

	mu          sync.Mutex // guards what follows, eval.json and calls of Watch
	compile     float64
	keepCompile bool // an evaluation does not change how long the training compiled
	log         func(string)
}

// openSession checks the job, opens its folder and reads where each seed stands.
func openSession(folder string, job Job) (*session, error) {
	cfg, err := job.check()
	if err != nil {
		return nil, err
	}
	if folder, err = filepath.Abs(folder); err != nil {
		return nil, fmt.Errorf("run folder: %w", err)
	}
	s := &session{job: job, folder: folder, log: job.Log}
	if s.log == nil {
		s.log = func(string) {}
	}
	s.manifest, s.lock, err = openFolder(folder, job, cfg)
	if err != nil {
		return nil, err
	}
	if err := s.read(); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// read brings the session to where the run stands.
func (s *session) read() (err error) {
	if s.hash, err = s.manifest.hash(); err != nil {
		return err
	}
	if s.stored, err = readEval(s.folder); err != nil {
		return err
	}
	if err := s.restore(); err != nil {
		return err
	}
	s.metrics, err = openMetrics(filepath.Join(s.folder, metricsFile))
	return err
}

func (s *session) close() {
	if s.metrics != nil {
		_ = s.metrics.close()
	}
	_ = s.lock.Unlock()
}

// check reports everything that is wrong with a job and returns the resolved
// configuration.
func (j *Job) check() (cfg any, err error) {
	var problems []error
	need := func(ok bool, format string, args ...any) {
		if !ok {
			problems = append(problems, fmt.Errorf(format, args...))
		}
	}
	need(j.Preset != "", "Preset is empty: give it a name")
	need(j.Open != nil, "Open is nil: it must make a worker")
	need(j.Score.Of != nil && j.Score.Name != "", "Score needs a name and a function")
	need(len(j.Seeds) > 0, "Seeds is empty: give at least one")
	need(j.Workers >= 0, "Workers is %d: use 0 for one per core, or a positive number", j.Workers)
	need(j.CheckpointEvery >= 0, "CheckpointEvery is %v: use 0 for two seconds, or a positive time", j.CheckpointEvery)
	need(j.CheckpointIterations >= 0, "CheckpointIterations is %d: use 0 for none, or a positive number", j.CheckpointIterations)
	need(!j.Resume || !j.Replace, "Resume and Replace exclude each other")
	seen := map[int64]bool{}
	for _, s := range j.Seeds {
		need(!seen[s], "seed %d is given twice", s)
		seen[s] = true
	}
	if cfg, err = resolvedCopy(j.Config); err != nil {
		problems = append(problems, err)
	} else if err = Check(cfg); err != nil {
		problems = append(problems, err)
	}
	if problems == nil {
		return cfg, nil
	}
	if len(problems) == 1 && err != nil {
		return nil, err // the configuration alone: say no more than that
	}
	return nil, listErrors("job", problems)
}

func workerCount(workers, seeds int) int {
	if workers == 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	return max(1, min(workers, seeds))
}

// pending are the seeds that still need training or evaluation.
func (s *session) pending() []*seedRun {
	var out []*seedRun
	for _, r := range s.seeds {
		if r.eval == nil {
			out = append(out, r)
		}
	}
	return out
}

// work hands the pending seeds to workers side by side. After the first error
// the others stop at their next chunk. It returns that error; that somebody was
// stopped counts only if nothing worse happened.
func (s *session) work(ctx context.Context, each func(context.Context, Worker, *seedRun) error) error {
	pending := s.pending()
	queue := make(chan *seedRun, len(pending))
	for _, r := range pending {
		queue <- r
	}
	close(queue)

	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var all sync.WaitGroup
	n := workerCount(s.job.Workers, len(pending))
	errs := make(chan error, n)
	for i := range n {
		all.Go(func() {
			if err := s.worker(ctx, i, queue, each); err != nil {
				errs <- err
				stop()
			}
		})
	}
	all.Wait()
	close(errs)
	var stopped error
	for err := range errs {
		if !isStop(err) {
			return err
		}
		if stopped == nil {
			stopped = err
		}
	}
	return stopped
}

func isStop(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

func (s *session) worker(ctx context.Context, i int, queue <-chan *seedRun, each func(context.Context, Worker, *seedRun) error) (err error) {
	if err := ctx.Err(); err != nil {
		return err
	}
	w, err := s.job.Open(ctx, i)
	if err != nil {
		return err
	}
	defer func() {
		s.mu.Lock()
		if !s.keepCompile {
			s.compile = max(s.compile, w.Info().CompileSeconds)
		}
		s.mu.Unlock()
		err = errors.Join(err, w.Close())
	}()
	if err := s.setEngine(w.Info().Engine); err != nil {
		return err
	}
	for r := range queue {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := each(ctx, w, r); err != nil {
			return err
		}
	}
	return nil
}

// setEngine writes the engine down when the first one is open; every later one
// must be the same.
func (s *session) setEngine(engine string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch s.manifest.Engine {
	case engine:
		return nil
	case "":
		s.manifest.Engine = engine
		return s.manifest.write(s.folder)
	}
	return fmt.Errorf("run folder %s was trained on engine %q and this is %q, where results differ: open the first engine (GOMLX_BACKEND chooses), or train in a new folder",
		s.folder, s.manifest.Engine, engine)
}

// finish writes eval.json, whatever happened, and gives the error its last words.
func (s *session) finish(ctx context.Context, failed error) (*Result, error) {
	res, err := s.result()
	if err != nil {
		return nil, errors.Join(failed, err)
	}
	if failed == nil {
		if err := s.writeEval(res); err != nil {
			return nil, err
		}
		return res, nil
	}
	err = s.writeEval(res)
	if ctx.Err() != nil && isStop(failed) {
		saved := 0
		for _, r := range s.seeds {
			saved += r.saved
		}
		_, total := s.progress()
		failed = &interrupted{ctx.Err(), fmt.Sprintf("interrupted; %d of %s iterations are saved in %s; to go on: go run ./rl/cmd/rl resume %s",
			saved, orUnknown(total), s.folder, quote(s.folder))}
	}
	return res, errors.Join(failed, err)
}

// interrupted is a context's error with more useful words.
type interrupted struct {
	error
	message string
}

func (e *interrupted) Error() string { return e.message }
func (e *interrupted) Unwrap() error { return e.error }

func orUnknown(total int) string {
	if total == 0 {
		return "all"
	}
	return strconv.Itoa(total)
}
