package run

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// stopped trains 42 of 60 iterations of seeds 1 and 2, with several checkpoints
// on the way, into a new folder.
func stopped(t *testing.T, cfg *fakeConfig) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "run")
	for _, at := range []uint64{28, 42} {
		for seed := range 2 {
			ctx, cancel := context.WithCancel(t.Context())
			job := resumed(fakeJob(t, cfg, 1, 2))
			job.Workers = 1
			cancelAfter(cancel, &job, cfg, at)
			s, err := openSession(folder, job)
			if err != nil {
				t.Fatal(err)
			}
			// Only this seed, so that both stop at the same iteration.
			all := s.seeds
			s.seeds = []*seedRun{all[seed]}
			if err := s.work(ctx, s.train); !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
			s.close()
		}
	}
	return folder
}

// TestEveryMomentOfACrash makes the files that a crash leaves at each step of
// writing rows and checkpoints. Seed 1's newest checkpoint is of iteration 42,
// the one before it of 28.
func TestEveryMomentOfACrash(t *testing.T) {
	cfg := &fakeConfig{}
	want := reference(t, fakeJob(t, cfg, 1, 2))
	for name, crash := range map[string]struct {
		do  func(t *testing.T, folder string, f *checkpointFiles)
		log string // what a person is told
	}{
		"cleanly stopped": {func(t *testing.T, folder string, f *checkpointFiles) {}, ""},
		"rows after the checkpoint": {func(t *testing.T, folder string, f *checkpointFiles) {
			appendTo(t, filepath.Join(folder, metricsFile), `{"seed":1,"iteration":43,"steps":9,"seconds":1,"values":{"loss":1}}`+"\n")
		}, ""},
		"a torn row": {func(t *testing.T, folder string, f *checkpointFiles) {
			appendTo(t, filepath.Join(folder, metricsFile), `{"seed":1,"iteration":43,"st`)
		}, ""},
		"half a new checkpoint": {func(t *testing.T, folder string, f *checkpointFiles) {
			put(t, f.newest+tmpSuffix, get(t, f.newest)[:100])
		}, ""},
		"a whole new checkpoint, not yet renamed": {func(t *testing.T, folder string, f *checkpointFiles) {
			put(t, f.newest+tmpSuffix, get(t, f.newest))
		}, ""},
		"between the two renames": {func(t *testing.T, folder string, f *checkpointFiles) {
			must(t, os.Rename(f.newest, f.previous))
		}, ""},
		"newest cut short": {func(t *testing.T, folder string, f *checkpointFiles) {
			put(t, f.newest, get(t, f.newest)[:200])
		}, "of iteration 28, is used"},
		"newest empty": {func(t *testing.T, folder string, f *checkpointFiles) {
			put(t, f.newest, nil)
		}, "of iteration 28, is used"},
		"newest with a flipped bit": {func(t *testing.T, folder string, f *checkpointFiles) {
			b := get(t, f.newest)
			b[len(b)/2] ^= 1
			put(t, f.newest, b)
		}, "checksum is wrong"},
		"rows of the newest lost": {func(t *testing.T, folder string, f *checkpointFiles) {
			path := filepath.Join(folder, metricsFile)
			lines := bytes.SplitAfter(get(t, path), []byte("\n"))
			lines = slices.DeleteFunc(lines, func(l []byte) bool { return bytes.Contains(l, []byte(`"seed":1,"iteration":42,`)) })
			put(t, path, bytes.Join(lines, nil))
		}, "after 42 rows"},
		"no checkpoint of one seed yet": {func(t *testing.T, folder string, f *checkpointFiles) {
			must(t, os.Remove(f.newest))
			must(t, os.Remove(f.previous))
		}, ""},
		"nothing but the configuration": {func(t *testing.T, folder string, f *checkpointFiles) {
			for _, d := range []string{checkpointDir, metricsFile, evalFile} {
				must(t, os.RemoveAll(filepath.Join(folder, d)))
			}
		}, ""},
		"not even the configuration": {func(t *testing.T, folder string, f *checkpointFiles) {
			for _, d := range []string{checkpointDir, metricsFile, evalFile} {
				must(t, os.RemoveAll(filepath.Join(folder, d)))
			}
			must(t, os.Rename(filepath.Join(folder, configFile), filepath.Join(folder, configFile+tmpSuffix)))
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			folder := stopped(t, cfg)
			crash.do(t, folder, checkpointsOf(folder, 1))
			if _, err := Load(folder); err != nil && !errors.Is(err, errNotRun) {
				t.Errorf("not loadable: %v", err)
			}
			job := resumed(fakeJob(t, cfg, 1, 2))
			var log []string
			job.Log = func(m string) { log = append(log, m) }
			mustTrain(t, folder, job)
			if got, _ := outcome(t, folder); got != want {
				t.Error("the resumed run ended differently")
			}
			said := strings.Join(log, "\n")
			if crash.log == "" && said != "" || !strings.Contains(said, crash.log) {
				t.Errorf("log %q, want %q", said, crash.log)
			}
		})
	}
}

