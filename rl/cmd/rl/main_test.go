package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rewardlab/rewardlab/rl/run"
)

// call runs the command as a shell would.
type called struct {
	code        int
	out, errout string
}

// TestMain turns the test binary into the command, with a slow preset, for tests
// that send it a signal.
func TestMain(m *testing.M) {
	if os.Getenv("REWARDLAB_TEST_AS_COMMAND") != "" {
		e := env{getenv: os.Getenv, presets: fakePresets(func(int) { time.Sleep(5 * time.Millisecond) })}
		os.Exit(signalled(os.Args[1:], e))
	}
	if os.Getenv(envChild) != "" {
		os.Exit(signalled(os.Args[1:], world()))
	}
	os.Exit(m.Run())
}

func TestSignals(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("needs signals")
	}
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		t.Run(sig.String(), func(t *testing.T) {
			folder := filepath.Join(t.TempDir(), "run")
			c := exec.Command(os.Args[0], "train", "count-up", "-run", folder, "-set", "iterations=1e6", "-json")
			c.Env = append(os.Environ(), "REWARDLAB_TEST_AS_COMMAND=1")
			var out bytes.Buffer
			c.Stdout = &out
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			// It trains once it has written rows.
			for {
				if info, err := os.Stat(filepath.Join(folder, "metrics.jsonl")); err == nil && info.Size() > 0 {
					break
				}
				time.Sleep(5 * time.Millisecond)
			}
			if err := c.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
			_ = c.Wait() // the exit code says it
			if code := c.ProcessState.ExitCode(); code != 130 {
				t.Errorf("exit code %d", code)
			}
			r, err := run.Load(folder)
			if err != nil {
				t.Fatal(err)
			}
			if len(r.Rows) == 0 || r.Complete || r.Result == nil || r.Result.Steps != r.Rows[len(r.Rows)-1].Steps {
				t.Errorf("%d rows, result %+v", len(r.Rows), r.Result)
			}
			if !json.Valid(out.Bytes()) {
				t.Errorf("stdout %q", out.String())
			}
			if files, err := filepath.Glob(filepath.Join(folder, "checkpoint", "*.ckpt")); err != nil || len(files) != 1 {
				t.Errorf("checkpoints %v, %v", files, err)
			}
		})
	}
}

func shell(t *testing.T, ctx context.Context, onStep func(int), args ...string) called {
	t.Helper()
	var out, errout bytes.Buffer
	code := Main(ctx, args, &out, &errout, env{
		presets: fakePresets(onStep),
		getenv:  func(string) string { return filepath.Join(t.TempDir(), "all", "runs") },
		setenv:  func(name, value string) error { t.Setenv(name, value); return nil },
		doctor: func(_ context.Context, w io.Writer) error {
			fmt.Fprintln(w, "engine: abacus")
			return errors.New("doctor: no beads: buy some")
		},
	})
	return called{code, out.String(), errout.String()}
}

