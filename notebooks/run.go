package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rewardlab/rewardlab/notebooks/internal/runner"
	"github.com/rewardlab/rewardlab/notebooks/internal/setup"
)

// runNotebooks executes notebooks and fails if one of them did.
func runNotebooks(ctx context.Context, args []string, out io.Writer) error {
	flags := newFlags("run", out)
	fast := flags.Bool("fast", false, "cut the steps: sets REWARDLAB_FAST=1, which the cells read")
	timeout := flags.Duration("timeout", 20*time.Minute, "longest a cell may run")
	jobs := flags.Int("j", 1, "notebooks to run side by side")
	results := flags.String("out", "", "folder for the results; empty: out, beside the notebook")
	if err := parse(flags, args, -1); err != nil {
		return err
	}
	if *jobs < 1 || *timeout < time.Second {
		return fmt.Errorf("%w: -j must be at least 1 and -timeout at least 1s", errUsage)
	}
	env, err := prepare(ctx)
	if err != nil {
		return err
	}
	paths, err := find(env.Notebooks(), flags.Args())
	if err != nil {
		return err
	}
	var (
		mu       sync.Mutex
		wg       sync.WaitGroup
		failures = make([]error, len(paths))
		places   = make(chan struct{}, *jobs)
	)
	say := func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Fprintf(out, "  "+format+"\n", args...)
	}
	for i, path := range paths {
		places <- struct{}{}
		wg.Go(func() {
			defer func() { <-places }()
			cfg := runner.Config{Fast: *fast, Timeout: *timeout, Out: *results, Say: say, Kernel: setup.HeadlessKernel,
				Python: func(args ...string) *exec.Cmd { return env.Python(context.WithoutCancel(ctx), args...) }}
			res, err := runner.Run(ctx, path, cfg)
			failures[i] = err
			mu.Lock()
			defer mu.Unlock()
			report(out, path, cfg.Out, res, err)
		})
	}
	wg.Wait()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if bad := len(slices.DeleteFunc(failures, func(err error) bool { return err == nil })); bad > 0 {
		return fmt.Errorf("%d of %d notebooks failed", bad, len(paths))
	}
	return nil
}

func report(out io.Writer, path, results string, res *runner.Result, err error) {
	if err != nil {
		fmt.Fprintf(out, "✗ %s: %v\n", filepath.Base(path), err)
		return
	}
	if results == "" {
		results = filepath.Join(filepath.Dir(path), "out")
	}
	fmt.Fprintf(out, "✓ %s %.1f s, %d cells, %.0f MB in all, %.0f MB in the largest cell, results in %s\n",
		filepath.Base(path), res.WallS, len(res.Cells), res.PeakTreeMB, res.PeakCellMB, results)
	for _, a := range res.Asserts {
		fmt.Fprintf(out, "    %s = %g, within [%g, %g]\n", a.Name, a.Value, a.Lo, a.Hi)
	}
}

var numbered = regexp.MustCompile(`^[0-9]{2}_.*\.ipynb$`)

// find turns names into paths of notebooks; no name means every numbered notebook of the folder.
func find(dir string, names []string) ([]string, error) {
	if len(names) == 0 {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			if numbered.MatchString(e.Name()) {
				names = append(names, filepath.Join(dir, e.Name()))
			}
		}
		if len(names) == 0 {
			return nil, fmt.Errorf("notebooks: none called NN_name.ipynb in %s", dir)
		}
		return names, nil
	}
	var paths []string
	var missing []error
	for _, name := range names {
		file := strings.TrimSuffix(name, ".ipynb") + ".ipynb"
		switch {
		case isFile(filepath.Join(dir, file)):
			paths = append(paths, filepath.Join(dir, file))
		case isFile(file):
			paths = append(paths, file)
		default:
			missing = append(missing, fmt.Errorf("notebook %q: not in %s and no file of that name: %s", name, dir, known(dir)))
		}
	}
	return paths, errors.Join(missing...)
}

func known(dir string) string {
	all, err := find(dir, nil)
	if err != nil {
		return "there are none yet"
	}
	for i, p := range all {
		all[i] = strings.TrimSuffix(filepath.Base(p), ".ipynb")
	}
	return "there are " + strings.Join(all, ", ")
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}
