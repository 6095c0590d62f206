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
	blobs := scored("share of the blobs that samples cover", "eval/covered")
	digits := scored("inception score of samples by a classifier of digits, 1 to 10", "eval/inception")
	return append(presets("gan", gan.ConfigSource, blobs, openGAN, []row[gan.Config]{
		{"gan-ring", "a generator and a discriminator play for eight blobs on a ring", gan.Config{}},
		{"gan-ring-saturating", "the same with the loss that both players share: the generator descends log(1 - D)", gan.Config{Saturating: true}},
		{"gan-ring-bare", "the same without a penalty on the discriminator's slope: samples stay further from the blobs", gan.Config{Bare: true}},
		{"gan-grid", "twenty-five blobs on a square", gan.Config{Data: "grid"}},
	}), presets("gan", gan.ConfigSource, digits, openGAN, []row[gan.Config]{
		{"gan-mnist", "the same game for handwritten digits", gan.Config{
			Data: "digits", Hidden: []int{128, 128}, Noise: 32, Batch: 64, Penalty: 1, Iterations: 3000}},
	})...)
}

// openGAN opens an engine, and images if there are to be any, and compiles.
func openGAN(ctx context.Context, c *gan.Config, opt run.OpenOptions) (run.Worker, error) {
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
	return onEngine(ctx, opt, func(e *backend.Engine) (run.Worker, error) { return gan.New(ctx, e, c, images) })
}
