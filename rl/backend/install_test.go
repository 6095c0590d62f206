package backend

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/rewardlab/rewardlab/datasets/fetch"
)

const wheelName = "tiny_plugin-1.0-py3-none-any.whl"

// wheel packs files into a wheel.
func wheel(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, text := range files {
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func pinned(name, text, from string) fetch.File {
	sum := sha256.Sum256([]byte(text))
	return fetch.File{Name: name, Size: int64(len(text)), SHA256: hex.EncodeToString(sum[:]), From: from}
}

// fakePython puts a python3 first in the path whose pip does what script says.
// There $dest is the folder for wheels and $wheel a ready one. It returns the
// file to which each download adds a line.
func fakePython(t *testing.T, script string, ready []byte) (log string) {
	t.Helper()
	dir := t.TempDir()
	log = filepath.Join(dir, "log")
	for name, data := range map[string][]byte{
		wheelName: ready,
		"python3": []byte(`#!/bin/sh
case "$*" in *--version*) echo pip 1; exit 0;; esac
echo "$*" >> ` + log + `
wheel=` + filepath.Join(dir, wheelName) + `
while [ $# -gt 0 ]; do [ "$1" = --dest ] && dest=$2; shift; done
` + script + "\n"),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir+":/usr/bin:/bin")
	return log
}

func tinyInstaller() installer {
	return installer{load: "1 kB", item: fetch.Item{Name: "XLA for the CPU", Dir: "pjrt/cpu-1.0",
		Files: []fetch.File{pinned("pjrt_c_api_cpu_plugin.so", "the plugin", "tiny/pjrt_c_api_cpu_plugin.so")},
		Ways:  []fetch.Way{fetch.Pip("tiny-plugin==1.0")}}}
}

func TestInstall(t *testing.T) {
	in := tinyInstaller()
	good := wheel(t, map[string]string{"tiny/pjrt_c_api_cpu_plugin.so": "the plugin", "../../evil": "x"})
	t.Setenv(fetch.EnvCache, t.TempDir())
	log := fakePython(t, `sleep 0.2; cp "$wheel" "$dest"`, good)

	f := newFakes(t, Config{})
	f.how = func(string) (installer, bool) { return in, true }
	e := f.mustOpen(t)
	if e.Name != "xla:cpu" || !strings.Contains(e.Why, "just installed") {
		t.Errorf("opened %s because %s", e.Name, e.Why)
	}
	if data, err := os.ReadFile(e.Plugin); err != nil || string(data) != "the plugin" {
		t.Errorf("installed %q, %v", data, err)
	}
	if said := strings.Join(f.said, "\n"); !strings.Contains(said, "downloading it once (1 kB)") {
		t.Errorf("said %q", f.said)
	}

	f.said = nil
	if e = f.mustOpen(t); !strings.Contains(e.Why, "from the cache") || len(f.said) != 0 {
		t.Errorf("the second time: %s, said %q", e.Why, f.said)
	}
	if n := lines(t, log); n != 1 {
		t.Errorf("pip ran %d times, want once", n)
	}
}

func lines(t *testing.T, path string) int {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Count(string(data), "\n")
}

func TestInstallTwiceAtOnce(t *testing.T) {
	in := tinyInstaller()
	t.Setenv(fetch.EnvCache, t.TempDir())
	log := fakePython(t, `sleep 0.3; cp "$wheel" "$dest"`, wheel(t, map[string]string{"tiny/pjrt_c_api_cpu_plugin.so": "the plugin"}))
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			path, err := in.ensure(t.Context(), func(string) {})
			if err != nil {
				t.Error(err)
				return
			}
			if data, err := os.ReadFile(path); err != nil || string(data) != "the plugin" {
				t.Errorf("installed %q, %v", data, err)
			}
		})
	}
	wg.Wait()
	if n := lines(t, log); n != 1 {
		t.Errorf("pip ran %d times, want once", n)
	}
}

