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
	score := scored("mean cosine between the posterior's samples and what the human wants", "eval/alignment")
	return presets("active", active.ConfigSource, score, func(ctx context.Context, c *active.Config, opt run.OpenOptions) (run.Worker, error) {
		return onEngine(ctx, opt, func(e *backend.Engine) (run.Worker, error) { return active.New(ctx, e, c) })
	}, []row[active.Config]{
		{"active-driving", "40 questions about driving, each made to tell most: information gain, optimised through the dynamics", active.Config{}},
		{"active-driving-volume", "the same by volume removal, the original criterion", active.Config{Criterion: "volume"}},
		{"active-driving-candidates", "the most telling of 64 random questions, not optimised", active.Config{Method: "candidates"}},
		{"active-driving-optimal", "a random scene, driven as two samples of the posterior would", active.Config{Method: "optimal"}},
		{"active-driving-random", "random questions", active.Config{Method: "random"}},
		{"active-driving-batch", "five questions at a time, the best that are not alike", active.Config{Batch: 5}},
	})
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
