package run

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
)

// Run is a run folder that has been read. It may be a partial run: one that is
// training now, or was interrupted.
type Run struct {
	Folder string
	Manifest
	// Rows holds every row, seed by seed in the order of Seeds.
	Rows []Row
	// Eval holds the held-out numbers of the seeds that have been evaluated.
	Eval map[int64]map[string]float64
	// Result is nil until the run has ended or was interrupted.
	Result *Result
	// Complete says that every seed was trained to the end and evaluated.
	Complete bool
}

// Fits says why job may not go on with r, as one error, or nil: its preset, configuration, which must be resolved, or seeds are others. A key that
// was added to the program since the run began counts as having its default.
func (r *Run) Fits(job Job) error { return r.sameRun(r.Folder, job, job.Config) }

// Load reads a run folder, of a partial run too.
func Load(folder string) (*Run, error) {
	folder, err := filepath.Abs(folder)
	if err != nil {
		return nil, fmt.Errorf("run folder: %w", err)
	}
	m, err := readManifest(folder)
	if err != nil {
		return nil, err
	}
	r := &Run{Folder: folder, Manifest: *m, Eval: map[int64]map[string]float64{}}
	e, err := readEval(folder)
	if err != nil {
		return nil, err
	}
	if e != nil {
		r.Result, r.Complete = e.Result, e.Complete
		for _, s := range e.Seeds {
			r.Eval[s.Seed] = s.Values
		}
	}
	rows, _, err := readMetrics(filepath.Join(folder, metricsFile))
	if err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	for _, seed := range m.Seeds {
		for _, row := range rows {
			if row.Seed == seed {
				r.Rows = append(r.Rows, row.Row)
			}
		}
	}
	return r, nil
}

// Decode fills the configuration struct that cfg points to with that of the run,
// and resolves it. A key that the struct does not have is an error.
func (r *Run) Decode(cfg any) error {
	if err := json.Unmarshal(r.Config, cfg); err != nil {
		return fmt.Errorf("configuration of %s: %w", r.Folder, err)
	}
	if err := Resolve(cfg); err != nil {
		return err
	}
	changes, err := Diff(r.Config, cfg)
	if err != nil {
		return err
	}
	for _, c := range changes {
		if c.New == "" {
			return fmt.Errorf("configuration of %s: %T has no key %q: it is a run of %s, made by version %s",
				r.Folder, cfg, c.Key, r.Preset, r.Module)
		}
	}
	return nil
}

// Keys lists the metrics that the rows hold, sorted.
func (r *Run) Keys() []string {
	seen := map[string]bool{}
	for _, row := range r.Rows {
		for k := range row.Values {
			seen[k] = true
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

// Series returns one metric for plotting: x holds the iterations at which every
// seed has it, and perSeed[i][j] is the value at x[j]. Seeds without a single
// value, which a partial run may have, are left out. Both are nil if no seed has
// the metric; see [Run.Keys] for those there are.
func (r *Run) Series(key string) (x []float64, perSeed [][]float64) {
	type point struct {
		at    int
		value float64
	}
	var series [][]point
	count := map[int]int{}
	for _, seed := range r.Seeds {
		var s []point
		for _, row := range r.Rows {
			if v, ok := row.Values[key]; ok && row.Seed == seed {
				s = append(s, point{row.Iteration, v})
				count[row.Iteration]++
			}
		}
		if s != nil {
			series = append(series, s)
		}
	}
	for i, s := range series {
		var ys []float64
		for _, p := range s {
			if count[p.at] == len(series) {
				ys = append(ys, p.value)
				if i == 0 {
					x = append(x, float64(p.at))
				}
			}
		}
		perSeed = append(perSeed, ys)
	}
	return x, perSeed
}

// Figures is the folder for the run's figures.
func (r *Run) Figures() string { return filepath.Join(r.Folder, figuresDir) }
