package backend

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/rewardlab/rewardlab/datasets/fetch"
)

// finding is one line of the doctor: a name, what was seen, and the remedy if it
// is missing or wrong.
type finding struct {
	name, seen, remedy string
	problem            bool
}

// Doctor writes what engine Open would choose and why, the tools and caches that
// it found, and a remedy for each thing that is missing. It installs nothing,
// needs no network, and returns the number of problems. Things that are only
// optional are marked so and not counted.
func Doctor(ctx context.Context, w io.Writer) (problems int) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	sections := []struct {
		title string
		look  func(context.Context) []finding
	}{
		{"Engine", lookEngine},
		{"Tools", lookTools},
		{"Caches", lookCaches},
	}
	found := make([][]finding, len(sections))
	var wg sync.WaitGroup
	for i, s := range sections {
		wg.Go(func() { found[i] = s.look(ctx) })
	}
	wg.Wait()
	for i, s := range sections {
		problems += write(w, s.title, found[i])
	}
	switch problems {
	case 0:
		fmt.Fprintln(w, "No problems.")
	case 1:
		fmt.Fprintln(w, "1 problem, marked ! above.")
	default:
		fmt.Fprintf(w, "%d problems, marked ! above.\n", problems)
	}
	return problems
}

func write(w io.Writer, title string, lines []finding) (problems int) {
	fmt.Fprintln(w, title)
	for _, l := range lines {
		mark := " "
		if l.problem {
			mark = "!"
			problems++
		}
		fmt.Fprintf(w, "%s %-11s %s\n", mark, l.name, indent(l.seen))
		if l.remedy != "" {
			fmt.Fprintf(w, "  %-11s -> %s\n", "", indent(l.remedy))
		}
	}
	fmt.Fprintln(w)
	return problems
}

// indent puts the further lines of a text under its first.
func indent(s string) string {
	return strings.ReplaceAll(strings.TrimSpace(s), "\n", "\n"+strings.Repeat(" ", 14))
}

func lookEngine(ctx context.Context) []finding {
	var notices []string
	o := newOpener(Config{NoInstall: true, Say: func(line string) { notices = append(notices, line) }})
	return diagnose(ctx, o, &notices)
}

// diagnose reports what o opens. notices are what it said meanwhile.
func diagnose(ctx context.Context, o *opener, notices *[]string) []finding {
	var out []finding
	e, err := o.open(ctx)
	if err != nil {
		out = append(out, finding{name: "engine", seen: "none: " + err.Error(), problem: true,
			remedy: "correct or unset " + EnvSpec})
	} else {
		defer e.Close()
		out = append(out, finding{name: "engine", seen: e.Name}, finding{name: "why", seen: e.Why},
			finding{name: "devices", seen: devices(e)})
		if e.IsXLA() {
			out = append(out, finding{name: "plugin", seen: e.Plugin}, finding{name: "version", seen: e.Version},
				finding{name: "XLA_FLAGS", seen: orNone(strings.Fields(os.Getenv(EnvFlags)))})
		} else if os.Getenv(EnvSpec) == "" {
			out[0].problem = true
			out[0].remedy = o.wouldInstall()
		}
	}
	for _, n := range *notices {
		if strings.Contains(n, errNotInstalled.Error()) {
			continue // the remedy says it better
		}
		out = append(out, finding{name: "notice", seen: n})
	}
	cgo := finding{name: "cgo", seen: "on: XLA is compiled in"}
	if !xlaBuilt {
		cgo = finding{name: "cgo", seen: "off, or the build tag noxla: no XLA in this build", problem: true,
			remedy: "install a C compiler (gcc), set CGO_ENABLED=1 and build without noxla"}
	}
	gpu := finding{name: "GPU", seen: "no NVIDIA GPU is visible"}
	if o.gpu() {
		gpu.seen = "an NVIDIA GPU is visible"
		if err := checkDriver(driverFile); err != nil {
			gpu.problem, gpu.remedy = true, err.Error()
		} else if e != nil && e.Name == "xla:cpu" {
			gpu.remedy = o.wouldInstall()
		}
	}
	return append(out, cgo, gpu)
}

func devices(e *Engine) string {
	if !e.IsXLA() {
		return fmt.Sprintf("%d (the CPU)", e.NumDevices())
	}
	return fmt.Sprintf("%d (%s, ...)", e.NumDevices(), e.DeviceDescription(0))
}

// wouldInstall says what Open would download.
func (o *opener) wouldInstall() string {
	if !xlaBuilt {
		return "see cgo below"
	}
	var says []string
	for _, kind := range o.kinds() {
		how, ok := o.how(kind)
		if !ok {
			says = append(says, fmt.Sprintf("xla:%s cannot be installed on %s/%s: put a plugin into a folder that %s names", kind, runtime.GOOS, runtime.GOARCH, EnvSearch))
			continue
		}
		if _, have := how.have(); have {
			continue
		}
		if how.goXLA {
			says = append(says, fmt.Sprintf("the next run installs go-xla's plugin for xla:%s: give it a network", kind))
			continue
		}
		ways := make([]string, len(how.item.Ways))
		for i, way := range how.item.Ways {
			ways[i] = way.String()
		}
		says = append(says, fmt.Sprintf("the next run installs xla:%s by %s (%s): give it a network and python3 with pip", kind, strings.Join(ways, " or "), how.load))
	}
	return strings.Join(says, "\n")
}

