package main

import (
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/rewardlab/rewardlab/rl/run"
)

// point is one combination of the values of a sweep.
type point struct {
	Set   []string   `json:"set"`
	Score run.Scored `json:"score"`
	Run   string     `json:"run"`

	config any
}

// sweep trains a preset with every combination of some values, a run folder each, and shows the scores side by side. Runs that are complete are
// not trained again, so that a sweep that was interrupted goes on, and one that grows takes in what is there.
func (c *call) sweep() error {
	var set, vary assignments
	out := c.outputFlags()
	seeds := c.flags.String("seeds", "1", "how many seeds `n`, or the seeds themselves, as in 3,4,7 (one seed: 3,)")
	first := c.flags.Int64("seed-start", 1, "the first seed `n` where -seeds says how many")
	c.flags.Var(&set, "set", "`key=value` of the configuration of all runs; may be repeated")
	c.flags.Var(&vary, "vary", "`key=value,value,...` to try; may be repeated, for all combinations")
	folder := c.flags.String("run", "", "`folder` of the run folders; without it runs/PRESET-sweep, below $REWARDLAB_RUNS if that is set")
	workers := c.flags.Int("workers", 0, "how many seeds `n` side by side; 0 means one per core")
	rest, err := c.parse()
	if err != nil {
		return err
	}
	p, err := c.preset(rest)
	if err != nil {
		return err
	}
	list, err := parseSeeds(*seeds, *first)
	if err != nil {
		return err
	}
	if *folder == "" {
		*folder = filepath.Join(c.runs(), p.Name+"-sweep")
	}
	points, err := points(p, set, vary)
	if err != nil {
		return err
	}
	for i := range points {
		q := &points[i]
		q.Run = filepath.Join(*folder, strings.Join(append([]string{p.Name}, q.Set...), "_"))
		job := p.Job(q.config, list, *workers, c.log)
		job.Resume = true
		if !out.quiet {
			bar := &progress{label: fmt.Sprintf("%d of %d %s", i+1, len(points), strings.Join(q.Set, " ")), out: c.stderr}
			job.Watch = append(job.Watch, bar)
		}
		res, err := run.Train(c.ctx, q.Run, job)
		closeWatchers(job.Watch)
		if err != nil {
			return fmt.Errorf("%s: %w", strings.Join(q.Set, " "), err)
		}
		q.Score = res.Score
	}
	return c.table(p, points, out)
}

// points are all combinations, checked before anything trains.
func points(p run.Preset, set, vary assignments) ([]point, error) {
	all := []point{{}}
	for _, v := range vary {
		key, values, ok := strings.Cut(v, "=")
		if !ok || key == "" || values == "" {
			return nil, usagef("-vary %q: write key=value,value", v)
		}
		var more []point
		for _, q := range all {
			for value := range strings.SplitSeq(values, ",") {
				more = append(more, point{Set: append(append([]string{}, q.Set...), key+"="+value)})
			}
		}
		all = more
	}
	for i := range all {
		q := &all[i]
		var err error
		if q.config, err = configured(p, slices.Concat(set, q.Set)); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// table shows the scores.
func (c *call) table(p run.Preset, points []point, out *outputFlags) error {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "\n%s: %s\n", p.Name, p.Score.Name)
	for _, q := range points {
		s := q.Score
		fmt.Fprintf(w, "  %s\t%.4g [%.4g, %.4g]\tmean %.4g of %d seeds\t%s\n", strings.Join(q.Set, " "), s.IQM, s.Lo, s.Hi, s.Mean, len(s.PerSeed), q.Run)
	}
	_ = w.Flush() // a strings.Builder does not fail
	if _, err := io.WriteString(c.people(out), b.String()); err != nil || !out.json {
		return err
	}
	j, err := json.Marshal(map[string]any{"preset": p.Name, "points": points})
	if err != nil {
		return fmt.Errorf("result: %w", err)
	}
	_, err = fmt.Fprintf(c.stdout, "%s\n", j)
	return err
}