func TestExitCodesAndMessages(t *testing.T) {
	for name, tc := range map[string]struct {
		args     string
		code     int
		out, err []string // parts of the two outputs
	}{
		"nothing":            {"", 2, nil, []string{"no command", "rl train PRESET"}},
		"help":               {"help", 0, []string{"rl train PRESET", "Exit codes"}, nil},
		"--help":             {"--help", 0, []string{"rl train PRESET"}, nil},
		"unknown command":    {"trian x", 2, nil, []string{`unknown command "trian": did you mean "train"?`}},
		"list":               {"list", 0, []string{"count-up  count  counts to twenty"}, nil},
		"list with more":     {"list all", 2, nil, []string{"takes no arguments"}},
		"doctor fails":       {"doctor", 1, []string{"engine: abacus"}, []string{"no beads: buy some"}},
		"no preset":          {"train", 2, nil, []string{"train needs one preset"}},
		"two presets":        {"train count-up broken", 2, nil, []string{"train needs one preset, has 2"}},
		"unknown preset":     {"train cuont-up", 2, nil, []string{`unknown preset "cuont-up": did you mean "count-up"? presets are count-up, broken`}},
		"unknown flag":       {"train count-up -sed 3", 2, nil, []string{`unknown flag -sed: did you mean "set"? flags of train are -checkpoint, -json`, "-workers"}},
		"environments":       {"list -envs", 0, []string{"cartpole ", "[4]  ", "2 actions", "Gym's CartPole-v1", "[3]  ", "a number", "2 numbers"}, nil},
		"flag of list":       {"list -x", 2, nil, []string{"unknown flag -x"}},
		"flag of doctor":     {"doctor -x", 2, nil, []string{"doctor has no flags"}},
		"bad flag value":     {"train count-up -workers two", 2, nil, []string{`invalid value "two"`}},
		"unknown key":        {"train count-up -set lrr=1", 2, nil, []string{`unknown key "lrr": did you mean "lr"?`, "rl train count-up --help"}},
		"impossible config":  {"train count-up -set lr=-1 iterations=-2", 2, nil, []string{"2 problems", "lr: -1 is negative", "iterations: -2 is negative"}},
		"bad enum":           {"train count-up -set method=dwon", 2, nil, []string{`did you mean "down"?`}},
		"bad seeds":          {"train count-up -seeds many", 2, nil, []string{"-seeds", "such as 3,4,7"}},
		"no seeds":           {"train count-up -seeds 0", 2, nil, []string{"-seeds"}},
		"seed twice":         {"train count-up -seeds 3,3", 2, nil, []string{"seed 3 is given twice"}},
		"negative workers":   {"train count-up -workers -1", 2, nil, []string{"-workers is -1"}},
		"engine fails":       {"train broken", 1, nil, []string{"no plugin: install one"}},
		"diverges":           {"train count-up -set nan_at=3", 1, nil, []string{"seed 1 diverged: height is NaN at iteration 3"}},
		"resume of nothing":  {"resume /nowhere/run", 1, nil, []string{"/nowhere/run is not a run folder"}},
		"eval of nothing":    {"eval /nowhere/run", 1, nil, []string{"not a run folder"}},
		"plot of nothing":    {"plot /nowhere/run", 1, nil, []string{"not a run folder"}},
		"plot without run":   {"plot", 2, nil, []string{"needs a run folder"}},
		"help of a command":  {"plot --help", 0, []string{"rl plot RUN...", "-key k1,k2", "-smooth n"}, nil},
		"help of train":      {"train -h", 0, []string{"-seeds n (default 1)", "-set key=value", "Presets:", "count-up"}, nil},
		"help of a preset":   {"train count-up --help", 0, []string{"lr  float, default 0.5\n      Size of a step. Larger is faster.\n", "method  string, one of up, down, default up", "iteration of a NaN"}, nil},
		"preset after help":  {"train --help count-up", 0, []string{"Size of a step."}, nil},
		"help, then preset":  {"help count-up", 0, []string{"Size of a step."}, nil},
		"help on nothing":    {"train nix --help", 2, nil, []string{`unknown preset "nix"`}},
		"help of no command": {"help nix", 2, nil, []string{`unknown command "nix"`}},
	} {
		t.Run(name, func(t *testing.T) {
			got := shell(t, t.Context(), nil, strings.Fields(tc.args)...)
			if got.code != tc.code {
				t.Errorf("exit code %d, want %d", got.code, tc.code)
			}
			for _, part := range tc.out {
				if !strings.Contains(got.out, part) {
					t.Errorf("stdout lacks %q:\n%s", part, got.out)
				}
			}
			for _, part := range tc.err {
				if !strings.Contains(got.errout, part) {
					t.Errorf("stderr lacks %q:\n%s", part, got.errout)
				}
			}
			if tc.err == nil && got.errout != "" || tc.code == 2 && got.out != "" {
				t.Errorf("stdout %q\nstderr %q", got.out, got.errout)
			}
		})
	}
}

