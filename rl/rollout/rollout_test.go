package rollout_test

import (
	"context"
	"errors"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/backend/backendtest"
	"github.com/rewardlab/rewardlab/rl/env"
	"github.com/rewardlab/rewardlab/rl/loop"
	"github.com/rewardlab/rewardlab/rl/rollout"
	"github.com/rewardlab/rewardlab/rl/trainer"
)

// counter is an environment whose books are known: the state counts steps, the reward of step k of an episode is k, and an episode ends by
// itself after `ends` steps (0: never) or is cut after `limit`.
func counter(ends, limit int) env.Env {
	return env.New(env.Rules{
		Spec:  env.Spec{Name: "counter", Obs: []int{1}, State: 1, Action: env.Action{N: 2}, Horizon: limit},
		Batch: func(g *Graph, n int) *Node { return BroadcastToDims(Const(g, float32(0)), n, 1) },
		Step: func(_, s, _ *Node) (next, reward, terminated *Node) {
			next = AddScalar(s, 1)
			k := Squeeze(next, 1)
			end := MulScalar(OnesLike(k), float64(ends))
			return next, k, Equal(k, end)
		},
	})
}

func agent(t *testing.T, e env.Env, c rollout.AgentConfig) *rollout.Agent {
	t.Helper()
	a, err := rollout.NewAgent(env.Auto(e), c)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// played is one trajectory, assessed.
type request struct {
	Mind   rollout.Mind
	Ledger rollout.Ledger
	Steps  rollout.Steps
}

type result struct {
	Ledger rollout.Ledger
	Batch  rollout.Batch
	Stats  *Node
}

// assess plays k trajectories of T steps of 2 environments one after the other and assesses each.
func assess(t *testing.T, e *backend.Engine, a *rollout.Agent, steps, k int, d rollout.Discount) []loop.Values[result] {
	t.Helper()
	p, err := rollout.NewPlayer(e.Backend, a, 2, steps)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	f, err := loop.NewFunc(e.Backend, "assess", func(q request) result {
		l, b, s := rollout.Assess(a, q.Mind, q.Ledger, q.Steps, q.Steps.Reward, d)
		return result{l, b, s}
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	walk, err := p.Start(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	mind, err := a.MindLike()
	if err != nil {
		t.Fatal(err)
	}
	ledger, err := loop.Pack[rollout.Ledger](p.LedgerStart()...)
	if err != nil {
		t.Fatal(err)
	}
	var out []loop.Values[result]
	for range k {
		var s loop.Values[rollout.Steps]
		if walk, s, err = p.Play(t.Context(), walk, mind); err != nil {
			t.Fatal(err)
		}
		q, err := loop.Join[request](mind, ledger, s)
		if err != nil {
			t.Fatal(err)
		}
		r, err := f.Call(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		if ledger, err = loop.Part[rollout.Ledger](r, "Ledger"); err != nil {
			t.Fatal(err)
		}
		out = append(out, r)
	}
	return out
}

func numbers(t *testing.T, r loop.Values[result], name string) []float64 {
	t.Helper()
	x := r.Get(name)
	if x == nil {
		t.Fatalf("no %s", name)
	}
	var out []float64
	for _, v := range tensors.MustCopyFlatData[float32](x) {
		out = append(out, float64(v))
	}
	return out
}

func near(t *testing.T, name string, got []float64, want ...float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %v, want %v", name, got, want)
	}
	for i := range got {
		if math.Abs(got[i]-want[i]) > 1e-4*(1+math.Abs(want[i])) {
			t.Fatalf("%s: %v, want %v", name, got, want)
		}
	}
}

// Episodes of 3 steps with rewards 1, 2, 3 in trajectories of 5 steps: the books go on from one to the next.
func TestBooks(t *testing.T) {
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		for name, environment := range map[string]env.Env{"terminated": counter(3, 0), "truncated": counter(0, 3)} {
			t.Run(name, func(t *testing.T) {
				rs := assess(t, e, agent(t, environment, rollout.AgentConfig{Hidden: []int{2}}), 5, 2, rollout.Discount{Gamma: 0.5, Lambda: 1})
				// First trajectory: 1 2 3 | 1 2. Two environments, each with one episode of return 6 and length 3.
				near(t, "first statistics", numbers(t, rs[0], "Stats")[:3], 2, 12, 6)
				near(t, "open after the first", numbers(t, rs[0], "Ledger.Open"), 3, 3, 2, 2, 0, 0)
				// Second: 3 | 1 2 3 | 1. Two episodes each.
				near(t, "second statistics", numbers(t, rs[1], "Stats")[:3], 4, 24, 12)
				near(t, "open after the second", numbers(t, rs[1], "Ledger.Open"), 1, 1, 1, 1, 0, 0)
				// The critic of zeros values everything at 0, so that advantages are discounted rewards to come within the episode.
				near(t, "advantages", numbers(t, rs[0], "Batch.Advantage"), 2.75, 2.75, 3.5, 3.5, 3, 3, 2, 2, 2, 2)
			})
		}
	})
}

// Observations 0, 1, 2 | 0, 1 are normalised with the statistics from before the rollout, and taken in afterwards.
func TestNormalisation(t *testing.T) {
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		a := agent(t, counter(3, 0), rollout.AgentConfig{Hidden: []int{2}, NormObs: true})
		rs := assess(t, e, a, 5, 2, rollout.Discount{Gamma: 0.5, Lambda: 1, ScaleReward: true})
		near(t, "open after the second", numbers(t, rs[1], "Ledger.Open"), 1, 1, 1, 1, 1, 1)
		near(t, "seen by the nets", numbers(t, rs[0], "Batch.Obs"), 0, 0, 1, 1, 2, 2, 0, 0, 1, 1)
		near(t, "mean", numbers(t, rs[0], "Ledger.Obs.Mean"), 0.8)
		near(t, "variance", numbers(t, rs[0], "Ledger.Obs.Var"), 0.56)
		// Discounted returns 1, 2.5, 4.25 | 1, 2.5: mean 2.25, variance (1.5625*2 + 0.0625*2 + 4) / 5 = 1.45.
		near(t, "variance of returns", numbers(t, rs[0], "Ledger.Reward.Var"), 1.45)
		near(t, "open after the first", numbers(t, rs[0], "Ledger.Open"), 3, 3, 2, 2, 2.5, 2.5)
		s := math.Sqrt(1.45)
		near(t, "advantages of scaled rewards", numbers(t, rs[0], "Batch.Advantage"),
			2.75/s, 2.75/s, 3.5/s, 3.5/s, 3/s, 3/s, 2/s, 2/s, 2/s, 2/s)
	})
}