func TestInstallFails(t *testing.T) {
	in := tinyInstaller()
	good := wheel(t, map[string]string{"tiny/pjrt_c_api_cpu_plugin.so": "the plugin"})
	tests := []struct {
		name string
		set  func(t *testing.T)
		want []string
	}{
		{"no Python", func(t *testing.T) { t.Setenv("PATH", t.TempDir()) }, []string{"python3", "install Python 3 with pip"}},
		{"no network", func(t *testing.T) {
			fakePython(t, `echo "ERROR: Could not find a version that satisfies the requirement" >&2; exit 1`, nil)
		}, []string{"Could not find a version", "connect to a network"}},
		{"corrupt wheel", func(t *testing.T) {
			fakePython(t, `cp "$wheel" "$dest"`, good[:len(good)/2])
		}, []string{"broken archive", wheelName}},
		{"another plugin in the wheel", func(t *testing.T) {
			fakePython(t, `cp "$wheel" "$dest"`, wheel(t, map[string]string{"tiny/pjrt_c_api_cpu_plugin.so": "the plugim"}))
		}, []string{"SHA-256"}},
		{"read-only cache", func(t *testing.T) {
			fakePython(t, `cp "$wheel" "$dest"`, good)
			// A file in the way stops root as well.
			t.Setenv(fetch.EnvCache, touch(t, t.TempDir(), "file"))
		}, []string{"cannot be written", fetch.EnvCache}},
		{"no disk space", func(t *testing.T) {
			fakePython(t, `cp "$wheel" "$dest"`, good)
			size := &in.item.Files[0].Size
			was := *size
			*size = 1 << 60 // no disk has that
			t.Cleanup(func() { *size = was })
		}, []string{"no room", "make room"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv(fetch.EnvCache, t.TempDir())
			tt.set(t)
			f := newFakes(t, Config{Spec: "xla:cpu"})
			f.how = func(string) (installer, bool) { return in, true }
			_, err := f.open(t.Context())
			if err == nil {
				t.Fatal("it opened")
			}
			for _, want := range append(tt.want, "XLA for the CPU") {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error does not say %q:\n%v", want, err)
				}
			}
			// Where nothing was asked for, the same failure is one line.
			f = newFakes(t, Config{})
			f.how = func(string) (installer, bool) { return in, true }
			e := f.mustOpen(t)
			last := f.said[len(f.said)-1]
			if e.Name != "go" || !strings.Contains(last, "pure-Go engine") || strings.Contains(last, "\n") {
				t.Errorf("opened %s, said %q", e.Name, f.said)
			}
		})
	}
}

// TestInstallCUDA goes through the real list of wheels and files with tiny files.
func TestInstallCUDA(t *testing.T) {
	in, ok := installerFor("cuda", "linux", "amd64")
	if !ok {
		t.Fatal("no installer")
	}
	in.check = nil
	members := map[string]string{}
	for i, f := range in.item.Files {
		text := "library " + f.Name
		members[f.From] = text
		in.item.Files[i] = pinned(f.Name, text, f.From)
	}
	t.Setenv(fetch.EnvCache, t.TempDir())
	t.Setenv(EnvFlags, "") // kept as it is
	log := fakePython(t, `cp "$wheel" "$dest"`, wheel(t, members))
	f := newFakes(t, Config{})
	f.gpu = func() bool { return true }
	f.how = func(string) (installer, bool) { return in, true }
	e := f.mustOpen(t)
	if e.Name != "xla:cuda" || nameOf(e.Plugin) != "cuda" || checkName(e.Plugin) != nil {
		t.Errorf("opened %s of %s", e.Name, e.Plugin)
	}
	for _, file := range []string{"cu13/lib/libcufft.so.12", "cudnn/lib/libcudnn.so.9", "cublas/lib/libcublas.so.13", "cuda_nvrtc/lib/libnvrtc.so.13"} {
		if _, err := os.Stat(filepath.Join(filepath.Dir(e.Plugin), "..", "nvidia", file)); err != nil {
			t.Error(err)
		}
	}
	ptxas := filepath.Join(filepath.Dir(e.Plugin), "..", "nvidia", "cu13", "bin", "ptxas")
	if info, err := os.Stat(ptxas); err != nil || info.Mode()&0o100 == 0 {
		t.Errorf("ptxas cannot be run: %v, %v", info, err)
	}
	if want := "--xla_gpu_cuda_data_dir=" + filepath.Join(filepath.Dir(filepath.Dir(e.Plugin)), "nvidia", "cu13"); flagsFor(e.Plugin, version{0, 115}) != want {
		t.Errorf("flags %q, want %q", flagsFor(e.Plugin, version{0, 115}), want)
	}
	if data, err := os.ReadFile(log); err != nil || !strings.Contains(string(data), "nvidia-cudnn-cu13==9.15.1.9") || !strings.Contains(string(data), "jax-cuda13-pjrt==0.11.2") {
		t.Errorf("pip was asked for %q, %v", data, err)
	}
	// A cache copied without its links and modes is repaired.
	if err := os.Chmod(ptxas, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, ok := in.have(); !ok {
		t.Error("not found in the cache")
	}
	if info, err := os.Stat(ptxas); err != nil || info.Mode()&0o100 == 0 {
		t.Errorf("ptxas was not repaired: %v, %v", info, err)
	}
}

func TestInstallerFor(t *testing.T) {
	for _, tt := range []struct {
		kind, goos, goarch string
		ok, goXLA          bool
	}{
		{"cpu", "linux", "amd64", true, false},
		{"cuda", "linux", "amd64", true, false},
		{"cpu", "linux", "arm64", true, true},
		{"cpu", "darwin", "arm64", true, true},
		{"cuda", "linux", "arm64", false, false},
		{"tpu", "linux", "amd64", false, false},
	} {
		in, ok := installerFor(tt.kind, tt.goos, tt.goarch)
		if ok != tt.ok || in.goXLA != tt.goXLA {
			t.Errorf("%s on %s/%s: %v, go-xla's %v", tt.kind, tt.goos, tt.goarch, ok, in.goXLA)
		}
		if ok && !in.goXLA && nameOf(in.item.Files[0].Name) != tt.kind {
			t.Errorf("%s: the first file is %s", tt.kind, in.item.Files[0].Name)
		}
	}
}
