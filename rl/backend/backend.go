package backend

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/gobackend"

	"github.com/rewardlab/rewardlab/datasets/fetch"
)

// Config says which engine to open. The zero value is the normal choice.
type Config struct {
	// Spec names the engine: "go", "xla", "xla:cpu", "xla:cuda,tf32=false" or
	// "xla:/path/to/plugin.so". Empty means $GOMLX_BACKEND, and if that is empty
	// too, the order in the package's description.
	Spec string
	// NoInstall forbids downloading a plugin.
	NoInstall bool
	// Say gets lines of progress and notices. nil means standard error.
	Say func(line string)
}

// Engine is an open engine. Graphs run on its Backend.
type Engine struct {
	compute.Backend
	// Name is "xla:cpu", "xla:cuda" or "go".
	Name string
	// Plugin is the path of the PJRT plugin, empty for the pure-Go engine.
	Plugin string
	// Version is the plugin's version ("PJRT 0.115"), for the pure-Go engine Go's.
	Version string
	// Why says in a few words how this engine came to be chosen.
	Why string

	options string
}

type engine = compute.Backend

// IsXLA says whether XLA runs the graphs.
func (e *Engine) IsXLA() bool { return e.Plugin != "" }

// String is the engine's name.
func (e *Engine) String() string { return e.Name }

// Describe is a readable account of a few lines: engine, devices, plugin, reason.
func (e *Engine) Describe() string {
	var b strings.Builder
	fmt.Fprintf(&b, "engine   %s\n", e.Name)
	n := e.NumDevices()
	fmt.Fprintf(&b, "devices  %d", n)
	if e.IsXLA() && n > 0 {
		fmt.Fprintf(&b, " (%s)", e.DeviceDescription(0))
	}
	if e.IsXLA() {
		fmt.Fprintf(&b, "\nplugin   %s, %s", e.Version, e.Plugin)
	} else {
		fmt.Fprintf(&b, "\nversion  %s", e.Version)
	}
	fmt.Fprintf(&b, "\nwhy      %s\n", e.Why)
	return b.String()
}

// Another opens one more engine of the same kind. A PJRT CPU client runs one
// program at a time, so workers side by side want one each.
func (e *Engine) Another(ctx context.Context) (*Engine, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	another := *e
	var err error
	if e.IsXLA() {
		another.Backend, _, err = loadPlugin(e.Plugin, e.options)
	} else {
		another.Backend, err = gobackend.New(e.options)
	}
	if err != nil {
		return nil, fmt.Errorf("another engine %s: %w", e.Name, err)
	}
	return &another, nil
}

// Close frees the engine. Tensors on its devices must not be used afterwards.
func (e *Engine) Close() {
	if !e.IsFinalized() {
		e.Finalize()
	}
}

// Open opens the engine that cfg and the environment ask for.
func Open(ctx context.Context, cfg Config) (*Engine, error) {
	return newOpener(cfg).open(ctx)
}

// opener is one call of Open: the configuration, and the seams of the tests.
type opener struct {
	cfg  Config
	say  func(string)
	gpu  func() bool
	dirs func() []string
	load func(path, options string) (compute.Backend, version, error)
	how  func(kind string) (installer, bool)
}

func newOpener(cfg Config) *opener {
	say := cfg.Say
	if say == nil {
		say = func(line string) { fmt.Fprintln(os.Stderr, line) }
	}
	return &opener{cfg: cfg, say: say, gpu: sync.OnceValue(hasGPU), dirs: searchDirs, load: loadPlugin, how: here}
}

func (o *opener) open(ctx context.Context) (*Engine, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	asked, from := o.cfg.Spec, "the configuration"
	if asked == "" {
		asked, from = os.Getenv(EnvSpec), EnvSpec
	}
	if asked == "" {
		return o.choose(ctx)
	}
	s, err := parseSpec(asked)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", from, err)
	}
	e, err := o.named(ctx, s, fmt.Sprintf("%s is %s", from, asked))
	if err != nil {
		return nil, fmt.Errorf("%s asks for %s: %w", from, asked, err)
	}
	return e, nil
}

// named opens what the user asked for, or fails.
func (o *opener) named(ctx context.Context, s spec, why string) (*Engine, error) {
	switch {
	case s.engine == "go":
		return openGo(s.options, why)
	case !xlaBuilt:
		return nil, errNoXLA
	case isPath(s.plugin):
		return o.openPlugin(s.plugin, s.options, why)
	case s.plugin == "":
		var failed []error
		for _, kind := range o.kinds() {
			e, err := o.kind(ctx, kind, s.options, why)
			if err == nil || ctx.Err() != nil {
				return e, err
			}
			failed = append(failed, err)
		}
		return nil, errors.Join(failed...)
	}
	return o.kind(ctx, s.plugin, s.options, why)
}

