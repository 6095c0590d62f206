package goal

import (
	"math"
	"slices"
	"strings"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/backend/backendtest"
	"github.com/rewardlab/rewardlab/rl/env"
	"github.com/rewardlab/rewardlab/rl/loop"
	"github.com/rewardlab/rewardlab/rl/nn"
	"github.com/rewardlab/rewardlab/rl/rollout"
	"github.com/rewardlab/rewardlab/rl/run"
	"github.com/rewardlab/rewardlab/rl/trainer/trainertest"
)

// tiny is a configuration that compiles quickly, with the assignments in set.
func tiny(t *testing.T, set string) *Config {
	t.Helper()
	const small = "env=pusher envs=2 steps=10 total=40 epochs=1 minibatches=1 hidden=4 eval_episodes=2 judge_hidden=5 examples=6 half=8 pretrain=2 updates=1 replay=50 thin=1 "
	return trainertest.Resolved(t, &Config{}, strings.Fields(small+set)...)
}

func parts(t *testing.T, c *Config) (*classifier, *rollout.Agent) {
	t.Helper()
	e, err := env.Find(c.Env)
	if err != nil {
		t.Fatal(err)
	}
	goal, err := env.GoalOf(e)
	if err != nil {
		t.Fatal(err)
	}
	a, err := rollout.NewAgent(env.Auto(e), c.Agent())
	if err != nil {
		t.Fatal(err)
	}
	return newClassifier(c, goal, e.Spec()), a
}

// call runs fn once.
func call(t *testing.T, e *backend.Engine, fn func(in []*Node) []*Node, in ...any) [][]float32 {
	t.Helper()
	exec, err := NewExec(e.Backend, fn)
	if err != nil {
		t.Fatal(err)
	}
	defer exec.Finalize()
	out, err := exec.Call(in...)
	if err != nil {
		t.Fatal(err)
	}
	xs := make([][]float32, len(out))
	for i, o := range out {
		xs[i] = tensors.MustCopyFlatData[float32](o)
	}
	return xs
}

func key(t *testing.T, seed int64) *tensors.Tensor {
	t.Helper()
	k, err := RNGStateFromSeed(seed)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// rows are n rows of 12 numbers (an observation of the pusher and an action) that all are value.
func rows(n int, value float32) [][]float32 {
	x := make([][]float32, n)
	for i := range x {
		x[i] = slices.Repeat([]float32{value}, 12)
	}
	return x
}

// Examples are rows of 1, negatives of -1, and rows of the pile that are not in use of 99.
func TestBatchesAreHalfAndHalf(t *testing.T) {
	pileOf := append(rows(20, -1), rows(30, 99)...)
	for _, tt := range []struct {
		name, set    string
		least, limit int // successes in 2000 rows
	}{
		{"balanced", "half=1000", 1000, 1000},
		{"unbalanced: 6 examples, 20 negatives", "half=1000 unbalanced=true", 400, 523}, // 2000 * 6/26 = 461.5, standard deviation 19
	} {
		t.Run(tt.name, func(t *testing.T) {
			k, _ := parts(t, tiny(t, tt.set))
			backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
				out := call(t, e, func(in []*Node) []*Node {
					_, x, y := k.batch(in[0], data{in[1], pile{in[2], in[3]}})
					return []*Node{x, y}
				}, key(t, 1), rows(6, 1), pileOf, int32(20))
				good := 0
				for i, label := range out[1] {
					if x := out[0][12*i]; x != 2*label-1 {
						t.Fatalf("row %d is of %g and has label %g", i, x, label)
					}
					good += int(label)
				}
				if len(out[1]) != 2000 || good < tt.least || good > tt.limit {
					t.Errorf("%d of %d rows are successes, want %d to %d", good, len(out[1]), tt.least, tt.limit)
				}
			})
		})
	}
}

