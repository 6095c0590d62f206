package a2c

import (
	"context"
	"fmt"

	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/env"
	"github.com/rewardlab/rewardlab/rl/film"
	"github.com/rewardlab/rewardlab/rl/rollout"
	"github.com/rewardlab/rewardlab/rl/run"
)

// Film plays the greedy policy of a training's state in environment e, for c, which must be resolved.
func Film(ctx context.Context, b *backend.Engine, e env.Env, c *Config, state []run.Array, o film.Options) (*film.Take, error) {
	agent, err := rollout.NewAgent(env.Auto(e), c.agent())
	if err != nil {
		return nil, fmt.Errorf("a2c: %w", err)
	}
	take, err := agent.Film(ctx, b.Backend, state, o)
	if err != nil {
		return nil, fmt.Errorf("a2c: %w", err)
	}
	return take, nil
}
