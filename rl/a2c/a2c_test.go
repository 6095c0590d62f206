package a2c_test

import (
	"strings"
	"testing"

	"github.com/rewardlab/rewardlab/rl/a2c"
	"github.com/rewardlab/rewardlab/rl/backend/backendtest"
	"github.com/rewardlab/rewardlab/rl/run"
	"github.com/rewardlab/rewardlab/rl/trainer/trainertest"
)

// A policy that does not learn balances for 10 steps or so.
func TestLearns(t *testing.T) {
	r := trainertest.Train(t, open(t, backendtest.XLA(t), "envs=32 steps=5 lr=2e-3 entropy=0.01 norm_advantage=true"), 1)
	if got := r.Eval["eval/return"]; got < 400 {
		t.Errorf("greedy return %.0f after training, want at least 400", got)
	}
	last := r.Last().Values
	for _, name := range strings.Fields("losses/policy_loss losses/value_loss losses/entropy losses/grad_norm losses/explained_variance charts/learning_rate") {
		if _, ok := last[name]; !ok {
			t.Errorf("no metric %s", name)
		}
	}
}

func TestMistakesAreNamed(t *testing.T) {
	for set, want := range map[string]string{
		"envs=-1": "envs is -1", "steps=-1": "steps is -1", "total=100": "total is 100", "lr=-1": "lr is -1", "gamma=2": "gamma is 2",
		"entropy=-1": "entropy is -1",
	} {
		c := &a2c.Config{}
		if err := run.Set(c, set); err != nil {
			t.Fatal(err)
		}
		if err := run.Resolve(c); err != nil {
			t.Fatal(err)
		}
		if err := run.Check(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one that says %q", set, err, want)
		}
	}
}
