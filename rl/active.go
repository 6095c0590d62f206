package rl

import (
	"context"
	"encoding/binary"
	"fmt"
	"image"

	"github.com/rewardlab/rewardlab/rl/active"
	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/env"
	"github.com/rewardlab/rewardlab/rl/run"
)

// activePresets ask what is wanted of a driver.
func activePresets() []run.Preset {
	score := run.Score{Name: "mean cosine between the posterior's samples and what the human wants", Of: func(_ []run.Row, eval map[string]float64) (float64, error) {
		return evaluated(eval, "eval/alignment")
	}}
	presets := []struct {
		name, summary string
		config        active.Config
	}{
		{"active-driving", "40 questions about driving, each made to tell most: information gain, optimised through the dynamics", active.Config{}},
		{"active-driving-volume", "the same by volume removal, the original criterion", active.Config{Criterion: "volume"}},
		{"active-driving-candidates", "the most telling of 64 random questions, not optimised", active.Config{Method: "candidates"}},
		{"active-driving-optimal", "a random scene, driven as two samples of the posterior would", active.Config{Method: "optimal"}},
		{"active-driving-random", "random questions", active.Config{Method: "random"}},
		{"active-driving-batch", "five questions at a time, the best that are not alike", active.Config{Batch: 5}},
	}
	out := make([]run.Preset, len(presets))
	for i, p := range presets {
		out[i] = run.Preset{
			Name: p.name, Algorithm: "active", Summary: p.summary, Score: score,
			New:          func() any { c := p.config; return &c },
			ConfigSource: active.ConfigSource,
			Open: func(ctx context.Context, cfg any, opt run.OpenOptions) (run.Worker, error) {
				c, ok := cfg.(*active.Config)
				if !ok {
					return nil, fmt.Errorf("active: a configuration of type %T: give a %T", cfg, c)
				}
				e, err := backend.Open(ctx, backend.Config{Say: opt.Log})
				if err != nil {
					return nil, fmt.Errorf("engine: %w", err)
				}
				w, err := active.New(ctx, e, c)
				if err != nil {
					e.Close()
					return nil, err
				}
				return engineWorker{w, e}, nil
			},
		}
	}
	return out
}

// DrivingQuery draws both clips of the last question that a run of active driving asked.
func DrivingQuery(r *run.Run, seed int64) (first, second []image.Image, err error) {
	state, err := r.State(seed)
	if err != nil {
		return nil, nil, err
	}
	last, err := run.Find(state, "Last")
	if err != nil {
		return nil, nil, fmt.Errorf("run folder %s has no question about driving: %w", r.Folder, err)
	}
	x := make([]float32, len(last.Data)/4)
	if _, err := binary.Decode(last.Data, binary.LittleEndian, x); err != nil {
		return nil, nil, err
	}
	road := env.Driving(env.DrivingConfig{})
	width := road.Spec().State
	var clips [2][]image.Image
	for i := range clips {
		half := x[i*len(x)/2 : (i+1)*len(x)/2]
		for at := 0; at+width <= len(half); at += width {
			clips[i] = append(clips[i], road.Frame(half[at:at+width]))
		}
	}
	return clips[0], clips[1], nil
}
