package rl

import (
	"context"
	"fmt"

	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/run"
	"github.com/rewardlab/rewardlab/rl/selfplay"
)

// selfPlayPresets are asymmetric self-play: for every task with a learned Alice, a random one, and none.
func selfPlayPresets() []run.Preset {
	var rows []row[selfplay.Config]
	for _, t := range []struct {
		name, about string
		config      selfplay.Config
	}{
		{"hallway", "walk a corridor from one cell to another", selfplay.Config{Total: 100_000, ConstantLR: true}},
		{"lightkey", "open a gate by its lever, in the dark", selfplay.Config{Env: "lightkey", Steps: 112, Total: 500_000}},
		{"mountaincar", "drive a car out of a valley, rewarded at the top alone", selfplay.Config{Env: "mountaincar", Steps: 512, Envs: 16, Total: 1_000_000}},
		{"pointmass", "push a mass round a wall, rewarded at the goal alone", selfplay.Config{Env: "pointmass", Steps: 100, Total: 500_000}},
	} {
		for _, a := range []struct{ suffix, alice, about string }{
			{"", "learned", "%s: Alice sets tasks that are quick for her and slow for Bob"},
			{"-random", "random", "%s: the tasks are set by an Alice who does anything"},
			{"-plain", "none", "%s: the target task alone, with nobody to set tasks"},
		} {
			c := t.config
			c.Alice, c.Entropy, c.AliceEntropy = a.alice, 0.01, 0.01
			rows = append(rows, row[selfplay.Config]{"selfplay-" + t.name + a.suffix, fmt.Sprintf(a.about, t.about), c})
		}
	}
	score := scored("share of episodes of the target task that succeed", "eval/success")
	return presets("selfplay", selfplay.ConfigSource, score, func(ctx context.Context, c *selfplay.Config, opt run.OpenOptions) (run.Worker, error) {
		return onEngine(ctx, opt, func(e *backend.Engine) (run.Worker, error) { return selfplay.New(ctx, e, c) })
	}, rows)
}

// AliceMaps are where Alice set her goals in a run of self-play, and those of them that Bob reached, as counts on the map of the task in twenty equal
// parts of the training.
func AliceMaps(r *run.Run, seed int64) (set, reached *selfplay.Map, err error) {
	p, err := Find(r.Preset)
	if err != nil {
		return nil, nil, fmt.Errorf("run folder %s: %w", r.Folder, err)
	}
	c, ok := p.New().(*selfplay.Config)
	if !ok {
		return nil, nil, fmt.Errorf("run folder %s: %s is no self-play, it has no Alice", r.Folder, r.Preset)
	}
	if err := r.Decode(c); err != nil {
		return nil, nil, err
	}
	state, err := r.State(seed)
	if err != nil {
		return nil, nil, err
	}
	return selfplay.Maps(c, state)
}
