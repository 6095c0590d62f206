package backend

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/gobackend"
)

// fakes is an opener in which nothing is real: plugins load unless broken names
// them, and nothing can be installed unless a test says so.
type fakes struct {
	*opener
	said   []string
	broken map[string]error // by the plugin's path
	loaded []string
}

func newFakes(t *testing.T, cfg Config) *fakes {
	t.Helper()
	if !xlaBuilt {
		t.Skip("XLA is not in this build")
	}
	t.Setenv(EnvSpec, "")
	f := &fakes{broken: map[string]error{}}
	cfg.Say = func(line string) { f.said = append(f.said, line) }
	f.opener = newOpener(cfg)
	f.gpu = func() bool { return false }
	f.dirs = func() []string { return nil }
	f.how = func(string) (installer, bool) { return installer{}, false }
	f.load = func(path, options string) (compute.Backend, version, error) {
		f.loaded = append(f.loaded, path)
		if err := f.broken[path]; err != nil {
			return nil, version{}, err
		}
		b, err := gobackend.New("")
		return b, version{0, 115}, err
	}
	return f
}

func (f *fakes) mustOpen(t *testing.T) *Engine {
	t.Helper()
	e, err := f.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestOpenTakesWhatGoXLAFinds(t *testing.T) {
	f := newFakes(t, Config{})
	dir := t.TempDir()
	plugin := touch(t, dir, "pjrt_c_api_cpu_plugin.so")
	touch(t, dir, "pjrt_c_api_tpu_plugin.so")
	f.dirs = func() []string { return []string{dir} }
	e := f.mustOpen(t)
	if e.Name != "xla:cpu" || e.Plugin != plugin || !e.IsXLA() || len(f.said) != 0 {
		t.Errorf("opened %s of %s, said %q", e.Name, e.Plugin, f.said)
	}
	for _, want := range []string{"xla:cpu", plugin, "PJRT 0.115", "no NVIDIA GPU is visible", "where go-xla looks"} {
		if !strings.Contains(e.Describe(), want) {
			t.Errorf("Describe says %q, nothing of %q", e.Describe(), want)
		}
	}
}

func TestOpenPassesOverABrokenPlugin(t *testing.T) {
	f := newFakes(t, Config{})
	a, b := t.TempDir(), t.TempDir()
	bad, good := touch(t, a, "pjrt_c_api_cpu_plugin.so"), touch(t, b, "pjrt_c_api_cpu_plugin.so")
	f.dirs = func() []string { return []string{a, b} }
	f.broken[bad] = errors.New("plugin a: cut off: delete it")
	if e := f.mustOpen(t); e.Plugin != good {
		t.Errorf("opened %s", e.Plugin)
	}
	if len(f.said) != 1 || !strings.Contains(f.said[0], "cut off: delete it") {
		t.Errorf("said %q", f.said)
	}
}

func TestOpenWithoutXLASaysSoInOneLine(t *testing.T) {
	f := newFakes(t, Config{})
	e := f.mustOpen(t)
	if e.Name != "go" || e.IsXLA() || e.Plugin != "" {
		t.Errorf("opened %s", e.Name)
	}
	if len(f.said) != 1 || strings.Contains(f.said[0], "\n") || !strings.Contains(f.said[0], "pure-Go engine") || !strings.Contains(f.said[0], "times slower") {
		t.Errorf("said %q, want one line with the cost", f.said)
	}
}

func TestOpenNoInstall(t *testing.T) {
	f := newFakes(t, Config{NoInstall: true})
	f.how = func(kind string) (installer, bool) { return installerFor(kind, "linux", "amd64") }
	t.Setenv("REWARDLAB_CACHE", filepath.Join(t.TempDir(), "cache"))
	e := f.mustOpen(t)
	if e.Name != "go" || len(f.said) != 1 || !strings.Contains(f.said[0], "NoInstall") {
		t.Errorf("opened %s, said %q", e.Name, f.said)
	}
	if _, err := os.Stat(os.Getenv("REWARDLAB_CACHE")); err == nil {
		t.Error("the cache was made")
	}
}

func TestOpenWithGPU(t *testing.T) {
	dir := t.TempDir()
	cpu, cuda := touch(t, dir, "pjrt_c_api_cpu_plugin.so"), touch(t, dir, "pjrt_c_api_cuda_plugin.so")
	t.Run("takes CUDA first", func(t *testing.T) {
		f := newFakes(t, Config{})
		f.gpu = func() bool { return true }
		f.dirs = func() []string { return []string{dir} }
		if e := f.mustOpen(t); e.Name != "xla:cuda" || e.Plugin != cuda || len(f.said) != 0 {
			t.Errorf("opened %s of %s, said %q", e.Name, e.Plugin, f.said)
		}
	})
	t.Run("takes the CPU when CUDA fails, and says so", func(t *testing.T) {
		f := newFakes(t, Config{})
		f.gpu = func() bool { return true }
		f.dirs = func() []string { return []string{dir} }
		f.broken[cuda] = errors.New("no visible GPU: check the driver")
		e := f.mustOpen(t)
		if e.Name != "xla:cpu" || e.Plugin != cpu || !strings.Contains(e.Why, "CUDA plugin does not open") {
			t.Errorf("opened %s of %s because %s", e.Name, e.Plugin, e.Why)
		}
		if !strings.Contains(strings.Join(f.said, "\n"), "check the driver") {
			t.Errorf("said %q", f.said)
		}
	})
	t.Run("no GPU, CUDA asked for", func(t *testing.T) {
		f := newFakes(t, Config{Spec: "xla:cuda"})
		f.dirs = func() []string { return []string{dir} }
		if _, err := f.open(t.Context()); err == nil || !strings.Contains(err.Error(), "no NVIDIA GPU is visible") || !strings.Contains(err.Error(), "xla:cpu") {
			t.Errorf("error %v", err)
		}
	})
}

func TestOpenNamed(t *testing.T) {
	dir := t.TempDir()
	cpu, vendor := touch(t, dir, "pjrt_c_api_cpu_plugin.so"), touch(t, dir, "pjrt_c_api_acme_plugin.so")
	odd := touch(t, dir, "odd.so")
	for _, tt := range []struct {
		spec, name, plugin, err string
	}{
		{spec: "go", name: "go"},
		{spec: "xla", name: "xla:cpu", plugin: cpu},
		{spec: "hlo:cpu", name: "xla:cpu", plugin: cpu},
		{spec: "xla:acme", name: "xla:acme", plugin: vendor},
		{spec: "xla:" + odd, name: "xla:plugin", plugin: odd},
		{spec: "xla:acne", err: "did you mean xla:acme?"},
		{spec: "xla:unheardof", err: "put pjrt_c_api_unheardof_plugin.so into a folder"},
		{spec: "xlla", err: `did you mean "xla"?`},
	} {
		for _, from := range []string{"Config", "environment"} {
			t.Run(tt.spec+" from "+from, func(t *testing.T) {
				f := newFakes(t, Config{})
				f.dirs = func() []string { return []string{dir} }
				if from == "Config" {
					f.cfg.Spec = tt.spec
					t.Setenv(EnvSpec, "nonsense") // the configuration comes first
				} else {
					t.Setenv(EnvSpec, tt.spec)
				}
				e, err := f.open(t.Context())
				if tt.err != "" {
					if err == nil || !strings.Contains(err.Error(), tt.err) {
						t.Errorf("error %v, want one with %q", err, tt.err)
					}
					return
				}
				if err != nil || e.Name != tt.name || e.Plugin != tt.plugin {
					t.Errorf("opened %+v, %v", e, err)
				}
			})
		}
	}
}

func TestNamedNeverFallsBack(t *testing.T) {
	dir := t.TempDir()
	bad, good := touch(t, dir, "bad.so"), touch(t, dir, "pjrt_c_api_cpu_plugin.so")
	for _, spec := range []string{"xla:" + bad, "xla:cpu", "xla"} {
		f := newFakes(t, Config{})
		t.Setenv(EnvSpec, spec)
		f.dirs = func() []string { return []string{dir} }
		f.broken[bad], f.broken[good] = errors.New("it is damaged: delete it"), errors.New("it is damaged: delete it")
		e, err := f.open(t.Context())
		if err == nil {
			t.Errorf("%s opened %s", spec, e.Name)
			continue
		}
		if !strings.Contains(err.Error(), "delete it") || !strings.Contains(err.Error(), EnvSpec) {
			t.Errorf("%s: %v (said %q)", spec, err, f.said)
		}
	}
}

func TestOpenStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if e, err := Open(ctx, Config{Spec: "go"}); !errors.Is(err, context.Canceled) {
		t.Errorf("opened %v, %v", e, err)
	}
	e, err := Open(t.Context(), Config{Spec: "go"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Another(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("another: %v", err)
	}
	e.Close()
	e.Close() // twice is harmless
}
