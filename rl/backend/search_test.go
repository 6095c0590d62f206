package backend

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
)

func TestNameOf(t *testing.T) {
	for path, want := range map[string]string{
		"/x/pjrt_c_api_cpu_plugin.so":          "cpu",
		"/x/pjrt_c_api_cpu_v0.83.1_plugin.so":  "cpu",
		"/x/pjrt_c_api_cuda_plugin.dylib":      "cuda",
		"pjrt-plugin-tpu.so":                   "tpu",
		"pjrt_plugin_cpu.dll":                  "cpu",
		"/pjrt_c_api_cpu_plugin.so/libfoo.so":  "",
		"/x/pjrt_c_api_cpu_plugin.so.lock":     "",
		"/x/pjrt_c_api_my_vendor_plugin.so":    "my_vendor",
		"/x/libpjrt_c_api_cpu_plugin.so.1.2.3": "",
	} {
		if got := nameOf(path); got != want {
			t.Errorf("nameOf(%q) = %q, want %q", path, got, want)
		}
	}
}

func touch(t *testing.T, parts ...string) string {
	t.Helper()
	path := filepath.Join(parts...)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestFindPlugins(t *testing.T) {
	a, b := t.TempDir(), t.TempDir()
	versioned := touch(t, a, "pjrt_c_api_cpu_v0.83.1_plugin.so")
	plain := touch(t, a, "pjrt_c_api_cpu_plugin.so")
	cuda := touch(t, b, "pjrt_c_api_cuda_plugin.so")
	touch(t, b, "libm.so")
	got := findPlugins([]string{b, filepath.Join(a, "none"), a})
	want := []candidate{{"cuda", cuda}, {"cpu", plain}, {"cpu", versioned}}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestSearchDirs(t *testing.T) {
	t.Run("the variable replaces all", func(t *testing.T) {
		t.Setenv(EnvSearch, "/a::/b")
		if got := searchDirs(); !slices.Equal(got, []string{"/a", "/b"}) {
			t.Errorf("got %v", got)
		}
	})
	t.Run("usual folders", func(t *testing.T) {
		if runtime.GOOS != "linux" {
			t.Skip("Linux's folders")
		}
		t.Setenv(EnvSearch, "")
		os.Unsetenv(EnvSearch)
		t.Setenv("HOME", "/home/ann")
		t.Setenv("LD_LIBRARY_PATH", "/lib1:rel:/lib2")
		got := searchDirs()
		want := []string{"/home/ann/.local/lib/go-xla", "/home/ann/.local/lib/go-xla/nvidia", "/home/ann/.local/lib/gomlx/pjrt",
			"/usr/local/lib/go-xla", "/usr/local/lib/go-xla/nvidia", "/usr/local/lib/gomlx/pjrt", "/lib1", "/lib2"}
		if len(got) < len(want) || !slices.Equal(got[:len(want)], want) {
			t.Errorf("got %v, want %v first", got, want)
		}
	})
}

func TestLoaderDirs(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("ld.so.conf", "# comment\ninclude "+dir+"/*.inc\n/usr/lib/x # more\nrelative\n")
	write("a.inc", "/opt/a\ninclude "+dir+"/ld.so.conf\n") // a circle must end
	got := loaderDirs(filepath.Join(dir, "ld.so.conf"), 0)
	for _, want := range []string{"/opt/a", "/usr/lib/x"} {
		if !slices.Contains(got, want) {
			t.Errorf("got %v, want %s among them", got, want)
		}
	}
	if slices.Contains(got, "relative") {
		t.Errorf("got %v: a relative folder", got)
	}
}
