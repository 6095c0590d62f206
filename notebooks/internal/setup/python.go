package setup

import (
	"bufio"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/rewardlab/rewardlab/notebooks/internal/progress"
)

//go:embed requirements.txt
var requirements string

const venvDone = "rewardlab-complete" // the file written last into a virtual environment

var jupyterVersion = regexp.MustCompile(`(?m)^jupyterlab==(\S+)`).FindStringSubmatch(requirements)[1]

// interpreter is a Python on this machine.
type interpreter struct {
	Path    string `json:"path"` // the interpreter itself, links resolved
	Version [3]int `json:"version"`
	Venv    bool   `json:"venv"` // the venv and ensurepip modules are there
}

func (p interpreter) version() string {
	return fmt.Sprintf("%d.%d.%d", p.Version[0], p.Version[1], p.Version[2])
}

func (p interpreter) key(requirements string) string {
	return short("venv-2", p.Path, p.version(), requirements)
}

// oldest is the first Python that every pinned package supports.
var oldest = [3]int{3, 10, 0}

const describePython = `import json, os, sys
def has(name):
    try:
        __import__(name)
        return True
    except ImportError:
        return False
print(json.dumps({"path": os.path.realpath(sys.executable), "version": list(sys.version_info[:3]),
                  "venv": has("venv") and has("ensurepip")}))`

// findPython picks the first Python on PATH that can make the virtual environment.
func findPython(ctx context.Context) (interpreter, error) {
	var problems []error
	for _, name := range []string{"python3", "python", "python3.14", "python3.13", "python3.12", "python3.11", "python3.10"} {
		path, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		p, err := ask(ctx, path)
		switch {
		case err != nil:
		case slices.Compare(p.Version[:], oldest[:]) < 0:
			err = fmt.Errorf("Python: %s is version %s, JupyterLab %s needs %d.%d or later: install a newer Python 3",
				path, p.version(), jupyterVersion, oldest[0], oldest[1])
		case !p.Venv:
			err = fmt.Errorf("Python: %s has no venv module: %s", path, installHint("python3-venv"))
		default:
			return p, nil
		}
		problems = append(problems, err)
		if ctx.Err() != nil {
			return interpreter{}, ctx.Err()
		}
	}
	if len(problems) == 0 {
		return interpreter{}, errors.New("Python: no python3 on PATH; JupyterLab is written in it: " + installHint("python3-venv"))
	}
	return interpreter{}, problems[0]
}

func ask(ctx context.Context, path string) (interpreter, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, "-c", describePython)
	cmd.Env = pythonEnv()
	out, err := cmd.Output()
	var p interpreter
	if err == nil {
		err = json.Unmarshal(out, &p)
	}
	if err != nil {
		return p, fmt.Errorf("Python: %s does not run: %w: reinstall it or put another python3 first on PATH", path, err)
	}
	return p, nil
}

// pythonEnv is our environment without the variables that would make Python look for modules elsewhere.
func pythonEnv() []string {
	return slices.DeleteFunc(os.Environ(), func(kv string) bool {
		name, _, _ := strings.Cut(kv, "=")
		return name == "PYTHONHOME" || name == "PYTHONPATH" || name == "VIRTUAL_ENV"
	})
}

func (e *Env) venvPython() string { return filepath.Join(e.Venv, "bin", "python") }

// makeVenv builds the virtual environment from nothing: one without its last file is the rest of a set-up that was
// stopped, and repairing it is harder than the half minute it takes to make.
func (e *Env) makeVenv(ctx context.Context, s *progress.Step) (string, error) {
	if exists(filepath.Join(e.Venv, venvDone), e.venvPython()) {
		return "already there, shared with another clone", nil
	}
	if err := os.RemoveAll(e.Venv); err != nil {
		return "", fmt.Errorf("half-made virtual environment: %w: delete %s", err, e.Venv)
	}
	s.Note("python -m venv")
	cmd := exec.CommandContext(ctx, e.python.Path, "-m", "venv", e.Venv)
	cmd.Env = pythonEnv()
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("virtual environment: %w: %s\n%s", err, installHint("python3-venv"), lastLines(string(out), 8))
	}
	list := filepath.Join(e.Venv, "requirements.txt")
	if err := os.WriteFile(list, []byte(requirements), 0o644); err != nil {
		return "", err
	}
	n, err := e.pip(ctx, s, list)
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(e.Venv, venvDone), []byte(requirements), 0o644); err != nil {
		return "", err
	}
	return fmt.Sprintf("%d packages, Python %s, in %s", n, e.python.version(), e.Venv), nil
}

// pip installs the pinned list and counts the packages as pip names them.
func (e *Env) pip(ctx context.Context, s *progress.Step, list string) (int, error) {
	total := len(regexp.MustCompile(`(?m)^[^#\s]`).FindAllString(requirements, -1))
	cmd := exec.CommandContext(ctx, e.venvPython(), "-m", "pip", "install", "--no-deps", "--no-user", "--no-input",
		"--disable-pip-version-check", "--progress-bar", "off", "-r", list)
	cmd.Env = append(pythonEnv(), "PYTHONUNBUFFERED=1")
	n := 0
	out, err := follow(cmd, func(line string) {
		what, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch name, _, _ := strings.Cut(rest, " "); what {
		case "Collecting":
			n++
			s.Note("%d/%d %s", n, total, name)
		case "Ignoring": // meant for another Python
			total--
		case "Installing":
			s.Note("%d/%d unpacking", n, n)
		}
	})
	if ctx.Err() != nil {
		return n, ctx.Err()
	}
	if err != nil {
		return n, fmt.Errorf("pip install: %w: check the network and the free disk space (0.3 GB), then run this again\n%s",
			err, lastLines(out, 12))
	}
	return n, nil
}

// follow runs a command, shows each line of its output to see, and returns all of it.
func follow(cmd *exec.Cmd, see func(line string)) (string, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return "", err
	}
	defer r.Close()
	cmd.Stdout, cmd.Stderr = w, w
	err = cmd.Start()
	w.Close()
	if err != nil {
		return "", err
	}
	var all strings.Builder
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		all.WriteString(lines.Text() + "\n")
		see(lines.Text())
	}
	return all.String(), cmd.Wait()
}
