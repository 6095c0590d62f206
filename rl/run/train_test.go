package run

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestTrainToTheEnd(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "run")
	job := fakeJob(t, &fakeConfig{}, 3, 1, 2)
	var done, total int
	watched := map[int64]int{}
	job.Watch = []Watcher{watchFunc(func(rows []Row, d, n int) {
		if rows == nil && (d != 0 || n != 0) || rows != nil && d <= done {
			t.Errorf("progress went from %d to %d", done, d)
		}
		done, total = d, n
		for _, r := range rows {
			watched[r.Seed]++
		}
	})}
	res := mustTrain(t, folder, job)

	if res.Preset != "fake" || res.Engine != "fake" || !slices.Equal(res.Seeds, []int64{3, 1, 2}) || res.Run != folder {
		t.Errorf("result %+v", res)
	}
	if res.Steps != 3*60*32 || res.CompileSeconds != 0.25 || res.TrainSeconds <= 0 {
		t.Errorf("steps %d, compile %v, train %v", res.Steps, res.CompileSeconds, res.TrainSeconds)
	}
	if done != 180 || total != 180 || watched[1] != 60 || watched[2] != 60 || watched[3] != 60 {
		t.Errorf("watched %d of %d: %v", done, total, watched)
	}

	r, err := Load(folder)
	if err != nil {
		t.Fatal(err)
	}
	if !r.Complete || r.Result == nil || r.Result.Steps != res.Steps {
		t.Errorf("loaded %+v", r)
	}
	// The score of a seed is the noise of its last row; three seeds are too few
	// to trim, so the IQM is their mean.
	mean := 0.0
	for i, seed := range res.Seeds {
		last := r.Rows[i*60+59]
		if last.Seed != seed || last.Iteration != 60 {
			t.Fatalf("row %d is of seed %d, iteration %d", i*60+59, last.Seed, last.Iteration)
		}
		if res.Score.PerSeed[i] != last.Values["noise"] {
			t.Errorf("seed %d scored %v, its last row has %v", seed, res.Score.PerSeed[i], last.Values["noise"])
		}
		mean += last.Values["noise"] / 3
	}
	sc := res.Score
	if d := sc.Mean - mean; d > 1e-12 || d < -1e-12 || sc.IQM != sc.Mean || sc.Lo > sc.IQM || sc.Hi < sc.IQM || sc.Name != "last noise" {
		t.Errorf("score %+v, mean should be %v", sc, mean)
	}
	if want := (r.Eval[1]["sum"] + r.Eval[2]["sum"] + r.Eval[3]["sum"]) / 3; res.Extra["sum"]-want > 1e-15 || want-res.Extra["sum"] > 1e-15 {
		t.Errorf("extra %v, want %v", res.Extra["sum"], want)
	}

	// Seconds never run backwards within a seed.
	for i := 1; i < 60; i++ {
		if r.Rows[i].Seconds < r.Rows[i-1].Seconds {
			t.Errorf("row %d took %v after %v", i, r.Rows[i].Seconds, r.Rows[i-1].Seconds)
		}
	}
}

type watchFunc func([]Row, int, int)

func (f watchFunc) Rows(rows []Row, done, total int) { f(rows, done, total) }

func TestResultJSON(t *testing.T) {
	res := Result{
		Preset: "igl-mnist", Engine: "xla:cpu", Seeds: []int64{1, 2}, Steps: 128, CompileSeconds: 1, TrainSeconds: 0.5,
		StepsPerSecond: 256, Score: Scored{Name: "a", IQM: 0.5, Lo: 0.25, Hi: 0.75, Mean: 0.5, PerSeed: []float64{0.25, 0.75}},
		Extra: map[string]float64{"greedy": 0.5}, Run: "runs/x",
	}
	got, err := json.Marshal(res)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"preset":"igl-mnist","engine":"xla:cpu","seeds":[1,2],"steps":128,"compile_s":1,"train_s":0.5,"steps_per_s":256,` +
		`"score":{"name":"a","iqm":0.5,"lo":0.25,"hi":0.75,"mean":0.5,"per_seed":[0.25,0.75]},"extra":{"greedy":0.5},"run":"runs/x"}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	res.Score = Scored{}
	if got, _ = json.Marshal(res); !strings.Contains(string(got), `"score":null`) {
		t.Errorf("without seeds: %s", got)
	}
}