func TestTrainJSON(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "run")
	got := shell(t, t.Context(), nil, "train", "-json", "count-up", "-seeds", "4,2,6,8", "-set", "lr=0.25", "iterations=8", "-run", folder, "-workers", "2")
	if got.code != 0 {
		t.Fatalf("exit code %d: %s", got.code, got.errout)
	}
	if strings.Count(got.out, "\n") != 1 {
		t.Errorf("stdout is more than the object:\n%s", got.out)
	}
	var keys map[string]any
	dec := json.NewDecoder(strings.NewReader(got.out))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&keys); err != nil {
		t.Fatal(err)
	}
	for _, k := range []string{"preset", "engine", "seeds", "steps", "compile_s", "train_s", "steps_per_s", "score", "extra", "run"} {
		if _, ok := keys[k]; !ok {
			t.Errorf("no key %q", k)
		}
		delete(keys, k)
	}
	if len(keys) > 0 {
		t.Errorf("keys too many: %v", keys)
	}
	// A seed ends at 0.25 * 8 * seed: 8, 4, 12, 16. The middle two give the IQM.
	for _, part := range []string{
		`{"preset":"count-up","engine":"abacus","seeds":[4,2,6,8],"steps":320,"compile_s":0.125,"train_s":`,
		`"score":{"name":"last height","iqm":10,"lo":`, `"mean":10,"per_seed":[8,4,12,16]},"extra":{"final":8},"run":"` + folder + `"}`,
	} {
		if !strings.Contains(got.out, part) {
			t.Errorf("stdout lacks %s:\n%s", part, got.out)
		}
	}
	for _, part := range []string{"count-up (count), 4 seeds", "lr          0.25", "opening 0 of 2", "IQM of 4 seeds", "320 steps", folder} {
		if !strings.Contains(got.errout, part) {
			t.Errorf("stderr lacks %q:\n%s", part, got.errout)
		}
	}
}

func TestTrainForPeople(t *testing.T) {
	got := shell(t, t.Context(), nil, "train", "count-up", "-quiet")
	if got.code != 0 || strings.Contains(got.out, "lr") {
		t.Errorf("%+v", got)
	}
	want := "\ncount-up on abacus, seed 1\n  last height  10  one seed, so no interval\n  final        20\n"
	if !strings.HasPrefix(got.out, want) || strings.Contains(got.out, "{") {
		t.Errorf("got\n%s\nwant\n%s", got.out, want)
	}
	// The folder without -run is below REWARDLAB_RUNS and holds the run.
	folder := strings.TrimSpace(got.out[strings.LastIndex(got.out, " "):])
	if !strings.Contains(folder, filepath.Join("all", "runs", "count-up-2")) {
		t.Errorf("folder %s", folder)
	}
	if _, err := os.Stat(filepath.Join(folder, "eval.json")); err != nil {
		t.Error(err)
	}
}

