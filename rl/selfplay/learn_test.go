package selfplay

import (
	"fmt"
	"math"
	"strings"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/backend/backendtest"
	"github.com/rewardlab/rewardlab/rl/env"
	"github.com/rewardlab/rewardlab/rl/ops"
	"github.com/rewardlab/rewardlab/rl/rollout"
	"github.com/rewardlab/rewardlab/rl/run"
	"github.com/rewardlab/rewardlab/rl/trainer/trainertest"
)

// Two games, six steps, of which the last four are new. In the first, Alice moves twice (steps 0 and 1, the second ends her phase), Bob twice, and
// earns her 0.5 at step 3; then she stops at once, and a new episode is under way. In the second an old episode ends at step 1, which was learned
// from before; then comes a target episode of two steps, and an Alice who is not done.
func TestCredit(t *testing.T) {
	columns := func(first, second []float32) [][]float32 {
		out := make([][]float32, len(first))
		for i := range out {
			out[i] = []float32{first[i], second[i]}
		}
		return out
	}
	alice := columns([]float32{1, 1, 0, 0, 1, 1}, []float32{1, 0, 0, 0, 1, 1})
	paid := columns([]float32{0, 0, -.1, -.1, 0, 0}, []float32{0, -.1, 0, 1, 0, 0})
	end := columns([]float32{0, 1, 0, 1, 1, 0}, []float32{1, 1, 0, 1, 0, 0})
	over := columns([]float32{0, 0, 0, 1, 1, 0}, []float32{0, 1, 0, 1, 0, 0})
	prize := columns([]float32{0, 0, 0, .5, 0, 0}, []float32{0, .7, 0, 0, 0, 0})
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		out := program(t, e, func(in []*Node) []*Node {
			reward, weight := credit(turn{Alice: in[0], Reward: in[1], End: in[2], Over: in[3], Prize: in[4]}, 4)
			return []*Node{reward, weight}
		})(alice, paid, end, over, prize)
		near(t, "reward", floats(out[0]), []float64{0, .7, .5, -.1, -.1, 0, -.1, 1, 0, 0, 0, 0})
		near(t, "weight", floats(out[1]), []float64{1, 0, 1, 0, 1, 1, 1, 1, 1, 0, 0, 0})
	})
}

func near(t *testing.T, what string, got, want []float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d numbers, want %d", what, len(got), len(want))
	}
	for i := range want {
		if math.Abs(got[i]-want[i]) > 1e-5 {
			t.Errorf("%s[%d] = %g, want %g (all: %.4g)", what, i, got[i], want[i], got)
		}
	}
}

// episode is a whole one in the hallway of limit 8: Alice goes right twice and stops, Bob strays once and needs 4 moves. She earns (4 - 2) / 8 =
// 0.25, which whole returns give to each of her three steps; he loses 0.125 a move.
var episode = []int32{right, right, stop, left, right, right, right}

// played is that episode as a trajectory [7, 1] of the pair, by the given minds.
func played(p *pair, m minds, g *Graph) trace {
	state := Const(g, [][]float32{{10, -1, 10, -1, 10, -1, phaseAlice, 0, 0}})
	var steps []trace
	for _, a := range episode {
		obs, action := p.game.Observe(state), Const(g, []int32{a})
		pi := p.policy(m, obs)
		_, next, out := p.game.play(Const(g, []uint64{1, 2, 3}), state, action)
		row := trace{obs, action, pi.LogProb(action), out}
		steps, state = append(steps, row.with(row, func(x, _ *Node) *Node { return ExpandAxes(x, 0) })), next
	}
	all := steps[0]
	for _, s := range steps[1:] {
		all = all.then(s)
	}
	return all
}

