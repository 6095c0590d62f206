package rl_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/rewardlab/rewardlab/rl"
	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/run"
)

// A reward that one run has learned stays as it is while another agent learns for it, in another environment, and belongs to its seed.
func TestFrozenReward(t *testing.T) {
	t.Setenv(backend.EnvSpec, "go")
	folder := t.TempDir()
	set := strings.Fields(small["gail"])
	train := func(name, preset string, more ...string) *run.Run {
		t.Helper()
		r, err := rl.Train(t.Context(), preset, rl.Options{Folder: folder + "/" + name, Seeds: rl.Seeds(2), Set: append(set, more...), Log: func(s string) { t.Log(s) }})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	reward := func(r *run.Run, seed int64) []byte {
		t.Helper()
		state, err := r.State(seed)
		if err != nil {
			t.Fatal(err)
		}
		var all []byte
		for _, a := range state {
			if a.Name == "Critic.Theta" || strings.HasPrefix(a.Name, "Memory.Seen") {
				all = append(all, a.Data...)
			}
		}
		return all
	}
	source := train("source", "airl-pointmass")
	frozen := train("frozen", "airl-pointmass", "env=pointmass-left", "form=g", "frozen="+source.Folder)
	for _, seed := range []int64{1, 2} {
		if !bytes.Equal(reward(source, seed), reward(frozen, seed)) {
			t.Errorf("seed %d: the frozen reward is not that of the run it came from", seed)
		}
	}
	if bytes.Equal(reward(source, 1), reward(source, 2)) {
		t.Error("two seeds learned the same reward")
	}
	_, err := rl.Train(t.Context(), "airl-pointmass", rl.Options{Folder: folder + "/other", Set: append(set, "disc_hidden=5", "frozen="+source.Folder)})
	if err == nil || !strings.Contains(err.Error(), "disc_hidden as in that run") {
		t.Errorf("error %v, want one that names what differs", err)
	}
	warm := train("warm", "gail-pointmass", "warm=true")
	if v := warm.Eval[1]["eval/return"]; v == 0 {
		t.Error("no return after a warm start")
	}
}
