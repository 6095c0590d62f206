// Command browsercheck opens a notebook in a running JupyterLab in headless Chromium, runs all its cells, watches its
// charts while they run, presses buttons where it is told to, and takes pictures. `go run ./notebooks check-browser` starts it.
//
// It is a program of its own because the package that drives the browser takes long to compile.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/rewardlab/rewardlab/notebooks/internal/nbfile"
	"github.com/rewardlab/rewardlab/notebooks/internal/runner"
)

// report is what the check leaves in PREFIX.json.
type report struct {
	OK       bool              `json:"ok"`
	OpenS    float64           `json:"open_s"`
	RunS     float64           `json:"run_s"`
	Charts   []chart           `json:"charts"`
	Clicks   []click           `json:"clicks,omitempty"`
	Answers  []string          `json:"answers,omitempty"` // that were clicked
	Pictures []string          `json:"pictures"`
	Failures []*runner.Failure `json:"failures"`
}

// chart is one cell's chart: how many different pictures of it were seen while the notebook ran.
type chart struct {
	Cell   int `json:"cell"`
	Frames int `json:"frames"`
}

// click is a button that was pressed.
type click struct {
	Cell  int    `json:"cell"`
	Label string `json:"label"`
}

// options are the command line.
type options struct {
	browser, lab, token, notebook string
	out                           string // what the files it writes begin with
	limit                         time.Duration
	click                         bool
	answers                       int
	runs                          string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := check(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "✗", err)
		os.Exit(1)
	}
}

func check(ctx context.Context) error {
	o := options{token: os.Getenv("JUPYTER_TOKEN")}
	flag.StringVar(&o.browser, "browser", "chromium", "the browser's program")
	flag.StringVar(&o.lab, "lab", "", "address of JupyterLab; its token is read from JUPYTER_TOKEN")
	flag.StringVar(&o.notebook, "notebook", "", "the notebook, relative to JupyterLab's root folder")
	flag.StringVar(&o.out, "out", "browser", "what the files it writes begin with")
	flag.DurationVar(&o.limit, "timeout", 20*time.Minute, "longest the notebook may take")
	flag.IntVar(&o.answers, "answers", 0, "run the notebook's person cell alone, and click so many answers in it")
	flag.StringVar(&o.runs, "runs", "", "with -answers: the folder of the runs, where the answers are looked for")
	live := flag.Bool("live", false, "fail unless a chart was seen to change")
	flag.BoolVar(&o.click, "click", false, "press the buttons that cells show while they run, in turn; fail if there are none")
	flag.Parse()

	old, _ := filepath.Glob(o.out + "-*.png")
	for _, path := range old {
		os.Remove(path)
	}
	rep := &report{}
	data, err := drive(ctx, o, rep)
	if err != nil {
		err = fmt.Errorf("browser check of %s: %w", o.notebook, err)
	} else if book, bad := nbfile.Parse(data); bad != nil {
		err = bad
	} else if o.answers > 0 {
		err = failures(book, rep, true)
	} else {
		err = verdict(book, *live, o.click, rep)
	}
	rep.OK = err == nil
	told, jsonErr := json.MarshalIndent(rep, "", "  ")
	if jsonErr == nil {
		jsonErr = os.WriteFile(o.out+".json", append(told, '\n'), 0o644)
	}
	fmt.Printf("  opened in %.1f s, ran in %.1f s, %d pictures %s-*.png\n", rep.OpenS, rep.RunS, len(rep.Pictures), o.out)
	if len(rep.Answers) > 0 {
		fmt.Printf("  %d answers clicked, the kernel killed in between, all on the disk: %s\n", len(rep.Answers), strings.Join(rep.Answers, " "))
	}
	for _, c := range rep.Charts {
		fmt.Printf("  the chart of cell %d showed %d different pictures while the notebook ran\n", c.Cell, c.Frames)
	}
	if len(rep.Clicks) > 0 {
		fmt.Printf("  %d buttons were pressed\n", len(rep.Clicks))
	}
	if err == nil {
		fmt.Printf("✓ %s in the browser\n", o.notebook)
	}
	return errors.Join(err, jsonErr)
}

// failures are the cells that failed; with ran only those that were executed count.
func failures(book *nbfile.Notebook, rep *report, ran bool) error {
	rep.Failures = slices.DeleteFunc(runner.Check(book), func(f *runner.Failure) bool { return ran && book.Cells[f.Cell].Count == nil })
	var all []error
	for _, f := range rep.Failures {
		all = append(all, f)
	}
	return errors.Join(all...)
}

// verdict judges the notebook as it stands after the run.
func verdict(book *nbfile.Notebook, live, press bool, rep *report) error {
	all := []error{failures(book, rep, false)}
	for i, c := range book.Cells {
		if c.Type == "code" && c.Count == nil && c.Title() != "" && !c.Tagged("raises-exception") {
			all = append(all, fmt.Errorf("cell %d was not executed", i))
			break
		}
	}
	if live && !slices.ContainsFunc(rep.Charts, func(c chart) bool { return c.Frames > 1 }) {
		all = append(all, errors.New("no chart changed while the notebook ran"))
	}
	if press && len(rep.Clicks) == 0 {
		all = append(all, errors.New("no cell showed a button while it ran"))
	}
	return errors.Join(all...)
}
