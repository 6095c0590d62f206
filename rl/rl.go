package rl

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rewardlab/rewardlab/rl/run"
)

// Presets is the table of everything that can be trained.
func Presets() []run.Preset {
	return slices.Concat(
		iglPresets(),
		ppoPresets(),
		a2cPresets(),
		goalPresets(),
		lirpgPresets(),
		qPresets(),
		instructPresets(),
		partnerPresets(),
		bcPresets(),
		prefsPresets(),
		gailPresets(),
		ganPresets(),
		selfPlayPresets(),
		activePresets(),
	)
}

// Find looks a preset up by name. Its error suggests the nearest one.
func Find(name string) (run.Preset, error) {
	var names []string
	for _, p := range Presets() {
		if p.Name == name {
			return p, nil
		}
		names = append(names, p.Name)
	}
	hint := ""
	if near := run.Nearest(name, names); near != "" {
		hint = fmt.Sprintf("did you mean %q? ", near)
	}
	return run.Preset{}, fmt.Errorf("unknown preset %q: %spresets are %s", name, hint, strings.Join(names, ", "))
}

// Options say how to train a preset. The zero value trains seed 1 into runs/PRESET.
type Options struct {
	// Set changes the configuration: "lr=1e-3".
	Set []string
	// Seeds to train, side by side. None: seed 1.
	Seeds []int64
	// Folder is the run folder. Empty: PRESET below $REWARDLAB_RUNS, or below runs where that is not set.
	Folder string
	// Resume goes on with a run that was interrupted; Replace throws away what the folder holds. With neither, a folder that
	// holds a run is an error.
	Resume, Replace bool
	// Keep what the folder holds if it is what would be trained, the same preset, configuration and seeds: of a complete run nothing is trained
	// again, an interrupted one goes on. For anything else Resume and Replace say what to do.
	Keep bool
	// Workers is how many seeds train side by side. 0: one a core.
	Workers int
	// Watch follows the training. Watchers that are io.Closers are closed at the end.
	Watch []run.Watcher
	// Log gets sentences for people, such as the progress of a download. Nil: standard error.
	Log func(string)
}

// Seeds are n seeds, from 1.
func Seeds(n int) []int64 {
	s := make([]int64, n)
	for i := range s {
		s[i] = int64(i + 1)
	}
	return s
}

// Folder is where a run called name lies by default: below $REWARDLAB_RUNS, or below runs.
func Folder(name string) string {
	return filepath.Join(cmp.Or(os.Getenv("REWARDLAB_RUNS"), "runs"), name)
}

// Train trains a preset and returns the run that it wrote. After an interruption the error is ctx's, and the partial run is returned too.
func Train(ctx context.Context, preset string, o Options) (*run.Run, error) {
	p, cfg, err := configured(preset, o.Set)
	if err != nil {
		return nil, err
	}
	return train(ctx, cmp.Or(o.Folder, Folder(preset)), p, cfg, o)
}

// configured is a preset with its configuration, changed by assignments, resolved and checked.
func configured(preset string, set []string) (run.Preset, any, error) {
	p, err := Find(preset)
	if err != nil {
		return p, nil, err
	}
	cfg := p.New()
	if err := run.Set(cfg, set...); err != nil {
		return p, nil, fmt.Errorf("preset %s: %w", preset, err)
	}
	if err := run.Resolve(cfg); err != nil {
		return p, nil, fmt.Errorf("preset %s: %w", preset, err)
	}
	if err := run.Check(cfg); err != nil {
		return p, nil, fmt.Errorf("preset %s: %w", preset, err)
	}
	return p, cfg, nil
}

// Resume goes on with the run in folder, with the configuration and seeds that it began with; o.Set and o.Seeds are not used.
func Resume(ctx context.Context, folder string, o Options) (*run.Run, error) {
	r, err := run.Load(folder)
	if err != nil {
		return nil, err
	}
	p, err := Find(r.Preset)
	if err != nil {
		return nil, fmt.Errorf("run folder %s: %w", folder, err)
	}
	cfg := p.New()
	if err := r.Decode(cfg); err != nil {
		return nil, err
	}
	o.Seeds, o.Resume = r.Seeds, true
	return train(ctx, folder, p, cfg, o)
}

func train(ctx context.Context, folder string, p run.Preset, cfg any, o Options) (*run.Run, error) {
	if o.Log == nil {
		o.Log = func(s string) { fmt.Fprintln(os.Stderr, s) }
	}
	if len(o.Seeds) == 0 {
		o.Seeds = Seeds(1)
	}
	job := p.Job(cfg, o.Seeds, o.Workers, o.Log)
	job.Resume, job.Replace, job.Watch = o.Resume, o.Replace, o.Watch
	if o.Keep {
		if r, err := run.Load(folder); err == nil && r.Fits(job) == nil {
			if r.Complete {
				return r, closeAll(o.Watch)
			}
			job.Resume, job.Replace = true, false
		}
	}
	_, err := run.Train(ctx, folder, job)
	err = errors.Join(err, closeAll(o.Watch))
	if err != nil && ctx.Err() == nil {
		return nil, err
	}
	r, loadErr := run.Load(folder)
	return r, errors.Join(err, loadErr)
}

// closeAll closes those watchers that can be closed.
func closeAll(watchers []run.Watcher) (err error) {
	for _, w := range watchers {
		if c, ok := w.(io.Closer); ok {
			err = errors.Join(err, c.Close())
		}
	}
	return err
}

// Load reads a run folder, a partial one too.
func Load(folder string) (*run.Run, error) { return run.Load(folder) }
