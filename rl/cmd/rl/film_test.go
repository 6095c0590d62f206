package main

import (
	"bytes"
	"image/gif"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rewardlab/rewardlab/rl/backend"
)

func TestFilmCommandLine(t *testing.T) {
	for name, tc := range map[string]struct {
		args string
		code int
		want string
	}{
		"nothing":             {"film", exitUsage, "film needs one run folder, or -env"},
		"both":                {"film run -env cartpole", exitUsage, "not both"},
		"unknown environment": {"film -env cratpole", exitUsage, `did you mean "cartpole"?`},
		"no steps":            {"film -env cartpole -steps 0", exitUsage, "at least one step"},
		"too fast":            {"film -env cartpole -fps 60", exitUsage, "at most 50 a second"},
		"no run":              {"film /nowhere/run", exitFailed, "not a run folder"},
	} {
		t.Run(name, func(t *testing.T) {
			got := shell(t, t.Context(), nil, strings.Fields(tc.args)...)
			if got.code != tc.code || got.out != "" || !strings.Contains(got.errout, tc.want) {
				t.Errorf("exit code %d\nstdout %q\nstderr %q\nwant %q", got.code, got.out, got.errout, tc.want)
			}
		})
	}
}

func frames(t *testing.T, path string) int {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	g, err := gif.DecodeAll(bytes.NewReader(b))
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return len(g.Image)
}

func TestFilmOfRandomActions(t *testing.T) {
	t.Setenv(backend.EnvSpec, "go")
	folder := filepath.Join(t.TempDir(), "films")
	got := shell(t, t.Context(), nil, "film", "-env", "cartpole,pendulum", "-steps", "60", "-o", folder)
	if got.code != exitOK || !strings.Contains(got.out, filepath.Join(folder, "cartpole.gif")+"  60 steps, ") || !strings.Contains(got.out, "episodes ended, mean return") ||
		!strings.Contains(got.out, "pendulum.gif  60 steps, return -") {
		t.Fatalf("%+v", got)
	}
	// Frames that repeat the one before are joined, and the ends of episodes add some.
	for _, name := range []string{"cartpole.gif", "pendulum.gif"} {
		if n := frames(t, filepath.Join(folder, name)); n < 40 || n > 80 {
			t.Errorf("%s has %d frames", name, n)
		}
	}
	one := filepath.Join(t.TempDir(), "one.gif")
	if got = shell(t, t.Context(), nil, "film", "-env", "cartpole", "-steps", "9", "-o", one, "-seed", "5"); got.code != exitOK || frames(t, one) < 5 {
		t.Errorf("%+v", got)
	}
}

// TestFilmOfARun trains a little with the real presets, and films what came of it.
func TestFilmOfARun(t *testing.T) {
	t.Setenv(backend.EnvSpec, "go")
	command := func(args ...string) called {
		var out, errout bytes.Buffer
		code := Main(t.Context(), args, &out, &errout, world())
		return called{code, out.String(), errout.String()}
	}
	for preset, set := range map[string]string{
		"ppo-cartpole": "total=512 hidden=8 eval_episodes=2",
		"a2c-cartpole": "total=640 hidden=8 eval_episodes=2",
		"dqn-cartpole": "iterations=60 hidden=8 buffer=320 warmup=20 batch=8",
		"q-grid":       "iterations=100",
	} {
		t.Run(preset, func(t *testing.T) {
			folder := filepath.Join(t.TempDir(), "run")
			args := []string{"train", preset, "-quiet", "-seeds", "4,6", "-run", folder}
			for _, kv := range strings.Fields(set) {
				args = append(args, "-set", kv)
			}
			if got := command(args...); got.code != exitOK {
				t.Fatalf("%+v", got)
			}
			got := command("film", folder, "-steps", "30")
			want := filepath.Join(folder, "figures", "film.gif")
			if got.code != exitOK || !strings.HasPrefix(got.out, want+"  30 steps, ") || frames(t, want) < 10 {
				t.Errorf("%+v", got)
			}
			if got = command("film", folder, "-seed", "5"); got.code != exitFailed || !strings.Contains(got.errout, "has no seed 5: its seeds are [4 6]") {
				t.Errorf("%+v", got)
			}
		})
	}
}

func TestFilmOfARunThatDoesNotAct(t *testing.T) {
	t.Setenv(backend.EnvSpec, "go")
	folder := filepath.Join(t.TempDir(), "run")
	var out, errout bytes.Buffer
	args := strings.Fields("train igl-synthetic -quiet -set images=200 iterations=20 -run " + folder)
	if code := Main(t.Context(), args, &out, &errout, world()); code != exitOK {
		t.Fatalf("%d: %s", code, errout.String())
	}
	if code := Main(t.Context(), []string{"film", folder}, &out, &errout, world()); code != exitFailed || !strings.Contains(errout.String(), "there is nothing to film") {
		t.Errorf("%d: %s", code, errout.String())
	}
}
