package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/rewardlab/rewardlab/plots"
	"github.com/rewardlab/rewardlab/rl/run"
)

// outputFlags are shared by the commands that end with a result.
type outputFlags struct{ json, quiet bool }

func (c *call) outputFlags() *outputFlags {
	o := &outputFlags{}
	c.flags.BoolVar(&o.json, "json", false, "write the result as one JSON object, the last line of standard output; all else goes to standard error")
	c.flags.BoolVar(&o.quiet, "quiet", false, "no configuration and no progress")
	return o
}

// people is where text for people goes.
func (c *call) people(o *outputFlags) io.Writer {
	if o.json {
		return c.stderr
	}
	return c.stdout
}

// assignments collects repeated -set flags.
type assignments []string

func (a *assignments) String() string     { return strings.Join(*a, " ") }
func (a *assignments) Set(s string) error { *a = append(*a, s); return nil }

func (c *call) train() error {
	var set assignments
	out := c.outputFlags()
	seeds := c.flags.String("seeds", "1", "how many seeds `n`, or the seeds themselves, as in 3,4,7 (one seed: 3,)")
	first := c.flags.Int64("seed-start", 1, "the first seed `n` where -seeds says how many")
	c.flags.Var(&set, "set", "`key=value` of the configuration; may be repeated, and followed by more of them")
	folder := c.flags.String("run", "", "run folder `dir`; without it runs/PRESET-TIME, below $REWARDLAB_RUNS if that is set")
	replace := c.flags.Bool("replace", false, "throw away the run that is in the run folder")
	workers := c.flags.Int("workers", 0, "how many seeds `n` side by side; 0 means one per core")
	every := c.flags.Duration("checkpoint", 0, "training `time` between two checkpoints, as in 10s; 0 means two seconds")
	rest, err := c.parse()
	if err != nil {
		return err
	}
	for i := len(rest) - 1; i > 0; i-- {
		if strings.Contains(rest[i], "=") {
			set = append(set, rest[i])
			rest = append(rest[:i], rest[i+1:]...)
		}
	}
	p, err := c.preset(rest)
	if err != nil {
		return err
	}
	cfg, err := configured(p, set)
	if err != nil {
		return err
	}
	list, err := parseSeeds(*seeds, *first)
	if err != nil {
		return err
	}
	if *workers < 0 {
		return usagef("-workers is %d: use 0 for one per core, or a positive number", *workers)
	}
	if *every < 0 {
		return usagef("-checkpoint is %s: use 0 for two seconds, or a positive time", *every)
	}
	if *folder == "" {
		if *folder, err = c.newFolder(p.Name); err != nil {
			return err
		}
	}
	job := p.Job(cfg, list, *workers, c.log)
	job.Replace, job.CheckpointEvery = *replace, *every
	return c.toTheEnd(*folder, job, cfg, out)
}

// configured is a configuration of p, with assignments and defaults put in, and checked.
func configured(p run.Preset, set []string) (any, error) {
	cfg := p.New()
	if err := run.Set(cfg, set...); err != nil {
		return nil, usagef("%w\nrl train %s --help explains the keys", err, p.Name)
	}
	if err := run.Resolve(cfg); err != nil {
		return nil, err
	}
	if err := run.Check(cfg); err != nil {
		return nil, usageError{err}
	}
	return cfg, nil
}

// log shows a sentence of the run or the engine to a person.
func (c *call) log(message string) { fmt.Fprintln(c.stderr, message) }

// parseSeeds reads "5" as a number of seeds from first on, and "3,4,7" as seeds.
func parseSeeds(text string, first int64) ([]int64, error) {
	if !strings.Contains(text, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > 100_000 {
			return nil, usagef("-seeds %q: give how many seeds, such as 5, or the seeds themselves, such as 3,4,7", text)
		}
		out := make([]int64, n)
		for i := range out {
			out[i] = first + int64(i)
		}
		return out, nil
	}
	var out []int64
	seen := map[int64]bool{}
	for part := range strings.SplitSeq(strings.TrimSuffix(text, ","), ",") {
		s, err := strconv.ParseInt(strings.TrimSpace(part), 10, 64)
		if err != nil {
			return nil, usagef("-seeds %q: %q is not a whole number", text, part)
		}
		if seen[s] {
			return nil, usagef("-seeds %q: seed %d is given twice", text, s)
		}
		seen[s] = true
		out = append(out, s)
	}
	return out, nil
}

// runs is the folder of run folders.
func (c *call) runs() string { return cmp.Or(c.env.getenv("REWARDLAB_RUNS"), "runs") }