// step is one step of the classifier of c, from the same parameters and random state, with the policy theta and actions of that value in the pile.
func step(t *testing.T, e *backend.Engine, c *Config, mean, taken float32) []float32 {
	t.Helper()
	k, a := parts(t, c)
	theta := a.Net.Init(1)
	theta[a.Net.Pack.Offset(2)-1] = mean // the actor's last bias
	pileOf := rows(50, 0.3)
	for i := range pileOf {
		pileOf[i][10], pileOf[i][11] = taken, taken
	}
	goals := rows(6, 0.5)
	in := []any{nil, nil, nil, nil, key(t, 2), goals, pileOf, int32(50)}
	for i, x := range nn.Start(k.pack.Init(3)) {
		in[i] = x
	}
	in = append(in, theta)
	for _, x := range nn.RunningStart(10) {
		in = append(in, x)
	}
	return call(t, e, func(in []*Node) []*Node {
		s := fit{in[0], nn.Moments{M: in[1], V: in[2], T: in[3]}, in[4]}
		l := lesson{data{in[5], pile{in[6], in[7]}}, rollout.Mind{Theta: in[8], Obs: nn.Running{Mean: in[9], Var: in[10], Count: in[11]}}}
		_, m := k.learner(a)(in[7], s, l)
		return []*Node{m.Loss}
	}, in...)[0]
}

// VICE's loss depends on log pi of the actions that were taken and of those that the policy would take at the examples; without it the method is
// a plain classifier, which sees neither.
func TestVICEDependsOnThePolicy(t *testing.T) {
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		for _, mixup := range []string{"", " mixup=true"} {
			vice, plain := tiny(t, "method=vice"+mixup), tiny(t, mixup)
			base := step(t, e, vice, 0, 0)[0]
			if other := step(t, e, vice, 2, 0)[0]; math.Abs(float64(other-base)) < 1e-3 {
				t.Errorf("vice%s: another policy leaves the loss at %g", mixup, base)
			}
			if other := step(t, e, vice, 0, 1)[0]; math.Abs(float64(other-base)) < 1e-3 {
				t.Errorf("vice%s: other actions leave the loss at %g", mixup, base)
			}
			if a, b := step(t, e, plain, 0, 0)[0], step(t, e, plain, 2, 1)[0]; a != b {
				t.Errorf("a plain classifier%s sees the policy: loss %g and %g", mixup, a, b)
			}
		}
	})
}

// The policy is N(0, 1) for both components but for means of 0.01 at most: log pi of taken actions (1, 2) is -log 2 pi - (1 + 4)/2 = -4.338. At
// the examples the actions in the rows do not count.
func TestVICEDensity(t *testing.T) {
	k, a := parts(t, tiny(t, "method=vice"))
	theta := make([]float32, a.Net.Pack.Size())
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		rowsOf := rows(4, 0.5)
		rowsOf[0][10], rowsOf[0][11] = 1, 2
		rowsOf[2][10], rowsOf[2][11] = 1e6, 1e6
		in := []any{key(t, 4), theta, rowsOf, []float32{0, 0, 1, 1}}
		for _, x := range nn.RunningStart(10) {
			in = append(in, x)
		}
		out := call(t, e, func(in []*Node) []*Node {
			_, logp := k.density(in[0], a, rollout.Mind{Theta: in[1], Obs: nn.Running{Mean: in[4], Var: in[5], Count: in[6]}}, in[2], in[3])
			return []*Node{logp}
		}, in...)[0]
		base := -math.Log(2 * math.Pi)
		for i, want := range []float64{base - 2.5, base - 0.25} {
			if math.Abs(float64(out[i])-want) > 1e-4 {
				t.Errorf("log pi of taken action %d is %g, want %g", i, out[i], want)
			}
		}
		for i := 2; i < 4; i++ {
			if v := float64(out[i]); v > base || v < base-12 {
				t.Errorf("log pi at example %d is %g: not of an action drawn from the policy", i, v)
			}
		}
	})
}

