package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rewardlab/rewardlab/datasets"
	"github.com/rewardlab/rewardlab/rl/backend"
)

func TestDemosCommandLine(t *testing.T) {
	for name, tc := range map[string]struct {
		args string
		code int
		want string
	}{
		"no verb":             {"demos", exitUsage, "rl demos record RUN"},
		"unknown verb":        {"demos play", exitUsage, `"play"`},
		"nothing to record":   {"demos record", exitUsage, "needs one run folder"},
		"no episodes":         {"demos record run -episodes 0", exitUsage, "0 episodes"},
		"no run":              {"demos record /nowhere/run", exitFailed, "not a run folder"},
		"no file":             {"demos show /nowhere/x.npz", exitFailed, "no such file"},
		"no such expert":      {"demos show chess", exitFailed, "cartpole-fixed"},
		"nowhere to write to": {"demos make", exitUsage, "-o"},
	} {
		t.Run(name, func(t *testing.T) {
			got := shell(t, t.Context(), nil, strings.Fields(tc.args)...)
			if got.code != tc.code || got.out != "" || !strings.Contains(got.errout, tc.want) {
				t.Errorf("exit code %d\nstdout %q\nstderr %q\nwant %q", got.code, got.out, got.errout, tc.want)
			}
		})
	}
	got := shell(t, t.Context(), nil, "demos", "show", "cartpole-fixed")
	if got.code != exitOK || !strings.Contains(got.out, "environment     cartpole-fixed\n") || !strings.Contains(got.out, "mean return") {
		t.Errorf("%+v", got)
	}
}

// TestRecordARun records what little a short training has learned, in its own environment and in a sibling.
func TestRecordARun(t *testing.T) {
	t.Setenv(backend.EnvSpec, "go")
	command := func(args ...string) called {
		var out, errout bytes.Buffer
		code := Main(t.Context(), args, &out, &errout, world())
		return called{code, out.String(), errout.String()}
	}
	folder := filepath.Join(t.TempDir(), "run")
	if got := command(strings.Fields("train ppo-cartpole -quiet -seeds 4, -set total=512 hidden=8 eval_episodes=2 -run " + folder)...); got.code != exitOK {
		t.Fatalf("%+v", got)
	}
	got := command("demos", "record", folder, "-episodes", "3")
	file := filepath.Join(folder, "demos.npz")
	if got.code != exitOK || !strings.Contains(got.out, "ppo-cartpole, seed 4, greedy actions") {
		t.Fatalf("%+v", got)
	}
	d, err := datasets.ReadDemos(file)
	if err != nil {
		t.Fatal(err)
	}
	if s := d.Stats(); d.Env != "cartpole" || d.Actions != 2 || d.RandomEpisodes != 100 || s.Trajectories != 3 || s.Mean != float64(s.Steps)/3 {
		t.Errorf("%+v, %+v", d.Stats(), d.Env)
	}
	if d.Random < 15 || d.Random > 30 {
		t.Errorf("random actions balance for %g steps, want about 22", d.Random)
	}
	other := filepath.Join(folder, "fixed.jsonl")
	if got = command("demos", "record", folder, "-episodes", "2", "-env", "cartpole-fixed", "-sample", "-o", other); got.code != exitOK {
		t.Fatalf("%+v", got)
	}
	if d, err = datasets.ReadDemos(other); err != nil {
		t.Fatal(err)
	}
	if s := d.Stats(); d.Env != "cartpole-fixed" || s.Steps != 1000 || s.Terminated != 0 {
		t.Errorf("%+v, %+v", s, d.Env)
	}
	if got = command("demos", "record", folder, "-env", "pendulum"); got.code != exitFailed {
		t.Errorf("a policy for CartPole was recorded on a pendulum: %+v", got)
	}
}
