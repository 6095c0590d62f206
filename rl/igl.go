package rl

import (
	"context"
	"errors"
	"fmt"
	"slices"

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
	heldOut := scored("sampled accuracy on held-out images", "heldout/sampled")
	success := scored("success of sampled moves", "heldout/sampled")
	table := func(score run.Score, rows []row[igl.Config]) []run.Preset {
		return presets("igl", igl.ConfigSource, score, openIGL, rows)
	}
	return slices.Concat(
		table(online, []row[igl.Config]{
			{"igl-mnist", "online IGL on digits: guess the digit, be answered with a picture of a 1 or a 0", igl.Config{}},
			{"igl-bandit", "the same with the true reward in place of the decoder: what IGL could reach", igl.Config{Method: "bandit"}},
			{"igl-swapped", "answers the other way round: 0 for right, 1 for wrong", igl.Config{Feedback: "swapped"}},
			{"igl-noisy", "one answer in ten is drawn from the wrong class", igl.Config{Noise: 0.1}},
			{"igl-switch", "the meaning of the answers turns round half-way", igl.Config{Feedback: "switch"}},
			{"igl-random-good", "naming the digit is the one bad action: the method goes wrong, and cannot know", igl.Config{Feedback: "random-good"}},
			{"igl-random-good-bit", "the same, repaired by one bit: random behaviour is good", igl.Config{Feedback: "random-good", RandomIsGood: true}},
			{"igl-conv", "online IGL with small convolutional nets for policy and decoder", igl.Config{Policy: "conv", Decoder: "conv", DecoderLR: 1e-3}},
			{"igl-ground", "explore-to-ground, the paper's online scheme: learn from uniform play only, act on the result", igl.Config{Method: "ground", Iterations: 3000}},
			{"igl-ground-switch", "explore-to-ground when the meaning of the answers turns round: a sliding window", igl.Config{Method: "ground", Feedback: "switch", SwitchAt: 1000, Iterations: 2000, Window: 8000}},
		}),
		table(heldOut, []row[igl.Config]{
			{"igl-offline", "the paper's objective on 60,000 logged rounds, with the mirror solution on trial", igl.Config{Method: "offline", Iterations: 3500}},
			{"igl-ips", "offline with the true reward, importance weighted", igl.Config{Method: "ips", Iterations: 3500}},
			{"igl-supervised", "the labels themselves: the most that a linear policy can learn", igl.Config{Method: "supervised", Iterations: 3500}},
			{"igl-action", "answers that show the action too, solved by one decoder an action", igl.Config{Method: "offline", Feedback: "action", Decoder: "per-action", Iterations: 3500}},
			{"igl-action-plain", "answers that show the action too, and one decoder for all: it fails", igl.Config{Method: "offline", Feedback: "action", Iterations: 3500}},
		}),
		table(success, []row[igl.Config]{
			{"igl-grid", "the sequential form: walk to the goal, one picture at the end of the episode", igl.Config{Feedback: "grid", LR: 2e-2}},
			{"igl-grid-bandit", "the same walk with the true reward", igl.Config{Feedback: "grid", LR: 2e-2, Method: "bandit"}},
		}),
		table(online, []row[igl.Config]{
			{"igl-synthetic", "online IGL on digits that the program draws itself: no download", igl.Config{Dataset: "synthetic"}},
		}),
	)
}

// openIGL opens an engine and the images, and compiles.
func openIGL(ctx context.Context, c *igl.Config, opt run.OpenOptions) (run.Worker, error) {
	return onEngine(ctx, opt, func(e *backend.Engine) (run.Worker, error) {
		d, err := datasets.Open(ctx, c.Dataset, datasets.Options{Say: opt.Log, Train: c.Images})
		if err != nil {
			return nil, fmt.Errorf("data set: %w", err)
		}
		return igl.New(ctx, e, c, igl.Digits{Images: d.Train.Images, Labels: d.Train.Labels}, igl.Digits{Images: d.Held.Images, Labels: d.Held.Labels})
	})
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
