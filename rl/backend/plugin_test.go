package backend

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// compile makes a shared library (or with -c an object) from C text.
func compile(t *testing.T, dir, name, text string, flags ...string) string {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("ELF libraries")
	}
	gcc, err := exec.LookPath("gcc")
	if err != nil {
		t.Skip("no gcc")
	}
	src := filepath.Join(dir, name+".c")
	if err := os.WriteFile(src, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, name)
	if len(flags) == 0 {
		flags = []string{"-shared", "-fPIC"}
	}
	if out, err := exec.Command(gcc, append(flags, "-o", path, src)...).CombinedOutput(); err != nil {
		t.Fatalf("gcc: %v\n%s", err, out)
	}
	return path
}

// fakePlugin is a library whose table of functions says it is of a version.
func fakePlugin(t *testing.T, dir string, v version) string {
	return compile(t, dir, "pjrt_c_api_cpu_plugin.so", `#include <stddef.h>
struct { size_t size; void *ext; struct { size_t size; void *ext; int major, minor; } v; } api =
	{ sizeof api, 0, { sizeof api.v, 0, `+strings.NewReplacer("PJRT ", "", ".", ", ").Replace(v.String())+` } };
void *GetPjrtApi(void) { return &api; }
`)
}

func patch(t *testing.T, path string, change func([]byte) []byte) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, change(bytes.Clone(data)), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLoadPluginRefuses(t *testing.T) {
	if !xlaBuilt {
		t.Skip("XLA is not in this build")
	}
	tests := []struct {
		name string
		make func(t *testing.T, dir string) string
		want []string
	}{
		{"missing", func(t *testing.T, dir string) string { return filepath.Join(dir, "p.so") },
			[]string{"there is no such file", "check the path"}},
		{"folder", func(t *testing.T, dir string) string { return dir }, []string{"it is a folder", "pjrt_c_api_cpu_plugin.so"}},
		{"unreadable", func(t *testing.T, dir string) string {
			path := touch(t, dir, "p.so")
			if err := os.Chmod(path, 0); err != nil {
				t.Fatal(err)
			}
			if f, err := os.Open(path); err == nil {
				f.Close()
				t.Skip("this user reads everything")
			}
			return path
		}, []string{"cannot be read", "make it readable"}},
		{"text", func(t *testing.T, dir string) string { return touch(t, dir, "p.so") },
			[]string{"no shared library", "install it again"}},
		{"empty", func(t *testing.T, dir string) string {
			return patch(t, touch(t, dir, "p.so"), func([]byte) []byte { return nil })
		}, []string{"no shared library", "install it again"}},
		{"cut off before its sections", func(t *testing.T, dir string) string {
			return patch(t, fakePlugin(t, dir, version{0, 100}), func(b []byte) []byte { return b[:len(b)/2] })
		}, []string{"install it again"}},
		{"segment beyond the end", func(t *testing.T, dir string) string {
			return patch(t, fakePlugin(t, dir, version{0, 100}), func(b []byte) []byte {
				f, err := elf.NewFile(bytes.NewReader(b))
				if err != nil {
					t.Fatal(err)
				}
				for i, p := range f.Progs {
					if p.Type == elf.PT_LOAD { // the field filesz of a 64-bit program header
						at := binary.LittleEndian.Uint64(b[32:]) + uint64(i)*56 + 32
						binary.LittleEndian.PutUint64(b[at:], 1<<30)
					}
				}
				return b
			})
		}, []string{"it is cut off", "install it again"}},
		{"second half zeros", func(t *testing.T, dir string) string {
			return patch(t, fakePlugin(t, dir, version{0, 100}), func(b []byte) []byte { clear(b[len(b)/2:]); return b })
		}, []string{"install it again"}},
		{"another architecture", func(t *testing.T, dir string) string {
			return patch(t, fakePlugin(t, dir, version{0, 100}), func(b []byte) []byte {
				binary.LittleEndian.PutUint16(b[18:], uint16(elf.EM_S390))
				return b
			})
		}, []string{"built for EM_S390", "install the plugin for " + runtime.GOARCH}},
		{"an object file", func(t *testing.T, dir string) string {
			return compile(t, dir, "p.so", "int x;", "-c")
		}, []string{"not a shared library"}},
		{"another library", func(t *testing.T, dir string) string {
			return compile(t, dir, "pjrt_c_api_cpu_plugin.so", "int x;")
		}, []string{"no PJRT plugin"}},
		{"no table", func(t *testing.T, dir string) string {
			return compile(t, dir, "pjrt_c_api_cpu_plugin.so", "void *GetPjrtApi(void) { return 0; }")
		}, []string{"returns nothing usable"}},
		{"missing dependency", func(t *testing.T, dir string) string {
			compile(t, dir, "libgone.so", "int gone(void) { return 1; }")
			path := compile(t, dir, "p.so", "int gone(void); void *GetPjrtApi(void) { gone(); return 0; }", "-shared", "-fPIC", "-L"+dir, "-Wl,--no-as-needed", "-l:libgone.so")
			if err := os.Remove(filepath.Join(dir, "libgone.so")); err != nil {
				t.Fatal(err)
			}
			return path
		}, []string{"libgone.so", "ldd"}},
		{"too old", func(t *testing.T, dir string) string { return fakePlugin(t, dir, version{0, 40}) },
			[]string{"PJRT 0.40", "0.81 or newer", "install a newer plugin"}},
		{"another major version", func(t *testing.T, dir string) string { return fakePlugin(t, dir, version{1, 2}) },
			[]string{"PJRT 1.2", "0.81 or newer"}},
		{"comma", func(t *testing.T, dir string) string { return touch(t, dir, "a,b", "p.so") }, []string{"without commas"}},
		{"contradictory path", func(t *testing.T, dir string) string {
			return touch(t, dir, "nvidia", "pjrt_c_api_cpu_plugin.so")
		}, []string{"move it to another folder"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := tt.make(t, t.TempDir())
			b, _, err := loadPlugin(path, "")
			if err == nil || b != nil {
				t.Fatalf("it loaded: %v, %v", b, err)
			}
			for _, want := range append(tt.want, path) {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not say %q", err, want)
				}
			}
		})
	}
}

