// Command notebooks opens the notebooks in JupyterLab, and runs them without a browser.
//
//	go run ./notebooks                 sets up what is missing and opens JupyterLab
//	go run ./notebooks setup           sets up only
//	go run ./notebooks run 01_igl      executes a notebook and fails where a cell failed
//
// The first call takes a few minutes; it needs Go, a C compiler, Python 3 and a network. Later ones need neither the
// network nor any waiting.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/rewardlab/rewardlab/notebooks/internal/progress"
	"github.com/rewardlab/rewardlab/notebooks/internal/setup"
)

const usage = `Usage:
  go run ./notebooks [flags]                   set up what is missing, then open JupyterLab
  go run ./notebooks setup                     set up only
  go run ./notebooks run [flags] [name ...]    execute notebooks without a browser; no name: all of them
  go run ./notebooks check-browser name        run a notebook in JupyterLab in headless Chromium, with pictures

A name is 01_igl, 01_igl.ipynb or a path. Everything that is installed goes to the user's cache
(REWARDLAB_CACHE moves it); deleting it there is safe. "-h" after a command lists its flags.

Exit status: 0 all went well, 1 something failed, 2 wrong usage, 3 no browser to check with, 130 interrupted.
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	err := command(ctx, os.Args[1:], os.Stdout)
	stop()
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
	case errors.Is(err, errSkipped):
		fmt.Fprintln(os.Stderr, err)
		os.Exit(3)
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(os.Stderr, "stopped")
		os.Exit(130)
	case errors.Is(err, errUsage):
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	default:
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

var (
	errUsage   = errors.New("usage")
	errSkipped = errors.New("skipped")
)

func command(ctx context.Context, args []string, out io.Writer) error {
	name := ""
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		name, args = args[0], args[1:]
	}
	switch name {
	case "":
		return openLab(ctx, args, out)
	case "setup":
		flags := newFlags("setup", out)
		if err := parse(flags, args, 0); err != nil {
			return err
		}
		_, err := prepare(ctx)
		return err
	case "run":
		return runNotebooks(ctx, args, out)
	case "check-browser":
		return checkBrowser(ctx, args, out)
	case "help":
		fmt.Fprint(out, usage)
		return nil
	}
	return fmt.Errorf("%w: no command %q\n%s", errUsage, name, usage)
}

// newFlags is a flag set that prints the usage above its own flags.
func newFlags(name string, out io.Writer) *flag.FlagSet {
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	flags.SetOutput(out)
	flags.Usage = func() {
		fmt.Fprint(out, usage)
		fmt.Fprintln(out, "\nFlags:")
		flags.PrintDefaults()
	}
	return flags
}

// parse takes flags before, between and after the names; at most maxNames names, any number when it is negative.
func parse(flags *flag.FlagSet, args []string, maxNames int) error {
	var names []string
	for rest := args; ; {
		if err := flags.Parse(rest); errors.Is(err, flag.ErrHelp) {
			return err
		} else if err != nil {
			return fmt.Errorf("%w: %v", errUsage, err)
		}
		if flags.NArg() == 0 {
			break
		}
		names, rest = append(names, flags.Arg(0)), flags.Args()[1:]
	}
	if maxNames >= 0 && len(names) > maxNames {
		return fmt.Errorf("%w: %q is too much: -h shows how it goes", errUsage, names[maxNames])
	}
	return flags.Parse(append([]string{"--"}, names...))
}

func prepare(ctx context.Context) (*setup.Env, error) {
	return setup.Run(ctx, setup.Config{Log: progress.New(os.Stdout)})
}
