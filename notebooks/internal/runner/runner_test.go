package runner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const threeCells = `{"nbformat": 4, "nbformat_minor": 5, "metadata": {%s}, "cells": [
 {"cell_type": "markdown", "id": "a", "metadata": {}, "source": "# Title"},
 {"cell_type": "code", "id": "b", "metadata": {}, "execution_count": null, "outputs": [], "source": ["first()\n", "more()"]},
 {"cell_type": "code", "id": "c", "metadata": {}, "execution_count": null, "outputs": [], "source": "second()"}
]}`

// fakeRun runs the notebook with a shell script in the place of Python: it sends events on descriptor 3.
func fakeRun(t *testing.T, ctx context.Context, meta, script string, cfg Config) (*Result, string, error) {
	t.Helper()
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip(err)
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "01_x.ipynb")
	if err := os.WriteFile(path, fmt.Appendf(nil, threeCells, meta), 0o644); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var said strings.Builder
	cfg.Say = func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Fprintf(&said, format+"\n", args...)
	}
	cfg.Python = func(args ...string) *exec.Cmd {
		return exec.Command(sh, "-c", `say() { printf '%s\n' "$1" >&3; }; `+script, "sh", args[len(args)-1])
	}
	res, err := Run(ctx, path, cfg)
	var saved Result
	data, readErr := os.ReadFile(filepath.Join(dir, "out", "01_x.json"))
	if readErr != nil || json.Unmarshal(data, &saved) != nil {
		t.Fatalf("01_x.json: %v: %s", readErr, data)
	}
	if saved.OK != (err == nil) || (saved.Failure != nil) != (res.Failure != nil) {
		t.Errorf("01_x.json does not agree with the error %v: %s", err, data)
	}
	mu.Lock()
	defer mu.Unlock()
	return res, said.String(), err
}

const (
	first  = `say '{"event":"kernel","seconds":0.5}'; say '{"event":"start","cell":1}'; `
	second = `say '{"event":"start","cell":2}'; `
	good   = `say '{"event":"end","cell":1,"seconds":0.25,"outputs":[{"type":"stream","name":"stdout","text":"ASSERT n=1 in [0, 2]\n"}]}'; read a; [ "$a" = next ] || exit 0; `
	good2  = `say '{"event":"end","cell":2,"seconds":0.5,"outputs":[]}'; read a; say '{"event":"done"}'`
)

func TestRunGood(t *testing.T) {
	res, said, err := fakeRun(t, t.Context(), "", first+good+second+good2, Config{})
	if err != nil {
		t.Fatal(err)
	}
	if !res.OK || len(res.Cells) != 2 || res.Cells[0].Title != "first()" || res.Cells[1].Seconds != 0.5 || res.KernelS != 0.5 || len(res.Asserts) != 1 {
		t.Errorf("%+v", res)
	}
	for _, want := range []string{"cell 1/2 ok 0.2 s  first()", "cell 2/2 ok 0.5 s  second()"} {
		if !strings.Contains(said, want) {
			t.Errorf("progress lacks %q:\n%s", want, said)
		}
	}
}

func TestRunFails(t *testing.T) {
	tests := []struct {
		name, script, want string
		cell               int // of the Failure; -1 when the error is not about a cell
	}{
		{"a failed cell stops the rest", first + `say '{"event":"end","cell":1,"outputs":[{"type":"stream","name":"stderr","text":"panic: no\n"}]}'; read a; [ "$a" = stop ] && exit 0; ` + second + good2,
			"cell 1 failed: a program panicked", 1},
		{"a number outside its interval", first + `say '{"event":"end","cell":1,"outputs":[{"type":"stream","name":"stdout","text":"ASSERT n=3 in [0, 2]\n"}]}'; read a`,
			"n is 3, expected between 0 and 2", 1},
		{"Python ends early", first + good, "ended after 1 of 2 cells", -1},
		{"Python dies", "echo Traceback >&2; exit 7", "ended after 0 of 2 cells", -1},
		{"Python dies at the end", first + good + second + good2 + "; echo 'no space left' >&2; exit 1", "no space left", -1},
		{"the kernel does not start", `say '{"event":"fatal","failure":"RuntimeError: Kernel died before replying"}'; exit 1`, "Kernel died before replying", -1},
		{"the kernel dies", first + `echo 'gonb: out of memory' >&2; say '{"event":"end","cell":1,"failure":"dead kernel"}'; read a`, "gonb: out of memory", 1},
		{"garbage", "echo garbage >&3; read a", "cannot read the event", -1},
		{"a cell that is not there", `say '{"event":"start","cell":9}'; read a`, "cannot read the event", -1},
		{"nothing asserted", first + `say '{"event":"end","cell":1}'; read a; ` + second + good2, "asserts no number", -1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			res, _, err := fakeRun(t, t.Context(), "", tt.script, Config{})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("error %v, want %q", err, tt.want)
			}
			var f *Failure
			if errors.As(err, &f) != (tt.cell >= 0) || f != nil && f.Cell != tt.cell {
				t.Errorf("failure %+v, want cell %d", f, tt.cell)
			}
			if res.OK {
				t.Error("the result says ok")
			}
		})
	}
}

