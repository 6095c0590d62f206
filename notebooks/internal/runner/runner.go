package runner

import (
	"bufio"
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/rewardlab/rewardlab/notebooks/internal/nbfile"
	"github.com/rewardlab/rewardlab/notebooks/nb"
)

//go:embed execute.py
var script string

// Config says how to run. The zero value is a full run, twenty minutes a cell, results in out/ beside the notebook.
type Config struct {
	Fast    bool                                // set REWARDLAB_FAST, by which cells cut their steps
	Timeout time.Duration                       // of one cell; 0 is 20 minutes
	Out     string                              // folder of the results; "" is out beside the notebook
	Kernel  string                              // name of the kernelspec; "" is the headless one
	Say     func(format string, args ...any)    // gets progress lines; nil drops them
	Python  func(args ...string) *exec.Cmd      // makes a command of the set-up's interpreter; required
	every   time.Duration                       // between signs of life of a long cell; 0 is 10 s
	started func(context.Context, int) *sampler // watches the processes; nil is startSampler
}

// Result is what a run leaves in NAME.json.
type Result struct {
	Notebook   string       `json:"notebook"`
	OK         bool         `json:"ok"`
	Fast       bool         `json:"fast"`
	Started    time.Time    `json:"started"`
	WallS      float64      `json:"wall_s"`
	KernelS    float64      `json:"kernel_start_s"`
	PeakTreeMB float64      `json:"peak_tree_mb"` // all processes together: Jupyter, GoNB, the compiler, the cell; 0 where /proc is missing
	PeakCellMB float64      `json:"peak_cell_mb"` // the largest program that a cell was compiled to
	Cells      []CellResult `json:"cells"`
	Asserts    []Assertion  `json:"asserts"`
	Figures    []string     `json:"figures"`
	Failure    *Failure     `json:"failure,omitempty"`
}

// CellResult is one executed cell.
type CellResult struct {
	Cell    int     `json:"cell"`
	Seconds float64 `json:"seconds"`
	Title   string  `json:"title"`
}

// Run executes one notebook. The error is a *Failure when a cell failed; the result is there in any case.
func Run(ctx context.Context, path string, cfg Config) (*Result, error) {
	if cfg.Timeout == 0 {
		cfg.Timeout = 20 * time.Minute
	}
	if cfg.Out == "" {
		cfg.Out = filepath.Join(filepath.Dir(path), "out")
	}
	if cfg.Kernel == "" {
		cfg.Kernel = "rewardlab-headless"
	}
	if cfg.Say == nil {
		cfg.Say = func(string, ...any) {}
	}
	if cfg.every == 0 {
		cfg.every = 10 * time.Second
	}
	if cfg.started == nil {
		cfg.started = startSampler
	}
	book, err := nbfile.Read(path)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(cfg.Out, 0o755); err != nil {
		return nil, fmt.Errorf("results of %s: %w", path, err)
	}
	r := &run{
		Config: cfg, path: path, book: book,
		name: strings.TrimSuffix(filepath.Base(path), ".ipynb"),
		res:  &Result{Notebook: filepath.Base(path), Fast: cfg.Fast, Started: time.Now().UTC().Truncate(time.Second)},
	}
	start := time.Now()
	err = r.execute(ctx)
	r.res.WallS = time.Since(start).Seconds()
	if err == nil {
		err = r.finish()
	}
	if failure := (*Failure)(nil); errors.As(err, &failure) {
		r.res.Failure = failure
	}
	r.res.OK = err == nil
	figures, figErr := saveFigures(r.out(".ipynb"), r.out("-figures"))
	r.res.Figures = figures
	return r.res, errors.Join(err, figErr, writeJSON(r.out(".json"), r.res))
}

type run struct {
	Config
	path, name string
	book       *nbfile.Notebook
	res        *Result
}

func (r *run) out(suffix string) string { return filepath.Join(r.Out, r.name+suffix) }

