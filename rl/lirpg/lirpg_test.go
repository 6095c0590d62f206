package lirpg_test

import (
	"os"
	"strings"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/backend/backendtest"
	"github.com/rewardlab/rewardlab/rl/env"
	"github.com/rewardlab/rewardlab/rl/lirpg"
	"github.com/rewardlab/rewardlab/rl/run"
	"github.com/rewardlab/rewardlab/rl/trainer/trainertest"
)

// sides shows -1 or 1 and pays 1 for the action of that side, 0 for the other: a policy that knows nothing earns 5 in the 10 steps of an episode.
func sides() env.Env {
	draw := func(u *Node) *Node {
		return Where(LessThan(u, MulScalar(OnesLike(u), 0.5)), Neg(OnesLike(u)), OnesLike(u))
	}
	return env.New(env.Rules{
		Spec:       env.Spec{Name: "sides", Obs: []int{1}, State: 1, Action: env.Action{N: 2}, Horizon: 10, Fixed: true, Low: []float64{-1}, High: []float64{1}},
		ResetDraws: 1, StepDraws: 1,
		Reset: draw,
		Step: func(u, s, a *Node) (next, reward, terminated *Node) {
			right := Equal(ExpandAxes(a, -1), ConvertDType(GreaterThan(s, ZerosLike(s)), a.DType()))
			return draw(u), ConvertDType(Squeeze(right, 1), s.DType()), Squeeze(GreaterThan(s, AddScalar(OnesLike(s), 1)), 1)
		},
	})
}

// open compiles a configuration made of assignments in e, or in the environment that it names; said collects what is said.
func open(t testing.TB, b *backend.Engine, e env.Env, set string, said *[]string) run.Worker {
	t.Helper()
	return trainertest.Open(t, &lirpg.Config{}, set, func(c *lirpg.Config) (run.Worker, error) {
		if e == nil {
			made, err := env.Find(c.Env)
			if err != nil {
				return nil, err
			}
			e = made
		}
		return lirpg.New(t.Context(), b, e, c, func(s string) {
			if said != nil {
				*said = append(*said, s)
			}
		})
	})
}

// The agent never sees the reward of sides. It can only learn what the intrinsic reward has learned; with a frozen one, as with a gradient that
// does not find its way through the inner step, it stays at 5.
func TestLearnsFromTheIntrinsicRewardAlone(t *testing.T) {
	const small = "envs=16 steps=20 hidden=8 eval_episodes=50 epochs=2 minibatches=2 lr=0.01 constant_lr=true gamma=0.5 intrinsic_only=true c_in=1 "
	tests := []struct {
		name, set   string
		least, most float64
	}{
		{"over PPO", "total=48000 beta=0.01", 9, 10},
		{"over A2C", "total=96000 beta=0.02 base=a2c optimizer=rmsprop epochs=1 minibatches=1", 9, 10},
		{"frozen", "total=48000 beta=0.01 bonus=frozen", 0, 8},
	}
	b := backendtest.XLA(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var sum float64
			w := open(t, b, sides(), small+tt.set, nil)
			for seed := range int64(2) {
				r := trainertest.Train(t, w, seed+1)
				sum += r.Eval["eval/return"] / 2
			}
			if sum < tt.least || sum > tt.most {
				t.Errorf("mean greedy return %.2f, want %g to %g", sum, tt.least, tt.most)
			}
		})
	}
}

func TestBonuses(t *testing.T) {
	const set = "envs=4 steps=10 total=400 hidden=8 eval_episodes=2 minibatches=2 epochs=2 "
	b := backendtest.Go(t)
	rewards := map[string]float64{}
	for _, bonus := range []string{"none", "live", "count", "potential", "frozen", "learned"} {
		t.Run(bonus, func(t *testing.T) {
			r := trainertest.Train(t, open(t, b, sides(), set+"c_in=0.5 bonus="+bonus, nil), 1)
			rewards[bonus] = r.Last().Values["losses/value_loss"]
			if net := r.Last().Values["reward/intrinsic_std"] > 1e-6; net != (bonus == "frozen" || bonus == "learned") {
				t.Errorf("the net pays with deviation %g", r.Last().Values["reward/intrinsic_std"])
			}
		})
	}
	for bonus, loss := range rewards {
		if bonus != "none" && loss == rewards["none"] {
			t.Errorf("bonus %s changes nothing", bonus)
		}
	}
}