// newFolder makes a folder that no other process has.
func (c *call) newFolder(preset string) (string, error) {
	root := c.runs()
	if err := os.MkdirAll(root, 0o755); err != nil {
		return "", fmt.Errorf("folder for runs: %w: choose another with -run or REWARDLAB_RUNS", err)
	}
	base := filepath.Join(root, preset+"-"+time.Now().Format("20060102-150405"))
	for i := 1; ; i++ {
		folder := base
		if i > 1 {
			folder = fmt.Sprintf("%s-%d", base, i)
		}
		err := os.Mkdir(folder, 0o755)
		if err == nil {
			return folder, nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return "", fmt.Errorf("run folder: %w: choose another with -run or REWARDLAB_RUNS", err)
		}
	}
}

// toTheEnd trains and reports.
func (c *call) toTheEnd(folder string, job run.Job, cfg any, out *outputFlags) error {
	people := c.people(out)
	if !out.quiet {
		table, err := run.Table(cfg)
		if err != nil {
			return err
		}
		fmt.Fprintf(people, "%s (%s), %s, into %s\n\n%s\n", job.Preset, job.Algorithm, seedText(job.Seeds), folder, table)
		bar := &progress{label: job.Preset, out: c.stderr}
		defer bar.close()
		job.Watch = append(job.Watch, bar)
	}
	res, err := run.Train(c.ctx, folder, job)
	closeWatchers(job.Watch)
	if res != nil {
		if e := c.report(res, out); err == nil {
			err = e
		}
	}
	return err
}

func closeWatchers(ws []run.Watcher) {
	for _, w := range ws {
		if p, ok := w.(*progress); ok {
			p.close()
		}
	}
}

func seedText(seeds []int64) string {
	if len(seeds) == 1 {
		return fmt.Sprintf("seed %d", seeds[0])
	}
	return fmt.Sprintf("%d seeds", len(seeds))
}

// progress shows the iterations of all seeds on one line.
type progress struct {
	label string
	out   io.Writer
	bar   *plots.Progress
	start int // iterations that were done before
	shown int
}

func (p *progress) Rows(rows []run.Row, done, total int) {
	if rows == nil && p.bar == nil {
		p.start, p.shown = done, done
		return
	}
	if p.bar == nil {
		p.bar = plots.NewProgress(p.label, total-p.start, plots.ProgressOptions{Unit: "iterations", Out: p.out})
	}
	p.bar.Add(done - p.shown)
	p.shown = done
}

func (p *progress) close() {
	if p.bar != nil {
		_ = p.bar.Close() // a line of progress that cannot be written is no reason to fail
	}
}

func (c *call) resume() error {
	out := c.outputFlags()
	workers := c.flags.Int("workers", 0, "how many seeds `n` side by side; 0 means one per core")
	job, cfg, folder, err := c.stored(workers)
	if err != nil {
		return err
	}
	job.Resume = true
	return c.toTheEnd(folder, job, cfg, out)
}

func (c *call) eval() error {
	out := c.outputFlags()
	workers := c.flags.Int("workers", 0, "how many seeds `n` side by side; 0 means one per core")
	job, _, folder, err := c.stored(workers)
	if err != nil {
		return err
	}
	res, err := run.Evaluate(c.ctx, folder, job)
	if err != nil {
		return err
	}
	return c.report(res, out)
}

// stored parses the flags and makes the job of the run folder that is named.
func (c *call) stored(workers *int) (job run.Job, cfg any, folder string, err error) {
	rest, err := c.parse()
	if err != nil {
		return run.Job{}, nil, "", err
	}
	if folder, err = c.one(rest, "run folder"); err != nil {
		return run.Job{}, nil, "", err
	}
	if *workers < 0 {
		return run.Job{}, nil, "", usagef("-workers is %d: use 0 for one per core, or a positive number", *workers)
	}
	r, err := run.Load(folder)
	if err != nil {
		return run.Job{}, nil, "", err
	}
	p, err := findPreset(c.env.presets, r.Preset)
	if err != nil {
		return run.Job{}, nil, "", fmt.Errorf("run folder %s: %w", folder, err)
	}
	cfg = p.New()
	if err := r.Decode(cfg); err != nil {
		return run.Job{}, nil, "", err
	}
	return p.Job(cfg, r.Seeds, *workers, c.log), cfg, folder, nil
}

// report writes the result for people, and as JSON if asked.
func (c *call) report(res *run.Result, out *outputFlags) error {
	if _, err := io.WriteString(c.people(out), summary(res)); err != nil || !out.json {
		return err
	}
	b, err := json.Marshal(res)
	if err != nil {
		return fmt.Errorf("result: %w", err)
	}
	_, err = fmt.Fprintf(c.stdout, "%s\n", b)
	return err
}