func TestRunWithoutAssertExcused(t *testing.T) {
	script := first + `say '{"event":"end","cell":1}'; read a; ` + second + good2
	if _, _, err := fakeRun(t, t.Context(), `"rewardlab": {"no_assert": true}`, script, Config{}); err != nil {
		t.Error(err)
	}
}

func TestEnvironmentAndJob(t *testing.T) {
	check := `[ "$REWARDLAB_HEADLESS" = 1 ] && [ "$REWARDLAB_FAST" = %s ] || exit 9; case "$1" in *'"kernel":"rewardlab-headless"'*'"timeout":90'*) ;; *) exit 8 ;; esac; `
	for fast, want := range map[bool]string{true: "1", false: "0"} {
		_, _, err := fakeRun(t, t.Context(), "", fmt.Sprintf(check, want)+first+good+second+good2, Config{Fast: fast, Timeout: 90 * time.Second})
		if err != nil {
			t.Error(err)
		}
	}
}

func TestLongCellShowsLife(t *testing.T) {
	_, said, err := fakeRun(t, t.Context(), "", first+"sleep 0.3; "+good+second+good2, Config{every: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(said, "cell 1/2 still runs") {
		t.Errorf("said only\n%s", said)
	}
}

func TestInterrupt(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		time.Sleep(200 * time.Millisecond)
		cancel()
	}()
	start := time.Now()
	_, _, err := fakeRun(t, ctx, "", first+"trap 'exit 0' INT; sleep 20 >/dev/null 2>&1 & wait", Config{})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("the interrupt took %v", took)
	}
}

// TestSampler measures a shell that starts a child in a session of its own, as Jupyter starts a kernel, and checks that
// a child that stays behind is ended.
func TestSampler(t *testing.T) {
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("no /proc")
	}
	cmd := exec.Command("sh", "-c", "sleep 60 & echo $!; exec sleep 60")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var child int
	if _, err := fmt.Fscan(out, &child); err != nil {
		t.Fatal(err)
	}
	s := &sampler{root: cmd.Process.Pid, proc: "/proc", seen: map[int]string{}, closed: make(chan struct{})}
	s.sample()
	if _, ok := s.seen[child]; !ok || s.tree == 0 {
		t.Errorf("seen %v, %d bytes; want the child %d", s.seen, s.tree, child)
	}
	cmd.Process.Kill()
	cmd.Wait()
	close(s.closed)
	s.finish()
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if _, alive := s.read(child); !alive {
			break
		}
		if time.Now().After(end) {
			syscall.Kill(child, syscall.SIGKILL)
			t.Fatal("the child was left running")
		}
	}
}

func TestSamplerReadsAwkwardNames(t *testing.T) {
	dir := t.TempDir()
	stat := func(pid, content string) {
		if err := os.MkdirAll(filepath.Join(dir, pid), 0o755); err != nil {
			t.Fatal(err)
		}
		os.WriteFile(filepath.Join(dir, pid, "stat"), []byte(content), 0o644)
	}
	tail := strings.Repeat(" 0", 17) + " 777 0 10 0\n" // start time and resident pages at their places
	stat("1", "1 (py) S 0"+tail)
	stat("2", "2 (a) b (c) S 1"+tail)
	stat("3", "3 (gonb_1234abcd) S 2"+tail)
	os.WriteFile(filepath.Join(dir, "3", "status"), []byte("Name:\tx\nVmHWM:\t  2048 kB\n"), 0o644)
	stat("4", "4 (other) S 0"+tail)
	stat("5", "5 (zombie) Z 1"+tail)
	stat("6", "broken")
	s := &sampler{root: 1, proc: dir, seen: map[int]string{}}
	s.sample()
	page := int64(os.Getpagesize())
	if s.tree != 30*page || s.cell != 2048*1024 || len(s.seen) != 2 || s.seen[3] != "777" {
		t.Errorf("tree %d, cell %d, seen %v", s.tree, s.cell, s.seen)
	}
}

func TestSaveFigures(t *testing.T) {
	dir := t.TempDir()
	book := filepath.Join(dir, "x.ipynb")
	os.WriteFile(book, []byte(`{"nbformat":4,"cells":[{"cell_type":"code","source":"","outputs":[
	 {"output_type":"display_data","data":{"image/png":"iVBO\nRw==","text/plain":"x"}},
	 {"output_type":"stream","name":"stdout","text":"y"},
	 {"output_type":"display_data","data":{"image/png":["iVBORw==\n"]}}]}]}`), 0o644)
	got, err := saveFigures(book, filepath.Join(dir, "x-figures"))
	if err != nil || strings.Join(got, " ") != "x-figures/cell-00-1.png x-figures/cell-00-2.png" {
		t.Fatalf("%v, %v", got, err)
	}
	if data, _ := os.ReadFile(filepath.Join(dir, got[1])); string(data) != "\x89PNG" {
		t.Errorf("content %q", data)
	}
	if got, err := saveFigures(filepath.Join(dir, "none.ipynb"), filepath.Join(dir, "x-figures")); got != nil || err != nil {
		t.Errorf("a notebook that did not run: %v, %v", got, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "x-figures")); err == nil {
		t.Error("old figures stayed")
	}
}
