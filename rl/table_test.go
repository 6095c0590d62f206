package rl_test

import (
	"math"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rewardlab/rewardlab/rl"
	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/backend/backendtest"
	"github.com/rewardlab/rewardlab/rl/run"
	"github.com/rewardlab/rewardlab/rl/trainer/trainertest"
)

// small makes a preset of each algorithm train for two chunks in about a second. An algorithm that joins the table needs a line here, and
// then gets every test in this file.
var small = map[string]string{
	"igl":                "dataset=synthetic images=500 iterations=100 logs=400 batch=16 exploit=8 explore=8 hidden=8 grid_side=3 horizon=3 switch_at=30",
	"a2c":                "envs=2 steps=4 total=48 hidden=8 eval_episodes=2 eval_steps=20 log_every=1",
	"ppo":                "envs=2 steps=8 total=96 epochs=2 minibatches=2 hidden=8 eval_episodes=2 eval_steps=20 log_every=1",
	"lirpg":              "envs=2 steps=8 total=96 epochs=2 minibatches=2 inner=2 hidden=8 eval_episodes=2 eval_steps=20 log_every=1",
	"lirpg-a2c":          "envs=2 steps=4 total=48 hidden=8 eval_episodes=2 eval_steps=20 log_every=1",
	"bc":                 "trajectories=2 every=5 iterations=6 updates=3 patience=4 batch=8 hidden=8 eval_episodes=2 eval_steps=20",
	"dagger":             "iterations=6 envs=2 steps=4 updates=3 batch=8 hidden=8 eval_episodes=2 eval_steps=20",
	"gan":                "dataset=synthetic images=200 lessons=5 iterations=20 batch=8 noise=3 hidden=8 samples=3 eval_samples=10 log_every=1",
	"dqn":                "envs=2 iterations=100 buffer=60 warmup=5 n_step=2 batch=8 hidden=8 target_every=7 log_every=10",
	"q":                  "envs=4 iterations=100 log_every=10",
	"instructq":          "episodes=400 buffer=100 batch=16 eval_every=50 log_every=100",
	"selfplay":           "envs=2 steps=8 total=96 limit=6 alice_moves=3 epochs=2 minibatches=2 hidden=4 eval_episodes=3 exam_every=3 log_every=1",
	"instructq-hanabi":   "colors=2 ranks=3 hand=2 hints=3 lives=2 envs=4 iterations=60 buffer=100 warmup=20 batch=8 target_every=7 hidden=8 eval_every=20 eval_games=4 games=10 log_every=30",
	"instructppo-hanabi": "colors=2 ranks=3 hand=2 hints=3 lives=2 envs=4 steps=8 iterations=6 minibatches=2 epochs=2 hidden=8 eval_every=2 eval_games=4 games=10 log_every=3",
	"goal":               "envs=2 steps=100 total=600 epochs=2 minibatches=2 hidden=8 eval_episodes=2 log_every=1 judge_hidden=8 examples=50 half=8 pretrain=3 updates=2 replay=300 side=6",
	"goal-resetfree":     "envs=2 steps=100 total=1200 epochs=2 minibatches=2 hidden=8 eval_episodes=2 log_every=1 judge_hidden=8 examples=10 half=8 pretrain=3 updates=2 replay=300 side=6 reset_every=400",
	"prefs":              "envs=2 steps=8 total=96 epochs=2 minibatches=2 hidden=8 eval_episodes=2 eval_steps=20 log_every=1 clip_steps=4 labels=30 rounds=3 replay=12 candidates=2 reward_hidden=6 fit=3 warmup=2 fit_batch=4 reference=1e6",
	"gail":               "envs=2 steps=8 total=96 epochs=2 minibatches=2 hidden=8 eval_episodes=2 eval_steps=20 log_every=1 demos= trajectories=2 replay=2 disc_updates=3 disc_hidden=8 disc_batch=16",
	"active":             "queries=10 starts=10 samples=8 moves=3 ascent=2",
}

