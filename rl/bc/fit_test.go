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
	"github.com/rewardlab/rewardlab/rl/rollout"
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
