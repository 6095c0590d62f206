package rl

import (
	"context"
	"slices"

	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/env"
	"github.com/rewardlab/rewardlab/rl/qlearn"
	"github.com/rewardlab/rewardlab/rl/run"
)

// qPresets are Q-learning with networks and with tables.
func qPresets() []run.Preset {
	networks := []row[qlearn.Network]{
		{"dqn-cartpole", "double DQN balances a pole", qlearn.Network{}},
		{"dqn-mountaincar", "double DQN with 5-step returns drives a car out of a valley; random actions last", qlearn.Network{
			Env: "mountaincar", Envs: 8, Iterations: 30_000, Buffer: 240_000, NStep: 5, Keep: 0.95, LREnd: 0.05,
			Exploration: qlearn.Exploration{EpsilonEnd: 0.01, EpsilonFor: 0.9}}},
		{"dqn-acrobot", "double DQN with 5-step returns swings a two-link chain up", qlearn.Network{
			Env: "acrobot", Envs: 8, Iterations: 20_000, Buffer: 160_000, NStep: 5, Keep: 0.8, Hidden: []int{128, 64}, RawObs: true,
			Exploration: qlearn.Exploration{EpsilonEnd: 0.01, EpsilonFor: 0.9}}},
	}
	tables := []row[qlearn.Table]{
		{"q-grid", "tabular Q-learning finds the values of a small grid world exactly", qlearn.Table{
			Env: "gridworld", Iterations: 10_000, LR: 1, LREnd: 1, Exploration: qlearn.Exploration{EpsilonEnd: 0.1}}},
		{"q-keydoor", "double Q-learning in a table: fetch a key, open a door", qlearn.Table{
			Env: "keydoor", Iterations: 20_000, Double: true, Exploration: qlearn.Exploration{EpsilonEnd: 0.1, EpsilonFor: 0.5}}},
		{"q-mountaincar", "Q-learning with tile coding drives a car out of a valley", qlearn.Table{
			Iterations: 60_000, Gamma: 1, LR: 0.3, LREnd: 0.07, Exploration: qlearn.Exploration{Epsilon: 0.1, EpsilonEnd: 0.001}}},
	}
	return slices.Concat(
		presets("dqn", qlearn.ConfigSource, greedyReturn(), func(ctx context.Context, c *qlearn.Network, opt run.OpenOptions) (run.Worker, error) {
			return inEnv(ctx, opt, c.Env, func(b *backend.Engine, e env.Env) (run.Worker, error) { return qlearn.NewNetwork(ctx, b, e, c) })
		}, networks),
		presets("q", qlearn.ConfigSource, greedyReturn(), func(ctx context.Context, c *qlearn.Table, opt run.OpenOptions) (run.Worker, error) {
			return inEnv(ctx, opt, c.Env, func(b *backend.Engine, e env.Env) (run.Worker, error) {
				e, err := numbered(e, c.Env)
				if err != nil {
					return nil, err
				}
				return qlearn.NewTable(ctx, b, e, c)
			})
		}, tables),
	)
}

// numbered is the environment called name as a table learns it.
func numbered(e env.Env, name string) (env.Env, error) {
	if grid, ok := gridConfigs()[name]; ok {
		return qlearn.Grid(grid)
	}
	return e, nil
}

// gridConfigs are the grid worlds of the table of environments. A table learns their states, which have numbers, not their pictures.
func gridConfigs() map[string]env.GridConfig {
	return map[string]env.GridConfig{"gridworld": {}, "keydoor": env.KeyDoor(), "fourrooms": env.FourRooms(), "lightkey": env.LightKey()}
}