// cancelAfter cancels a context when a trainer has done so many iterations.
func cancelAfter(cancel context.CancelFunc, job *Job, cfg *fakeConfig, iteration uint64) {
	job.Open = func(context.Context, int) (Worker, error) {
		return fakeWorker{cfg: *cfg, engine: "fake", afterStep: func(f *fakeTrainer) {
			if f.iteration >= iteration {
				cancel()
			}
		}}, nil
	}
}

func TestInterruptedRun(t *testing.T) {
	cfg := &fakeConfig{}
	want := reference(t, fakeJob(t, cfg, 1, 2, 3))
	folder := filepath.Join(t.TempDir(), "a run") // with a space: the hint must quote it
	ctx, cancel := context.WithCancel(t.Context())
	job := fakeJob(t, cfg, 1, 2, 3)
	job.Workers = 1
	cancelAfter(cancel, &job, cfg, 21)
	res, err := Train(ctx, folder, job)
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v", err)
	}
	for _, part := range []string{folder, "resume '" + folder + "'", "21 of 180 iterations"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not say %q", err, part)
		}
	}
	if res == nil || res.Steps != 21*32 || len(res.Score.PerSeed) != 0 {
		t.Errorf("partial result %+v", res)
	}
	r, err := Load(folder)
	if err != nil {
		t.Fatal(err)
	}
	if r.Complete || len(r.Rows) != 21 || r.Result == nil || r.Result.Steps != 21*32 {
		t.Errorf("partial run has %d rows, result %+v", len(r.Rows), r.Result)
	}
	if x, ys := r.Series("loss"); len(x) != 21 || len(ys) != 1 || len(ys[0]) != 21 {
		t.Errorf("series of %d points and %d seeds", len(x), len(ys))
	}

	job = fakeJob(t, cfg, 1, 2, 3)
	job.Resume = true
	mustTrain(t, folder, job)
	if got, _ := outcome(t, folder); got != want {
		t.Error("the resumed run ended differently")
	}
}

func TestInterruptedBeforeAnything(t *testing.T) {
	cfg := &fakeConfig{}
	folder := filepath.Join(t.TempDir(), "run")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Train(ctx, folder, fakeJob(t, cfg, 1)); !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v", err)
	}
	job := fakeJob(t, cfg, 1)
	job.Resume = true
	mustTrain(t, folder, job)
}

func TestCompleteRunIsNotTrainedAgain(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "run")
	job := fakeJob(t, &fakeConfig{}, 1, 2)
	first := mustTrain(t, folder, job)
	job.Resume = true
	job.Open = func(context.Context, int) (Worker, error) { return nil, errors.New("opened") }
	again := mustTrain(t, folder, job)
	if again.Score.IQM != first.Score.IQM || again.TrainSeconds != first.TrainSeconds || again.Run != folder {
		t.Errorf("first %+v\nagain %+v", first, again)
	}

	// Moved, it is the same run at its new place.
	moved := filepath.Join(t.TempDir(), "moved")
	if err := os.Rename(folder, moved); err != nil {
		t.Fatal(err)
	}
	if again = mustTrain(t, moved, job); again.Run != moved {
		t.Errorf("moved run says %s", again.Run)
	}
}

func TestReplace(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "run")
	mustTrain(t, folder, fakeJob(t, &fakeConfig{}, 1, 2))
	job := fakeJob(t, &fakeConfig{Iterations: 20}, 5)
	job.Replace = true
	mustTrain(t, folder, job)
	_, r := outcome(t, folder)
	if len(r.Rows) != 20 || !slices.Equal(r.Seeds, []int64{5}) {
		t.Errorf("%d rows of seeds %v", len(r.Rows), r.Seeds)
	}
}

