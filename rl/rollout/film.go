package rollout

import (
	"context"
	"fmt"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph"

	"github.com/rewardlab/rewardlab/rl/env"
	"github.com/rewardlab/rewardlab/rl/film"
	"github.com/rewardlab/rewardlab/rl/run"
)

// Film plays the policy of a training's state in environment e. prefix says where the state keeps the actor-critic, as in MindIn.
func Film(ctx context.Context, b compute.Backend, e env.Env, c AgentConfig, state []run.Array, prefix string, o film.Options) (*film.Take, error) {
	a, err := NewAgent(env.Auto(e), c)
	if err != nil {
		return nil, err
	}
	mind, err := film.Recall[Mind](state, prefix+"Learner.Theta", prefix+"Ledger.Obs.Mean", prefix+"Ledger.Obs.Var", prefix+"Ledger.Obs.Count")
	if err != nil {
		return nil, err
	}
	defer mind.Close()
	if n := mind.Get("Theta").Size(); n != a.Net.Pack.Size() {
		return nil, fmt.Errorf("the checkpoint has %d parameters, this configuration %d: take both from one run", n, a.Net.Pack.Size())
	}
	return film.Shoot(ctx, b, e, o, mind, func(key, obs *Node, m Mind) (*Node, *Node) {
		if o.Sample {
			return a.Act(m, obs).Sample(key)
		}
		return key, a.Act(m, obs).Mode()
	})
}
