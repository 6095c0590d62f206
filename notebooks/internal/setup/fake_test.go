package setup

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/rewardlab/rewardlab/notebooks/internal/progress"
)

// machine is a clone and a PATH on which go, gcc and python3 are small scripts that write down how they were called.
type machine struct {
	t     *testing.T
	dir   string
	clone string
	out   *os.File
}

const fakeGo = `#!/bin/sh
[ "$1" = env ] || echo "go $*" >>"$FAKE/calls"
case "$1" in
env) printf '{"GOVERSION":"go1.26.8","GOROOT":"%s","GOFLAGS":"%s","CGO_ENABLED":"%s","CC":"gcc"}' "$FAKE/goroot" "$FAKE_GOFLAGS" "${FAKE_CGO:-1}" ;;
list) echo "go: downloading example.com/m v1.0.0"; echo "rl github.com/rewardlab/rewardlab/rl"; echo "main github.com/rewardlab/rewardlab/notebooks"
      echo "setup github.com/rewardlab/rewardlab/notebooks/internal/setup" ;;
mod | work) : >"go.$1" ;;
build)
	if [ -f "$FAKE/broken" ]; then echo "# github.com/rewardlab/rewardlab/rl"; echo "rl.go:1: no"; exit 1; fi
	if [ -f "$FAKE/offline" ]; then echo "go: example.com/m@v1.0.0: dial tcp: no route to host"; exit 1; fi
	case "$GOFLAGS" in *-linkmode=internal*) if [ -f "$FAKE/nointernal" ] && [ "$3" = -o ]; then echo "internal linking failed"; exit 1; fi ;; esac
	echo "fmt"
	if [ "$3" = -o ]; then printf '#!/bin/sh\necho "fetching the plugin"; echo ENGINE %s\n' "${FAKE_ENGINE:-xla:cpu}" >"$4"; chmod +x "$4"; fi ;;
esac
`

const fakePython = `#!/bin/sh
[ "$1" = -c ] || echo "python $1 $2 $3" >>"$FAKE/calls"
case "$1 $2" in
"-c "*) printf '{"path":"%s","version":%s,"venv":%s}' "$FAKE/bin/python3" "${FAKE_VERSION:-[3,11,2]}" "${FAKE_VENV:-true}" ;;
"-m venv")
	if [ -f "$FAKE/novenv" ]; then echo "ensurepip is not available"; exit 1; fi
	mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
"-m pip")
	if [ -f "$FAKE/offline" ]; then echo "ERROR: No matching distribution found for anyio"; exit 1; fi
	echo "Ignoring tomli: markers"; echo "Collecting anyio==4.16.0 (from -r x)"; echo "Collecting attrs==26.1.0 (from -r x)"
	echo "Installing collected packages: anyio, attrs" ;;
esac
`

func newMachine(t *testing.T) *machine {
	if runtime.GOOS == "windows" {
		t.Skip("the stand-in programs are shell scripts")
	}
	m := &machine{t: t, dir: t.TempDir()}
	m.clone = filepath.Join(m.dir, "clone of mine")
	m.write("goroot/bin/go", fakeGo)
	m.write("bin/go", fakeGo)
	m.write("bin/python3", fakePython)
	m.write("bin/gcc", "#!/bin/sh\n")
	m.write("clone of mine/go.mod", "module "+Module+"\n\nrequire github.com/janpfeifer/gonb v0.11.4\n")
	m.write("clone of mine/rl/rl.go", "package rl\n")
	for _, tool := range []string{"sh", "sed", "mkdir", "cp", "printf", "chmod", "grep", "mv"} {
		path, err := exec.LookPath(tool)
		if err != nil {
			t.Skip(err)
		}
		if err := os.Symlink(path, filepath.Join(m.dir, "bin", tool)); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", filepath.Join(m.dir, "bin"))
	t.Setenv("FAKE", m.dir)
	var err error
	if m.out, err = os.Create(filepath.Join(m.dir, "output")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.out.Close() })
	return m
}

func (m *machine) write(name, content string) {
	m.t.Helper()
	path := filepath.Join(m.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		m.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o755); err != nil {
		m.t.Fatal(err)
	}
}

func (m *machine) remove(name string) {
	m.t.Helper()
	if err := os.Remove(filepath.Join(m.dir, name)); err != nil {
		m.t.Fatal(err)
	}
}

func (m *machine) run() (*Env, error) {
	return Run(context.Background(), Config{Dir: m.clone, Cache: filepath.Join(m.dir, "cache"), Log: progress.New(m.out)})
}

func (m *machine) mustRun() *Env {
	m.t.Helper()
	e, err := m.run()
	if err != nil {
		m.t.Fatal(err)
	}
	return e
}

// calls returns what was called since the last time, but for the questions about versions that every run asks.
func (m *machine) calls() string {
	m.t.Helper()
	path := filepath.Join(m.dir, "calls")
	data, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		m.t.Fatal(err)
	}
	os.Remove(path)
	return string(data)
}

// printed is everything that the set-up has said.
func (m *machine) printed() string {
	m.t.Helper()
	data, err := os.ReadFile(filepath.Join(m.dir, "output"))
	if err != nil {
		m.t.Fatal(err)
	}
	return string(data)
}
