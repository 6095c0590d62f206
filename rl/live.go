package rl

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/rewardlab/rewardlab/plots"
	"github.com/rewardlab/rewardlab/rl/run"
)

// Live follows a training in a notebook: a progress bar, and a chart that grows while the training goes on, with one line a seed for each
// metric. In a terminal it is a progress line. It implements run.Watcher; Train closes it.
type Live struct {
	chart        *plots.Live
	bar          *plots.Progress
	keys         []string
	label        string
	before, done int // iterations: when the training began, and now
}

// NewLive makes a chart of the metrics called keys ("reward/true").
func NewLive(ctx context.Context, title string, axes plots.Axes, keys ...string) *Live {
	if axes.X == "" {
		axes.X = "iteration"
	}
	if axes.Y == "" && len(keys) == 1 {
		axes.Y = keys[0]
	}
	return &Live{label: title, keys: keys, chart: plots.NewLive(ctx, title, axes, plots.LiveOptions{})}
}

// Rows implements run.Watcher.
func (l *Live) Rows(rows []run.Row, done, total int) {
	if rows == nil && l.bar == nil { // the first call tells how much an interrupted run had done already
		l.before, l.done = done, done
		return
	}
	if l.bar == nil {
		l.bar = plots.NewProgress(l.label, total-l.before, plots.ProgressOptions{Unit: "iterations", Out: os.Stderr})
	}
	l.bar.Add(done - l.done)
	l.done = done
	for _, r := range rows {
		for _, k := range l.keys {
			if v, ok := r.Values[k]; ok {
				name := fmt.Sprintf("seed %d", r.Seed)
				if len(l.keys) > 1 {
					name = fmt.Sprintf("%s, seed %d", k, r.Seed)
				}
				l.chart.Add(name, float64(r.Iteration), v)
			}
		}
	}
}

// Close draws the last state.
func (l *Live) Close() error {
	err := l.chart.Close()
	if l.bar != nil {
		err = errors.Join(err, l.bar.Close())
	}
	return err
}
