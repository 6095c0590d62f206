package qlearn

import (
	"context"
	"fmt"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/env"
	"github.com/rewardlab/rewardlab/rl/film"
	"github.com/rewardlab/rewardlab/rl/run"
	"github.com/rewardlab/rewardlab/rl/trainer"
)

// FilmNetwork plays the greedy policy of a training's state in environment en, for c, which must be resolved.
func FilmNetwork(ctx context.Context, b *backend.Engine, en env.Env, c *Network, state []run.Array, o film.Options) (*film.Take, error) {
	m, err := c.method(en)
	if err != nil {
		return nil, err
	}
	return shoot(ctx, b, m, state, o)
}

// FilmTable is FilmNetwork for tables.
func FilmTable(ctx context.Context, b *backend.Engine, en env.Env, c *Table, state []run.Array, o film.Options) (*film.Take, error) {
	m, err := c.method(en)
	if err != nil {
		return nil, err
	}
	return shoot(ctx, b, m, state, o)
}

func shoot[S any](ctx context.Context, b *backend.Engine, m method[S], state []run.Array, o film.Options) (*film.Take, error) {
	if o.Sample {
		return nil, fmt.Errorf("%s: its policy is greedy, there is nothing to sample from: play it without sampling", m.name)
	}
	theta, err := trainer.Recall[values](state, "Theta")
	if err != nil {
		return nil, fmt.Errorf("%s: %w", m.name, err)
	}
	defer theta.Close()
	fresh := m.start(0)[0] // Theta is the first leaf after those of play
	defer func() { _ = fresh.FinalizeAll() }()
	if have, want := theta.Get("Theta").Size(), fresh.Size(); have != want {
		return nil, fmt.Errorf("%s: the checkpoint has %d parameters, this configuration %d: take both from one run", m.name, have, want)
	}
	return film.Shoot(ctx, b.Backend, m.vector.Env(), o, theta, func(key, obs *Node, v values) (*Node, *Node) {
		return key, m.greedy(v.Theta, obs)
	})
}
