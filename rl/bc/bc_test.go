package bc_test

import (
	"math"
	"strings"
	"testing"

	"github.com/rewardlab/rewardlab/datasets"
	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/backend/backendtest"
	"github.com/rewardlab/rewardlab/rl/bc"
	"github.com/rewardlab/rewardlab/rl/env"
	"github.com/rewardlab/rewardlab/rl/run"
	"github.com/rewardlab/rewardlab/rl/trainer/trainertest"
)

func open(t testing.TB, e *backend.Engine, d *datasets.Demos, set string) run.Worker {
	return trainertest.Open(t, &bc.Config{}, set, func(c *bc.Config) (run.Worker, error) {
		in, err := env.Find(c.Env)
		if err != nil {
			return nil, err
		}
		return bc.New(t.Context(), e, in, c, d)
	})
}

func expert(t testing.TB, name string) *datasets.Demos {
	t.Helper()
	d, err := datasets.Expert(name)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// With all of the expert's episodes a clone is as good as the expert; with a tenth of one episode's steps it is clearly not.
func TestLearns(t *testing.T) {
	e := backendtest.XLA(t)
	for _, tt := range []struct {
		env, set    string
		least, most float64
	}{
		{"cartpole-fixed", "", 0.97, 1.01},
		{"cartpole-fixed", "trajectories=1 every=10 iterations=40", -0.1, 0.9},
		{"pendulum", "env=pendulum iterations=150", 0.9, 1.1},
	} {
		t.Run(tt.env+" "+tt.set, func(t *testing.T) {
			r := trainertest.Train(t, open(t, e, expert(t, tt.env), tt.set), 1)
			if got := r.Eval["eval/normalised"]; got < tt.least || got > tt.most {
				t.Errorf("normalised return %.3f (%.1f), want %g to %g", got, r.Eval["eval/return"], tt.least, tt.most)
			}
			t.Logf("%.3f in %s, last row %v", r.Eval["eval/normalised"], r.Took, r.Last().Values)
		})
	}
}

// The held-out loss chooses: with few pairs and many minibatches the clone gets worse on pairs that it has not seen, and stops, and what it keeps is
// what was best.
func TestStopsEarly(t *testing.T) {
	e := backendtest.XLA(t)
	r := trainertest.Train(t, open(t, e, expert(t, "acrobot-fixed"), "env=acrobot-fixed trajectories=1 every=10 lr=1e-2 iterations=100 updates=20 patience=5 eval_episodes=2"), 2)
	least, last := math.Inf(1), 0.0
	for _, row := range r.Rows {
		if v, ok := row.Values["losses/held_out"]; ok {
			least, last = min(least, v), v
		}
	}
	end := r.Last().Values
	if end["charts/stopped"] != 1 || !(last > least+0.01) || math.Abs(end["losses/best"]-least) > 1e-6 {
		t.Errorf("held-out loss: least %g, at the end %g, kept %g; stopped %g", least, last, end["losses/best"], end["charts/stopped"])
	}
}

func TestMistakesAreNamed(t *testing.T) {
	e := backendtest.Go(t)
	d := expert(t, "cartpole-fixed")
	for _, tt := range []struct {
		name, set, want string
	}{
		{"too many trajectories", "trajectories=1000", "trajectories is 1000"},
		{"another environment", "env=acrobot-fixed", "do not fit environment acrobot"},
		{"no step left", "trajectories=1 every=400", "cannot be parted"},
		{"nothing held out", "validation=1.5", "validation is 1.5"},
		{"negative weights", "entropy=-1", "entropy is -1"},
		{"no batch", "batch=-1", "batch -1: give at least 1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := &bc.Config{}
			if err := run.Set(c, strings.Fields(tt.set)...); err != nil {
				t.Fatal(err)
			}
			if err := run.Resolve(c); err != nil {
				t.Fatal(err)
			}
			err := run.Check(c)
			if err == nil {
				var in env.Env
				if in, err = env.Find(c.Env); err == nil {
					var w run.Worker
					if w, err = bc.New(t.Context(), e, in, c, d); err == nil {
						_, err = w.Trainer(t.Context(), 1, nil)
					}
				}
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one that says %q", err, tt.want)
			}
		})
	}
}

// Fit ends where the trainer does.
func TestFit(t *testing.T) {
	e := backendtest.Go(t)
	d := expert(t, "cartpole-fixed")
	const set = "trajectories=2 every=20 iterations=4 updates=5 hidden=8 eval_episodes=2"
	r := trainertest.Train(t, open(t, e, d, set), 3)
	arrays, err := r.Trainer.State()
	if err != nil {
		t.Fatal(err)
	}
	a, err := run.Find(arrays, "Policy.Learner.Theta")
	if err != nil {
		t.Fatal(err)
	}
	want, err := a.Float32s()
	if err != nil {
		t.Fatal(err)
	}
	got := fit(t.Context(), t, e, d, set, 3)
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("parameter %d is %g after Fit, %g after the training", i, got[i], want[i])
		}
	}
}

// DAgger with the expert in the loop reaches it from five thousand answers, where the learner's own places are among the questions, and by then
// seldom misses one.
func TestDAggerLearns(t *testing.T) {
	e := backendtest.XLA(t)
	d := expert(t, "cartpole-fixed")
	w := dagger(t, e, d, "iterations=20 envs=8 steps=32")
	r := trainertest.Train(t, w, 1)
	if got := r.Eval["eval/normalised"]; got < 0.97 {
		t.Errorf("normalised return %.3f (%.1f), want 0.97", got, r.Eval["eval/return"])
	}
	first, last := r.Rows[0].Values, r.Last().Values
	if first["charts/beta"] != 1 || !(first["charts/miss"] > 0.2) || !(last["charts/miss"] < 0.1) {
		t.Errorf("the learner missed %.3f of the answers at first (beta %g), %.3f at the end", first["charts/miss"], first["charts/beta"], last["charts/miss"])
	}
	t.Logf("%.3f in %s, last row %v", r.Eval["eval/normalised"], r.Took, last)
}

func TestDAggerMistakesAreNamed(t *testing.T) {
	e := backendtest.Go(t)
	d := expert(t, "cartpole-fixed")
	for _, tt := range []struct{ name, set, want string }{
		{"a teacher of another environment", "env=acrobot-fixed", "parameters"},
		{"a certain beta", "beta=1", "beta is 1"},
		{"no rounds", "iterations=-1", "iterations is -1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := &bc.DAggerConfig{}
			if err := run.Set(c, strings.Fields(tt.set)...); err != nil {
				t.Fatal(err)
			}
			if err := run.Resolve(c); err != nil {
				t.Fatal(err)
			}
			err := run.Check(c)
			if err == nil {
				var in env.Env
				if in, err = env.Find(c.Env); err == nil {
					_, err = bc.NewDAgger(t.Context(), e, in, c, teacher(t, "cartpole-fixed"), d)
				}
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one that says %q", err, tt.want)
			}
		})
	}
}
