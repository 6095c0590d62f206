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
	return run.Score{Name: "mean return of greedy episodes, 0 as random actions, 1 as the expert", Of: func(_ []run.Row, eval map[string]float64) (float64, error) {
		return evaluated(eval, "eval/normalised")
	}}
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
		const episodes = 100
		take, err := film.Random(ctx, b.Backend, in, film.Options{Episodes: episodes})
		if err != nil {
			return nil, fmt.Errorf("return of random actions: %w", err)
		}
		d.Random, d.RandomEpisodes = demosOf(in.Spec(), take.Episodes).Stats().Mean, episodes
	}
	if w := d.Warning(); w != "" && say != nil {
		say(w)
	}
	return d, nil
}

// bcPresets are behavioural cloning, and DAgger.
func bcPresets() []run.Preset {
	rows := []control[bc.Config]{
		{"bc-cartpole", "behavioural cloning of a balanced pole", bc.Config{}},
		{"bc-acrobot", "behavioural cloning of a chain that swings up", bc.Config{Env: "acrobot-fixed"}},
		{"bc-mountaincar", "behavioural cloning of a car that leaves its valley", bc.Config{Env: "mountaincar-fixed"}},
		{"bc-pendulum", "behavioural cloning of a pendulum's continuous torques", bc.Config{Env: "pendulum", Iterations: 200}},
	}
	dagger := []control[bc.DAggerConfig]{
		{"dagger-cartpole", "DAgger balances a pole: the learner leads, the expert answers", bc.DAggerConfig{}},
		{"dagger-pendulum", "DAgger swings a pendulum up: the learner leads, the expert answers", bc.DAggerConfig{Env: "pendulum", Fitting: bc.Fitting{Updates: 200}}},
	}
	return slices.Concat(
		imitations("bc", func(ctx context.Context, b *backend.Engine, in env.Env, c *bc.Config, say func(string)) (run.Worker, error) {
			d, err := openDemos(ctx, b, in, c.Env, c.Demos, say)
			if err != nil {
				return nil, err
			}
			return bc.New(ctx, b, in, c, d)
		}, func(c *bc.Config) string { return c.Env }, rows),
		imitations("dagger", func(ctx context.Context, b *backend.Engine, in env.Env, c *bc.DAggerConfig, say func(string)) (run.Worker, error) {
			d, err := openDemos(ctx, b, in, c.Env, c.Demos, say)
			if err != nil {
				return nil, err
			}
			t, err := openTeacher(c.Env, c.Expert)
			if err != nil {
				return nil, err
			}
			return bc.NewDAgger(ctx, b, in, c, t, d)
		}, func(c *bc.DAggerConfig) string { return c.Env }, dagger),
	)
}

// imitations makes presets of rows, as controls does, of learners that open demonstrations and say what they do.
func imitations[C any](algorithm string, learner func(context.Context, *backend.Engine, env.Env, *C, func(string)) (run.Worker, error),
	environment func(*C) string, rows []control[C]) []run.Preset {
	out := make([]run.Preset, len(rows))
	for i, p := range rows {
		out[i] = run.Preset{
			Name: p.name, Algorithm: algorithm, Summary: p.summary, Score: imitationScore(),
			New:          func() any { c := p.config; return &c },
			ConfigSource: bc.ConfigSource,
			Open: func(ctx context.Context, cfg any, opt run.OpenOptions) (run.Worker, error) {
				c, ok := cfg.(*C)
				if !ok {
					return nil, fmt.Errorf("%s: a configuration of type %T: give a %T", algorithm, cfg, c)
				}
				return openControl(ctx, opt, environment(c), func(b *backend.Engine, in env.Env) (run.Worker, error) {
					return learner(ctx, b, in, c, opt.Log)
				})
			},
		}
	}
	return out
}
