package rl

import (
	"context"
	"errors"
	"fmt"

	"github.com/rewardlab/rewardlab/datasets"
	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/igl"
	"github.com/rewardlab/rewardlab/rl/run"
)

// iglPresets are the experiments of interaction-grounded learning.
func iglPresets() []run.Preset {
	online := run.Score{Name: "sampled accuracy of the last 100 iterations", Of: func(rows []run.Row, _ map[string]float64) (float64, error) {
		return lastIterations(rows, "reward/true", 100)
	}}
	heldOut := run.Score{Name: "sampled accuracy on held-out images", Of: func(_ []run.Row, eval map[string]float64) (float64, error) {
		return evaluated(eval, "heldout/sampled")
	}}
	success := run.Score{Name: "success of sampled moves", Of: heldOut.Of}
	presets := []struct {
		name, summary string
		score         run.Score
		config        igl.Config
	}{
		{"igl-mnist", "online IGL on digits: guess the digit, be answered with a picture of a 1 or a 0", online, igl.Config{}},
		{"igl-bandit", "the same with the true reward in place of the decoder: what IGL could reach", online, igl.Config{Method: "bandit"}},
		{"igl-swapped", "answers the other way round: 0 for right, 1 for wrong", online, igl.Config{Feedback: "swapped"}},
		{"igl-noisy", "one answer in ten is drawn from the wrong class", online, igl.Config{Noise: 0.1}},
		{"igl-switch", "the meaning of the answers turns round half-way", online, igl.Config{Feedback: "switch"}},
		{"igl-random-good", "naming the digit is the one bad action: the method goes wrong, and cannot know", online, igl.Config{Feedback: "random-good"}},
		{"igl-random-good-bit", "the same, repaired by one bit: random behaviour is good", online, igl.Config{Feedback: "random-good", RandomIsGood: true}},
		{"igl-conv", "online IGL with small convolutional nets for policy and decoder", online, igl.Config{Policy: "conv", Decoder: "conv", DecoderLR: 1e-3}},
		{"igl-ground", "explore-to-ground, the paper's online scheme: learn from uniform play only, act on the result", online, igl.Config{Method: "ground", Iterations: 3000}},
		{"igl-ground-switch", "explore-to-ground when the meaning of the answers turns round: a sliding window", online, igl.Config{Method: "ground", Feedback: "switch", SwitchAt: 1000, Iterations: 2000, Window: 8000}},
		{"igl-offline", "the paper's objective on 60,000 logged rounds, with the mirror solution on trial", heldOut, igl.Config{Method: "offline", Iterations: 3500}},
		{"igl-ips", "offline with the true reward, importance weighted", heldOut, igl.Config{Method: "ips", Iterations: 3500}},
		{"igl-supervised", "the labels themselves: the most that a linear policy can learn", heldOut, igl.Config{Method: "supervised", Iterations: 3500}},
		{"igl-action", "answers that show the action too, solved by one decoder an action", heldOut, igl.Config{Method: "offline", Feedback: "action", Decoder: "per-action", Iterations: 3500}},
		{"igl-action-plain", "answers that show the action too, and one decoder for all: it fails", heldOut, igl.Config{Method: "offline", Feedback: "action", Iterations: 3500}},
		{"igl-grid", "the sequential form: walk to the goal, one picture at the end of the episode", success, igl.Config{Feedback: "grid", LR: 2e-2}},
		{"igl-grid-bandit", "the same walk with the true reward", success, igl.Config{Feedback: "grid", LR: 2e-2, Method: "bandit"}},
		{"igl-synthetic", "online IGL on digits that the program draws itself: no download", online, igl.Config{Dataset: "synthetic"}},
	}
	out := make([]run.Preset, len(presets))
	for i, p := range presets {
		out[i] = run.Preset{
			Name: p.name, Algorithm: "igl", Summary: p.summary, Score: p.score,
			New:          func() any { c := p.config; return &c },
			ConfigSource: igl.ConfigSource,
			Open:         openIGL,
		}
	}
	return out
}

// openIGL opens an engine and the images, and compiles.
func openIGL(ctx context.Context, cfg any, opt run.OpenOptions) (run.Worker, error) {
	c, ok := cfg.(*igl.Config)
	if !ok {
		return nil, fmt.Errorf("igl: a configuration of type %T: give an *igl.Config", cfg)
	}
	e, err := backend.Open(ctx, backend.Config{Say: opt.Log})
	if err != nil {
		return nil, fmt.Errorf("engine: %w", err)
	}
	d, err := datasets.Open(ctx, c.Dataset, datasets.Options{Say: opt.Log, Train: c.Images})
	if err != nil {
		e.Close()
		return nil, fmt.Errorf("data set: %w", err)
	}
	w, err := igl.New(ctx, e, c, igl.Digits{Images: d.Train.Images, Labels: d.Train.Labels}, igl.Digits{Images: d.Held.Images, Labels: d.Held.Labels})
	if err != nil {
		e.Close()
		return nil, err
	}
	return engineWorker{w, e}, nil
}

// engineWorker is a worker that closes its engine too.
type engineWorker struct {
	run.Worker
	engine *backend.Engine
}

// Close implements run.Worker.
func (w engineWorker) Close() error {
	err := w.Worker.Close()
	w.engine.Close()
	return err
}

// lastIterations is the mean of a metric over the last n iterations; a row counts for as many iterations as it averages over.
func lastIterations(rows []run.Row, key string, n int) (float64, error) {
	if len(rows) == 0 {
		return 0, errors.New("no rows: the run has not begun; train it first")
	}
	first := max(rows[len(rows)-1].Iteration-n, 0)
	var sum, weight float64
	for i, r := range rows {
		before := 0
		if i > 0 {
			before = rows[i-1].Iteration
		}
		if r.Iteration <= first {
			continue
		}
		v, ok := r.Values[key]
		if !ok {
			return 0, fmt.Errorf("iteration %d has no metric %s", r.Iteration, key)
		}
		w := float64(r.Iteration - max(before, first))
		sum += w * v
		weight += w
	}
	return sum / weight, nil
}

// evaluated picks a held-out number.
func evaluated(eval map[string]float64, key string) (float64, error) {
	if v, ok := eval[key]; ok {
		return v, nil
	}
	return 0, fmt.Errorf("no %s yet: the training was interrupted before its evaluation; resume it", key)
}