func TestInterruptResumeEvalPlot(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "run")
	ctx, cancel := context.WithCancel(t.Context())
	got := shell(t, ctx, func(n int) {
		if n == 7 {
			cancel()
		}
	}, "train", "count-up", "-run", folder, "-json", "-seeds", "2", "-workers", "1")
	if got.code != 130 || !strings.Contains(got.errout, "interrupted; 7 of 40 iterations are saved") ||
		!strings.Contains(got.errout, "resume "+folder) || !strings.Contains(got.out, `"score":null`) {
		t.Fatalf("%+v", got)
	}

	// A partial run can be drawn and evaluated.
	if got = shell(t, t.Context(), nil, "plot", folder, "-key", "losses/a"); got.code != 0 || got.out != filepath.Join(folder, "figures", "losses-a.png")+"\n" {
		t.Errorf("%+v", got)
	}
	if got = shell(t, t.Context(), nil, "eval", folder, "-json"); got.code != 0 || !strings.Contains(got.out, `"score":null`) {
		t.Errorf("%+v", got)
	}

	// Train does not touch it.
	if got = shell(t, t.Context(), nil, "train", "count-up", "-run", folder); got.code != 1 || !strings.Contains(got.errout, "already holds a run") {
		t.Errorf("%+v", got)
	}

	steps := 0
	if got = shell(t, t.Context(), func(int) { steps++ }, "resume", "-json", folder, "-workers", "1"); got.code != 0 || !strings.Contains(got.out, `"per_seed":[10,20]`) {
		t.Errorf("%+v", got)
	}
	if steps != 13+20 {
		t.Errorf("resuming took %d steps, want 33", steps)
	}
	if got = shell(t, t.Context(), nil, "eval", folder); got.code != 0 || !strings.Contains(got.out, "per seed     ") && !strings.Contains(got.out, "10 20") {
		t.Errorf("%+v", got)
	}

	// Drawn in all ways.
	if got = shell(t, t.Context(), nil, "plot", folder); got.code != 0 || strings.Count(got.out, ".png\n") != 2 {
		t.Errorf("%+v", got)
	}
	svg := filepath.Join(t.TempDir(), "both.svg")
	if got = shell(t, t.Context(), nil, "plot", folder, folder, "-o", svg, "-each", "-smooth", "3"); got.code != 0 {
		t.Errorf("%+v", got)
	}
	if b, err := os.ReadFile(svg); err != nil || !bytes.Contains(b, []byte("<svg")) {
		t.Errorf("no SVG: %v", err)
	}
	if got = shell(t, t.Context(), nil, "plot", folder, "-key", "hight"); got.code != 2 || !strings.Contains(got.errout, `did you mean "height"?`) {
		t.Errorf("%+v", got)
	}

	if got = shell(t, t.Context(), nil, "train", "count-up", "-run", folder, "-replace", "-set", "iterations=3", "-json"); got.code != 0 || !strings.Contains(got.out, `"steps":30`) {
		t.Errorf("%+v", got)
	}
}

func TestRunOfAnUnknownPreset(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "run")
	if got := shell(t, t.Context(), nil, "train", "count-up", "-run", folder); got.code != 0 {
		t.Fatalf("%+v", got)
	}
	path := filepath.Join(folder, "config.json")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, bytes.Replace(b, []byte("count-up"), []byte("count-down"), 1), 0o644); err != nil {
		t.Fatal(err)
	}
	got := shell(t, t.Context(), nil, "resume", folder)
	if got.code != 1 || !strings.Contains(got.errout, folder) || !strings.Contains(got.errout, `unknown preset "count-down"`) {
		t.Errorf("%+v", got)
	}
}

func TestParseSeeds(t *testing.T) {
	for in, want := range map[string]string{"3": "[11 12 13]", "3,": "[3]", "7,-2, 5": "[7 -2 5]"} {
		got, err := parseSeeds(in, 11)
		if err != nil || fmt.Sprint(got) != want {
			t.Errorf("%q: %v, %v, want %s", in, got, err, want)
		}
	}
	for _, in := range []string{"", ",", "1,x", "-1", "1e9", "1.5", "200000"} {
		if got, err := parseSeeds(in, 1); err == nil {
			t.Errorf("%q: %v", in, got)
		}
	}
}

func TestArgumentsAfterTwoDashes(t *testing.T) {
	got := shell(t, t.Context(), nil, "resume", "-quiet", "--", "-odd")
	if got.code != 1 || !strings.Contains(got.errout, "-odd is not a run folder") {
		t.Errorf("%+v", got)
	}
}

func TestFolderForRunsThatCannotBe(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	var out, errout bytes.Buffer
	e := env{presets: fakePresets(nil), getenv: func(string) string { return file }}
	if code := Main(t.Context(), []string{"train", "count-up"}, &out, &errout, e); code != 1 || !strings.Contains(errout.String(), "REWARDLAB_RUNS") {
		t.Errorf("code %d: %s", code, errout.String())
	}
}