func TestFlags(t *testing.T) {
	dir := t.TempDir()
	touch(t, dir, "nvidia", "cu13", "bin", "ptxas")
	for _, tt := range []struct {
		path string
		v    version
		want string
	}{
		{"/x/pjrt_c_api_cpu_plugin.so", version{0, 115}, cpuFlags},
		{"/x/pjrt_c_api_cpu_plugin.so", version{0, 116}, ""}, // it may not know them, and would abort
		{"/x/pjrt_c_api_cpu_plugin.so", version{}, ""},
		{"/x/pjrt_c_api_tpu_plugin.so", version{0, 115}, ""},
		{"/x/pjrt_c_api_cuda_plugin.so", version{0, 115}, ""},
		{filepath.Join(dir, "plugin", "pjrt_c_api_cuda_plugin.so"), version{0, 115}, "--xla_gpu_cuda_data_dir=" + filepath.Join(dir, "nvidia", "cu13")},
	} {
		if got := flagsFor(tt.path, tt.v); got != tt.want {
			t.Errorf("flagsFor(%s, %v) = %q, want %q", tt.path, tt.v, got, tt.want)
		}
	}
	t.Setenv(EnvFlags, "")
	setFlags("/x/pjrt_c_api_cpu_plugin.so", version{0, 115})
	if got := os.Getenv(EnvFlags); got != "" {
		t.Errorf("the user's empty %s became %q", EnvFlags, got)
	}
	os.Unsetenv(EnvFlags)
	setFlags("/x/pjrt_c_api_cpu_plugin.so", version{0, 115})
	if got := os.Getenv(EnvFlags); got != cpuFlags {
		t.Errorf("%s is %q, want %q", EnvFlags, got, cpuFlags)
	}
}