// At fresh_at the agent forgets and the intrinsic reward does not, unless that is asked for.
func TestFreshAgent(t *testing.T) {
	const set = "envs=16 steps=20 hidden=8 eval_episodes=50 epochs=2 minibatches=2 lr=0.01 constant_lr=true gamma=0.5 intrinsic_only=true c_in=1 total=32000 beta=0.01 log_every=1 fresh_at=0.5 "
	b := backendtest.XLA(t)
	for name, tt := range map[string]struct {
		set         string
		least, most float64 // deviation of the rewards that the fresh agent gets first
	}{"with what was learned": {"", 0.3, 1}, "with nothing": {"fresh_motive=true", 0, 0.1}} {
		t.Run(name, func(t *testing.T) {
			rows := trainertest.Train(t, open(t, b, sides(), set+tt.set, nil), 1).Rows
			before, after := rows[49].Values, rows[50].Values // the last iteration of the old agent and the first of the fresh one
			if b, a := before["charts/episodic_return"], after["charts/episodic_return"]; b < 9 || a > 7 {
				t.Errorf("return %.2f before and %.2f after, want an agent that has learned and one that has not", b, a)
			}
			if std := after["reward/intrinsic_std"]; std < tt.least || std > tt.most {
				t.Errorf("the fresh agent's rewards have deviation %.3f, want %g to %g", std, tt.least, tt.most)
			}
		})
	}
}

// Where the reward of sides changes its sign, an agent that goes on as it was earns -10 an episode, in the examination too. (It would take
// this one, which is sure of itself by then, three times as long to unlearn.)
func TestFlips(t *testing.T) {
	const set = "envs=16 steps=20 hidden=8 eval_episodes=50 epochs=2 minibatches=2 lr=0.003 constant_lr=true gamma=0.5 entropy=0.1 bonus=none total=22400 log_every=1 flips=1"
	r := trainertest.Train(t, open(t, backendtest.XLA(t), sides(), set, nil), 1)
	seen := func(i int) float64 { return r.Rows[i].Values["charts/episodic_return"] }
	if before, after, end := seen(34), seen(35), r.Eval["eval/return"]; before < 9 || after > -9 || end > -9 {
		t.Errorf("return %.2f before the flip, %.2f after it, and %.2f at the end: want more than 9, and less than -9 twice", before, after, end)
	}
}

func TestBadInput(t *testing.T) {
	b := backendtest.Go(t)
	const small = "hidden=4 envs=2 minibatches=2 epochs=1 eval_episodes=2 eval_steps=20 log_every=1 "
	t.Run("trajectories shorter than the delay, no end of an episode, no reward", func(t *testing.T) {
		var said []string
		r := trainertest.Train(t, open(t, b, nil, small+"env=pendulum steps=8 delay=20 total=96", &said), 1)
		all := strings.Join(said, "\n")
		for _, want := range []string{"a trajectory has 8 steps and rewards are paid every 20", "all 16 extrinsic rewards of iteration 0 are 0; the training goes on"} {
			if strings.Count(all, want) != 1 {
				t.Errorf("said %q, want %q once", all, want)
			}
		}
		var none []float64
		for _, row := range r.Rows {
			none = append(none, row.Values["meta/no_reward"])
			if _, ok := row.Values["charts/episodic_return"]; ok {
				t.Error("no episode ended, and a return was logged")
			}
		}
		if want := []float64{1, 1, 0, 1, 0, 1}; len(none) != 6 || none[0] != 1 || none[2] != 0 || none[3] != 1 {
			t.Errorf("iterations without a reward %v, want %v", none, want)
		}
	})
	for name, set := range map[string]string{"a meta-gradient above the limit": "explosion=1e-12", "one that is not a number": "lr=1e30"} {
		t.Run(name, func(t *testing.T) {
			w := open(t, b, nil, small+"env=pendulum steps=8 total=96 "+set, nil)
			tr, err := w.Trainer(t.Context(), 1, nil)
			if err != nil {
				t.Fatal(err)
			}
			for err == nil {
				var r run.Report
				if r, err = tr.Step(t.Context()); r.Iteration == r.Total {
					break
				}
			}
			if err == nil || !strings.Contains(err.Error(), "of 2, the meta-gradient has length") || !strings.Contains(err.Error(), "try a smaller lr") {
				t.Errorf("error %v, want one with the update and the length", err)
			}
		})
	}
}