// Nets of zeros choose evenly and value everything at 0. Alice's advantage is then her prize at each of her steps, Bob's what is left for him to
// lose; and of the gradient, the biases of the policies' outputs are worked out by hand: mean over her steps of -A (1[a] - 1/3), over his of
// -A (1[a] - 1/2). Neither sees anything of the other.
func TestGradientOfAnEpisode(t *testing.T) {
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		for _, method := range []string{"reinforce", "ppo"} {
			c := resolved(t, "limit=8", "alice_moves=3", "method="+method, "hidden=4", "envs=1", "steps=8", "total=80")
			p := newPair(hallway(), c)
			var hers, his []float64 // where the output biases of the actors lie
			out := program(t, e, func(in []*Node) []*Node {
				g := in[0].Graph()
				m := minds{BroadcastToDims(in[0], p.alice.Pack.Size()), BroadcastToDims(in[0], p.bob.Pack.Size())}
				all := played(p, m, g)
				reward, weight := credit(all.Turn, len(episode))
				advantage, target := p.advantages(m, all, reward)
				n := len(episode)
				flat := func(x *Node) *Node { return Reshape(x, n) }
				alice := flat(all.Turn.Alice)
				b := rollout.Batch{Obs: Reshape(all.Obs, n, p.game.sees()), Action: flat(all.Action), LogProb: flat(all.LogProb), Advantage: flat(advantage), Target: flat(target)}
				bias := func(who int) *Node {
					net, theta, w := p.alice, m.Alice, share(Mul(flat(weight), alice))
					if who == 1 {
						net, theta, w = p.bob, m.Bob, share(Mul(flat(weight), OneMinus(alice)))
					}
					grad, _ := p.gradient(net, theta, b, w, 0)
					parts := net.Pack.Split(grad)
					return parts[1][len(parts[1])-1]
				}
				return []*Node{b.Advantage, flat(reward), bias(0), bias(1)}
			})(float32(0))
			const d = 0.125
			near(t, "reward", floats(out[1]), []float64{0, 0, 2 * d, -d, -d, -d, -d})
			if method == "reinforce" {
				near(t, "advantage", floats(out[0]), []float64{2 * d, 2 * d, 2 * d, -4 * d, -3 * d, -2 * d, -d})
				// Alice: right twice, stop once, each with 2d: left gets +2d/3, right -2d (2/3 - 1/3), stop 0.
				hers = []float64{2 * d / 3, -2 * d / 3, 0}
				// Bob: left with -4d, right with -3d, -2d, -d.
				his = []float64{-(-4*d*0.5 + (3+2+1)*d*0.5) / 4, -(4*d*0.5 - (3+2+1)*d*0.5) / 4}
			} else { // generalised advantages: a sum with 0.95^k
				l := 0.95
				a := []float64{l * l * 2 * d, l * 2 * d, 2 * d, -d * (1 + l + l*l + l*l*l), -d * (1 + l + l*l), -d * (1 + l), -d}
				near(t, "advantage", floats(out[0]), a)
				hers = []float64{(a[0] + a[1] + a[2]) / 9, -(2*a[0] + 2*a[1] - a[2]) / 9, -(2*a[2] - a[0] - a[1]) / 9}
				x := -(a[3] - a[4] - a[5] - a[6]) / 8
				his = []float64{x, -x}
			}
			near(t, method+": Alice's gradient", floats(out[2]), hers)
			near(t, method+": Bob's gradient", floats(out[3]), his)
		}
	})
}

// twin is a world of two places: 0 stays, 1 changes the place; with oneWay nothing leads back from place 1.
func twin(oneWay bool) *task {
	place := func(s *Node) *Node { return s }
	return &task{
		body: env.New(env.Rules{
			Spec:  env.Spec{Name: "twin", Obs: []int{1}, State: 1, Action: env.Action{N: 2}},
			Batch: func(g *Graph, n int) *Node { return BroadcastToDims(Const(g, float32(0)), n, 1) },
			Step: func(_, s, a *Node) (next, reward, terminated *Node) {
				a = ExpandAxes(float(a), -1)
				next = Abs(Sub(s, a))
				if oneWay {
					next = Max(s, a)
				}
				zero := ZerosLike(Squeeze(s, 1))
				return next, zero, LessThan(zero, zero)
			},
		}),
		limit: 6, moves: 2, looks: 1, look: place, goals: 1, show: place,
		there: func(s, goal *Node) *Node { return Equal(column(s, 0), column(goal, 0)) },
		rows:  1, wide: 2, bin: func(s *Node) *Node { return whole(column(s, 0)) },
		pairs: func() (begin, goal [][]float32, err error) { return [][]float32{{0}}, [][]float32{{1}}, nil },
	}
}