// TestEveryPreset conforms every preset on the pure-Go engine, and the first of each algorithm on XLA too: there compiling takes most of the time. With
// REWARDLAB_TABLE=all, as in .ci/run, every preset is compiled. Without it, a machine so slow that Go's ten minutes for a package are nearly over says which
// presets it left out.
func TestEveryPreset(t *testing.T) {
	all := os.Getenv("REWARDLAB_TABLE") == "all"
	seen := map[string]bool{}
	for _, p := range rl.Presets() {
		compiled := all || !seen[p.Algorithm]
		seen[p.Algorithm] = true
		t.Run(p.Name, func(t *testing.T) {
			if deadline, ok := t.Deadline(); ok && !all && time.Until(deadline) < 2*time.Minute {
				t.Skip("little time is left: go test -timeout 45m tests every preset on a slow machine too")
			}
			backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
				if e.IsXLA() && !compiled {
					t.Skip("not compiled: REWARDLAB_TABLE=all compiles every preset")
				}
				if e.IsXLA() {
					t.Setenv(backend.EnvSpec, "xla:"+e.Plugin)
				} else {
					t.Setenv(backend.EnvSpec, "go")
				}
				conform(t, p)
			})
		})
	}
}

// conform checks what every trainer promises: the same seed gives the same bits, other seeds give others, stopping and going on changes
// nothing, evaluation leaves the state alone, and metrics and score are numbers.
func conform(t *testing.T, p run.Preset) {
	set, ok := small[p.Algorithm]
	if !ok {
		t.Fatalf("no small configuration for algorithm %s: add a line to the table above", p.Algorithm)
	}
	cfg := trainertest.Resolved(t, p.New(), strings.Fields(set)...)
	w, err := p.Open(t.Context(), cfg, run.OpenOptions{Workers: 1, Log: func(s string) { t.Log(s) }})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	}()
	if info := w.Info(); info.Engine == "" || len(info.Devices) == 0 {
		t.Errorf("the worker does not say what it runs on: %+v", info)
	}

	whole := start(t, w, 3, nil)
	rows, done := whole.toEnd(t)
	if done.Iteration != done.Total || done.Steps <= 0 {
		t.Fatalf("the last report is %+v", done)
	}
	checkRows(t, rows, done)
	eval, err := whole.Evaluate(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(eval) == 0 {
		t.Error("the evaluation is empty")
	}
	for k, v := range eval {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			t.Errorf("evaluation: %s is %g", k, v)
		}
	}
	if score, err := p.Score.Of(rows, eval); err != nil || math.IsNaN(score) {
		t.Errorf("score %g, %v", score, err)
	}
	end := whole.state(t)

	half := start(t, w, 3, nil)
	first := half.step(t)
	if first.Iteration == 0 || first.Iteration == first.Total {
		t.Fatalf("the first chunk ends at iteration %d of %d: the small configuration must have two chunks", first.Iteration, first.Total)
	}
	if _, err := half.Evaluate(t.Context()); err != nil {
		t.Fatal(err)
	}
	resumed := start(t, w, 3, half.state(t))
	rest, _ := resumed.toEnd(t)
	if got := resumed.state(t); !reflect.DeepEqual(got, end) {
		t.Error("stopping half-way and going on ends in another state than the whole training")
	}
	if got := append(first.Rows, rest...); !reflect.DeepEqual(got, rows) {
		t.Error("stopping half-way and going on gives other metrics than the whole training")
	}

	other := start(t, w, 4, nil)
	other.step(t)
	if reflect.DeepEqual(other.state(t), half.state(t)) {
		t.Error("two seeds give the same state")
	}

	if _, err := w.Trainer(t.Context(), 3, end[:1]); err == nil {
		t.Error("a state with arrays missing was accepted")
	}
	end[1].Dims = append([]int{7}, end[1].Dims...)
	if _, err := w.Trainer(t.Context(), 3, end); err == nil || !strings.Contains(err.Error(), "start a new run") {
		t.Errorf("a state of another size: error %v, want one with the remedy", err)
	}
}

type trainer struct{ run.Trainer }

func start(t *testing.T, w run.Worker, seed int64, state []run.Array) trainer {
	t.Helper()
	tr, err := w.Trainer(t.Context(), seed, state)
	if err != nil {
		t.Fatal(err)
	}
	return trainer{tr}
}

