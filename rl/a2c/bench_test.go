package a2c_test

import (
	"os"
	"testing"

	"github.com/rewardlab/rewardlab/rl/a2c"
	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/backend/backendtest"
	"github.com/rewardlab/rewardlab/rl/env"
	"github.com/rewardlab/rewardlab/rl/run"
	"github.com/rewardlab/rewardlab/rl/trainer/trainertest"
)

// open compiles a configuration made of assignments.
func open(t testing.TB, e *backend.Engine, set string) run.Worker {
	t.Helper()
	return trainertest.Open(t, &a2c.Config{}, set, func(c *a2c.Config) (run.Worker, error) {
		made, err := env.Find(c.Env)
		if err != nil {
			return nil, err
		}
		return a2c.New(t.Context(), e, made, c)
	})
}

// BenchmarkTrain trains with the configuration in $A2C, "envs=32 lr=3e-4" for example.
func BenchmarkTrain(b *testing.B) {
	trainertest.Benchmark(b, open(b, backendtest.XLA(b), os.Getenv("A2C")))
}