func TestBothCheckpointsBad(t *testing.T) {
	cfg := &fakeConfig{}
	for name, tc := range map[string]struct {
		spoil func(t *testing.T, f *checkpointFiles)
		want  string
	}{
		"both":       {func(t *testing.T, f *checkpointFiles) { put(t, f.newest, []byte("x")); put(t, f.previous, nil) }, "delete both files"},
		"the only":   {func(t *testing.T, f *checkpointFiles) { put(t, f.newest, []byte("x")); must(t, os.Remove(f.previous)) }, "delete the file"},
		"the oldest": {func(t *testing.T, f *checkpointFiles) { must(t, os.Remove(f.newest)); put(t, f.previous, nil) }, "delete the file"},
		"other seed": {func(t *testing.T, f *checkpointFiles) {
			b := get(t, strings.ReplaceAll(f.newest, "seed-1", "seed-2"))
			put(t, f.newest, b)
			put(t, f.previous, b)
		}, "checkpoint of seed 2"},
		"newer version": {func(t *testing.T, f *checkpointFiles) {
			b := get(t, f.newest)
			b[len(checkpointMagic)]++
			put(t, f.newest, b)
		}, "update rewardlab"},
	} {
		t.Run(name, func(t *testing.T) {
			folder := stopped(t, cfg)
			f := checkpointsOf(folder, 1)
			tc.spoil(t, f)
			rows := get(t, filepath.Join(folder, metricsFile))
			_, err := Train(t.Context(), folder, resumed(fakeJob(t, cfg, 1, 2)))
			if err == nil || !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), "seed-1") {
				t.Fatalf("error %v, want %q", err, tc.want)
			}
			if !bytes.Equal(rows, get(t, filepath.Join(folder, metricsFile))) {
				t.Error("the refusal changed the rows")
			}
			// The remedy works.
			must(t, os.RemoveAll(f.newest))
			must(t, os.RemoveAll(f.previous))
			mustTrain(t, folder, resumed(fakeJob(t, cfg, 1, 2)))
			if got, _ := outcome(t, folder); got != reference(t, fakeJob(t, cfg, 1, 2)) {
				t.Error("the run ended differently")
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	type change func(t *testing.T, folder string, cfg *fakeConfig, job *Job)
	for name, tc := range map[string]struct {
		change change
		want   []string
	}{
		"not asked to resume": {func(t *testing.T, folder string, cfg *fakeConfig, job *Job) { job.Resume = false },
			[]string{"already holds a run of fake", "resume it"}},
		"other configuration": {func(t *testing.T, folder string, cfg *fakeConfig, job *Job) {
			cfg.LR, cfg.Hidden = 1e-3, []int{32}
		}, []string{"2 problems", "lr: 0.0005 -> 0.001", "hidden: [64,64] -> [32]"}},
		"other preset": {func(t *testing.T, folder string, cfg *fakeConfig, job *Job) { job.Preset = "other" },
			[]string{"a run of fake (lcg), not of other (lcg)"}},
		"other seeds": {func(t *testing.T, folder string, cfg *fakeConfig, job *Job) { job.Seeds = []int64{1, 2, 3} },
			[]string{"seeds: [1 2] -> [1 2 3]"}},
		"other engine": {func(t *testing.T, folder string, cfg *fakeConfig, job *Job) {
			job.Open = func(context.Context, int) (Worker, error) { return fakeWorker{cfg: *cfg, engine: "abacus"}, nil }
		}, []string{`trained on engine "fake" and this is "abacus"`, "GOMLX_BACKEND"}},
		"newer format": {func(t *testing.T, folder string, cfg *fakeConfig, job *Job) {
			edit(t, filepath.Join(folder, configFile), `"format": 1`, `"format": 2`)
		}, []string{"has format 2", "update rewardlab"}},
		"broken config.json": {func(t *testing.T, folder string, cfg *fakeConfig, job *Job) {
			put(t, filepath.Join(folder, configFile), []byte("{"))
		}, []string{configFile, "not readable"}},
		"foreign config.json": {func(t *testing.T, folder string, cfg *fakeConfig, job *Job) {
			put(t, filepath.Join(folder, configFile), []byte(`{"format":1}`))
		}, []string{"not a run folder"}},
		"row in the middle broken": {func(t *testing.T, folder string, cfg *fakeConfig, job *Job) {
			edit(t, filepath.Join(folder, metricsFile), `{"seed":1,"iteration":3,`, `{"seed":1,"iter`)
		}, []string{metricsFile, "line 3"}},
		"broken eval.json": {func(t *testing.T, folder string, cfg *fakeConfig, job *Job) {
			put(t, filepath.Join(folder, evalFile), []byte("{"))
		}, []string{evalFile, "delete it and resume"}},
		"in use": {func(t *testing.T, folder string, cfg *fakeConfig, job *Job) {
			lock, err := lockFolder(folder)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = lock.Unlock() })
		}, []string{"in use by another process"}},
	} {
		t.Run(name, func(t *testing.T) {
			folder := stopped(t, &fakeConfig{})
			cfg := &fakeConfig{}
			job := resumed(fakeJob(t, cfg, 1, 2))
			tc.change(t, folder, cfg, &job)
			_, err := Train(t.Context(), folder, job)
			if err == nil {
				t.Fatal("no error")
			}
			for _, w := range append(tc.want, folder) {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("the error does not say %q: %v", w, err)
				}
			}
		})
	}
}

