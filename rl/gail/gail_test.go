package gail

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/rewardlab/rewardlab/datasets"
	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/backend/backendtest"
	"github.com/rewardlab/rewardlab/rl/env"
	"github.com/rewardlab/rewardlab/rl/loop"
	"github.com/rewardlab/rewardlab/rl/nn"
	"github.com/rewardlab/rewardlab/rl/rollout"
	"github.com/rewardlab/rewardlab/rl/run"
	"github.com/rewardlab/rewardlab/rl/trainer/trainertest"
)

// line is an environment of one number and two actions.
func line() env.Env {
	return env.New(env.Rules{
		Spec:  env.Spec{Name: "line", Obs: []int{1}, State: 1, Action: env.Action{N: 2}, Horizon: 4, Fixed: true},
		Batch: func(g *Graph, n int) *Node { return BroadcastToDims(Const(g, float32(0)), n, 1) },
		Step: func(_, s, _ *Node) (next, reward, terminated *Node) {
			k := Squeeze(s, 1)
			return AddScalar(s, 1), k, GreaterThan(ZerosLike(k), OnesLike(k))
		},
	})
}

func config(t *testing.T, set string) *Config {
	t.Helper()
	c := &Config{}
	if err := run.Set(c, strings.Fields(set)...); err != nil {
		t.Fatal(err)
	}
	if err := run.Resolve(c); err != nil {
		t.Fatal(err)
	}
	if err := run.Check(c); err != nil {
		t.Fatal(err)
	}
	return c
}

func floats(t *testing.T, x *tensors.Tensor) []float64 {
	t.Helper()
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

func call(t *testing.T, e *backend.Engine, fn func(in []*Node) []*Node, in ...any) []*tensors.Tensor {
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
	return out
}

// Linear nets by hand, at s = 2, a = 1, s' = 3 with log pi(a|s) = -0.5, and at the end of an episode.
func TestLogits(t *testing.T) {
	rows := [][]float32{{2, 1, 3, 0}, {2, 1, 3, 1}}
	logp := []float32{-0.5, -0.5}
	tests := []struct {
		name, set string
		theta     []float32
		want      [][2]float64 // z and reward of both rows
	}{
		// z = 0.5 s + 7 [a=0] - 2 [a=1] + 0.25
		{"sa", "sees=sa form=logit", []float32{0.5, 7, -2, 0.25}, [][2]float64{{-0.75, -0.75}, {-0.75, -0.75}}},
		{"s", "sees=s form=softplus", []float32{0.5, 0.25}, [][2]float64{{1.25, math.Log1p(math.Exp(1.25))}, {1.25, math.Log1p(math.Exp(1.25))}}},
		{"ss", "sees=ss form=logd", []float32{0.5, -1, 0.25}, [][2]float64{{-1.75, -math.Log1p(math.Exp(1.75))}, {-1.75, -math.Log1p(math.Exp(1.75))}}},
		// g = 0.5 s + 0.25 = 1.25, h = 2 s + 1: f = 1.25 + 0.9 * 7 - 5 = 2.55, at the end 1.25 - 5 = -3.75; z = f + 0.5.
		{"airl f", "method=airl sees=s form=f gamma=0.9", []float32{0.5, 0.25, 2, 1}, [][2]float64{{3.05, 2.55}, {-3.25, -3.75}}},
		{"airl g", "method=airl sees=s form=g gamma=0.9", []float32{0.5, 0.25, 2, 1}, [][2]float64{{3.05, 1.25}, {-3.25, 1.25}}},
		{"airl unshaped", "method=airl sees=s form=f unshaped=true", []float32{0.5, 0.25}, [][2]float64{{1.75, 1.25}, {1.75, 1.25}}},
	}
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				c := config(t, tt.set)
				c.DiscHidden, c.DiscNorm = nil, "none"
				d := NewDiscriminator(line().Spec(), c)
				out := call(t, e, func(in []*Node) []*Node {
					p := d.unpack(in[1])
					z, g, f := d.logits(d.Pack.Split(in[0]), d.look(p, nn.Running{}), p.Done, in[2])
					return []*Node{z, d.reward(z, g, f)}
				}, tt.theta, rows, logp)
				near(t, "logit", floats(t, out[0]), tt.want[0][0], tt.want[1][0])
				near(t, "reward", floats(t, out[1]), tt.want[0][1], tt.want[1][1])
			})
		}
	})
}

