package setup

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// Notebooks is the clone's folder of notebooks.
func (e *Env) Notebooks() string { return filepath.Join(e.Root, "notebooks") }

func (e *Env) configDir() string { return filepath.Join(e.Home, "jupyter-config") }

// JupyterEnv is the environment of every Jupyter program we start. Its folders are ours, so that neither a broken
// configuration of the reader's reaches us nor anything of ours reaches theirs.
func (e *Env) JupyterEnv() []string {
	env := slices.DeleteFunc(pythonEnv(), func(kv string) bool {
		return strings.HasPrefix(kv, "JUPYTER") // JUPYTER_CONFIG_PATH, JUPYTERLAB_DIR and so on
	})
	return append(env,
		"JUPYTER_PATH="+filepath.Join(e.Home, "jupyter"),
		"JUPYTER_CONFIG_DIR="+e.configDir(),
		"JUPYTER_DATA_DIR="+filepath.Join(e.Home, "jupyter-data"),
		"JUPYTER_RUNTIME_DIR="+filepath.Join(e.Home, "jupyter-runtime"),
		"PYTHONUNBUFFERED=1",
	)
}

// Python is a command of the virtual environment's interpreter.
func (e *Env) Python(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, e.venvPython(), args...)
	cmd.Env = e.JupyterEnv()
	cmd.Dir = e.Notebooks()
	return cmd
}

// Go is a command of the Go toolchain, in the clone.
func (e *Env) Go(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, e.realGo(), args...)
	cmd.Dir = e.Root
	return cmd
}

// expand is our environment with env over it, as Jupyter does it for a kernel.
func expand(env map[string]string) []string {
	all := os.Environ()
	for name, value := range env {
		all = append(all, name+"="+strings.ReplaceAll(value, "${PATH}", os.Getenv("PATH")))
	}
	return all
}
