package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/rewardlab/rewardlab/rl/film"
	"github.com/rewardlab/rewardlab/rl/run"
)

func main() { os.Exit(signalled(os.Args[1:], world())) }

// signalled runs Main until the first signal, at which the run is saved; a second
// one ends the program at once.
func signalled(args []string, e env) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	return Main(ctx, args, os.Stdout, os.Stderr, e)
}

// env is what the command takes from the world around it.
type env struct {
	presets []run.Preset
	getenv  func(string) string
	setenv  func(name, value string) error
	// film plays the policy that a seed of a run has learned.
	film func(context.Context, *run.Run, int64, film.Options, func(string)) (*film.Take, error)
	// doctor writes a report on the engine and the tools, and fails if something
	// that is needed is missing.
	doctor func(context.Context, io.Writer) error
}

// Exit codes, see the package documentation.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130
)

// usageError marks mistakes on the command line.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// command is one subcommand.
type command struct {
	name, args, about string
	run               func(*call) error
}

func commands() []command {
	return []command{
		{"train", "PRESET", "train a preset into a new run folder", (*call).train},
		{"sweep", "PRESET", "train a preset with every combination of some values", (*call).sweep},
		{"diagnose", "PRESET", "say whether the learner or the learned reward falls short", (*call).diagnose},
		{"resume", "RUN", "go on with a run that was interrupted", (*call).resume},
		{"eval", "RUN", "evaluate the checkpoints of a run again", (*call).eval},
		{"plot", "RUN...", "draw the learning curves of one or more runs", (*call).plot},
		{"film", "[RUN]", "draw what a run has learned to do, or random actions, as a GIF", (*call).film},
		{"demos", "record|show|make", "record what a run has learned as demonstrations, or look at some", (*call).demos},
		{"bench", "[PRESET...]", "time environments and training on this machine", (*call).bench},
		{"list", "", "list the presets, or with -envs the environments", (*call).list},
		{"doctor", "", "say which engine is used and why, and what is missing", (*call).doctor},
	}
}

// call is one call of a subcommand.
type call struct {
	ctx            context.Context
	command        command
	args           []string
	stdout, stderr io.Writer
	env            env
	flags          *flag.FlagSet
}

// Main runs the command with the arguments after its name and returns the exit
// code.
func Main(ctx context.Context, args []string, stdout, stderr io.Writer, e env) int {
	stderr = &locked{w: stderr}
	err := dispatch(ctx, args, stdout, stderr, e)
	var usage usageError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &usage):
		fmt.Fprintf(stderr, "rl: %v\n", err)
		return exitUsage
	case ctx.Err() != nil && errors.Is(err, ctx.Err()):
		fmt.Fprintf(stderr, "rl: %v\n", err)
		return exitInterrupted
	}
	fmt.Fprintf(stderr, "rl: %v\n", err)
	return exitFailed
}

// locked lets a progress line and messages of engines share one output.
type locked struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *locked) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(b)
}

// Fd lets the progress line find out whether it writes to a terminal.
func (l *locked) Fd() uintptr {
	if f, ok := l.w.(interface{ Fd() uintptr }); ok {
		return f.Fd()
	}
	return ^uintptr(0)
}

func dispatch(ctx context.Context, args []string, stdout, stderr io.Writer, e env) error {
	if len(args) == 0 {
		return usagef("no command\n\n%s", overview())
	}
	name, args := args[0], args[1:]
	if slices.Contains([]string{"help", "-h", "-help", "--help"}, name) {
		if len(args) == 0 {
			_, err := io.WriteString(stdout, overview())
			return err
		}
		// "help train igl-mnist" is "train igl-mnist --help", and so is "help igl-mnist".
		if _, err := findPreset(e.presets, args[0]); err == nil {
			args = append([]string{"train"}, args...)
		}
		name, args = args[0], append(slices.Clone(args[1:]), "--help")
	}
	var names []string
	for _, c := range commands() {
		if c.name == name {
			cl := &call{ctx: ctx, command: c, args: args, stdout: stdout, stderr: stderr, env: e}
			cl.flags = flag.NewFlagSet(name, flag.ContinueOnError)
			cl.flags.SetOutput(io.Discard)
			err := c.run(cl)
			if errors.Is(err, flag.ErrHelp) {
				return cl.help()
			}
			return err
		}
		names = append(names, c.name)
	}
	return usagef("unknown command %q%s\n\n%s", name, hint(name, names), overview())
}

func overview() string {
	var b strings.Builder
	b.WriteString("rl trains reward learners.\n\n")
	for _, c := range commands() {
		fmt.Fprintf(&b, "  rl %-23s %s\n", c.name+" "+c.args, c.about)
	}
	b.WriteString(`
  rl COMMAND --help        its flags
  rl train PRESET --help   the keys that -set knows, with their defaults

Exit codes: 0 done, 1 failed, 2 wrong command line or configuration, 130 interrupted.
`)
	return b.String()
}

// parse reads the flags, which may stand before and after the other arguments,
// and returns those others.
func (c *call) parse() ([]string, error) {
	var rest []string
	args := c.args
	for {
		err := c.flags.Parse(args)
		left := c.flags.Args()
		if errors.Is(err, flag.ErrHelp) {
			c.args = append(rest, left...) // for help on a preset
			return nil, err
		}
		if err != nil {
			return nil, c.flagError(err)
		}
		if read := len(args) - len(left); read > 0 && args[read-1] == "--" {
			return append(rest, left...), nil
		}
		if len(left) == 0 {
			return rest, nil
		}
		rest = append(rest, left[0])
		args = left[1:]
	}
}

func (c *call) flagError(err error) error {
	bad, ok := strings.CutPrefix(err.Error(), "flag provided but not defined: -")
	if !ok {
		return usageError{err}
	}
	var names []string
	c.flags.VisitAll(func(f *flag.Flag) { names = append(names, f.Name) })
	if len(names) == 0 {
		return usagef("%s has no flags, and was given -%s", c.command.name, bad)
	}
	return usagef("unknown flag -%s%s flags of %s are -%s", bad, cmp.Or(hint(bad, names), ":"), c.command.name, strings.Join(names, ", -"))
}

// one returns the only argument.
func (c *call) one(rest []string, what string) (string, error) {
	if len(rest) != 1 {
		return "", usagef("%s needs one %s, has %d: rl %[1]s %s", c.command.name, what, len(rest), c.command.args)
	}
	return rest[0], nil
}

// preset returns the preset that is the only argument.
func (c *call) preset(rest []string) (run.Preset, error) {
	name, err := c.one(rest, "preset")
	if err != nil {
		return run.Preset{}, err
	}
	p, err := findPreset(c.env.presets, name)
	if err != nil {
		return p, usageError{err}
	}
	return p, nil
}

func hint(name string, among []string) string {
	if n := run.Nearest(name, among); n != "" {
		return fmt.Sprintf(": did you mean %q?", n)
	}
	return ""
}

func findPreset(presets []run.Preset, name string) (run.Preset, error) {
	names := make([]string, len(presets))
	for i, p := range presets {
		if p.Name == name {
			return p, nil
		}
		names[i] = p.Name
	}
	return run.Preset{}, fmt.Errorf("unknown preset %q%s presets are %s", name, cmp.Or(hint(name, names), ":"), strings.Join(names, ", "))
}
