package ppo_test

import (
	"os"
	"testing"

	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/backend/backendtest"
	"github.com/rewardlab/rewardlab/rl/env"
	"github.com/rewardlab/rewardlab/rl/ppo"
	"github.com/rewardlab/rewardlab/rl/run"
	"github.com/rewardlab/rewardlab/rl/trainer/trainertest"
)

// open compiles a configuration made of assignments.
func open(t testing.TB, e *backend.Engine, set string) run.Worker {
	t.Helper()
	return trainertest.Open(t, &ppo.Config{}, set, func(c *ppo.Config) (run.Worker, error) {
		made, err := env.Find(c.Env)
		if err != nil {
			return nil, err
		}
		return ppo.New(t.Context(), e, made, c)
	})
}

// BenchmarkTrain trains with the configuration in $PPO, "envs=64 total=2000000" for example.
func BenchmarkTrain(b *testing.B) {
	trainertest.Benchmark(b, open(b, backendtest.XLA(b), os.Getenv("PPO")))
}
