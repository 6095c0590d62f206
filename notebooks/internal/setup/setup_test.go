package setup

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/rewardlab/rewardlab/datasets/fetch"
)

func TestCacheDirIsTheOneOfTheDatasets(t *testing.T) {
	for _, dir := range []string{"", "relative", "/absolute"} {
		t.Setenv(fetch.EnvCache, dir)
		got, err := cacheDir()
		want, wantErr := fetch.CacheDir()
		if got != want || (err == nil) != (wantErr == nil) {
			t.Errorf("%q: %s, %v; the datasets are in %s, %v", dir, got, err, want, wantErr)
		}
	}
}

// TestLauncherStaysSmall keeps out of the launcher what takes long to compile: the reader's first command says nothing
// until it is compiled.
func TestLauncherStaysSmall(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", Module+"/notebooks").CombinedOutput()
	if err != nil {
		t.Skipf("go list: %v: %s", err, out)
	}
	for _, path := range strings.Fields(string(out)) {
		if path == "net/http" || strings.HasPrefix(path, "github.com/gomlx/") || strings.HasPrefix(path, "github.com/chromedp/") {
			t.Errorf("the launcher depends on %s", path)
		}
	}
}

func TestSecondRunHasNothingToDo(t *testing.T) {
	m := newMachine(t)
	e := m.mustRun()
	first := m.calls()
	for _, want := range []string{"python -m venv", "python -m pip install", "go build -v -o " + e.bin("gonb"), "go build -v flag testing " + Module + "/rl\n"} {
		if !strings.Contains(first, want) {
			t.Errorf("the first run did not call %q:\n%s", want, first)
		}
	}
	if strings.Contains(first, "/internal/setup") {
		t.Errorf("internal packages were compiled for cells:\n%s", first)
	}
	m.mustRun()
	if again := m.calls(); again != "" {
		t.Errorf("the second run called\n%s", again)
	}
}

func TestWhatChangesIsDoneAgain(t *testing.T) {
	tests := []struct {
		name      string
		change    func(m *machine, e *Env)
		want, not string
	}{
		{"a source file", func(m *machine, _ *Env) { m.write("clone of mine/rl/new.go", "package rl\n") }, "go build -v flag", "-m venv"},
		{"the tool's version", func(m *machine, _ *Env) {
			m.write("clone of mine/go.mod", "module "+Module+"\n\nrequire github.com/janpfeifer/gonb v0.12.0\n")
		}, "janpfeifer/gonb", "-m venv"},
		{"a lost tool", func(m *machine, e *Env) { os.Remove(e.bin("gonb")) }, "janpfeifer/gonb", "flag testing"},
		{"a half-made environment", func(m *machine, e *Env) { os.Remove(filepath.Join(e.Venv, venvDone)) }, "-m venv", "janpfeifer/gonb"},
		{"a newer Python", func(m *machine, _ *Env) { m.t.Setenv("FAKE_VERSION", "[3,12,1]") }, "-m venv", "janpfeifer/gonb"},
		{"a broken stamp", func(m *machine, e *Env) { os.WriteFile(e.stampPath(), []byte("{"), 0o644) }, "flag testing", "-m venv"},
		{"the reader's GOFLAGS", func(m *machine, _ *Env) { m.t.Setenv("FAKE_GOFLAGS", "-tags=x") }, "flag testing", "-m venv"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := newMachine(t)
			e := m.mustRun()
			m.calls()
			m.t = t
			tt.change(m, e)
			m.mustRun()
			calls := m.calls()
			if !strings.Contains(calls, tt.want) {
				t.Errorf("no %q in\n%s", tt.want, calls)
			}
			if strings.Contains(calls, tt.not) {
				t.Errorf("%q is not needed in\n%s", tt.not, calls)
			}
			m.mustRun()
			if again := m.calls(); again != "" {
				t.Errorf("and then again\n%s", again)
			}
		})
	}
}

func TestChangedKernelspecIsPutBack(t *testing.T) {
	m := newMachine(t)
	e := m.mustRun()
	path := filepath.Join(e.Home, "jupyter", "kernels", Kernel, "kernel.json")
	if err := os.WriteFile(path, []byte("{}"), 0o644); err != nil {
		t.Fatal(err)
	}
	m.mustRun()
	if data, _ := os.ReadFile(path); !strings.Contains(string(data), DisplayName) {
		t.Errorf("kernel.json is still %s", data)
	}
}

