package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/rewardlab/rewardlab/notebooks/internal/lab"
)

// checkBrowser hands over to a program of its own, because what drives the browser takes half a minute to compile and
// nobody else needs it.
func checkBrowser(ctx context.Context, args []string, out io.Writer) error {
	flags := newFlags("check-browser", out)
	fast := flags.Bool("fast", false, "cut the steps: sets REWARDLAB_FAST=1, which the cells read")
	answers := flags.Int("answers", 0, "run only the cell that asks a person, click so many answers in it, and kill the kernel half-way")
	live := flags.Bool("live", false, "fail unless a chart was seen to change while the notebook ran")
	click := flags.Bool("click", false, "press the buttons that cells show while they run, in turn: the cells in which a person plays or answers")
	timeout := flags.Duration("timeout", 20*time.Minute, "longest the whole notebook may take")
	if err := parse(flags, args, 1); err != nil {
		return err
	}
	if flags.NArg() != 1 {
		return fmt.Errorf("%w: check-browser needs the name of one notebook", errUsage)
	}
	browser, err := findBrowser()
	if err != nil {
		return err
	}
	env, err := prepare(ctx)
	if err != nil {
		return err
	}
	paths, err := find(env.Notebooks(), flags.Args())
	if err != nil {
		return err
	}
	path, err := filepath.Abs(paths[0])
	if err != nil {
		return err
	}
	name := strings.TrimSuffix(filepath.Base(path), ".ipynb")
	results := filepath.Join(filepath.Dir(path), "out")
	if err := os.MkdirAll(results, 0o755); err != nil {
		return err
	}
	// The browser saves what it ran: it gets a copy, in a folder that data paths relative to the notebook still fit.
	work, err := os.MkdirTemp(results, "."+name+"-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	file := filepath.Base(path)
	if err := os.WriteFile(filepath.Join(work, file), data, 0o644); err != nil {
		return err
	}
	if *fast {
		os.Setenv("REWARDLAB_FAST", "1")
	}
	if !*click && *answers == 0 { // nobody is there to press a button
		os.Setenv("REWARDLAB_HEADLESS", "1")
	}
	runs := filepath.Join(work, "runs")
	if *answers > 0 { // what a person said before must not count
		os.Setenv("REWARDLAB_RUNS", runs)
	}
	lctx, stopLab := context.WithCancel(ctx)
	defer stopLab()
	server, err := lab.Start(lctx, env, lab.Config{Dir: work, Expose: true, Log: filepath.Join(results, name+"-browser-lab.log")})
	if err != nil {
		return err
	}
	shots := name + "-browser"
	if *answers > 0 {
		shots = name + "-person"
	}
	fmt.Fprintf(out, "  JupyterLab answers at %s; compiling the browser's driver\n", server.Base)
	cmd := env.Go(ctx, "run", "./notebooks/internal/browsercheck", "-browser", browser, "-timeout", timeout.String(),
		fmt.Sprintf("-live=%t", *live), fmt.Sprintf("-click=%t", *click), fmt.Sprintf("-answers=%d", *answers), "-runs", runs, "-lab", server.Base, "-notebook", file,
		"-out", filepath.Join(results, shots))
	cmd.Env = append(os.Environ(), "JUPYTER_TOKEN="+server.Token)
	cmd.Stdout, cmd.Stderr = out, os.Stderr
	err = cmd.Run()
	stopLab()
	server.Wait(lctx)
	if exit := (*exec.ExitError)(nil); ctx.Err() == nil && errors.As(err, &exit) {
		return fmt.Errorf("the browser check of %s failed: its pictures are in %s", name, results)
	}
	return errors.Join(ctx.Err(), err)
}

// findBrowser is the first Chromium or Chrome on PATH.
func findBrowser() (string, error) {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%w: no Chromium or Chrome on PATH to look at the notebook with: sudo apt install chromium", errSkipped)
}
