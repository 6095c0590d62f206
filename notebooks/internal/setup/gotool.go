package setup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"

	"github.com/rewardlab/rewardlab/notebooks/internal/progress"
)

// goTool is what `go env` says of the toolchain that this module uses.
type goTool struct {
	Version string `json:"GOVERSION"`
	Root    string `json:"GOROOT"`
	Flags   string `json:"GOFLAGS"`
	Cgo     string `json:"CGO_ENABLED"`
	CC      string `json:"CC"`
}

func findGo(ctx context.Context, root string) (goTool, error) {
	var g goTool
	path, err := exec.LookPath("go")
	if err != nil {
		return g, fmt.Errorf("Go: %w: install it from https://go.dev/dl and put its bin folder on PATH", err)
	}
	cmd := exec.CommandContext(ctx, path, "env", "-json", "GOVERSION", "GOROOT", "GOFLAGS", "CGO_ENABLED", "CC")
	cmd.Dir = root
	out, err := cmd.Output()
	if err == nil {
		err = json.Unmarshal(out, &g)
	}
	if err != nil {
		return g, fmt.Errorf("Go: `go env` in %s: %w", root, err)
	}
	return g, nil
}

// hasCompiler reports whether cgo can work: the XLA engine is reached through it.
func hasCompiler(g goTool) bool {
	name, _, _ := strings.Cut(strings.TrimSpace(g.CC), " ")
	if name == "" || g.Cgo == "0" {
		return false
	}
	_, err := exec.LookPath(name)
	return err == nil
}

func (e *Env) bin(name string) string   { return filepath.Join(e.Home, "bin", name) }
func (e *Env) probe(name string) string { return filepath.Join(e.Home, "probe", name) }
func (e *Env) realGo() string           { return filepath.Join(e.goTool.Root, "bin", "go") }

var toolLines = regexp.MustCompile(`(?m)^\s*(?:require\s+)?(github\.com/janpfeifer/gonb|golang\.org/x/tools) v\S+`)

// toolVersions are the lines of go.mod that pin the two tools.
func toolVersions(root string) string {
	data, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		return ""
	}
	return strings.Join(toolLines.FindAllString(string(data), -1), "\n")
}

// buildTools compiles GoNB and goimports at the versions in go.mod. gopls (completion and hover help) is not pinned
// here: GoNB uses the one on PATH if there is one, and works without.
func (e *Env) buildTools(ctx context.Context, s *progress.Step) (string, error) {
	if err := os.MkdirAll(e.bin(""), 0o755); err != nil {
		return "", err
	}
	for _, tool := range [][2]string{{"gonb", "github.com/janpfeifer/gonb"}, {"goimports.real", "golang.org/x/tools/cmd/goimports"}} {
		if err := e.goBuild(ctx, s, e.Root, nil, "-o", e.bin(tool[0]), tool[1]); err != nil {
			return "", err
		}
	}
	return "", nil
}

// compile builds every package a cell may import, as a cell will: in a workspace beside a throw-away module, with the
// kernel's own environment. Then it links and runs one cell. What is missing (a module's files, a checksum) is
// fetched now and not at the reader's first cell.
func (e *Env) compile(ctx context.Context, s *progress.Step) (string, error) {
	dir := e.probe("")
	if err := os.RemoveAll(dir); err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	env := expand(e.kernelEnv())
	for _, args := range [][]string{{"mod", "init", "gonb_probe"}, {"work", "init", ".", e.Root}} {
		cmd := exec.CommandContext(ctx, e.realGo(), args...)
		cmd.Dir, cmd.Env = dir, env
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, lastLines(string(out), 8))
		}
	}
	s.Note("listing packages")
	packages, err := e.cellPackages(ctx, s, dir, env)
	if err != nil {
		return "", err
	}
	if err := e.goBuild(ctx, s, dir, env, packages...); err != nil {
		return "", err
	}
	// Go's own linker is a third faster than gcc's, and good for what cells do; where it is not, gcc's it is.
	for _, mode := range e.linkModes() {
		if err = e.writeStamp(linkStamp, mode); err != nil {
			return "", err
		}
		var engine string
		if engine, err = e.runProbe(ctx, s, dir); err == nil {
			return fmt.Sprintf("%d packages, engine %s", len(packages), engine), nil
		}
		if broken := (*compileError)(nil); ctx.Err() != nil || errors.As(err, &broken) {
			break
		}
	}
	return "", err
}