// Two environments, ten steps: 20 rows go before what was there; 50 fit.
func TestVisitedStatesJoinTheNegatives(t *testing.T) {
	for _, tt := range []struct {
		method string
		first  float32
	}{{"robust", 7}, {"vice", 5}} { // where a step led, or what was acted on
		k, _ := parts(t, tiny(t, "method="+tt.method))
		backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
			fill := func(value float64, dims ...int) func(g *Graph) *Node {
				return func(g *Graph) *Node { return BroadcastToDims(Const(g, float32(value)), dims...) }
			}
			out := call(t, e, func(in []*Node) []*Node {
				g := in[0].Graph()
				s := rollout.Steps{Obs: fill(5, 10, 2, 10)(g), Final: fill(7, 10, 2, 10)(g), Action: fill(0.5, 10, 2, 2)(g)}
				one := k.file(filing{pile{in[0], Const(g, int32(25))}, s})
				two := k.file(filing{one, s})
				return []*Node{one.Rows, ConvertDType(one.Filled, in[0].DType()), ConvertDType(two.Filled, in[0].DType())}
			}, rows(50, -1))
			x := out[0]
			if x[0] != tt.first || x[11] != 0.5 || x[19*12] != tt.first || x[20*12] != -1 || len(x) != 50*12 {
				t.Errorf("%s: rows 0, 19 and 20 begin with %g, %g and %g, and the action is %g", tt.method, x[0], x[19*12], x[20*12], x[11])
			}
			if out[1][0] != 45 || out[2][0] != 50 {
				t.Errorf("%s: 25 rows in use become %g, then %g; want 45 and 50", tt.method, out[1][0], out[2][0])
			}
		})
	}
}

// The four rewards of z = log 3: D = 3/4.
func TestRewardForms(t *testing.T) {
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		for form, want := range map[string]float64{"probability": 0.75, "logit": math.Log(3), "log": math.Log(0.75), "softplus": math.Log(4)} {
			k, _ := parts(t, tiny(t, "reward="+form))
			got := call(t, e, func(in []*Node) []*Node { return []*Node{k.pay(in[0])} }, []float32{float32(math.Log(3))})[0][0]
			if math.Abs(float64(got)-want) > 1e-5 {
				t.Errorf("%s pays %g, want %g", form, got, want)
			}
		}
	})
}

// diag(4, 1) has a largest singular value of 4: under a bound of 2 it is halved, under one of 10 it stays.
func TestSpectralBound(t *testing.T) {
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		for set, want := range map[string]float64{"spectral=2": 2, "spectral=10": 4, "": 4} {
			k, _ := parts(t, tiny(t, set))
			got := call(t, e, func(in []*Node) []*Node { return k.bound(in) }, [][]float32{{4, 0}, {0, 1}}, []float32{5})
			if math.Abs(float64(got[0][0])-want) > 1e-3 || got[1][0] != 5 {
				t.Errorf("%q: weight %g and bias %g, want %g and 5", set, got[0][0], got[1][0], want)
			}
		}
	})
}

// A quarter of 8 examples are beginnings of episodes: two that are no successes.
func TestWrongExamples(t *testing.T) {
	c := tiny(t, "examples=8 false_share=0.25")
	e, err := env.Find("pusher")
	if err != nil {
		t.Fatal(err)
	}
	k, _ := parts(t, c)
	backendtest.Each(t, func(t *testing.T, b *backend.Engine) {
		obs := call(t, b, func(in []*Node) []*Node {
			_, obs := k.goals(e)(in[0], 8)
			return []*Node{ConvertDType(k.goal.Success(obs), obs.DType())}
		}, key(t, 6))[0]
		if !slices.Equal(obs, []float32{0, 0, 1, 1, 1, 1, 1, 1}) {
			t.Errorf("successes among the examples: %v, want two wrong ones first", obs)
		}
	})
}

