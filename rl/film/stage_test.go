package film

import (
	"strings"
	"testing"

	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/backend/backendtest"
	"github.com/rewardlab/rewardlab/rl/env"
)

func TestStage(t *testing.T) {
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		s, err := NewStage(t.Context(), e.Backend, env.CartPole(env.CartPoleConfig{}), 5)
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}()
		first := s.Frame()
		steps := 0
		for over := false; !over; steps++ {
			if over, err = s.Step(t.Context(), 0); err != nil {
				t.Fatal(err)
			}
		}
		ep := s.Episode()
		if steps < 8 || steps > 11 || len(ep.Reward) != steps || len(ep.Action) != steps || len(ep.Obs) != 4*(steps+1) || !ep.Terminated {
			t.Fatalf("pushed one way the pole falls after 8 to 11 steps: %d steps, %+v", steps, ep)
		}
		for k := range steps { // x' = x + 0.02 v
			if d := ep.Obs[4*k+4] - ep.Obs[4*k] - 0.02*ep.Obs[4*k+1]; d > 1e-5 || d < -1e-5 {
				t.Errorf("step %d goes from %v to %v", k, ep.Obs[4*k:4*k+4], ep.Obs[4*k+4:4*k+8])
			}
		}
		if apart(first, s.Frame()) == 0 {
			t.Error("the fallen pole looks as at the beginning")
		}
		// The next step begins another episode.
		if _, err := s.Step(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		again := s.Episode()
		if len(again.Reward) != 1 || again.Obs[2] > 0.05 || again.Obs[2] < -0.05 || again.Action[0] != 1 || again.Terminated {
			t.Errorf("the second episode is %+v", again)
		}
		if _, err := s.Step(t.Context(), 1, 2); err == nil || !strings.Contains(err.Error(), "give 1") {
			t.Errorf("error %v of an action of two numbers", err)
		}
	})
}