func TestFolderThatCannotBe(t *testing.T) {
	dir := t.TempDir()
	put(t, filepath.Join(dir, "file"), []byte("x"))
	must(t, os.Mkdir(filepath.Join(dir, "full"), 0o755))
	put(t, filepath.Join(dir, "full", "thesis.tex"), []byte("x"))
	for name, tc := range map[string]struct{ folder, want string }{
		"below a file": {"file/run", "choose another folder"},
		"a file":       {"file", "choose another folder"},
		"not empty":    {"full", "thesis.tex"},
	} {
		t.Run(name, func(t *testing.T) {
			folder := filepath.Join(dir, tc.folder)
			for _, job := range []Job{fakeJob(t, &fakeConfig{}, 1), resumed(fakeJob(t, &fakeConfig{}, 1))} {
				_, err := Train(t.Context(), folder, job)
				if err == nil || !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), folder) {
					t.Errorf("error %v, want %q", err, tc.want)
				}
			}
			if _, err := Load(folder); !errors.Is(err, errNotRun) {
				t.Errorf("load: %v", err)
			}
		})
	}
	if _, err := os.Stat(filepath.Join(dir, "full", lockFile)); !errors.Is(err, fs.ErrNotExist) {
		t.Error("a lock file was left in somebody's folder")
	}
}

