package speed

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/backend/backendtest"
	"github.com/rewardlab/rewardlab/rl/env"
	"github.com/rewardlab/rewardlab/rl/run"
)

var quick = Options{Envs: 32, Repeats: 3, Each: 20 * time.Millisecond}

func check(t *testing.T, r Result) {
	t.Helper()
	if len(r.Repeats) != 3 || r.Steps <= 0 || r.CompileSeconds <= 0 {
		t.Errorf("%+v", r)
	}
	if !(r.Lo <= r.Median && r.Median <= r.Hi && r.Median > 0) {
		t.Errorf("median %g outside [%g, %g]", r.Median, r.Lo, r.Hi)
	}
}

func TestSteps(t *testing.T) {
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		r, err := Random(t.Context(), e, env.CartPole(env.CartPoleConfig{}), quick)
		if err != nil {
			t.Fatal(err)
		}
		check(t, r)
		// A random policy holds the pole for some 22 steps. That many episodes ended says that what is timed is CartPole.
		if got := float64(r.Steps) / float64(r.Episodes); r.Steps > 20_000 && math.Abs(got-22.3) > 2 {
			t.Errorf("episodes of %g steps, a random CartPole's last 22.3", got)
		}
		if r.What != "random" || r.Name != "cartpole" || r.Engine != e.Name || r.Envs != 32 {
			t.Errorf("%+v", r)
		}
		for _, of := range []env.Env{env.CartPole(env.CartPoleConfig{}), env.Pendulum()} { // choices and numbers
			if r, err = Policy(t.Context(), e, of, quick); err != nil {
				t.Fatal(err)
			}
			check(t, r)
		}
	})
}

func TestOptionsAreChecked(t *testing.T) {
	_, err := Random(t.Context(), backendtest.Go(t), env.Pendulum(), Options{Envs: -1, Repeats: -1, Each: -1})
	for _, part := range []string{"random steps of pendulum", "envs: -1", "repeats: -1", "each repeat"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("error %v lacks %q", err, part)
		}
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Random(ctx, backendtest.Go(t), env.Pendulum(), quick); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if _, err := Training(ctx, "clock", &worker{}, quick); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestFill(t *testing.T) {
	for name, tc := range map[string]struct {
		each, cost time.Duration
		most, want int
	}{
		"slow":     {time.Second, 3 * time.Second, 100, 1},
		"fast":     {time.Second, time.Millisecond, 1 << 20, 1000},
		"too fast": {time.Second, time.Nanosecond, 64, 64},
	} {
		t.Run(name, func(t *testing.T) {
			n, err := fill(t.Context(), tc.each, tc.most, func(n int) (time.Duration, error) { return time.Duration(n) * tc.cost, nil })
			if err != nil || n != tc.want {
				t.Errorf("%d iterations, %v; want %d", n, err, tc.want)
			}
		})
	}
}

// worker trains by sleeping: 10 steps in 2 ms, four chunks a training.
type worker struct {
	seeds []int64
	still bool
}

type sleeper struct{ n, per int }

func (w *worker) Trainer(_ context.Context, seed int64, _ []run.Array) (run.Trainer, error) {
	w.seeds = append(w.seeds, seed)
	if w.still {
		return &sleeper{}, nil
	}
	return &sleeper{per: 10}, nil
}
func (w *worker) Info() run.Info { return run.Info{Engine: "clock", CompileSeconds: 0.5} }
func (w *worker) Close() error   { return nil }

func (s *sleeper) Step(context.Context) (run.Report, error) {
	time.Sleep(2 * time.Millisecond)
	s.n++
	return run.Report{Iteration: s.n, Total: 4, Steps: int64(s.per * s.n)}, nil
}
func (s *sleeper) State() ([]run.Array, error)                          { return nil, nil }
func (s *sleeper) Evaluate(context.Context) (map[string]float64, error) { return nil, nil }

func TestTraining(t *testing.T) {
	w := &worker{}
	r, err := Training(t.Context(), "clock", w, quick)
	if err != nil {
		t.Fatal(err)
	}
	check(t, r)
	// Sleeping may last longer than asked for, never shorter: at most 5,000 steps a second.
	if r.Median > 5001 || r.Median < 500 || r.Engine != "clock" || r.CompileSeconds != 0.5 || r.What != "train" {
		t.Errorf("%+v", r)
	}
	if len(w.seeds) < 2 || w.seeds[0] != 1 || w.seeds[1] != 2 {
		t.Errorf("seeds %v: a training that ends is followed by the next", w.seeds)
	}
	if _, err := Training(t.Context(), "stuck", &worker{still: true}, quick); err == nil || !strings.Contains(err.Error(), "training stuck: a chunk") {
		t.Errorf("error %v", err)
	}
}
