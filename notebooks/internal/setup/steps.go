package setup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rewardlab/rewardlab/notebooks/internal/progress"
)

// step is one part of the set-up. It is done when the stamp holds its key and what it made is still there.
type step struct {
	name string
	key  string
	ages bool // what an older key made still serves
	made func() bool
	run  func(ctx context.Context, s *progress.Step) (summary string, err error)
}

func (e *Env) steps() []step {
	kernels := e.kernelFiles()
	build := short("build-2", e.goTool.Version, e.goTool.Flags, e.goTool.Cgo, sources(e.Root))
	return []step{
		{
			name: "Python packages (JupyterLab " + jupyterVersion + ")",
			key:  e.Venv,
			made: func() bool { return exists(filepath.Join(e.Venv, venvDone), e.venvPython()) },
			run:  e.makeVenv,
		},
		{
			name: "GoNB and goimports",
			key:  short("tools-2", e.goTool.Version, toolVersions(e.Root)),
			made: func() bool { return exists(e.bin("gonb"), e.bin("goimports.real")) },
			run:  e.buildTools,
		},
		{
			name: "compiling the module for the cells",
			key:  build,
			ages: true,
			made: func() bool { return exists(e.probe("go.work")) },
			run:  e.compile,
		},
		{
			name: "kernel \"" + DisplayName + "\"",
			key:  short(kernels.content()...),
			made: kernels.inPlace,
			run: func(context.Context, *progress.Step) (string, error) {
				return "", kernels.write()
			},
		},
	}
}

func (e *Env) isDone(s step) bool { return e.readStamp()[s.name] == s.key && s.made() }

// ready reports whether nothing is left to do.
func (e *Env) ready() bool {
	return !slices.ContainsFunc(e.steps(), func(s step) bool { return !e.isDone(s) })
}

func (e *Env) do(ctx context.Context, s step) error {
	line := e.log.Step(s.name)
	defer line.Fail()
	if err := e.writeStamp(s.name, ""); err != nil { // a step cut short is not done
		return err
	}
	summary, err := s.run(ctx, line)
	if broken := (*compileError)(nil); errors.As(err, &broken) {
		line.Fail()
		e.log.Say("  %v\n  Cells that import it will fail; the others work.", broken)
		return nil // and not stamped: the next start tries again
	}
	if err != nil {
		return err
	}
	line.Done("%s", summary)
	return e.writeStamp(s.name, s.key)
}

func (e *Env) stampPath() string { return filepath.Join(e.Home, "stamp.json") }

// readStamp returns what is done. A stamp that cannot be read means nothing is.
func (e *Env) readStamp() map[string]string {
	stamp := map[string]string{}
	data, err := os.ReadFile(e.stampPath())
	if err != nil || json.Unmarshal(data, &stamp) != nil {
		return map[string]string{}
	}
	return stamp
}

func (e *Env) writeStamp(name, key string) error {
	stamp := e.readStamp()
	if stamp[name] == key {
		return nil
	}
	stamp[name] = key
	data, err := json.MarshalIndent(stamp, "", "  ")
	if err != nil {
		return err
	}
	return writeFile(e.stampPath(), data, 0o644)
}

// writeFile replaces a file in one step, so that nobody reads half of it.
func writeFile(path string, data []byte, mode os.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), ".tmp-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	if _, err := tmp.Write(data); err != nil {
		tmp.Close()
		return err
	}
	if err := tmp.Close(); err != nil {
		return err
	}
	if err := os.Chmod(tmp.Name(), mode); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}

// sources is a fingerprint of the clone's Go files by name, size and time: when it changes the packages are built
// again, so that the next cell does not wait for them.
func sources(root string) string {
	var b strings.Builder
	filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		name := filepath.Base(path)
		switch {
		case err != nil:
			return nil // a file that vanished meanwhile
		case d.IsDir() && path != root && (strings.HasPrefix(name, ".") || name == "testdata" || name == "out"):
			return filepath.SkipDir
		case d.IsDir() || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		if strings.HasSuffix(name, ".go") || name == "go.mod" || name == "go.sum" {
			if info, err := d.Info(); err == nil {
				fmt.Fprintln(&b, path, info.Size(), info.ModTime().UnixNano())
			}
		}
		return nil
	})
	return short(b.String())
}