func TestReadOnlyFolder(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may write anywhere")
	}
	dir := t.TempDir()
	must(t, os.Chmod(dir, 0o555))
	t.Cleanup(func() { _ = os.Chmod(dir, 0o755) })
	_, err := Train(t.Context(), filepath.Join(dir, "run"), fakeJob(t, &fakeConfig{}, 1))
	if err == nil || !strings.Contains(err.Error(), "may write to") {
		t.Errorf("error %v", err)
	}
}

// A key that a newer program adds with a default must not stop old runs.
func TestResumeAfterANewKey(t *testing.T) {
	folder := stopped(t, &fakeConfig{})
	edit(t, filepath.Join(folder, configFile), `    "objective": "joint",
`, "")
	m, err := readManifest(folder)
	if err != nil {
		t.Fatal(err)
	}
	cfg := &fakeConfig{}
	must(t, Resolve(cfg))
	if d, err := m.configDiff(cfg); err != nil || len(d) != 0 {
		t.Errorf("diff %v, %v", d, err)
	}
	cfg.Objective = "offline"
	if d, err := m.configDiff(cfg); err != nil || len(d) != 1 || d[0].String() != "objective: joint -> offline" {
		t.Errorf("diff %v, %v", d, err)
	}
	edit(t, filepath.Join(folder, configFile), `"lr": 0.0005`, `"gone": 1, "lr": 0.0005`)
	if m, err = readManifest(folder); err != nil {
		t.Fatal(err)
	}
	if d, err := m.configDiff(cfg); err != nil || !slices.ContainsFunc(d, func(c Change) bool { return c.String() == "gone: 1 -> (absent)" }) {
		t.Errorf("diff %v, %v", d, err)
	}
}

func TestLoadDecodes(t *testing.T) {
	folder := stopped(t, &fakeConfig{LR: 0.25})
	r, err := Load(folder)
	if err != nil {
		t.Fatal(err)
	}
	var cfg fakeConfig
	must(t, r.Decode(&cfg))
	if cfg.LR != 0.25 || cfg.Chunk != 7 || r.Preset != "fake" || r.Engine != "fake" || r.Module == "" {
		t.Errorf("%+v of %+v", cfg, r.Manifest)
	}
	var other struct {
		LR float64 `json:"lr"`
	}
	if err := r.Decode(&other); err == nil || !strings.Contains(err.Error(), `"chunk"`) {
		t.Errorf("decoding into another struct: %v", err)
	}
	if got := r.Keys(); !slices.Equal(got, []string{"loss", "noise"}) {
		t.Errorf("keys %v", got)
	}
	if x, ys := r.Series("nothing"); x != nil || ys != nil {
		t.Errorf("series of nothing: %v %v", x, ys)
	}
}

func TestSeriesAligns(t *testing.T) {
	row := func(seed int64, it int, v float64) Row {
		return Row{Seed: seed, Iteration: it, Values: map[string]float64{"a": v}}
	}
	r := &Run{Manifest: Manifest{Seeds: []int64{7, 8, 9}}, Rows: []Row{
		row(7, 1, 0.1), row(7, 2, 0.2), row(7, 3, 0.3), row(8, 2, 1.2), row(8, 3, 1.3), row(8, 4, 1.4),
	}}
	x, ys := r.Series("a")
	if !slices.Equal(x, []float64{2, 3}) || len(ys) != 2 || !slices.Equal(ys[0], []float64{0.2, 0.3}) || !slices.Equal(ys[1], []float64{1.2, 1.3}) {
		t.Errorf("x %v, ys %v", x, ys)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func get(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	must(t, err)
	return b
}

func put(t testing.TB, path string, b []byte) {
	t.Helper()
	must(t, os.WriteFile(path, b, 0o644))
}

func appendTo(t testing.TB, path, text string) {
	t.Helper()
	put(t, path, append(get(t, path), text...))
}

func edit(t testing.TB, path, old, new string) {
	t.Helper()
	s := string(get(t, path))
	if !strings.Contains(s, old) {
		t.Fatalf("%s does not hold %q:\n%s", path, old, s)
	}
	put(t, path, []byte(strings.Replace(s, old, new, 1)))
}
