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
	return scored("share of greedy episodes that end in success", "eval/success")
}

// roundWall and toPuck are PPO for a classifier's reward on the point mass and on the pusher. The classifier is kept weak, or it is done before the
// policy has begun: mixup, and few steps. On the point mass it must be sharp enough to tell the goal from what lies beside it, or the policy, whose
// visits count against the goal, moves there: with 64 units and a third of the step size two of four seeds ended beside it.
func roundWall(change ...func(*goal.Config)) goal.Config {
	c := goal.Config{Config: reach("pointmass"), Mixup: true, Judge: []int{128, 128}, JudgeLR: 3e-3}
	c.Envs, c.Epochs, c.Total, c.Gamma, c.Entropy = 32, 5, 600_000, 0.99, 0.01
	return with(c, change)
}

func toPuck(change ...func(*goal.Config)) goal.Config {
	c := goal.Config{Config: reach("pusher"), Mixup: true}
	c.Epochs, c.Minibatches, c.Total, c.LR, c.Entropy = 5, 8, 500_000, 3e-3, 0.003
	return with(c, change)
}

func with(c goal.Config, change []func(*goal.Config)) goal.Config {
	for _, f := range change {
		f(&c)
	}
	return c
}

func naive(c *goal.Config) { c.Method, c.Mixup = "naive", false }

// vice keeps the negatives of five iterations only. What an older policy did is so unlikely under the policy of now that its -log pi outweighs
// all that the classifier says.
func vice(c *goal.Config) { c.Method, c.Replay = "vice", 4000 }

// goalPresets are classifiers of success as rewards.
func goalPresets() []run.Preset {
	return append(presets("goal", goal.ConfigSource, success(), func(ctx context.Context, c *goal.Config, opt run.OpenOptions) (run.Worker, error) {
		return inEnv(ctx, opt, c.Env, func(e *backend.Engine, in env.Env) (run.Worker, error) {
			d, err := goalDemos(ctx, e, in, c)
			if err != nil {
				return nil, err
			}
			return goal.New(ctx, e, in, c, d)
		})
	}, []row[goal.Config]{
		{"goal-pointmass", "a robust classifier of success takes a mass round a wall", roundWall()},
		{"goal-pointmass-naive", "a classifier that is fitted once and frozen: the policy exploits it", roundWall(naive)},
		{"goal-pointmass-unbalanced", "a robust classifier, but for its batches: it forgets what success is", roundWall(func(c *goal.Config) { c.Unbalanced = true })},
		{"goal-vice-pointmass", "VICE: the policy's density is part of the classifier", roundWall(vice)},
		{"goal-pusher", "a robust classifier of success gets a puck to a goal", toPuck()},
		{"goal-pusher-naive", "the same, fitted once and frozen", toPuck(naive)},
		{"goal-pusher-demos", "the same from the last twenty states of each of 50 demonstrations", toPuck(func(c *goal.Config) {
			c.Demos, c.Examples, c.Updates, c.Total = 50, 1000, 2, 1_000_000
		})},
		{"goal-pusher-image", "a classifier that sees pictures of 12 by 12 cells", toPuck(func(c *goal.Config) { c.View, c.Side = "image", 12 })},
		{"goal-pointmass-image", "a classifier that sees pictures of 12 by 12 cells: where it is, and not how fast", roundWall(func(c *goal.Config) { c.View, c.Side = "image", 12 })},
	}), presets("goal-resetfree", goal.ConfigSource, success(), func(ctx context.Context, c *goal.ResetFree, opt run.OpenOptions) (run.Worker, error) {
		return inEnv(ctx, opt, c.Env, func(e *backend.Engine, in env.Env) (run.Worker, error) {
			d, err := goalDemos(ctx, e, in, &c.Config)
			if err != nil {
				return nil, err
			}
			return goal.NewResetFree(ctx, e, in, c, d)
		})
	}, []row[goal.ResetFree]{
		{"goal-pusher-resetfree", "a policy pushes the puck to the goal, another brings it back: resets are rare", goal.ResetFree{Config: toPuck()}},
	})...)
}

// goalDemos are the demonstrations that c asks for, nil for none.
func goalDemos(ctx context.Context, e *backend.Engine, made env.Env, c *goal.Config) (*datasets.Demos, error) {
	if c.Demos == 0 {
		return nil, nil
	}
	return openDemos(ctx, e, made, c.Env, c.DemoFile, nil)
}