// Vectors are cut to the range of the environment, as the environment does, and scaled to [-1, 1]; observations are normalised.
func TestLook(t *testing.T) {
	spec := env.Pendulum().Spec() // three numbers, actions in [-2, 2]
	d := NewDiscriminator(spec, config(t, ""))
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		out := call(t, e, func(in []*Node) []*Node {
			x := d.look(d.unpack(in[0]), nn.Running{Mean: in[1], Var: in[2], Count: in[3]})
			return []*Node{x.S, x.A, x.Next}
		}, [][]float32{{1, 2, 3, 5, 2, 2, 2, 0}, {1, 2, 3, -1, 2, 2, 2, 0}}, []float32{1, 1, 1}, []float32{1, 4, 1e-10}, float32(9))
		near(t, "state", floats(t, out[0]), 0, 0.5, 10, 0, 0.5, 10)
		near(t, "action", floats(t, out[1]), 1, -0.5)
		near(t, "next", floats(t, out[2]), 1, 0.5, 10, 1, 0.5, 10)
	})
}

// The first parameters give logits of 0, so that the first reward says nothing; two seeds differ.
func TestInit(t *testing.T) {
	d := NewDiscriminator(line().Spec(), config(t, "method=airl sees=s"))
	theta := d.Init(1)
	if slices.Equal(theta, d.Init(2)) {
		t.Error("two seeds give the same parameters")
	}
	out := call(t, backendtest.Go(t), func(in []*Node) []*Node {
		p := d.unpack(in[1])
		_, f := d.score(d.Pack.Split(in[0]), sight{p.Obs, p.Action, p.Next}, p.Done)
		return []*Node{f}
	}, theta, [][]float32{{2, 1, 3, 0}})
	near(t, "first score", floats(t, out[0]), 0)
}

// A memory of two trajectories of two rows: the newest stand last, and the oldest fall out.
func TestRemember(t *testing.T) {
	c := config(t, "replay=2 disc_norm=expert")
	d := NewDiscriminator(line().Spec(), c)
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		f, err := loop.NewFunc(e.Backend, "remember", d.remember)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		mem := append(nn.RunningStart(1), nn.ZeroTensor(4, 4), nn.ZeroTensor())
		for i := range 3 {
			x := float32(10 * i)
			in, err := loop.Pack[scene](append(slices.Clone(mem),
				tensors.FromValue([][][]float32{{{x + 1}}, {{x + 2}}}), tensors.FromValue([][][]float32{{{x + 2}}, {{x + 3}}}),
				tensors.FromValue([][]int32{{1}, {0}}), nn.ZeroTensor(2, 1), nn.ZeroTensor(2, 1),
				tensors.FromValue([][]bool{{false}, {true}}), tensors.FromValue([][]bool{{false}, {false}}))...)
			if err != nil {
				t.Fatal(err)
			}
			m, err := f.Call(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			mem = m.Tensors()
			near(t, "filled", floats(t, m.Get("Filled")), min(2*float64(i+1), 4))
		}
		near(t, "rows", floats(t, mem[3]), 11, 1, 12, 0, 12, 0, 13, 1, 21, 1, 22, 0, 22, 0, 23, 1)
	})
}

// The expert's features (s, s^2, [a=0], [a=1]) are on average (1, 2, 0.5, 0.5), the policy's (0, 2, 1, 0): w = (1, 0, -0.5, 0.5) / sqrt 1.5.
func TestFeatureReward(t *testing.T) {
	c := config(t, "method=features disc_norm=none")
	d := NewDiscriminator(line().Spec(), c)
	r2 := float32(math.Sqrt2)
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		out := call(t, e, func(in []*Node) []*Node {
			v := verdict{Expert: expert{in[0], in[1]}, Memory: memory{Rows: in[2], Filled: in[3]}}
			return []*Node{d.featureReward(v, d.look(d.unpack(in[4]), nn.Running{}))}
		}, [][]float32{{2, 1, 0, 0}, {0, 0, 0, 0}, {99, 1, 0, 0}}, float32(2), // the third row is padding
			[][]float32{{99, 1, 0, 0}, {r2, 0, 0, 0}, {-r2, 0, 0, 0}}, float32(2), // the first is empty
			[][]float32{{3, 1, 0, 0}, {3, 0, 0, 0}})
		near(t, "reward", floats(t, out[0]), 3.5/math.Sqrt(1.5), 2.5/math.Sqrt(1.5))
	})
}