func TestMistakesAreNamed(t *testing.T) {
	tests := []struct{ name, set, want string }{
		{"an ensemble", "ensemble=2", "ensemble is 2"},
		{"minibatches of part of a trajectory", "envs=6", "envs is 6, which does not make 4 minibatches"},
		{"A2C with epochs", "base=a2c", "set both to 1"},
		{"inner steps that do not fit", "inner=3", "inner is 3"},
		{"no delay", "delay=-1", "delay is -1"},
		{"a step size below 0", "beta=-1", "beta is -1"},
		{"nothing to learn for", "bonus=none intrinsic_only=true", "nothing to learn for"},
		{"a layer without units", "motive_hidden=0", "layer of 0 units"},
		{"too late", "fresh_at=1", "fresh_at is 1"},
		{"more flips than iterations", "envs=4 steps=8 total=64 flips=2", "flips is 2 with 2 iterations"},
		{"an unknown bonus", "bonus=curiosity", `"curiosity" is none of`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := &lirpg.Config{}
			err := run.Set(c, strings.Fields(tt.set)...)
			if err == nil {
				if err := run.Resolve(c); err != nil {
					t.Fatal(err)
				}
				err = run.Check(c)
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one that says %q", err, tt.want)
			}
		})
	}
}

// BenchmarkTrain trains with the configuration in $LIRPG, "env=pendulum delay=20" for example.
func BenchmarkTrain(b *testing.B) {
	trainertest.Benchmark(b, open(b, backendtest.XLA(b), nil, os.Getenv("LIRPG"), nil))
}

// What a training on sides pays for the right action is more than for the wrong one, and its agent takes the right one.
func TestLook(t *testing.T) {
	b := backendtest.XLA(t)
	c := trainertest.Resolved(t, &lirpg.Config{}, strings.Fields("envs=16 steps=20 hidden=8 eval_episodes=5 epochs=2 minibatches=2 lr=0.01 constant_lr=true gamma=0.5 intrinsic_only=true c_in=1 total=32000 beta=0.01")...)
	w, err := lirpg.New(t.Context(), b, sides(), c, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	state, err := trainertest.Train(t, w, 1).Trainer.State()
	if err != nil {
		t.Fatal(err)
	}
	v, err := lirpg.Look(t.Context(), b, sides(), c, state, [][]float32{{-1}, {-1}, {1}, {1}}, [][]float32{{0}, {1}, {0}, {1}})
	if err != nil {
		t.Fatal(err)
	}
	if !(v.Reward[0] > v.Reward[1] && v.Reward[3] > v.Reward[2]) {
		t.Errorf("rewards %.3f: want more for the first than for the second, and for the last than for the third", v.Reward)
	}
	if v.Greedy[0][0] != 0 || v.Greedy[3][0] != 1 || len(v.Value) != 4 {
		t.Errorf("view %+v", v)
	}
	if _, err := lirpg.Look(t.Context(), b, sides(), c, state, [][]float32{{-1}}, nil); err == nil || !strings.Contains(err.Error(), "1 observations and 0 actions") {
		t.Errorf("error %v, want one that names the numbers", err)
	}
}