// choose is the normal choice: it always ends with an engine.
func (o *opener) choose(ctx context.Context) (*Engine, error) {
	if !xlaBuilt {
		o.say(goNotice(errNoXLA))
		return openGo("", "XLA is not in this build")
	}
	var last error
	for _, kind := range o.kinds() {
		why := "no NVIDIA GPU is visible"
		if o.gpu() {
			why = "an NVIDIA GPU is visible"
			if kind == "cpu" {
				why = "the CUDA plugin does not open"
			}
		}
		e, err := o.kind(ctx, kind, "", why)
		if err == nil || ctx.Err() != nil {
			return e, err
		}
		if kind != "cpu" {
			o.say(fmt.Sprintf("xla:%s: %v", kind, err))
		}
		last = err
	}
	o.say(goNotice(last))
	return openGo("", "XLA does not open here")
}

// goNotice is the line that says that the pure-Go engine runs, why, and its cost.
func goNotice(err error) string {
	reason := strings.ReplaceAll(strings.TrimSpace(err.Error()), "\n", "; ")
	if f := (*fetch.Error)(nil); errors.As(err, &f) { // it has said already how each way failed
		reason = fmt.Sprintf("%s could not be fetched: %s", f.Item, f.Remedy)
	}
	return fmt.Sprintf("the pure-Go engine runs, %s, because XLA does not open: %s", goCost, reason)
}

// goCost is what the package's benchmarks show on two cores: one small gradient
// step 0.9 ms against 0.18 ms, a 512x512 matrix product 60 ms against 1.5 ms.
const goCost = "5 to 40 times slower"

func (o *opener) kinds() []string {
	if o.gpu() {
		return []string{"cuda", "cpu"}
	}
	return []string{"cpu"}
}

// kind opens a plugin by name: one that go-xla would find, ours, or a new one.
func (o *opener) kind(ctx context.Context, name, options, why string) (*Engine, error) {
	if name == "cuda" && !o.gpu() {
		return nil, errors.New("no NVIDIA GPU is visible (no /dev/nvidia0, nothing from nvidia-smi): check the driver and CUDA_VISIBLE_DEVICES, or use xla:cpu")
	}
	var names []string
	var failed error
	for _, c := range findPlugins(o.dirs()) {
		names = append(names, c.name)
		if c.name != name {
			continue
		}
		e, err := o.openPlugin(c.path, options, why+"; plugin found where go-xla looks")
		if err == nil {
			return e, nil
		}
		o.say(fmt.Sprintf("passing over: %v", err))
		failed = err
	}
	how, ok := o.how(name)
	if !ok {
		if failed != nil {
			return nil, failed
		}
		return nil, o.unknown(name, names)
	}
	if path, ok := how.have(); ok {
		return o.openPlugin(path, options, why+"; plugin from the cache")
	}
	if o.cfg.NoInstall {
		return nil, fmt.Errorf("xla:%s: %w", name, errNotInstalled)
	}
	path, err := how.ensure(ctx, o.say)
	if err != nil {
		return nil, err
	}
	return o.openPlugin(path, options, why+"; plugin just installed")
}

var errNotInstalled = errors.New("no plugin is installed and Config.NoInstall forbids it: allow it, or put a plugin into a folder that " + EnvSearch + " names")

// unknown is the error for a plugin that can neither be found nor installed.
func (o *opener) unknown(name string, found []string) error {
	hint := nearest(name, append([]string{"cpu", "cuda"}, found...))
	if hint != "" && hint != name {
		return fmt.Errorf("plugin %q is not known: did you mean xla:%s? (found: %s)", name, hint, orNone(found))
	}
	return fmt.Errorf("no plugin %q is found (found: %s) and none is known for %s/%s: put pjrt_c_api_%s_plugin.so into a folder that %s names",
		name, orNone(found), runtime.GOOS, runtime.GOARCH, name, EnvSearch)
}

func orNone(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

func (o *opener) openPlugin(path, options, why string) (*Engine, error) {
	b, v, err := o.load(path, options)
	if err != nil {
		return nil, err
	}
	name := nameOf(path)
	if name == "" {
		name = "plugin"
	}
	return &Engine{Backend: b, Name: "xla:" + name, Plugin: path, Version: v.String(), Why: why, options: options}, nil
}

func openGo(options, why string) (*Engine, error) {
	b, err := gobackend.New(options)
	if err != nil {
		return nil, fmt.Errorf("the pure-Go engine with options %q: %w", options, err)
	}
	return &Engine{Backend: b, Name: "go", Version: runtime.Version(), Why: why, options: options}, nil
}