// A job that no worker opens for, as one for more devices than there are, costs nothing.
func TestReplaceKeepsTheRunIfNothingOpens(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "run")
	mustTrain(t, folder, fakeJob(t, &fakeConfig{}, 1, 2))
	_, before := outcome(t, folder)
	job := fakeJob(t, &fakeConfig{Iterations: 20}, 5)
	job.Replace = true
	job.Open = func(context.Context, int) (Worker, error) { return nil, errors.New("no such device") }
	if _, err := Train(t.Context(), folder, job); err == nil || err.Error() != "no such device" {
		t.Errorf("error %v", err)
	}
	_, after := outcome(t, folder)
	if len(after.Rows) != len(before.Rows) || len(after.Rows) == 0 || !slices.Equal(after.Seeds, before.Seeds) {
		t.Errorf("%d rows of seeds %v, before it were %d of seeds %v", len(after.Rows), after.Seeds, len(before.Rows), before.Seeds)
	}
}

func TestDivergence(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "run")
	cfg := &fakeConfig{DivergeAt: 40}
	job := fakeJob(t, cfg, 4)
	job.CheckpointIterations = 1
	_, err := Train(t.Context(), folder, job)
	var d *DivergedError
	if !errors.As(err, &d) {
		t.Fatalf("error %v", err)
	}
	// Chunks of 7: the checkpoint of iteration 35 is the last before the chunk with 40.
	if d.Seed != 4 || d.Iteration != 40 || d.Metric != "loss" || d.CheckpointIteration != 35 {
		t.Errorf("%+v", d)
	}
	b, err := os.ReadFile(d.Checkpoint)
	if err != nil {
		t.Fatal(err)
	}
	if c, err := decodeCheckpoint(b); err != nil || c.Iteration != 35 {
		t.Errorf("checkpoint %+v, %v", c, err)
	}
	r, err := Load(folder)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Rows) != 39 || r.Complete {
		t.Errorf("%d rows are kept for a look, complete %v", len(r.Rows), r.Complete)
	}
}

func TestOneSeedFailsTheOthersAreSaved(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "run")
	cfg := &fakeConfig{Iterations: 100_000, Pause: time.Millisecond}
	job := fakeJob(t, cfg, 1, 2)
	var closed atomic.Int32
	boom := errors.New("boom")
	var otherRuns atomic.Bool
	job.Open = func(context.Context, int) (Worker, error) {
		return failingWorker{fakeWorker{cfg: *cfg, engine: "fake"}, boom, &closed, &otherRuns}, nil
	}
	_, err := Train(t.Context(), folder, job)
	if !errors.Is(err, boom) || errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "seed 2") {
		t.Errorf("error %v", err)
	}
	if closed.Load() != 2 {
		t.Errorf("%d of 2 workers closed", closed.Load())
	}
	b, err := os.ReadFile(checkpointsOf(folder, 1).newest)
	if err != nil {
		t.Fatal(err)
	}
	c, err := decodeCheckpoint(b)
	if err != nil || c.Iteration == 0 {
		t.Errorf("seed 1 was saved as %+v, %v", c, err)
	}
}

// failingWorker trains seed 2 into an error as soon as seed 1 has made a step.
type failingWorker struct {
	fakeWorker
	err    error
	closed *atomic.Int32
	other  *atomic.Bool
}

func (w failingWorker) Trainer(ctx context.Context, seed int64, state []Array) (Trainer, error) {
	t := newFakeTrainer(w.cfg, seed, state)
	if seed == 2 {
		return failingTrainer{t, w}, nil
	}
	t.afterStep = func(*fakeTrainer) { w.other.Store(true) }
	return t, nil
}

func (w failingWorker) Close() error {
	w.closed.Add(1)
	return nil
}

type failingTrainer struct {
	*fakeTrainer
	w failingWorker
}

func (t failingTrainer) Step(ctx context.Context) (Report, error) {
	for !t.w.other.Load() && ctx.Err() == nil {
		time.Sleep(time.Millisecond)
	}
	return Report{}, t.w.err
}

