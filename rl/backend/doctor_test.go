package backend

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rewardlab/rewardlab/datasets/fetch"
)

func TestDoctorInstallsNothing(t *testing.T) {
	cache := filepath.Join(t.TempDir(), "cache")
	t.Setenv(fetch.EnvCache, cache)
	t.Setenv(EnvSpec, "")
	t.Setenv(EnvSearch, t.TempDir())
	log := fakePython(t, "exit 1", nil)
	var out strings.Builder
	began := time.Now()
	problems := Doctor(t.Context(), &out)
	if took := time.Since(began); took > 8*time.Second {
		t.Errorf("it took %v", took)
	}
	if problems == 0 {
		t.Error("no problem, and XLA is not installed")
	}
	if ran, _ := os.ReadFile(log); strings.Contains(string(ran), "download") {
		t.Errorf("it ran pip: %s", ran)
	}
	if _, err := os.Stat(cache); err == nil {
		t.Error("it made the cache")
	}
	for _, want := range []string{"Engine\n! engine      go\n", "Tools\n", "Caches\n", "C compiler", "GPU", cache, "go run ./notebooks", "marked ! above"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in:\n%s", want, out.String())
		}
	}
	if strings.Contains(out.String(), "goroutine") {
		t.Errorf("a stack trace in:\n%s", out.String())
	}
}

func TestDiagnose(t *testing.T) {
	text := func(lines []finding) (string, int) {
		var b strings.Builder
		n := write(&b, "Engine", lines)
		return b.String(), n
	}
	look := func(f *fakes) (string, int) { return text(diagnose(context.Background(), f.opener, &f.said)) }
	plugins := t.TempDir()
	cpu := touch(t, plugins, "pjrt_c_api_cpu_plugin.so")

	t.Run("healthy", func(t *testing.T) {
		f := newFakes(t, Config{NoInstall: true})
		f.dirs = func() []string { return []string{plugins} }
		got, problems := look(f)
		if problems != 0 || !strings.Contains(got, "xla:cpu") || !strings.Contains(got, cpu) || !strings.Contains(got, "PJRT 0.115") {
			t.Errorf("%d problems in\n%s", problems, got)
		}
	})
	t.Run("not installed yet", func(t *testing.T) {
		f := newFakes(t, Config{NoInstall: true})
		t.Setenv(fetch.EnvCache, t.TempDir())
		f.how = func(kind string) (installer, bool) { return installerFor(kind, "linux", "amd64") }
		got, problems := look(f)
		if problems != 1 || !strings.Contains(got, "pip download lammps-jax-pjrt-cpu==0.11.2 (63 MB)") {
			t.Errorf("%d problems in\n%s", problems, got)
		}
	})
	t.Run("wrong name", func(t *testing.T) {
		f := newFakes(t, Config{NoInstall: true})
		t.Setenv(EnvSpec, "xla:cpi")
		got, problems := look(f)
		if problems != 1 || !strings.Contains(got, "did you mean xla:cpu?") || !strings.Contains(got, "unset "+EnvSpec) {
			t.Errorf("%d problems in\n%s", problems, got)
		}
	})
	t.Run("broken plugin", func(t *testing.T) {
		f := newFakes(t, Config{NoInstall: true})
		f.dirs = func() []string { return []string{plugins} }
		f.broken[cpu] = errors.New("it is cut off: delete it")
		got, problems := look(f)
		if problems != 1 || !strings.Contains(got, "it is cut off: delete it") {
			t.Errorf("%d problems in\n%s", problems, got)
		}
	})
}

// A tool that is there and slow is not one to install.
func TestDoctorOnABusyMachine(t *testing.T) {
	bin := t.TempDir()
	if err := os.WriteFile(filepath.Join(bin, "go"), []byte("#!/bin/sh\nwhile :; do :; done\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin)
	t.Setenv("CC", "")
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	for _, f := range lookTools(ctx) {
		switch slow := strings.Contains(f.seen, "did not answer in time"); {
		case f.name == "go" && (!slow || f.problem || f.remedy != ""):
			t.Errorf("a slow go is %+v", f)
		case f.name != "go" && (slow || f.remedy == ""):
			t.Errorf("a %s that is not there is %+v", f.name, f)
		}
	}
}
