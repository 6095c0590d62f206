package rl

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/rewardlab/rewardlab/datasets"
	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/bc"
	"github.com/rewardlab/rewardlab/rl/env"
	"github.com/rewardlab/rewardlab/rl/film"
	"github.com/rewardlab/rewardlab/rl/run"
)

// imitationScore is the score of everything that imitates an expert; see bc.Normalised.
func imitationScore() run.Score {
	return scored("mean return of greedy episodes, 0 as random actions, 1 as the expert", "eval/normalised")
}

// peerDemos names the demonstrations of the Python package imitation in a configuration.
const peerDemos = "peer"

// openDemos opens demonstrations for an environment of the table: those of file, or with an empty name those that come with the module. Where it is
// not known what random actions earn there, it plays some.
func openDemos(ctx context.Context, b *backend.Engine, in env.Env, name, file string, say func(string)) (*datasets.Demos, error) {
	var d *datasets.Demos
	var err error
	switch file {
	case "":
		d, err = datasets.Expert(name)
	case peerDemos:
		d, err = datasets.PeerDemos(ctx, strings.TrimSuffix(name, "-fixed"), say) // CartPole balanced for 500 steps is the same in both
	default:
		d, err = datasets.ReadDemos(file)
	}
	if err != nil {
		return nil, err
	}
	if d.RandomEpisodes == 0 {
		if err := playRandom(ctx, b, in, d, film.Options{Episodes: 100}); err != nil {
			return nil, fmt.Errorf("return of random actions: %w", err)
		}
	}
	if w := d.Warning(); w != "" && say != nil {
		say(w)
	}
	return d, nil
}

// bcPresets are behavioural cloning, and DAgger.
func bcPresets() []run.Preset {
	rows := []row[bc.Config]{
		{"bc-cartpole", "behavioural cloning of a balanced pole", bc.Config{}},
		{"bc-acrobot", "behavioural cloning of a chain that swings up", bc.Config{Env: "acrobot-fixed"}},
		{"bc-mountaincar", "behavioural cloning of a car that leaves its valley", bc.Config{Env: "mountaincar-fixed"}},
		{"bc-pendulum", "behavioural cloning of a pendulum's continuous torques", bc.Config{Env: "pendulum", Iterations: 200}},
	}
	dagger := []row[bc.DAggerConfig]{
		{"dagger-cartpole", "DAgger balances a pole: the learner leads, the expert answers", bc.DAggerConfig{}},
		{"dagger-pendulum", "DAgger swings a pendulum up: the learner leads, the expert answers", bc.DAggerConfig{Env: "pendulum", Fitting: bc.Fitting{Updates: 200}}},
	}
	return slices.Concat(
		presets("bc", bc.ConfigSource, imitationScore(), func(ctx context.Context, c *bc.Config, opt run.OpenOptions) (run.Worker, error) {
			return inEnv(ctx, opt, c.Env, func(b *backend.Engine, in env.Env) (run.Worker, error) {
				d, err := openDemos(ctx, b, in, c.Env, c.Demos, opt.Log)
				if err != nil {
					return nil, err
				}
				return bc.New(ctx, b, in, c, d)
			})
		}, rows),
		presets("dagger", bc.ConfigSource, imitationScore(), func(ctx context.Context, c *bc.DAggerConfig, opt run.OpenOptions) (run.Worker, error) {
			return inEnv(ctx, opt, c.Env, func(b *backend.Engine, in env.Env) (run.Worker, error) {
				d, err := openDemos(ctx, b, in, c.Env, c.Demos, opt.Log)
				if err != nil {
					return nil, err
				}
				t, err := openTeacher(c.Env, c.Expert)
				if err != nil {
					return nil, err
				}
				return bc.NewDAgger(ctx, b, in, c, t, d)
			})
		}, dagger),
	)
}
