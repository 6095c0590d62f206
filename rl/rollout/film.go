package rollout

import (
	"context"
	"fmt"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph"

	"github.com/rewardlab/rewardlab/rl/env"
	"github.com/rewardlab/rewardlab/rl/film"
	"github.com/rewardlab/rewardlab/rl/run"
	"github.com/rewardlab/rewardlab/rl/trainer"
)

// Film plays the policy of a training's state in environment e; of an ensemble, that of its first member. prefix says where the state keeps the
// actor-critic, as in MindIn.
func Film(ctx context.Context, b compute.Backend, e env.Env, c AgentConfig, state []run.Array, prefix string, o film.Options) (*film.Take, error) {
	a, err := NewAgent(env.Auto(e), c)
	if err != nil {
		return nil, err
	}
	mind, err := trainer.Recall[Mind](state, prefix+"Learner.Theta", prefix+"Ledger.Obs.Mean", prefix+"Ledger.Obs.Var", prefix+"Ledger.Obs.Count")
	if err != nil {
		return nil, err
	}
	defer mind.Close()
	if n := mind.Get("Theta").Size(); n != a.members()*a.Net.Pack.Size() {
		return nil, fmt.Errorf("the checkpoint has %d parameters, this configuration %d: take both from one run", n, a.members()*a.Net.Pack.Size())
	}
	alone := *a
	alone.config.Members = 1
	return film.Shoot(ctx, b, e, o, mind, func(key, obs *Node, m Mind) (*Node, *Node) {
		if a.members() > 1 {
			first := func(x *Node) *Node { return Squeeze(SliceAxis(x, 0, AxisElem(0)), 0) }
			m.Theta, m.Obs.Mean, m.Obs.Var = first(m.Theta), first(m.Obs.Mean), first(m.Obs.Var)
		}
		if o.Sample {
			return alone.Act(m, obs).Sample(key)
		}
		return key, alone.Act(m, obs).Mode()
	})
}
