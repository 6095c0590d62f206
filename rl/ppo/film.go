package ppo

import (
	"context"
	"fmt"

	. "github.com/gomlx/gomlx/core/graph"

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
		return nil, fmt.Errorf("ppo: %w", err)
	}
	mind, err := film.Recall[rollout.Mind](state, "Learner.Theta", "Ledger.Obs.Mean", "Ledger.Obs.Var", "Ledger.Obs.Count")
	if err != nil {
		return nil, fmt.Errorf("ppo: %w", err)
	}
	defer mind.Close()
	if n := mind.Get("Theta").Size(); n != agent.Net.Pack.Size() {
		return nil, fmt.Errorf("ppo: the checkpoint has %d parameters, this configuration %d: take both from one run", n, agent.Net.Pack.Size())
	}
	return film.Shoot(ctx, b.Backend, e, o, mind, func(key, obs *Node, m rollout.Mind) (*Node, *Node) {
		return key, agent.Act(m, obs).Mode()
	})
}
