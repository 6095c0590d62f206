package film

import (
	"reflect"
	"testing"

	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/backend/backendtest"
	"github.com/rewardlab/rewardlab/rl/env"
)

func TestRecord(t *testing.T) {
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		p, act := left(t)
		pole := env.CartPole(env.CartPoleConfig{})
		take, err := Shoot(t.Context(), e.Backend, pole, Options{Seed: 3, Episodes: 1}, p, act)
		if err != nil {
			t.Fatal(err)
		}
		ep := take.Episodes[0]
		n := len(ep.Reward)
		if len(take.Frames) != 0 || len(take.Episodes) != 1 || n < 8 || n > 11 || len(ep.Action) != n || len(ep.Obs) != 4*(n+1) || !ep.Terminated {
			t.Fatalf("pushed one way the pole falls after 8 to 11 steps: %d frames, %d episodes, %+v", len(take.Frames), len(take.Episodes), ep)
		}
		// Pushed to the left, the cart goes to the left, and the last observation is the fallen pole's, not the next beginning's.
		if first, last := ep.Obs[:4], ep.Obs[4*n:]; !(last[1] < first[1]-1) || last[2] < 12*3.14/180 {
			t.Errorf("the episode begins at %v and ends at %v", first, last)
		}
		for k := range n { // x' = x + 0.02 v
			x, v, next := ep.Obs[4*k], ep.Obs[4*k+1], ep.Obs[4*k+4]
			if d := next - x - 0.02*v; d > 1e-5 || d < -1e-5 {
				t.Errorf("step %d goes from x = %v at speed %v to %v", k, x, v, next)
			}
		}
		if e.IsXLA() {
			return
		}
		several, err := Random(t.Context(), e.Backend, pole, Options{Seed: 3, Episodes: 4})
		if err != nil || len(several.Episodes) != 4 {
			t.Fatalf("%d episodes, %v", len(several.Episodes), err)
		}
		if a, b := several.Episodes[0], several.Episodes[1]; reflect.DeepEqual(a, b) {
			t.Error("two episodes are the same")
		}
		again, err := Random(t.Context(), e.Backend, pole, Options{Seed: 3, Episodes: 4})
		if err != nil || !reflect.DeepEqual(again, several) {
			t.Errorf("the same seed gives other episodes, %v", err)
		}
	})
}

// A time limit cuts an episode, and does not terminate it; actions are as the environment takes them.
func TestRecordOfALimit(t *testing.T) {
	e := backendtest.Go(t)
	take, err := Random(t.Context(), e.Backend, env.TimeLimit(env.Pendulum(), 7), Options{Seed: 1, Episodes: 2})
	if err != nil {
		t.Fatal(err)
	}
	for _, ep := range take.Episodes {
		if len(ep.Reward) != 7 || len(ep.Action) != 7 || len(ep.Obs) != 3*8 || ep.Terminated {
			t.Errorf("%+v", ep)
		}
		for _, a := range ep.Action {
			if a < -2 || a > 2 {
				t.Errorf("a torque of %v", a)
			}
		}
	}
}
