package setup

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"github.com/rewardlab/rewardlab/notebooks/internal/progress"
)

// Module is the path of the module whose clone is set up.
const Module = "github.com/rewardlab/rewardlab"

// Config says what to set up. The zero value, with a Log, sets up the clone around the working directory in the
// user's cache.
type Config struct {
	Dir   string        // a folder inside the clone; "" is the working directory
	Cache string        // "" is $REWARDLAB_CACHE, else the user's cache folder
	Log   *progress.Log // required by Run
}

// Env is a finished set-up.
type Env struct {
	Root   string // the clone
	Home   string // the clone's folder in the cache
	Venv   string // the virtual environment
	goTool goTool
	python interpreter
	log    *progress.Log
	hasCC  bool
}

// Run sets up what is missing and returns how to use it. Two calls at once, from any process, wait for each other.
func Run(ctx context.Context, cfg Config) (*Env, error) {
	e, err := look(ctx, cfg)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(e.Home, 0o755); err != nil {
		return nil, fmt.Errorf("notebook cache: %w: make it writable, or set %s to a folder that is", err, envCache)
	}
	if e.ready() {
		return e, nil
	}
	unlock, err := e.lock(ctx, filepath.Join(filepath.Dir(e.Home), "lock"))
	if err != nil {
		return nil, err
	}
	defer unlock()
	for i := range e.steps() {
		s := e.steps()[i] // asked anew: a step's key may hang on the one before
		if e.isDone(s) {  // who held the lock may have done the work
			continue
		}
		if err := e.do(ctx, s); err != nil {
			return nil, fmt.Errorf("%s: %w", s.name, err)
		}
	}
	if !e.hasCC {
		e.log.Say("  No C compiler found, so XLA is left out and cells run on the slower pure-Go engine: %s", installHint("gcc"))
	}
	return e, nil
}

// Ready returns the set-up if there is one that works, without doing anything. The packages may have changed since.
func Ready(ctx context.Context, cfg Config) (e *Env, ready bool) {
	e, err := look(ctx, cfg)
	if err != nil {
		return nil, false
	}
	return e, !slices.ContainsFunc(e.steps(), func(s step) bool { return !e.isDone(s) && !(s.ages && s.made()) })
}

// look finds the clone, the cache and the programs that the set-up builds on.
func look(ctx context.Context, cfg Config) (*Env, error) {
	root, err := findRoot(cfg.Dir)
	if err != nil {
		return nil, err
	}
	cache := cfg.Cache
	if cache == "" {
		if cache, err = cacheDir(); err != nil {
			return nil, err
		}
	}
	base := filepath.Join(cache, "notebooks")
	e := &Env{Root: root, Home: filepath.Join(base, "clone-"+short(root)), log: cfg.Log}
	if e.goTool, err = findGo(ctx, root); err != nil {
		return nil, err
	}
	if e.python, err = findPython(ctx); err != nil {
		return nil, err
	}
	e.Venv = filepath.Join(base, "venv-"+e.python.key(requirements))
	e.hasCC = hasCompiler(e.goTool)
	return e, nil
}

const envCache = "REWARDLAB_CACHE"

// cacheDir is what fetch.CacheDir returns; a test holds them to it. That package brings net/http, which would double the
// time that the very first `go run ./notebooks` compiles in silence.
func cacheDir() (string, error) {
	if dir := os.Getenv(envCache); dir != "" {
		return filepath.Abs(dir)
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("notebook cache: %w: set %s to a folder that you can write", err, envCache)
	}
	return filepath.Join(dir, "rewardlab"), nil
}

// lock waits until no other set-up works in the cache.
func (e *Env) lock(ctx context.Context, path string) (unlock func(), err error) {
	l := flock.New(path)
	if ok, err := l.TryLock(); err != nil {
		return nil, fmt.Errorf("lock of the notebook cache: %w", err)
	} else if ok {
		return func() { l.Unlock() }, nil
	}
	s := e.log.Step("waiting for another set-up to finish")
	defer s.Fail()
	if _, err := l.TryLockContext(ctx, 200*time.Millisecond); err != nil {
		return nil, fmt.Errorf("lock of the notebook cache: %w", err)
	}
	s.Done("")
	return func() { l.Unlock() }, nil
}

// findRoot walks up from dir to the go.mod of this module.
func findRoot(dir string) (string, error) {
	start, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	for at := start; ; at = filepath.Dir(at) {
		data, err := os.ReadFile(filepath.Join(at, "go.mod"))
		if err == nil && strings.Contains("\n"+string(data), "\nmodule "+Module+"\n") {
			return filepath.EvalSymlinks(at)
		}
		if at == filepath.Dir(at) {
			return "", fmt.Errorf("clone of %s: none around %s: run this inside the folder you cloned", Module, start)
		}
	}
}

// short is a name for a folder made from what its content depends on.
func short(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return hex.EncodeToString(h.Sum(nil))[:12]
}

// installHint is how to install a Debian package or its like elsewhere.
func installHint(pkg string) string {
	for _, m := range []struct{ tool, line string }{
		{"apt-get", "sudo apt install %s"},
		{"dnf", "sudo dnf install %s"},
		{"pacman", "sudo pacman -S %s"},
		{"brew", "brew install %s"},
	} {
		if _, err := exec.LookPath(m.tool); err == nil {
			if m.tool != "apt-get" && strings.HasPrefix(pkg, "python3") {
				pkg = "python3"
			}
			return fmt.Sprintf(m.line, pkg)
		}
	}
	return "install " + pkg
}

// lastLines is the end of a command's output, for an error message.
func lastLines(out string, n int) string {
	lines := strings.Split(strings.TrimSpace(out), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// exists reports whether every one of the files is there.
func exists(paths ...string) bool {
	for _, p := range paths {
		if _, err := os.Stat(p); errors.Is(err, os.ErrNotExist) || err != nil {
			return false
		}
	}
	return true
}
