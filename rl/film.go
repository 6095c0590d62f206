package rl

import (
	"context"
	"fmt"

	"github.com/rewardlab/rewardlab/rl/a2c"
	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/env"
	"github.com/rewardlab/rewardlab/rl/film"
	"github.com/rewardlab/rewardlab/rl/ppo"
	"github.com/rewardlab/rewardlab/rl/qlearn"
	"github.com/rewardlab/rewardlab/rl/rollout"
	"github.com/rewardlab/rewardlab/rl/run"
)

// Film plays the greedy policy of the newest checkpoint of a seed and draws every step. say gets sentences for people.
func Film(ctx context.Context, r *run.Run, seed int64, o film.Options, say func(string)) (*film.Take, error) {
	p, err := Find(r.Preset)
	if err != nil {
		return nil, fmt.Errorf("run folder %s: %w", r.Folder, err)
	}
	cfg := p.New()
	if err := r.Decode(cfg); err != nil {
		return nil, err
	}
	var name string
	var shoot func(e *backend.Engine, in env.Env, state []run.Array) (*film.Take, error)
	actorCritic := func(environment, prefix string, c rollout.AgentConfig) {
		name = environment
		shoot = func(e *backend.Engine, in env.Env, state []run.Array) (*film.Take, error) {
			take, err := rollout.Film(ctx, e.Backend, in, c, state, prefix, o)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", p.Algorithm, err)
			}
			return take, nil
		}
	}
	switch c := cfg.(type) {
	case *ppo.Config:
		actorCritic(c.Env, "", c.Agent())
	case *a2c.Config:
		actorCritic(c.Env, "", c.Agent())
	case *qlearn.Network:
		name = c.Env
		shoot = func(e *backend.Engine, in env.Env, state []run.Array) (*film.Take, error) {
			return qlearn.FilmNetwork(ctx, e, in, c, state, o)
		}
	case *qlearn.Table:
		name = c.Env
		shoot = func(e *backend.Engine, in env.Env, state []run.Array) (*film.Take, error) {
			in, err := numbered(in, c.Env)
			if err != nil {
				return nil, err
			}
			return qlearn.FilmTable(ctx, e, in, c, state, o)
		}
	default:
		return nil, fmt.Errorf("run folder %s: %s has no policy that acts in an environment, so there is nothing to film", r.Folder, r.Preset)
	}
	state, err := r.State(seed)
	if err != nil {
		return nil, err
	}
	in, err := env.Find(name)
	if err != nil {
		return nil, err
	}
	e, err := backend.Open(ctx, backend.Config{Say: say})
	if err != nil {
		return nil, fmt.Errorf("engine: %w", err)
	}
	defer e.Close()
	return shoot(e, in, state)
}