func TestJobProblemsAllAtOnce(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "run")
	_, err := Train(t.Context(), folder, Job{
		Config: &fakeConfig{Objective: "ofline"}, Seeds: []int64{1, 1}, Workers: -1, CheckpointEvery: -time.Second,
	})
	if err == nil {
		t.Fatal("no error")
	}
	for _, part := range []string{"Preset", "Open", "Score", "seed 1 is given twice", "Workers is -1", "CheckpointEvery is -1s", `did you mean "offline"`} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the error does not say %q:\n%v", part, err)
		}
	}
	if _, err := os.Stat(folder); err == nil {
		t.Error("a bad job made a folder")
	}
}

func TestTrainerContract(t *testing.T) {
	row := func(i int) Row { return Row{Iteration: i, Values: map[string]float64{"a": 1}} }
	for name, tc := range map[string]struct {
		rep  Report
		want string
	}{
		"no progress":        {Report{Iteration: 0, Total: 9}, "made no progress"},
		"beyond the end":     {Report{Iteration: 10, Total: 9}, "to 10 of 9"},
		"row too late":       {Report{Iteration: 3, Total: 9, Rows: []Row{row(4)}}, "row of iteration 4"},
		"rows out of order":  {Report{Iteration: 3, Total: 9, Rows: []Row{row(2), row(2)}}, "row of iteration 2 after 2"},
		"steps go backwards": {Report{Iteration: 3, Total: 9, Steps: -1}, "0 steps to -1"},
	} {
		t.Run(name, func(t *testing.T) {
			err := (&seedRun{}).plausible(tc.rep, false)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want %q", err, tc.want)
			}
		})
	}
	if err := (&seedRun{}).plausible(Report{Total: 9}, true); err != nil {
		t.Errorf("a chunk cut short by an interruption: %v", err)
	}
}

func TestSavingStaysBelowATwentieth(t *testing.T) {
	s := &session{}
	for name, tc := range map[string]struct {
		r     seedRun
		every time.Duration
		iters int
		want  bool
	}{
		"before two seconds":        {r: seedRun{seconds: 1.9}, want: false},
		"after two seconds":         {r: seedRun{seconds: 2}, want: true},
		"saving is dear, too early": {r: seedRun{seconds: 9.9, saveCost: 0.5}, want: false},
		"saving is dear, now":       {r: seedRun{seconds: 10, saveCost: 0.5}, want: true},
		"since the last one":        {r: seedRun{seconds: 10, savedSeconds: 9}, want: false},
		"other cadence":             {r: seedRun{seconds: 1}, every: time.Second, want: true},
		"by iterations":             {r: seedRun{iteration: 30, saved: 20, saveCost: 9}, iters: 10, want: true},
		"by iterations, not yet":    {r: seedRun{iteration: 29, saved: 20}, iters: 10, want: false},
	} {
		t.Run(name, func(t *testing.T) {
			s.job.CheckpointEvery, s.job.CheckpointIterations = tc.every, tc.iters
			if got := s.saveDue(&tc.r); got != tc.want {
				t.Errorf("due: %v", got)
			}
		})
	}
}

func TestEvaluateAgain(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "run")
	job := fakeJob(t, &fakeConfig{}, 1, 2)
	if _, err := Evaluate(t.Context(), folder, job); !errors.Is(err, errNotRun) {
		t.Errorf("no folder: %v", err)
	}
	first := mustTrain(t, folder, job)
	want, _ := outcome(t, folder)
	if err := os.Remove(filepath.Join(folder, evalFile)); err != nil {
		t.Fatal(err)
	}
	res, err := Evaluate(t.Context(), folder, job)
	if err != nil {
		t.Fatal(err)
	}
	if res.Score.IQM != first.Score.IQM || res.Extra["sum"] != first.Extra["sum"] || res.TrainSeconds <= 0 {
		t.Errorf("first %+v\nagain %+v", first, res)
	}
	if got, _ := outcome(t, folder); got != want {
		t.Error("evaluating changed the run")
	}
}
