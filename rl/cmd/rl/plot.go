package main

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rewardlab/rewardlab/plots"
	"github.com/rewardlab/rewardlab/rl/run"
)

// plot draws one figure for each metric, with one curve for each run.
func (c *call) plot() error {
	keys := c.flags.String("key", "", "metrics `k1,k2` to draw; without it all of them, a file for each")
	file := c.flags.String("o", "", "`file` to write, .png or .svg; without it figures/KEY.png in the first run folder")
	smooth := c.flags.Int("smooth", 0, "draw the trailing mean of `n` points")
	seeds := c.flags.Bool("each", false, "also draw every seed as a thin line")
	folders, err := c.parse()
	if err != nil {
		return err
	}
	if len(folders) == 0 {
		return usagef("plot needs a run folder: rl plot RUN...")
	}
	var runs []*run.Run
	var known []string
	for _, f := range folders {
		r, err := run.Load(f)
		if err != nil {
			return err
		}
		if len(r.Rows) == 0 {
			return fmt.Errorf("run folder %s has no rows yet: train it first, or wait for the first rows", f)
		}
		runs = append(runs, r)
		for _, k := range r.Keys() {
			if !slices.Contains(known, k) {
				known = append(known, k)
			}
		}
	}
	wanted := known
	if *keys != "" {
		wanted = strings.Split(*keys, ",")
	}
	var figures []plots.Figure
	for _, k := range wanted {
		if !slices.Contains(known, k) {
			return usagef("unknown metric %q%s metrics are %s", k, cmp.Or(hint(k, known), ":"), strings.Join(known, ", "))
		}
		axes := plots.Axes{X: "iteration", Y: k, Smooth: *smooth, Seeds: *seeds}
		figures = append(figures, plots.Curves(k, series(runs, k), axes))
	}
	if *file != "" {
		f := figures[0]
		if len(figures) > 1 {
			f = plots.Beside(figures...)
		}
		return c.saved(f, *file)
	}
	for i, k := range wanted {
		name := strings.Map(fileRune, k) + ".png"
		if err := c.saved(figures[i], filepath.Join(runs[0].Figures(), name)); err != nil {
			return err
		}
	}
	return nil
}

// series has the runs that hold a metric, named by preset, or by folder where
// there are several.
func series(runs []*run.Run, key string) []plots.Series {
	var out []plots.Series
	for _, r := range runs {
		x, ys := r.Series(key)
		if len(x) == 0 {
			continue
		}
		name := r.Preset
		if len(runs) > 1 {
			name = filepath.Base(r.Folder)
		}
		out = append(out, plots.Series{Name: name, X: x, Runs: ys})
	}
	return out
}

// fileRune replaces what does not belong into a file name.
func fileRune(c rune) rune {
	if strings.ContainsRune(`/\:*?"<>| `, c) {
		return '-'
	}
	return c
}

func (c *call) saved(f plots.Figure, path string) error {
	if err := f.Save(path); err != nil {
		return err
	}
	_, err := fmt.Fprintln(c.stdout, path)
	return err
}