// An episode of 4 steps earns 10, one of up to 120 outlasts the limit.
func TestExaminer(t *testing.T) {
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		for _, tt := range []struct {
			name                     string
			env                      env.Env
			limit                    int
			mean, length, unfinished float64
		}{
			{"terminated", counter(4, 0), 0, 10, 4, 0},
			{"truncated", counter(0, 60), 0, 60 * 61 / 2, 60, 0},
			{"outlasting", counter(0, 120), 70, 70 * 71 / 2, 70, 1},
		} {
			t.Run(tt.name, func(t *testing.T) {
				a := agent(t, tt.env, rollout.AgentConfig{Hidden: []int{2}})
				x, err := rollout.NewExaminer(e.Backend, a, 3, tt.limit)
				if err != nil {
					t.Fatal(err)
				}
				defer x.Close()
				mind, err := a.MindLike()
				if err != nil {
					t.Fatal(err)
				}
				marks, err := x.Examine(t.Context(), 1, mind)
				if err != nil {
					t.Fatal(err)
				}
				v := marks.Values()
				near(t, "marks", []float64{v["eval/return"], v["eval/length"], v["eval/unfinished"], v["eval/return_std"]}, tt.mean, tt.length, tt.unfinished, 0)
			})
		}
	})
}

func TestMarks(t *testing.T) {
	v := rollout.Marks{Returns: []float64{1, 2, 3, 6}, Lengths: []float64{1, 1, 2, 2}, Unfinished: []float64{0, 0, 0, 1}}.Values()
	std := math.Sqrt(14.0 / 3)
	near(t, "values", []float64{v["eval/return"], v["eval/return_std"], v["eval/return_lo"], v["eval/return_min"], v["eval/return_max"], v["eval/length"], v["eval/unfinished"]},
		3, std, 3-1.96*std/2, 1, 6, 1.5, 0.25)
}