// execute starts execute.py and answers its events until it ends.
func (r *run) execute(ctx context.Context) error {
	path, err := filepath.Abs(r.path)
	if err != nil {
		return err
	}
	out, err := filepath.Abs(r.out(""))
	if err != nil {
		return err
	}
	os.Remove(out + ".ipynb") // an old result must not pass for this one
	job, err := json.Marshal(map[string]any{
		"path": path, "kernel": r.Kernel, "timeout": max(1, int(r.Timeout.Seconds())), "cwd": filepath.Dir(path),
		"executed": out + ".ipynb", "html": out + ".html",
	})
	if err != nil {
		return err
	}
	cmd := r.Python("-c", script, string(job))
	cmd.Dir = filepath.Dir(path)
	cmd.Env = append(cmd.Environ(), nb.EnvHeadless+"=1")
	if r.Fast {
		cmd.Env = append(cmd.Env, nb.EnvFast+"=1")
	} else {
		cmd.Env = append(cmd.Env, nb.EnvFast+"=0")
	}
	cmd.SysProcAttr = ownGroup()
	var log bytes.Buffer // the kernel's own log; its end is shown when the kernel dies
	cmd.Stdout, cmd.Stderr = &log, &log
	answers, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	events, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer events.Close()
	cmd.ExtraFiles = []*os.File{w}
	err = cmd.Start()
	w.Close()
	if err != nil {
		return fmt.Errorf("headless run: %w: run `go run ./notebooks setup`", err)
	}
	cmd.WaitDelay = 5 * time.Second

	watch, stopWatch := context.WithCancel(ctx)
	defer stopWatch()
	samples := r.started(watch, cmd.Process.Pid)
	stop := context.AfterFunc(ctx, func() { cmd.Process.Signal(syscall.SIGINT) }) // Python then stops its kernel
	defer stop()

	ended := make(chan error, 1)
	go func() {
		err := cmd.Wait()
		events.SetReadDeadline(time.Now().Add(time.Second)) // a child that stayed behind may hold the other end open
		ended <- err
	}()
	verdict := r.follow(events, answers)
	answers.Close()
	select {
	case err = <-ended:
	case <-time.After(30 * time.Second):
		cmd.Process.Kill()
		err = <-ended
	}
	stopWatch()
	r.res.PeakTreeMB, r.res.PeakCellMB = samples.finish()
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case verdict != nil:
		var dead *Failure
		if errors.As(verdict, &dead) && dead.Reason == "dead kernel" {
			dead.Text = strings.TrimSpace(dead.Text + "\n" + lastLines(clean(log.String()), 10))
		}
		return verdict
	case err != nil:
		return fmt.Errorf("headless run: %w\n%s", err, lastLines(clean(log.String()), 15))
	}
	return nil
}

// follow reads events until the stream ends and returns the first failure. After a failed cell it answers "stop" and
// reads on, so that the executed notebook is still written.
func (r *run) follow(events io.Reader, answers io.Writer) error {
	total, done, current := 0, 0, -1
	for _, c := range r.book.Cells {
		if c.Type == "code" && strings.TrimSpace(string(c.Source)) != "" {
			total++
		}
	}
	lines := make(chan string)
	defer func() {
		go func() { // lets the reader end when we leave early
			for range lines {
			}
		}()
	}()
	go func() {
		defer close(lines)
		reader := bufio.NewReader(events)
		for {
			line, err := reader.ReadString('\n')
			if line != "" {
				lines <- line
			}
			if err != nil {
				return
			}
		}
	}()
	alive := time.NewTicker(r.every)
	defer alive.Stop()
	since := time.Now()
	r.Say("%s: starting its kernel", r.name)
	var verdict error
	for {
		var e event
		select {
		case line, ok := <-lines:
			if !ok {
				if verdict == nil && done < total {
					return fmt.Errorf("headless run of %s ended after %d of %d cells", r.name, done, total)
				}
				return verdict
			}
			if err := json.Unmarshal([]byte(line), &e); err != nil || e.Cell < 0 || e.Cell >= len(r.book.Cells) {
				return fmt.Errorf("headless run: cannot read the event %q", line)
			}
		case <-alive.C:
			if current >= 0 {
				r.Say("%s: cell %d/%d still runs, %.0f s", r.name, done+1, total, time.Since(since).Seconds())
			}
			continue
		}
		switch e.Event {
		case "kernel":
			r.res.KernelS = e.Seconds
		case "start":
			current, since = e.Cell, time.Now()
			alive.Reset(r.every)
		case "end":
			current = -1
			done++
			cell := r.book.Cells[e.Cell]
			found := assertions(e)
			r.res.Cells = append(r.res.Cells, CellResult{e.Cell, e.Seconds, cell.Title()})
			r.res.Asserts = append(r.res.Asserts, found...)
			failure := judge(e, cell, r.Timeout)
			if failure == nil {
				failure = outside(found, cell)
			}
			answer, mark := "next", "ok"
			if failure != nil {
				verdict, answer, mark = failure, "stop", "FAILED"
			}
			r.Say("%s: cell %d/%d %s %.1f s  %s", r.name, done, total, mark, e.Seconds, cell.Title())
			fmt.Fprintln(answers, answer)
		case "fatal":
			if verdict == nil {
				verdict = fmt.Errorf("headless run of %s: %s", r.name, e.Failure)
			}
		}
	}
}

// finish checks what only the whole notebook can show.
func (r *run) finish() error {
	if len(r.res.Asserts) == 0 && !r.book.Meta.Lab.NoAssert {
		return fmt.Errorf("%s asserts no number: check one with nb.Assert, or excuse the notebook with the metadata "+
			`"rewardlab": {"no_assert": true}`, r.name)
	}
	return nil
}

func writeJSON(path string, v any) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(data, '\n'), 0o644)
}