// taught updates a discriminator 60 times where the expert is at 1 and plays 1, the policy at -1 and plays 0, and gives the rewards of both.
func taught(t *testing.T, e *backend.Engine, set string) (ofExpert, ofPolicy float64) {
	t.Helper()
	c := config(t, "disc_updates=60 disc_batch=32 disc_lr=1e-2 hidden=4 disc_hidden=8 envs=2 steps=4 total=16 minibatches=2 "+set)
	g := &gail{Config: c, disc: NewDiscriminator(line().Spec(), c)}
	var err error
	if g.agent, err = rollout.NewAgent(env.Auto(line()), c.Agent()); err != nil {
		t.Fatal(err)
	}
	l, err := loop.New(e.Backend, "teach", c.DiscUpdates, g.teach)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	key, err := RNGStateFromSeed(5)
	if err != nil {
		t.Fatal(err)
	}
	mind, err := g.agent.MindLike()
	if err != nil {
		t.Fatal(err)
	}
	s, err := loop.Pack[critic](append(nn.Start(g.disc.Init(3)), key)...)
	if err != nil {
		t.Fatal(err)
	}
	demos := tensors.FromValue([][]float32{{1, 1, 1, 0}, {1, 1, 1, 0}})
	played := tensors.FromValue([][]float32{{1, 1, 1, 0}, {-1, 0, -1, 0}}) // the first is not filled
	k, err := loop.Pack[class](append(mind.Tensors(), tensors.FromValue([]float32{0}), tensors.FromValue([]float32{1}), tensors.FromValue(float32(2)),
		played, tensors.FromValue(float32(1)), demos, tensors.FromValue(float32(2)))...)
	if err != nil {
		t.Fatal(err)
	}
	s, m, err := l.Run(t.Context(), 0, c.DiscUpdates, s, k)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range floats(t, m.Get("Values")) {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			t.Fatalf("%s: a mark is %g", set, v)
		}
	}
	out := call(t, e, func(in []*Node) []*Node {
		p := g.disc.unpack(in[1])
		var logp *Node
		if c.Method == "airl" {
			logp = MulScalar(OnesLike(Squeeze(p.Done, 1)), -math.Log(2))
		}
		z, gOnly, f := g.disc.logits(g.disc.Pack.Split(in[0]), g.disc.look(p, nn.Running{Mean: in[2], Var: in[3], Count: in[4]}), p.Done, logp)
		return []*Node{g.disc.reward(z, gOnly, f)}
	}, s.Get("Theta"), [][]float32{{1, 1, 1, 0}, {-1, 0, -1, 0}}, []float32{0}, []float32{1}, float32(2))
	r := floats(t, out[0])
	return r[0], r[1]
}

// After its training a step of the expert earns more than one of the policy, whatever the form and the regularisation. With labels exchanged
// every line of this fails.
func TestExpertEarnsMore(t *testing.T) {
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		sets := []string{"noise=0.1 disc_entropy=0.01 penalty=1", "method=airl form=f sees=s spectral=true"}
		if !e.IsXLA() { // which compiles each for a second
			sets = append(sets, "form=softplus", "form=logd", "form=logit", "sees=s", "sees=ss", "penalty=1", "spectral=true",
				"method=airl form=f sees=s", "method=airl form=g sees=sa penalty=0.5", "method=airl form=logit unshaped=true spectral=true")
		}
		for _, set := range sets {
			t.Run(set, func(t *testing.T) {
				of, other := taught(t, e, set)
				if !(of > other+0.1) {
					t.Errorf("the expert earns %.3f, the policy %.3f", of, other)
				}
			})
		}
	})
}

// The gradient of the penalty, a gradient of a gradient, against differences.
func TestPenaltyGradient(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	rows := make([][]float32, 6) // three of the expert, three of the policy
	for i := range rows {
		rows[i] = []float32{float32(r.NormFloat64()), float32(i % 2), float32(r.NormFloat64()), float32(i / 5)}
	}
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		sets := []string{"method=airl form=f sees=sa"}
		if !e.IsXLA() {
			sets = append(sets, "sees=sa", "sees=ss")
		}
		for _, set := range sets {
			t.Run(set, func(t *testing.T) {
				c := config(t, "disc_hidden=4 disc_batch=3 "+set)
				c.DiscNorm = "none"
				d := NewDiscriminator(line().Spec(), c)
				exec, err := NewExec(e.Backend, func(theta, rows, key *Node) (*Node, *Node) {
					p := d.unpack(rows)
					parts := d.Pack.Split(theta)
					_, penalty := d.penalise(key, parts, d.look(p, nn.Running{}), p.Done)
					return penalty, d.Pack.Gradient(penalty, parts)
				})
				if err != nil {
					t.Fatal(err)
				}
				defer exec.Finalize()
				theta := d.Pack.Init(4)
				at := func(k int, by float32) (float64, []float64) {
					moved := slices.Clone(theta)
					moved[k] += by
					out, err := exec.Call(moved, rows, []uint64{1, 2, 3})
					if err != nil {
						t.Fatal(err)
					}
					return floats(t, out[0])[0], floats(t, out[1])
				}
				penalty, grad := at(0, 0)
				if math.Abs(penalty-1) < 1e-3 || slices.Max(grad) < 1e-2 {
					t.Fatalf("penalty %g with gradient %v: as if z had no slope", penalty, grad)
				}
				const step = 1e-2
				for k := range theta {
					up, _ := at(k, step)
					down, _ := at(k, -step)
					if want := (up - down) / (2 * step); math.Abs(grad[k]-want) > 5e-3*(1+math.Abs(want)) {
						t.Errorf("parameter %d: gradient %.4f, differences give %.4f", k, grad[k], want)
					}
				}
			})
		}
	})
}