func lookTools(ctx context.Context) []finding {
	tools := []struct {
		name     string
		try      [][]string
		optional bool
		remedy   string
	}{
		{"go", [][]string{{"go", "version"}}, false, "install Go 1.26 or newer"},
		{"C compiler", compilers(), false, "install gcc: XLA is compiled in only with a C compiler"},
		{"python3", [][]string{{"python3", "--version"}}, false, "install python3 (3.9 or newer) with venv: it brings plugins, data and JupyterLab"},
		{"pip", [][]string{{"python3", "-m", "pip", "--version"}}, true, "none needed if python3 has venv: pip is then taken from there"},
		{"venv", [][]string{{"python3", "-c", "import venv, ensurepip; print('python3 -m venv works')"}}, false, "install python3-venv: notebooks and downloads need it"},
		{"npm", [][]string{{"npm", "--version"}}, true, "none needed: it is borrowed through pip"},
		{"chromium", [][]string{{"chromium", "--version"}, {"chromium-browser", "--version"}, {"google-chrome", "--version"}}, true, "install chromium for the browser check of the notebooks"},
	}
	out := make([]finding, len(tools))
	var wg sync.WaitGroup
	for i, t := range tools {
		wg.Go(func() {
			out[i] = finding{name: t.name}
			for _, argv := range t.try {
				line, err := firstLine(ctx, argv)
				if errors.Is(err, context.DeadlineExceeded) { // it is there, and the machine has better things to do
					out[i].seen = "did not answer in time: the machine is busy"
					return
				}
				if err == nil {
					out[i].seen = line
					return
				}
			}
			out[i].seen, out[i].remedy, out[i].problem = "not found", t.remedy, !t.optional
			if t.optional {
				out[i].seen += " (optional)"
			}
		})
	}
	wg.Wait()
	return out
}

func compilers() [][]string {
	if cc := strings.Fields(os.Getenv("CC")); len(cc) > 0 {
		return [][]string{append(cc, "--version")}
	}
	return [][]string{{"gcc", "--version"}, {"cc", "--version"}, {"clang", "--version"}}
}

// firstLine runs a tool and returns the first line that it prints. A tool that takes too long is context.DeadlineExceeded.
func firstLine(ctx context.Context, argv []string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 4*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.WaitDelay = time.Second
	out, err := cmd.Output()
	if cmd.Process != nil && ctx.Err() != nil {
		return "", ctx.Err()
	}
	if err != nil {
		return "", err
	}
	line, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	return line, nil
}

func lookCaches(ctx context.Context) []finding {
	root, err := fetch.CacheDir()
	if err != nil {
		return []finding{{name: "cache", seen: err.Error(), problem: true, remedy: "set " + fetch.EnvCache + " to a folder that you can write"}}
	}
	cache := finding{name: "cache", seen: root}
	if err := writable(root); err != nil {
		cache.problem = true
		cache.remedy = fmt.Sprintf("it cannot be written (%v): make it writable, or set %s to another folder", err, fetch.EnvCache)
	}
	out := []finding{cache}
	entries, _ := os.ReadDir(root)
	for _, e := range entries {
		if e.IsDir() {
			out = append(out, finding{name: e.Name(), seen: size(ctx, filepath.Join(root, e.Name()))})
		}
	}
	jupyter := finding{name: "jupyter", seen: "no virtual environment yet", remedy: "`go run ./notebooks` makes it"}
	if found, _ := filepath.Glob(filepath.Join(root, "notebooks", "venv-*", "bin", "jupyter-lab")); len(found) > 0 {
		jupyter = finding{name: "jupyter", seen: filepath.Dir(filepath.Dir(found[len(found)-1]))}
	}
	return append(out, jupyter)
}

// writable tries the nearest folder that exists.
func writable(dir string) error {
	for {
		f, err := os.CreateTemp(dir, ".doctor-")
		if err == nil {
			_ = f.Close()
			return os.Remove(f.Name())
		}
		if _, statErr := os.Stat(dir); statErr == nil || filepath.Dir(dir) == dir {
			return err
		}
		dir = filepath.Dir(dir)
	}
}

func size(ctx context.Context, dir string) string {
	var total int64
	var files int
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil // a folder that another process just removed
		}
		if info, err := d.Info(); err == nil && d.Type().IsRegular() {
			total += info.Size()
			files++
		}
		return ctx.Err()
	})
	more := ""
	if err != nil {
		more = " or more"
	}
	return fmt.Sprintf("%.1f MB%s in %d files", float64(total)/1e6, more, files)
}
