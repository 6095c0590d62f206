package rl

import (
	"cmp"
	"context"
	"fmt"

	"github.com/rewardlab/rewardlab/rl/a2c"
	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/bc"
	"github.com/rewardlab/rewardlab/rl/env"
	"github.com/rewardlab/rewardlab/rl/film"
	"github.com/rewardlab/rewardlab/rl/gail"
	"github.com/rewardlab/rewardlab/rl/goal"
	"github.com/rewardlab/rewardlab/rl/lirpg"
	"github.com/rewardlab/rewardlab/rl/ppo"
	"github.com/rewardlab/rewardlab/rl/prefs"
	"github.com/rewardlab/rewardlab/rl/qlearn"
	"github.com/rewardlab/rewardlab/rl/rollout"
	"github.com/rewardlab/rewardlab/rl/run"
	"github.com/rewardlab/rewardlab/rl/selfplay"
)

// Film plays the policy of the newest checkpoint of a seed and draws every step. say gets sentences for people.
func Film(ctx context.Context, r *run.Run, seed int64, o film.Options, say func(string)) (*film.Take, error) {
	take, _, err := play(ctx, r, seed, "", o, say)
	return take, err
}

// play is Film in the environment called where, or where that is empty in the run's own; it tells which it was.
func play(ctx context.Context, r *run.Run, seed int64, where string, o film.Options, say func(string)) (*film.Take, env.Env, error) {
	fail := func(err error) (*film.Take, env.Env, error) { return nil, nil, err }
	p, err := Find(r.Preset)
	if err != nil {
		return fail(fmt.Errorf("run folder %s: %w", r.Folder, err))
	}
	cfg := p.New()
	if err := r.Decode(cfg); err != nil {
		return fail(err)
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
	case *bc.Config:
		actorCritic(c.Env, "Policy.", c.Agent())
	case *lirpg.Config:
		actorCritic(c.Env, "", c.Agent())
	case *goal.Config:
		actorCritic(c.Env, "Policy.", c.Agent())
	case *goal.ResetFree:
		actorCritic(c.Env, "Forward.Policy.", c.Agent())
	case *prefs.Config:
		actorCritic(c.Env, "Policy.", c.Agent())
	case *gail.Config:
		actorCritic(c.Env, "Policy.", c.Agent())
	case *bc.DAggerConfig:
		actorCritic(c.Env, "Policy.", c.Agent())
	case *selfplay.Config:
		name = c.Env
		shoot = func(e *backend.Engine, _ env.Env, state []run.Array) (*film.Take, error) {
			return selfplay.Film(ctx, e, c, state, o)
		}
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
		return fail(fmt.Errorf("run folder %s: %s has no policy that acts in an environment, so there is nothing to film", r.Folder, r.Preset))
	}
	state, err := r.State(seed)
	if err != nil {
		return fail(err)
	}
	in, e, err := openIn(ctx, cmp.Or(where, name), say)
	if err != nil {
		return fail(err)
	}
	defer e.Close()
	take, err := shoot(e, in, state)
	return take, in, err
}
