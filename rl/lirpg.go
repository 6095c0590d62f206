package rl

import (
	"context"

	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/env"
	"github.com/rewardlab/rewardlab/rl/lirpg"
	"github.com/rewardlab/rewardlab/rl/ppo"
	"github.com/rewardlab/rewardlab/rl/run"
)

// delayed is PPO for rewards that are paid every n steps, with an intrinsic reward beside them.
func delayed(name string, n int, change ...func(*lirpg.Config)) lirpg.Config {
	c := lirpg.Config{Config: reach(name), Delay: n}
	for _, f := range change {
		f(&c)
	}
	return c
}

// swing are settings for the pendulum. The plain learner needs them too: with one hidden layer, or torques that begin with a deviation of 1 and not 2,
// it learned from late rewards half as well. The weight c_ex brings rewards of -16 to 0 below those of -1 to 1 that are learned.
func swing(c *lirpg.Config) {
	c.LR, c.ConstantLR, c.Hidden, c.Std = 3e-3, true, []int{32, 32}, 2
	c.NormObs, c.NormReward = false, false
	c.CEx, c.CIn, c.Beta = 0.003, 1, 3e-5
	c.MetaNorm = 1000 // the critic of extrinsic reward, not scaled, would take up all of a shorter one
	c.LogEvery = 2    // an episode takes two iterations
}

// inArcade is A2C in a game of 10 by 10 cells, with the optimiser and the weights that the method was published with.
func inArcade(game string) lirpg.Config {
	return lirpg.Config{
		Config: ppo.Config{Env: game, Envs: 64, Steps: 8, Total: 2_000_000, Epochs: 1, Minibatches: 1, Lambda: 1, LR: 1e-3, Entropy: 0.01,
			Torso: "conv", Hidden: []int{128}},
		Base: "a2c", Optimizer: "rmsprop", ExWeight: 0.1,
	}
}

// inMaze is A2C in a grid world that pays at the goal alone.
func inMaze(name string) lirpg.Config {
	return lirpg.Config{
		Config: ppo.Config{Env: name, Envs: 16, Steps: 8, Epochs: 1, Minibatches: 1, Lambda: 1, LR: 1e-3, Entropy: 0.01},
		Base:   "a2c", Optimizer: "rmsprop", ExWeight: 0.1,
	}
}

// inTurningMaze is the same where what was to be sought is to be shunned, three times in the training.
func inTurningMaze(name string) lirpg.Config {
	c := inMaze(name)
	c.Flips = 3
	return c
}

// lirpgPresets are learned intrinsic rewards over PPO and over A2C.
func lirpgPresets() []run.Preset {
	table := func(algorithm string, rows []row[lirpg.Config]) []run.Preset {
		return presets(algorithm, lirpg.ConfigSource, greedyReturn(), func(ctx context.Context, c *lirpg.Config, opt run.OpenOptions) (run.Worker, error) {
			return inEnv(ctx, opt, c.Env, func(e *backend.Engine, in env.Env) (run.Worker, error) { return lirpg.New(ctx, e, in, c, opt.Log) })
		}, rows)
	}
	overPPO := []row[lirpg.Config]{
		{"lirpg-delayed-pendulum", "an intrinsic reward by meta-gradient swings a pendulum up that is paid every 20 steps", delayed("pendulum", 20, swing)},
		{"lirpg-delayed-reacher", "the same for an arm that is to reach a target", delayed("reacher", 20)},
		{"lirpg-delayed-pointmass", "the same for a mass that is to go round a wall", delayed("pointmass", 20)},
		{"lirpg-delayed-pusher", "the same for a hand that is to push a puck", delayed("pusher", 20)},
	}
	var overA2C []row[lirpg.Config]
	add := func(summary string, config func(string) lirpg.Config, names ...string) {
		for _, name := range names {
			overA2C = append(overA2C, row[lirpg.Config]{"lirpg-" + name, summary + name, config(name)})
		}
	}
	add("A2C with an intrinsic reward by meta-gradient plays MinAtar's ", inArcade, "breakout", "freeway", "spaceinvaders", "asterix", "seaquest")
	add("A2C with an intrinsic reward by meta-gradient in the grid world ", inMaze, "fourrooms", "keydoor", "chain")
	add("A2C with an intrinsic reward by meta-gradient where the ends of a maze change their rewards three times: ", inTurningMaze, "tmaze")
	return append(table("lirpg", overPPO), table("lirpg-a2c", overA2C)...)
}

// Motive shows what the state of a seed makes of observations and actions: how much the intrinsic reward pays, and what the agent would do. The state is that
// of a run's checkpoint (run.Run.State) or of a training that goes on (run.Trainer.State).
func Motive(ctx context.Context, c *lirpg.Config, state []run.Array, obs, actions [][]float32) (*lirpg.View, error) {
	in, e, err := openIn(ctx, c.Env, nil)
	if err != nil {
		return nil, err
	}
	defer e.Close()
	return lirpg.Look(ctx, e, in, c, state, obs, actions)
}