const linkStamp = "linker"

// linkModes are the linkers to try for cells, best first: values of the go linker's -linkmode, "" for its own choice.
func (e *Env) linkModes() []string {
	if runtime.GOOS == "linux" && e.hasCC {
		return []string{"internal", ""}
	}
	return []string{""}
}

// cellPackages are the module's packages that a cell can import, and the standard ones that no package of ours needs
// but cells do.
func (e *Env) cellPackages(ctx context.Context, s *progress.Step, dir string, env []string) ([]string, error) {
	cmd := exec.CommandContext(ctx, e.realGo(), "list", "-e", "-f", "{{if .GoFiles}}{{.Name}} {{.ImportPath}}{{end}}", Module+"/...")
	cmd.Dir, cmd.Env = dir, env
	packages := []string{"flag", "testing"}
	out, err := follow(cmd, func(line string) {
		name, path, _ := strings.Cut(line, " ")
		switch {
		case name == "go:":
			s.Note("%s", path)
		case name != "main" && strings.HasPrefix(path, Module) && !strings.Contains(path, "/internal/"):
			packages = append(packages, path)
		}
	})
	if err != nil {
		return nil, fmt.Errorf("go list: %w: check the network, then run this again\n%s", err, lastLines(out, 12))
	}
	return packages, nil
}

// probeMain is the first cell: it imports what the notebooks import and opens the engine, which installs XLA's plugin
// now and not in front of the reader.
const probeMain = `package main

import (
	"context"
	"fmt"
	"os"

	"MODULE/rl/backend"

	_ "MODULE/notebooks/nb"
	_ "MODULE/plots"
	_ "MODULE/rl"
)

func main() {
	engine, err := backend.Open(context.Background(), backend.Config{Say: func(line string) { fmt.Println(line) }})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("ENGINE", engine.Name)
}
`

// runProbe links and runs the first cell, and returns the name of the engine.
func (e *Env) runProbe(ctx context.Context, s *progress.Step, dir string) (engine string, err error) {
	s.Note("linking a first cell")
	source := strings.ReplaceAll(probeMain, "MODULE", Module)
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(source), 0o644); err != nil {
		return "", err
	}
	env := expand(e.kernelEnv())
	if err := e.goBuild(ctx, s, dir, env, "-o", "probe", "."); err != nil {
		return "", err
	}
	s.Note("opening the engine")
	cmd := exec.CommandContext(ctx, filepath.Join(dir, "probe"))
	cmd.Env = env
	out, err := follow(cmd, func(line string) {
		if name, ok := strings.CutPrefix(line, "ENGINE "); ok {
			engine = name
			return
		}
		s.Note("%s", line)
	})
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	if err != nil || engine == "" {
		return "", fmt.Errorf("a first cell does not open an engine: %w: go run ./rl/cmd/rl doctor says more\n%s", err, lastLines(out, 8))
	}
	if said := strings.TrimSpace(strings.Replace(out, "ENGINE "+engine, "", 1)); engine == "go" && said != "" {
		e.log.Say("  %s", strings.ReplaceAll(said, "\n", "\n  ")) // why it is not XLA
	}
	return engine, nil
}

// goBuild runs `go build -v`, which names each package as it is compiled.
func (e *Env) goBuild(ctx context.Context, s *progress.Step, dir string, env []string, args ...string) error {
	cmd := exec.CommandContext(ctx, e.realGo(), append([]string{"build", "-v"}, args...)...)
	cmd.Dir, cmd.Env = dir, env
	compiled := 0
	out, err := follow(cmd, func(line string) {
		if rest, ok := strings.CutPrefix(line, "go: "); ok {
			s.Note("%s", rest)
			return
		}
		if !strings.ContainsAny(line, " \t") {
			compiled++
			s.Note("%d compiled, %s", compiled, line)
		}
	})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil && strings.Contains("\n"+out, "\n# "+Module) {
		return &compileError{lastLines(out, 20)}
	}
	if err != nil {
		return fmt.Errorf("go build: %w\n%s", err, lastLines(out, 20))
	}
	return nil
}

// compileError says that a package of the clone does not compile: the reader may be working on it, so the notebooks
// open all the same, and cells that do not import it work.
type compileError struct{ output string }

func (e *compileError) Error() string { return "a package does not compile\n" + e.output }