// From 4 thinned trajectories of an expert CartPole is balanced. A policy that learns nothing earns 25 or so of 500, and so it stays where labels,
// or the sign of the reward, are the wrong way round, or a constant is the reward.
func TestLearns(t *testing.T) {
	e := backendtest.XLA(t)
	expert, err := datasets.Expert("cartpole-fixed")
	if err != nil {
		t.Fatal(err)
	}
	train := func(set string) float64 {
		c := config(t, "env=cartpole-fixed trajectories=4 every=10 envs=8 steps=500 minibatches=16 epochs=10 gamma=0.98 lr=2.5e-3 entropy=0.01 norm_reward=true disc_lr=2e-3 disc_updates=60 eval_episodes=20 "+set)
		w, err := New(t.Context(), e, env.CartPole(env.CartPoleConfig{Fixed: true}), c, expert, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := w.Close(); err != nil {
				t.Error(err)
			}
		}()
		r := trainertest.Train(t, w, 1)
		if c.learned() && !(r.Last().Values["reward/expert_reward"] > 0) {
			t.Errorf("the last row is %v", r.Last().Values)
		}
		return r.Eval["eval/normalised"]
	}
	if got := train("total=120000"); got < 0.6 {
		t.Errorf("GAIL earns %.2f of the way from random actions to the expert, want 0.6", got)
	}
	if got := train("total=20000 method=constant"); got > 0.3 {
		t.Errorf("a constant reward earns %.2f of the way from random actions to the expert: its task tells more than it should", got)
	}
}

// demos are n trajectories of 4 steps on the line.
func demos(n int) *datasets.Demos {
	d := &datasets.Demos{Env: "line", Obs: []int{1}, Actions: 2}
	for i := range n {
		x := float32(i)
		d.Trajectories = append(d.Trajectories, datasets.Trajectory{Obs: []float32{x, x + 1, x + 2, x + 3, x + 4}, Action: []float32{1, 0, 1, 0}})
	}
	return d
}

func TestMistakesAreNamed(t *testing.T) {
	e := backendtest.Go(t)
	two := demos(2)
	vectors := &datasets.Demos{Env: "push", Obs: []int{1}, ActionDim: 2, Trajectories: two.Trajectories}
	wide := &datasets.Demos{Env: "wide", Obs: []int{3}, Actions: 2, Trajectories: two.Trajectories}
	tests := []struct {
		name, set, want string
		env             env.Env
		demos           *datasets.Demos
	}{
		{"f without AIRL", "form=f", "set method=airl", nil, nil},
		{"AIRL of two states", "method=airl sees=ss", "sees=ss is not for AIRL", nil, nil},
		{"a frozen control", "method=constant frozen=x", "frozen is for a reward that was learned", nil, nil},
		{"no updates", "disc_updates=-1", "disc_updates is -1", nil, nil},
		{"a negative penalty", "penalty=-1", "penalty is -1", nil, nil},
		{"PPO's own", "envs=-1", "envs is -1", nil, nil},
		{"a convolution", "torso=conv hidden=8", "no convolution", nil, nil},
		{"episodes that end early", "trajectories=2", "set allow_variable_horizon", env.CartPole(env.CartPoleConfig{}), two},
		{"other observations", "trajectories=2", "observations have 3 numbers, those of line have 1", line(), wide},
		{"other actions", "trajectories=2", "actions are one of 0 choices or vectors of 2", line(), vectors},
		{"too few trajectories", "trajectories=3", "trajectories is 3, there are 2", line(), two},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := &Config{}
			if err := run.Set(c, strings.Fields(tt.set)...); err != nil {
				t.Fatal(err)
			}
			if err := run.Resolve(c); err != nil {
				t.Fatal(err)
			}
			err := run.Check(c)
			if tt.env != nil {
				if err != nil {
					t.Fatal(err)
				}
				_, err = New(t.Context(), e, tt.env, c, tt.demos, nil)
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one that says %q", err, tt.want)
			}
		})
	}
}
