package rl

import (
	"context"

	"github.com/rewardlab/rewardlab/datasets"
	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/env"
	"github.com/rewardlab/rewardlab/rl/goal"
	"github.com/rewardlab/rewardlab/rl/run"
)

// success is the score of everything that learns to reach a goal.
func success() run.Score {
	return run.Score{Name: "share of greedy episodes that end in success", Of: func(_ []run.Row, eval map[string]float64) (float64, error) {
		return evaluated(eval, "eval/success")
	}}
}

// toGoal is PPO for a classifier's reward.
func toGoal(name string, change ...func(*goal.Config)) goal.Config {
	c := goal.Config{Config: reach(name)}
	for _, f := range change {
		f(&c)
	}
	return c
}

func naive(c *goal.Config) { c.Method = "naive" }

// goalPresets are classifiers of success as rewards.
func goalPresets() []run.Preset {
	ps := controls("goal", goal.ConfigSource, func(ctx context.Context, e *backend.Engine, made env.Env, c *goal.Config) (run.Worker, error) {
		d, err := goalDemos(ctx, e, made, c)
		if err != nil {
			return nil, err
		}
		return goal.New(ctx, e, made, c, d)
	}, func(c *goal.Config) string { return c.Env }, []control[goal.Config]{
		{"goal-pointmass", "a robust classifier of success takes a mass round a wall", toGoal("pointmass")},
		{"goal-pointmass-naive", "a classifier that is fitted once and frozen: the policy exploits it", toGoal("pointmass", naive)},
		{"goal-pusher", "a robust classifier of success gets a puck to a goal", toGoal("pusher")},
		{"goal-pusher-naive", "the same, fitted once and frozen", toGoal("pusher", naive)},
	})
	ps = append(ps, controls("goal-resetfree", goal.ConfigSource, func(ctx context.Context, e *backend.Engine, made env.Env, c *goal.ResetFree) (run.Worker, error) {
		d, err := goalDemos(ctx, e, made, &c.Config)
		if err != nil {
			return nil, err
		}
		return goal.NewResetFree(ctx, e, made, c, d)
	}, func(c *goal.ResetFree) string { return c.Env }, []control[goal.ResetFree]{
		{"goal-pusher-resetfree", "a policy pushes the puck to the goal, another brings it back: resets are rare", goal.ResetFree{Config: toGoal("pusher")}},
	})...)
	for i := range ps {
		ps[i].Score = success()
	}
	return ps
}

// goalDemos are the demonstrations that c asks for, nil for none.
func goalDemos(ctx context.Context, e *backend.Engine, made env.Env, c *goal.Config) (*datasets.Demos, error) {
	if c.Demos == 0 {
		return nil, nil
	}
	return openDemos(ctx, e, made, c.Env, c.DemoFile, nil)
}
