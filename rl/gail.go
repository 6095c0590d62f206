package rl

import (
	"context"
	"fmt"

	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/env"
	"github.com/rewardlab/rewardlab/rl/gail"
	"github.com/rewardlab/rewardlab/rl/ppo"
	"github.com/rewardlab/rewardlab/rl/run"
)

// imitators is the PPO that imitates, and the expert's data, in each environment.
func imitator(environment string) gail.Config {
	switch environment {
	case "cartpole-fixed":
		return gail.Config{
			Config:    ppo.Config{Env: environment, Envs: 16, Steps: 64, Total: 150_000, LR: 2.5e-3, Gamma: 0.98, Entropy: 0.01, NormReward: true},
			Subsample: 10,
		}
	case "acrobot-fixed":
		return gail.Config{
			Config:    ppo.Config{Env: environment, Envs: 16, Steps: 128, Total: 500_000, LR: 1e-3, Entropy: 0.01, NormObs: true, NormReward: true},
			Subsample: 5,
		}
	case "mountaincar-fixed":
		return gail.Config{
			Config:    ppo.Config{Env: environment, Envs: 16, Steps: 64, Total: 500_000, LR: 1e-3, Entropy: 0.01, Lambda: 0.98, NormObs: true, NormReward: true},
			Subsample: 5,
		}
	}
	return gail.Config{
		Config:    ppo.Config{Env: environment, Envs: 16, Steps: 100, Total: 400_000, Epochs: 10, Gamma: 0.95, LR: 1e-3, NormObs: true, NormReward: true},
		Subsample: 5,
	}
}

// gailPresets are adversarial imitation in the environments of fixed horizon that have an expert, each beside its control.
func gailPresets() []run.Preset {
	type row struct {
		name, summary string
		config        gail.Config
	}
	var rows []row
	add := func(name, environment, summary string, change func(*gail.Config)) {
		c := imitator(environment)
		change(&c)
		rows = append(rows, row{name, summary, c})
	}
	for _, e := range []struct{ name, environment, does string }{
		{"cartpole", "cartpole-fixed", "balance a pole"},
		{"acrobot", "acrobot-fixed", "swing a chain up"},
		{"mountaincar", "mountaincar-fixed", "rock a car out of a valley"},
		{"pendulum", "pendulum", "swing a pendulum up"},
		{"pointmass", "pointmass", "go round a wall"},
	} {
		add("gail-"+e.name, e.environment, "GAIL learns from a few steps of an expert to "+e.does, func(*gail.Config) {})
		add("gail-"+e.name+"-constant", e.environment, "its control: the same PPO with a reward of 1 for every step", func(c *gail.Config) { c.Method = "constant" })
	}
	add("airl-pointmass", "pointmass", "AIRL: a reward of the state alone, to take elsewhere", func(c *gail.Config) {
		c.Method, c.Sees, c.Form = "airl", "s", "f"
	})
	out := make([]run.Preset, len(rows))
	for i, p := range rows {
		out[i] = run.Preset{
			Name: p.name, Algorithm: "gail", Summary: p.summary, Score: greedyReturn(),
			New:          func() any { c := p.config; return &c },
			ConfigSource: gail.ConfigSource,
			Open:         openGAIL,
		}
	}
	return out
}

// openGAIL opens an engine, the environment and its expert, and compiles.
func openGAIL(ctx context.Context, cfg any, opt run.OpenOptions) (run.Worker, error) {
	c, ok := cfg.(*gail.Config)
	if !ok {
		return nil, fmt.Errorf("gail: a configuration of type %T: give a *gail.Config", cfg)
	}
	return openControl(ctx, opt, c.Env, func(e *backend.Engine, made env.Env) (run.Worker, error) {
		demos, err := demonstrations(c.Env, c.Demos)
		if err != nil {
			return nil, err
		}
		return gail.New(ctx, e, made, c, demos, nil)
	})
}