func TestRowsRoundTrip(t *testing.T) {
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		for _, made := range []env.Env{env.CartPole(env.CartPoleConfig{}), env.Pendulum()} {
			a := agent(t, made, rollout.AgentConfig{Hidden: []int{2}})
			for _, r := range assess(t, e, a, 4, 1, rollout.Discount{Gamma: 0.9, Lambda: 0.9}) {
				batch, err := loop.Part[rollout.Batch](r, "Batch")
				if err != nil {
					t.Fatal(err)
				}
				f, err := loop.NewFunc(e.Backend, "rows", func(b rollout.Batch) rollout.Batch { return a.Unpack(a.Rows(b)) })
				if err != nil {
					t.Fatal(err)
				}
				defer f.Close()
				back, err := f.Call(t.Context(), batch)
				if err != nil {
					t.Fatal(err)
				}
				for name, x := range batch.All() {
					if !x.Equal(back.Get(name)) {
						t.Errorf("%s: %s came back as %v, was %v", made.Spec().Name, name, back.Get(name), x)
					}
				}
			}
		}
	})
}

func TestMistakesAreNamed(t *testing.T) {
	e := backendtest.Go(t)
	cartpole := agent(t, env.CartPole(env.CartPoleConfig{}), rollout.AgentConfig{})
	if _, err := rollout.NewPlayer(e.Backend, cartpole, 0, 8); err == nil || !strings.Contains(err.Error(), "at least 1") {
		t.Errorf("no environments: error %v", err)
	}
	if _, err := rollout.NewPlayer(e.Backend, cartpole, 4, 0); err == nil || !strings.Contains(err.Error(), "at least 1") {
		t.Errorf("no steps: error %v", err)
	}
	if _, err := rollout.NewExaminer(e.Backend, cartpole, 0, 0); err == nil || !strings.Contains(err.Error(), "at least 1") {
		t.Errorf("no episodes: error %v", err)
	}
	j := rollout.NewJournal("cartpole")
	if err := j.Rollout(7, tensors.FromValue([]float32{0, 0, 0, 0, 3})); err == nil || !strings.Contains(err.Error(), "environment cartpole, iteration 7: 3 of") {
		t.Errorf("NaN: error %v, want one that names environment, iteration and number", err)
	}
}

// Returns and lengths count by the episodes that ended; an iteration without one says nothing.
func TestJournal(t *testing.T) {
	j := rollout.NewJournal("cartpole")
	for i, s := range [][]float32{{2, 30, 8, 0.5, 0}, {0, 0, 0, 0.25, 0}} {
		if err := j.Rollout(i, tensors.FromValue(s)); err != nil {
			t.Fatal(err)
		}
	}
	ms := j.Metrics()
	if ms[0].Name != "charts/episodic_return" || ms[0].Values[0] != 15 || ms[0].Weights[0] != 2 || ms[0].Weights[1] != 0 {
		t.Errorf("episodic return %+v", ms[0])
	}
	if ms[1].Values[0] != 4 || ms[2].Name != "losses/explained_variance" || ms[2].Weights != nil || ms[2].Values[1] != 0.25 {
		t.Errorf("%+v %+v", ms[1], ms[2])
	}
}

func TestJournalMeans(t *testing.T) {
	j := rollout.NewJournal("cartpole")
	if err := j.Means("losses/", []string{"value", "entropy"}, tensors.FromValue([][]float32{{1, 10}, {2, 20}, {6, 0}})); err != nil {
		t.Fatal(err)
	}
	j.LearningRate(0.5, false, 3, 4)
	j.LearningRate(0.5, true, 3, 4)
	want := []trainer.Metric{{Name: "losses/value", Values: []float32{3}}, {Name: "losses/entropy", Values: []float32{10}}, {Name: "charts/learning_rate", Values: []float32{0.125, 0.5}}}
	if got := j.Metrics(); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestAdvance(t *testing.T) {
	type count struct{ N *Node }
	state := func(n int) loop.Values[count] {
		s, err := loop.Pack[count](tensors.FromValue(int32(n)))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	var did []int
	advance := rollout.Advance("cartpole", func(_ context.Context, i int, s loop.Values[count], log *rollout.Journal) (loop.Values[count], error) {
		did = append(did, i)
		if i == 7 {
			return s, errors.New("seven")
		}
		log.Put("i", float32(i))
		return state(int(tensors.ToScalar[int32](s.Get("N"))) + i), nil
	})
	s, metrics, err := advance(t.Context(), 3, 2, state(10))
	if err != nil || tensors.ToScalar[int32](s.Get("N")) != 17 || len(metrics) != 1 || !slices.Equal(metrics[0].Values, []float32{3, 4}) {
		t.Errorf("state %v, metrics %+v, error %v", s.Get("N"), metrics, err)
	}
	if _, metrics, err := advance(t.Context(), 6, 4, s); err == nil || err.Error() != "seven" || metrics != nil || !slices.Equal(did, []int{3, 4, 6, 7}) {
		t.Errorf("iterations %v, metrics %+v, error %v", did, metrics, err)
	}
}