// Trading exchanges the environments and nothing else, and twice is not at all.
func TestTrade(t *testing.T) {
	side := func(value float32) loop.Values[State] {
		names := loop.Names[State]()
		ts := make([]*tensors.Tensor, len(names))
		for i := range ts {
			ts[i] = tensors.FromValue(value)
		}
		s, err := loop.Pack[State](ts...)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	a, b, err := trade(side(1), side(2))
	if err != nil {
		t.Fatal(err)
	}
	moved := 0
	for name, x := range a.All() {
		want := float32(1)
		if strings.Contains(name, "Walk") {
			want = 2
			moved++
		}
		if got := x.Value().(float32); got != want || b.Get(name).Value().(float32) != 3-want {
			t.Errorf("%s is %g after the trade, want %g", name, got, want)
		}
	}
	if moved != 2 {
		t.Errorf("%d parts of the environments moved, want their state and their key", moved)
	}
}

func TestMistakesAreNamed(t *testing.T) {
	for set, want := range map[string]string{
		"examples=-1": "examples is -1", "replay=10 thin=1": "replay is 10: give at least 20", "thin=3": "thin is 3: give a divisor",
		"dropout=1": "dropout is 1", "false_share=-0.1": "false_share is -0.1", "decay=2000": "decay is 2000", "judge_lr=-1": "judge_lr is -1",
		"judge_hidden=-2": "a layer of -2", "side=3": "side is 3", "lr=-1": "lr is -1",
	} {
		c := &Config{}
		if err := run.Set(c, strings.Fields("envs=2 steps=10 total=40 minibatches=1 "+set)...); err != nil {
			t.Fatal(err)
		}
		if err := run.Resolve(c); err != nil {
			t.Fatal(err)
		}
		if err := run.Check(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one that says %q", set, err, want)
		}
	}
	e := backendtest.Go(t)
	for name, want := range map[string]string{"cartpole": "take an environment of fixed horizon", "cartpole-fixed": "does not say what its goal is"} {
		made, err := env.Find(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := New(t.Context(), e, made, tiny(t, "env="+name), nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one that says %q", name, err, want)
		}
	}
	rf := &ResetFree{}
	if err := run.Set(rf, "reset_every=150"); err != nil {
		t.Fatal(err)
	}
	if err := run.Resolve(rf); err != nil {
		t.Fatal(err)
	}
	if err := run.Check(rf); err == nil || !strings.Contains(err.Error(), "give a multiple of") {
		t.Errorf("error %v, want one about reset_every", err)
	}
}

// A trajectory of ten steps whose step t led to t: with thin=5 the steps 4 and 9 of both environments join.
func TestThinned(t *testing.T) {
	k, _ := parts(t, tiny(t, "thin=5"))
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		steps := make([][][]float32, 10)
		for i := range steps {
			steps[i] = [][]float32{slices.Repeat([]float32{float32(i)}, 10), slices.Repeat([]float32{float32(100 + i)}, 10)}
		}
		out := call(t, e, func(in []*Node) []*Node {
			g := in[0].Graph()
			s := rollout.Steps{Final: in[1], Action: BroadcastToDims(Const(g, float32(0)), 10, 2, 2)}
			p := k.file(filing{pile{in[0], Const(g, int32(0))}, s})
			return []*Node{p.Rows, ConvertDType(p.Filled, in[0].DType())}
		}, rows(50, -1), steps)
		got := []float32{out[0][0], out[0][12], out[0][24], out[0][36], out[0][48], out[1][0]}
		if want := []float32{4, 104, 9, 109, -1, 4}; !slices.Equal(got, want) {
			t.Errorf("the rows begin with %v, want %v (the last is how many are in use)", got, want)
		}
	})
}

// The step size falls from judge_lr to 0 over all steps of the classifier: 2 iterations of 4.
func TestJudgeAnneal(t *testing.T) {
	k, _ := parts(t, tiny(t, "judge_anneal=true updates=4 judge_lr=0.8"))
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		for i, want := range map[int32]float64{0: 0.8, 2: 0.6, 8: 0, 20: 0} {
			got := call(t, e, func(in []*Node) []*Node { return []*Node{k.rate(in[0])} }, i)[0][0]
			if math.Abs(float64(got)-want) > 1e-6 {
				t.Errorf("step %d has size %g, want %g", i, got, want)
			}
		}
	})
}

// After 160,000 steps the policy is well on its way round the wall: its return is near -42 on this seed. An untrained policy gets -170, and one that
// is paid by a frozen classifier -107, with a score of 0.95 at the wrong places.
func TestLearns(t *testing.T) {
	if testing.Short() {
		t.Skip("trains for some ten seconds")
	}
	e := backendtest.XLA(t)
	made, err := env.Find("pointmass")
	if err != nil {
		t.Fatal(err)
	}
	w := trainertest.Open(t, &Config{}, "env=pointmass envs=32 steps=100 total=160000 epochs=5 gamma=0.99 lr=1e-3 entropy=0.01 norm_obs=true norm_reward=true mixup=true hidden=32,32 eval_episodes=50", func(c *Config) (run.Worker, error) {
		return New(t.Context(), e, made, c, nil)
	})
	r := trainertest.Train(t, w, 1)
	if got := r.Eval["eval/return"]; got < -70 {
		t.Errorf("return %.0f after training, want at least -70", got)
	}
	if last := r.Last().Values["goal/score_of_examples"]; last < 0.5 {
		t.Errorf("the classifier says %.2f of the examples, want at least a half", last)
	}
}
