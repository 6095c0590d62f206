package rl

import (
	"context"
	"fmt"

	"github.com/rewardlab/rewardlab/datasets"
	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/env"
	"github.com/rewardlab/rewardlab/rl/gail"
	"github.com/rewardlab/rewardlab/rl/ppo"
	"github.com/rewardlab/rewardlab/rl/run"
)

// imitator is the PPO that imitates, the expert's data and the discriminator in each environment. An iteration plays whole episodes: with parts of
// them, all environments would stand at the same part of an episode, and each batch would look unlike the one before.
func imitator(environment string) gail.Config {
	c := gail.Config{
		Config: ppo.Config{
			Env: environment, Envs: 16, Steps: 100, Total: 160_000, Epochs: 10, Minibatches: 8, Gamma: 0.95, LR: 1e-3, NormObs: true, NormReward: true,
		},
		Trajectories: 10, Subsample: 5, DiscUpdates: 60, DiscLR: 2e-3,
		// Without the penalty the discriminator knows the few steps of the expert by heart in the end, and a good policy loses all it had.
		Penalty: 1,
	}
	switch environment {
	case "cartpole-fixed":
		c.Config = ppo.Config{
			Env: environment, Envs: 8, Steps: 500, Total: 160_000, Epochs: 10, Minibatches: 16, Gamma: 0.98, LR: 2.5e-3, Entropy: 0.01, NormReward: true,
		}
		c.Subsample, c.Penalty = 10, 0
	case "acrobot-fixed":
		c.Envs, c.Steps, c.Total, c.Gamma, c.Entropy = 16, 500, 400_000, 0.99, 0.01
		fromClone(&c)
	case "mountaincar-fixed":
		c.Envs, c.Steps, c.Total, c.Gamma, c.Lambda, c.Entropy = 16, 200, 320_000, 0.99, 0.98, 0.01
		c.DiscHidden, c.DiscUpdates = []int{64, 64}, 120
		fromClone(&c)
	case "pendulum":
		c.Steps = 200
	}
	return c
}

// fromClone begins with behavioural cloning, and takes small steps from there. Where most of the expert's episode is spent at the goal, a policy
// that starts from nothing is told apart by that alone: four or five of ten seeds never came there.
func fromClone(c *gail.Config) { c.Warm, c.LR, c.Form = true, 3e-4, "logit" }

// gailPresets are adversarial imitation in the environments of fixed horizon that have an expert, each beside its control.
func gailPresets() []run.Preset {
	var rows []row[gail.Config]
	add := func(name, environment, summary string, change func(*gail.Config)) {
		c := imitator(environment)
		change(&c)
		rows = append(rows, row[gail.Config]{name, summary, c})
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
	add("gail-cartpole-fast", "cartpole-fixed", "GAIL from the rollouts of the Python package imitation, with few steps", func(c *gail.Config) {
		c.Demos, c.Trajectories, c.Subsample = "peer", 0, 1
		c.Envs, c.Minibatches, c.Total, c.LR, c.Replay = 4, 4, 70_000, 4e-3, 30
	})
	add("airl-pointmass", "pointmass", "AIRL learns a reward of the state alone, to take elsewhere (frozen=RUN form=g)", func(c *gail.Config) {
		c.Method, c.Sees, c.Form, c.Penalty, c.Entropy = "airl", "s", "logit", 0.5, 0.01
	})
	return presets("gail", gail.ConfigSource, imitationScore(), func(ctx context.Context, c *gail.Config, opt run.OpenOptions) (run.Worker, error) {
		return inEnv(ctx, opt, c.Env, func(e *backend.Engine, in env.Env) (run.Worker, error) {
			demos, err := openDemos(ctx, e, in, c.Env, c.Demos, opt.Log)
			if err != nil {
				return nil, err
			}
			return gail.New(ctx, e, in, c, demos, nil)
		})
	}, rows)
}

// LearnedRewards are what the reward that a seed of a run of GAIL or AIRL has learned pays for each of some steps.
func LearnedRewards(ctx context.Context, r *run.Run, seed int64, steps datasets.Pairs) ([]float64, error) {
	c := &gail.Config{}
	if err := r.Decode(c); err != nil {
		return nil, fmt.Errorf("run folder %s: %w", r.Folder, err)
	}
	state, err := r.State(seed)
	if err != nil {
		return nil, err
	}
	in, e, err := openIn(ctx, c.Env, nil)
	if err != nil {
		return nil, err
	}
	defer e.Close()
	return gail.Rewards(ctx, e.Backend, in, c, state, steps)
}