func TestErrorsNameTheRemedy(t *testing.T) {
	tests := []struct {
		name   string
		change func(m *machine)
		want   []string
	}{
		{"no Python", func(m *machine) { m.remove("bin/python3") }, []string{"no python3 on PATH", "install python3-venv"}},
		{"old Python", func(m *machine) { m.t.Setenv("FAKE_VERSION", "[3,8,10]") }, []string{"3.8.10", "3.10 or later"}},
		{"no venv module", func(m *machine) { m.t.Setenv("FAKE_VENV", "false") }, []string{"no venv module", "install python3-venv"}},
		{"Python that does not run", func(m *machine) { m.write("bin/python3", "#!/bin/sh\nexit 3\n") }, []string{"does not run", "reinstall"}},
		{"venv fails", func(m *machine) { m.write("novenv", "") }, []string{"virtual environment", "ensurepip is not available", "python3-venv"}},
		{"no network", func(m *machine) { m.write("offline", "") }, []string{"pip install", "No matching distribution", "check the network"}},
		{"no Go", func(m *machine) { m.remove("bin/go") }, []string{"Go:", "https://go.dev/dl"}},
		{"not in a clone", func(m *machine) { m.write("clone of mine/go.mod", "module example.com/x\n") }, []string{"clone of " + Module, "run this inside"}},
		{"cache cannot be written", func(m *machine) { m.write("cache", "a file") }, []string{"notebook cache", "REWARDLAB_CACHE"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := newMachine(t)
			m.write("bin/apt-get", "#!/bin/sh\n")
			tt.change(m)
			_, err := m.run()
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
		})
	}
}

func TestNetworkComesBack(t *testing.T) {
	m := newMachine(t)
	m.write("offline", "")
	if _, err := m.run(); err == nil {
		t.Fatal("no error without a network")
	}
	m.remove("offline")
	m.mustRun()
}

func TestNoCompilerIsSaidAndNotFatal(t *testing.T) {
	m := newMachine(t)
	m.remove("bin/gcc")
	e := m.mustRun()
	if out := m.printed(); !strings.Contains(out, "No C compiler") || !strings.Contains(out, "pure-Go engine") {
		t.Errorf("the set-up said only\n%s", out)
	}
	if env := e.kernelEnv(); env["CGO_ENABLED"] != "0" || strings.Contains(env["GOFLAGS"], "linkmode") {
		t.Errorf("kernel environment %v", env)
	}
}

func TestBrokenPackageDoesNotKeepTheNotebooksShut(t *testing.T) {
	m := newMachine(t)
	m.mustRun()
	m.write("broken", "")
	m.write("clone of mine/rl/rl.go", "package rl // edited\n")
	m.mustRun()
	if out := m.printed(); !strings.Contains(out, "rl.go:1: no") || !strings.Contains(out, "Cells that import it will fail") {
		t.Errorf("the set-up said only\n%s", out)
	}
	m.calls()
	m.remove("broken")
	m.mustRun()
	if calls := m.calls(); !strings.Contains(calls, "flag testing") {
		t.Errorf("the repaired package was not compiled:\n%s", calls)
	}
}

func TestLinkerIsTheOneThatWorks(t *testing.T) {
	m := newMachine(t)
	e := m.mustRun()
	if modes := e.linkModes(); len(modes) < 2 {
		t.Skip("one linker only on this system")
	}
	if flags := e.kernelEnv()["GOFLAGS"]; !strings.Contains(flags, "-linkmode=internal") {
		t.Errorf("GOFLAGS %s", flags)
	}
	m = newMachine(t)
	m.write("nointernal", "")
	if flags := m.mustRun().kernelEnv()["GOFLAGS"]; strings.Contains(flags, "linkmode") || !strings.Contains(flags, "-s -w") {
		t.Errorf("GOFLAGS %s though Go's linker failed", flags)
	}
}

func TestTwoSetUpsAtOnce(t *testing.T) {
	m := newMachine(t)
	var wg sync.WaitGroup
	errs := make([]error, 4)
	for i := range errs {
		wg.Go(func() { _, errs[i] = m.run() })
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			t.Error(err)
		}
	}
	if n := strings.Count(m.calls(), "python -m venv"); n != 1 {
		t.Errorf("%d virtual environments were made", n)
	}
}

func TestTwoClonesShareTheEnvironment(t *testing.T) {
	m := newMachine(t)
	one := m.mustRun()
	m.calls()
	m.write("other/go.mod", "module "+Module+"\n")
	m.clone = filepath.Join(m.dir, "other")
	two := m.mustRun()
	if one.Venv != two.Venv || one.Home == two.Home {
		t.Errorf("environments %s and %s, homes %s and %s", one.Venv, two.Venv, one.Home, two.Home)
	}
	if calls := m.calls(); strings.Contains(calls, "python -m venv") {
		t.Errorf("made again:\n%s", calls)
	}
}

func TestFindRootFromInside(t *testing.T) {
	m := newMachine(t)
	root, err := findRoot(filepath.Join(m.clone, "rl"))
	want, _ := filepath.EvalSymlinks(m.clone)
	if err != nil || root != want {
		t.Errorf("got %s, %v", root, err)
	}
}

func TestEngineIsOpenedOnce(t *testing.T) {
	m := newMachine(t)
	m.mustRun()
	if out := m.printed(); !strings.Contains(out, "engine xla:cpu") {
		t.Errorf("the engine is not named:\n%s", out)
	}
	m = newMachine(t)
	t.Setenv("FAKE_ENGINE", "go")
	m.mustRun()
	if out := m.printed(); !strings.Contains(out, "engine go") || !strings.Contains(out, "\n  fetching the plugin") {
		t.Errorf("it is not said why the engine is the slow one:\n%s", out)
	}
	m = newMachine(t)
	t.Setenv("FAKE_ENGINE", "none\nexit 1")
	if _, err := m.run(); err == nil || !strings.Contains(err.Error(), "doctor") {
		t.Errorf("error %v", err)
	}
}
