package rl

import (
	"context"

	"github.com/rewardlab/rewardlab/rl/a2c"
	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/env"
	"github.com/rewardlab/rewardlab/rl/ppo"
	"github.com/rewardlab/rewardlab/rl/run"
)

// greedyReturn is the score of everything that learns to act for the environment's own reward.
func greedyReturn() run.Score { return scored("mean return of greedy episodes", "eval/return") }

// arcade is PPO in a game of 10 by 10 cells.
func arcade(game string) ppo.Config {
	return ppo.Config{Env: game, Envs: 64, Steps: 32, Minibatches: 8, LR: 1e-3, Entropy: 0.01, Hidden: []int{128, 64}}
}

// reach is PPO where something is to be brought to a place by continuous forces.
func reach(name string) ppo.Config {
	return ppo.Config{Env: name, Envs: 16, Steps: 100, Total: 200_000, Epochs: 10, Gamma: 0.95, LR: 1e-3, NormObs: true, NormReward: true}
}

// push is PPO on the pusher, which needs more steps than other places to reach: the hand must come round the puck first.
func push() ppo.Config {
	c := reach("pusher")
	c.Envs, c.Minibatches, c.Total = 32, 8, 1_000_000
	return c
}

// ppoPresets are proximal policy optimisation in the environments of the table.
func ppoPresets() []run.Preset {
	return presets("ppo", ppo.ConfigSource, greedyReturn(), func(ctx context.Context, c *ppo.Config, opt run.OpenOptions) (run.Worker, error) {
		return inEnv(ctx, opt, c.Env, func(e *backend.Engine, in env.Env) (run.Worker, error) { return ppo.New(ctx, e, in, c) })
	}, []row[ppo.Config]{
		{"ppo-cartpole", "PPO balances a pole: 4 environments, CleanRL's sizes", ppo.Config{Entropy: 0.01}},
		{"ppo-cartpole-64", "the same with 64 environments at once", ppo.Config{Envs: 64, Total: 2_000_000, LR: 1e-3, Entropy: 0.01}},
		{"ppo-cartpole-ensemble", "eight agents at once in one program, each with nets and environments of its own", ppo.Config{Ensemble: 8, Entropy: 0.01}},
		{"ppo-pendulum", "PPO swings a pendulum up: a continuous action", reach("pendulum")},
		{"ppo-acrobot", "PPO swings a two-link chain up", ppo.Config{
			Env: "acrobot", Envs: 16, LR: 1e-3, Entropy: 0.01, NormObs: true, NormReward: true}},
		{"ppo-mountaincar", "PPO rocks a car out of a valley: normalised observations and rewards find the way", ppo.Config{
			Env: "mountaincar", Envs: 16, Steps: 16, Total: 1_000_000, Lambda: 0.98, LR: 3e-4, NormObs: true, NormReward: true}},
		{"ppo-cartpole-fixed", "PPO balances a pole for a fixed 500 steps", ppo.Config{Env: "cartpole-fixed", Envs: 8, Total: 300_000, LR: 1e-3, Entropy: 0.01}},
		{"ppo-acrobot-fixed", "PPO swings a chain up and then waits for a fixed 500 steps to pass", ppo.Config{
			Env: "acrobot-fixed", Envs: 16, LR: 1e-3, Entropy: 0.01, NormObs: true, NormReward: true}},
		{"ppo-mountaincar-fixed", "PPO rocks a car out of a valley and then waits for a fixed 200 steps to pass", ppo.Config{
			Env: "mountaincar-fixed", Envs: 16, Steps: 64, Total: 2_000_000, Lambda: 0.98, LR: 1e-3, NormObs: true, NormReward: true}},
		{"ppo-pusher", "PPO pushes a puck to a goal", push()},
		{"ppo-pointmass", "PPO pushes a mass round a wall", reach("pointmass")},
		{"ppo-reacher", "PPO brings the tip of an arm to a target", reach("reacher")},
		{"ppo-breakout", "PPO plays MinAtar's Breakout", arcade("breakout")},
		{"ppo-freeway", "PPO plays MinAtar's Freeway", arcade("freeway")},
		{"ppo-spaceinvaders", "PPO plays MinAtar's Space Invaders", arcade("spaceinvaders")},
		{"ppo-asterix", "PPO plays MinAtar's Asterix", arcade("asterix")},
		{"ppo-seaquest", "PPO plays MinAtar's Seaquest", arcade("seaquest")},
	})
}

// a2cPresets are the advantage actor-critic.
func a2cPresets() []run.Preset {
	return presets("a2c", a2c.ConfigSource, greedyReturn(), func(ctx context.Context, c *a2c.Config, opt run.OpenOptions) (run.Worker, error) {
		return inEnv(ctx, opt, c.Env, func(e *backend.Engine, in env.Env) (run.Worker, error) { return a2c.New(ctx, e, in, c) })
	}, []row[a2c.Config]{
		{"a2c-cartpole", "the advantage actor-critic balances a pole", a2c.Config{
			Envs: 32, Steps: 5, LR: 2e-3, Entropy: 0.01, NormAdvantage: true}},
	})
}