func (tr trainer) step(t *testing.T) run.Report {
	t.Helper()
	r, err := tr.Step(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (tr trainer) toEnd(t *testing.T) (rows []run.Row, last run.Report) {
	t.Helper()
	for {
		last = tr.step(t)
		rows = append(rows, last.Rows...)
		if last.Iteration == last.Total {
			return rows, last
		}
	}
}

func (tr trainer) state(t *testing.T) []run.Array {
	t.Helper()
	s, err := tr.State()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func checkRows(t *testing.T, rows []run.Row, done run.Report) {
	t.Helper()
	if len(rows) == 0 || rows[len(rows)-1].Iteration != done.Total {
		t.Fatalf("%d rows do not reach iteration %d", len(rows), done.Total)
	}
	for i, r := range rows {
		if i > 0 && (r.Iteration <= rows[i-1].Iteration || r.Steps <= rows[i-1].Steps) {
			t.Errorf("row %d is of iteration %d, the one before of %d", i, r.Iteration, rows[i-1].Iteration)
		}
		for k, v := range r.Values {
			if math.IsNaN(v) || math.IsInf(v, 0) || !strings.Contains(k, "/") {
				t.Errorf("iteration %d: metric %q is %g", r.Iteration, k, v)
			}
		}
	}
}

func TestPresetsAreReadable(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range rl.Presets() {
		if seen[p.Name] {
			t.Errorf("preset %s is listed twice", p.Name)
		}
		seen[p.Name] = true
		if p.Summary == "" || p.Score.Name == "" {
			t.Errorf("preset %s has no summary or no score", p.Name)
		}
		cfg := p.New()
		if err := run.Resolve(cfg); err != nil {
			t.Errorf("%s: %v", p.Name, err)
		}
		if err := run.Check(cfg); err != nil {
			t.Errorf("%s: %v", p.Name, err)
		}
		if _, err := run.Help(p.ConfigSource, cfg); err != nil {
			t.Errorf("%s: %v", p.Name, err)
		}
	}
	if _, err := rl.Find("igl-mnits"); err == nil || !strings.Contains(err.Error(), `did you mean "igl-mnist"`) {
		t.Errorf("error %v, want one that names the nearest preset", err)
	}
}

func TestTrainLoadResume(t *testing.T) {
	t.Setenv(backend.EnvSpec, "go")
	folder := t.TempDir() + "/run"
	o := rl.Options{Folder: folder, Seeds: rl.Seeds(2), Set: strings.Fields(small["igl"]), Log: func(s string) { t.Log(s) }}
	r, err := rl.Train(t.Context(), "igl-mnist", o)
	if err != nil {
		t.Fatal(err)
	}
	if !r.Complete || r.Result == nil || len(r.Result.Score.PerSeed) != 2 {
		t.Fatalf("the run is not complete: %+v", r.Result)
	}
	s := r.Result.Score
	if !(s.Lo <= s.IQM && s.IQM <= s.Hi) {
		t.Errorf("the score %g is outside its interval [%g, %g]", s.IQM, s.Lo, s.Hi)
	}
	again, err := rl.Load(folder)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(again.Rows, r.Rows) {
		t.Error("loading gives other rows than training")
	}
	if _, err := rl.Train(t.Context(), "igl-mnist", o); err == nil {
		t.Error("a folder that holds a run was written over")
	}
	if _, err := rl.Resume(t.Context(), folder, rl.Options{}); err != nil {
		t.Errorf("resuming a complete run: %v", err)
	}
	o.Keep, o.Replace = true, true
	if same, err := rl.Train(t.Context(), "igl-mnist", o); err != nil || !same.Started.Equal(r.Started) {
		t.Errorf("the run was not kept: %v", err)
	}
	for name, other := range map[string]rl.Options{
		"seeds": {Seeds: rl.Seeds(1), Set: o.Set}, "configuration": {Seeds: o.Seeds, Set: append(slices.Clip(o.Set), "lr=0.0123")},
	} {
		other.Folder, other.Keep, other.Replace, other.Log = folder, true, true, o.Log
		if r, err := rl.Train(t.Context(), "igl-mnist", other); err != nil || !slices.Equal(r.Seeds, other.Seeds) || name == "configuration" && !strings.Contains(string(r.Config), "0.0123") {
			t.Errorf("a run of another %s was kept: %v", name, err)
		}
	}
	if _, err := rl.Train(t.Context(), "igl-mnist", rl.Options{Set: []string{"lrr=1"}, Folder: folder + "2"}); err == nil || !strings.Contains(err.Error(), "lr") {
		t.Errorf("unknown key: error %v, want the nearest one", err)
	}
}
