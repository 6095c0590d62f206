package rl

import (
	"context"
	"fmt"

	"github.com/rewardlab/rewardlab/datasets"
	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/gan"
	"github.com/rewardlab/rewardlab/rl/run"
)

// ganPresets are the game of generator and discriminator.
func ganPresets() []run.Preset {
	marked := func(name, key string) run.Score {
		return run.Score{Name: name, Of: func(_ []run.Row, eval map[string]float64) (float64, error) { return evaluated(eval, key) }}
	}
	blobs := marked("share of the blobs that samples cover", "eval/covered")
	digits := marked("inception score of samples by a classifier of digits, 1 to 10", "eval/inception")
	out := make([]run.Preset, 0, 5)
	for _, p := range []struct {
		name, summary string
		score         run.Score
		config        gan.Config
	}{
		{"gan-ring", "a generator and a discriminator play for eight blobs on a ring", blobs, gan.Config{}},
		{"gan-ring-saturating", "the same with the loss that both players share: the generator descends log(1 - D)", blobs, gan.Config{Saturating: true}},
		{"gan-ring-bare", "the same without a penalty on the discriminator's slope: samples stay further from the blobs", blobs, gan.Config{Bare: true}},
		{"gan-grid", "twenty-five blobs on a square", blobs, gan.Config{Data: "grid"}},
		{"gan-mnist", "the same game for handwritten digits", digits, gan.Config{
			Data: "digits", Hidden: []int{128, 128}, Noise: 32, Batch: 64, Penalty: 1, Iterations: 3000}},
	} {
		out = append(out, run.Preset{
			Name: p.name, Algorithm: "gan", Summary: p.summary, Score: p.score,
			New:          func() any { c := p.config; return &c },
			ConfigSource: gan.ConfigSource,
			Open:         openGAN,
		})
	}
	return out
}

// openGAN opens an engine, and images if there are to be any, and compiles.
func openGAN(ctx context.Context, cfg any, opt run.OpenOptions) (run.Worker, error) {
	c, ok := cfg.(*gan.Config)
	if !ok {
		return nil, fmt.Errorf("gan: a configuration of type %T: give a *gan.Config", cfg)
	}
	var images *gan.Digits
	if c.Data == "digits" {
		d, err := datasets.Open(ctx, c.Dataset, datasets.Options{Say: opt.Log, Train: c.Images})
		if err != nil {
			return nil, fmt.Errorf("data set: %w", err)
		}
		images = &gan.Digits{
			Images: d.Train.Images, Labels: d.Train.Labels, Held: d.Held.Images, HeldLabels: d.Held.Labels,
			Pixels: d.Train.H * d.Train.W, Classes: d.Train.Classes,
		}
	}
	e, err := backend.Open(ctx, backend.Config{Say: opt.Log})
	if err != nil {
		return nil, fmt.Errorf("engine: %w", err)
	}
	w, err := gan.New(ctx, e, c, images)
	if err != nil {
		e.Close()
		return nil, err
	}
	return engineWorker{w, e}, nil
}
