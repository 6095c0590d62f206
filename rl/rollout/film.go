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

// Film plays the greedy policy of a training's state in environment e. The state keeps the parameters as Learner.Theta and the books as Ledger.
func Film(ctx context.Context, b compute.Backend, e env.Env, c AgentConfig, state []run.Array, o film.Options) (*film.Take, error) {
	a, err := NewAgent(env.Auto(e), c)
	if err != nil {
		return nil, err
	}
	mind, err := film.Recall[Mind](state, "Learner.Theta", "Ledger.Obs.Mean", "Ledger.Obs.Var", "Ledger.Obs.Count")
	if err != nil {
		return nil, err
	}
	defer mind.Close()
	if n := mind.Get("Theta").Size(); n != a.Net.Pack.Size() {
		return nil, fmt.Errorf("the checkpoint has %d parameters, this configuration %d: take both from one run", n, a.Net.Pack.Size())
	}
	return film.Shoot(ctx, b, e, o, mind, func(key, obs *Node, m Mind) (*Node, *Node) {
		return key, a.Act(m, obs).Mode()
	})
}