// Two games of two places whose equilibria are known. Where nothing leads back and Bob is to come back, Alice's best is to cross at once and stop:
// t_A = 1, t_B = 6 - 1, so she earns 4/6. Where Bob is to repeat what she did, his best is to cross at once too, and she earns nothing: he beats
// any Alice, so this one is found however she plays. An untrained Alice earns 0.24 in the first; there 0.6 is out of reach for one who crosses
// late or dawdles before stopping: t_A = 2 earns 2/6.
func TestEquilibria(t *testing.T) {
	e := backendtest.XLA(t)
	for _, method := range []string{"reinforce", "a2c", "ppo"} {
		for _, mode := range []string{"reverse", "repeat"} {
			t.Run(fmt.Sprint(method, " ", mode), func(t *testing.T) {
				set := "envs=16 steps=16 total=40000 hidden=16 alice_moves=4 target=0.1 entropy=0.003 alice_entropy=0.003 eval_episodes=1 lr=1e-2 method=" + method + " mode=" + mode
				w := trainertest.Open(t, &Config{}, set, func(c *Config) (run.Worker, error) {
					return open(t.Context(), e, twin(mode == "reverse"), c)
				})
				r := trainertest.Train(t, w, 1)
				first, last := r.Rows[0].Values, r.Last().Values
				t.Logf("Alice earned %.3f with %.2f moves at first, %.3f with %.2f at last; Bob reached %.2f", first["alice/reward"], first["alice/moves"],
					last["alice/reward"], last["alice/moves"], last["bob/success"])
				switch mode {
				case "reverse":
					if last["alice/reward"] < 0.6 || math.Abs(last["alice/moves"]-1) > 0.1 || last["bob/success"] != 0 {
						t.Errorf("at the equilibrium Alice earns 0.667 with 1 move and Bob never comes back: %v", last)
					}
				case "repeat":
					if last["alice/reward"] > 0.02 || last["bob/success"] < 0.97 || r.Eval["eval/goals"] != 1 || r.Eval["eval/goal_moves"] > 1.2 {
						t.Errorf("at the equilibrium Alice earns nothing and Bob crosses at once: %v, %v", last, r.Eval)
					}
				}
			})
		}
	}
}

// A random Alice stops as often as she is told to.
func TestRandomAliceStops(t *testing.T) {
	e := backendtest.Go(t)
	for _, set := range []string{"stop=0.1", "stop=0.7", ""} {
		c := resolved(t, strings.Fields("alice=random "+set)...)
		p := newPair(hallway(), c)
		want := 1.0 / 3
		if c.Stop > 0 {
			want = c.Stop
		}
		out := program(t, e, func(in []*Node) []*Node {
			return []*Node{Exp(ops.NewCategorical(p.hers(minds{}, in[0])).LogPi)}
		})([][]float32{{0, 0}})
		near(t, "probabilities", floats(out[0]), []float64{(1 - want) / 2, (1 - want) / 2, want})
	}
}

func TestMistakesAreNamed(t *testing.T) {
	tests := []struct{ set, want string }{
		{"env=hallwy", "hallwy"},
		{"envs=-1", "envs is -1"},
		{"target=2", "target is 2"},
		{"stop=0.3", "it is for a random Alice"},
		{"alice_moves=30", "leave Bob some moves"},
		{"lr=-1", "lr is -1"},
		{"envs=3", "do not make 4 minibatches"},
		{"total=100", "total is 100"},
		{"hidden=0,4", "at least 1 unit"},
	}
	for _, tt := range tests {
		c := &Config{}
		err := run.Set(c, tt.set)
		if err == nil {
			if err = run.Resolve(c); err == nil {
				err = run.Check(c)
			}
		}
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want one that says %q", tt.set, err, tt.want)
		}
	}
}
