package bc_test

import (
	"context"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/core/tensors"

	"github.com/rewardlab/rewardlab/datasets"
	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/bc"
	"github.com/rewardlab/rewardlab/rl/env"
	"github.com/rewardlab/rewardlab/rl/loop"
	"github.com/rewardlab/rewardlab/rl/rollout"
	"github.com/rewardlab/rewardlab/rl/run"
	"github.com/rewardlab/rewardlab/rl/trainer/trainertest"
)

// fit is the parameters that Cloner.Fit ends with.
func fit(ctx context.Context, t *testing.T, e *backend.Engine, d *datasets.Demos, set string, seed int64) []float32 {
	t.Helper()
	c := trainertest.Resolved(t, &bc.Config{}, strings.Fields(set)...)
	in, err := env.Find(c.Env)
	if err != nil {
		t.Fatal(err)
	}
	agent, err := rollout.NewAgent(env.Auto(in), c.Agent())
	if err != nil {
		t.Fatal(err)
	}
	p, err := bc.NewCloner(e.Backend, agent, c, d)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	mind, err := p.Fit(ctx, seed)
	if err != nil {
		t.Fatal(err)
	}
	defer mind.Close()
	return tensors.MustCopyFlatData[float32](mind.Get("Theta"))
}

// teacher is the expert whose demonstrations come with the module.
func teacher(t testing.TB, name string) bc.Teacher {
	t.Helper()
	p, err := datasets.ExpertPolicy(name)
	if err != nil {
		t.Fatal(err)
	}
	var ts []*tensors.Tensor
	for _, leaf := range []string{"Learner.Theta", "Ledger.Obs.Mean", "Ledger.Obs.Var", "Ledger.Obs.Count"} {
		a := p.Arrays[leaf]
		ts = append(ts, tensors.FromFlatDataAndDimensions(a.Float32s(), a.Shape...))
	}
	mind, err := loop.Pack[rollout.Mind](ts...)
	if err != nil {
		t.Fatal(err)
	}
	return bc.Teacher{Agent: rollout.AgentConfig{Hidden: []int{64, 64}}, Mind: mind}
}

func dagger(t testing.TB, e *backend.Engine, d *datasets.Demos, set string) run.Worker {
	return trainertest.Open(t, &bc.DAggerConfig{}, set, func(c *bc.DAggerConfig) (run.Worker, error) {
		in, err := env.Find(c.Env)
		if err != nil {
			return nil, err
		}
		return bc.NewDAgger(t.Context(), e, in, c, teacher(t, c.Env), d)
	})
}
