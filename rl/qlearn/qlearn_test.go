package qlearn

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/backend/backendtest"
	"github.com/rewardlab/rewardlab/rl/env"
	"github.com/rewardlab/rewardlab/rl/nn"
	"github.com/rewardlab/rewardlab/rl/run"
	"github.com/rewardlab/rewardlab/rl/trainer/trainertest"
)

// train trains a seed to the end and returns its evaluation and the leaf Theta.
func train(t testing.TB, w run.Worker, seed int64) (map[string]float64, []float32) {
	t.Helper()
	r := trainertest.Train(t, w, seed)
	return r.Eval, floats(leaf(t, r.Trainer, "Theta"))
}

// leaf is the content of one array of a trainer's state.
func leaf(t testing.TB, tr run.Trainer, name string) []byte {
	t.Helper()
	state, err := tr.State()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range state {
		if a.Name == name {
			return a.Data
		}
	}
	t.Fatalf("the state has no %s", name)
	return nil
}

func floats(b []byte) []float32 {
	x := make([]float32, len(b)/4)
	for i := range x {
		x[i] = math.Float32frombits(uint32(b[4*i]) | uint32(b[4*i+1])<<8 | uint32(b[4*i+2])<<16 | uint32(b[4*i+3])<<24)
	}
	return x
}

// valueIteration solves a grid world: Q of every state and action.
func valueIteration(m *env.GridModel, gamma float64) []float64 {
	q := make([]float64, m.States()*m.Actions)
	best := func(s int) float64 { return slices.Max(q[s*m.Actions : (s+1)*m.Actions]) }
	for range 2000 {
		lands := make([]float64, len(q)) // value of where each action leads
		for i := range q {
			lands[i] = m.Reward[i]
			if !m.End[i] {
				lands[i] += gamma * best(m.Next[i])
			}
		}
		for i := range q {
			s := i / m.Actions
			var slipped float64
			for _, v := range lands[s*m.Actions : (s+1)*m.Actions] {
				slipped += v / float64(m.Actions)
			}
			q[i] = (1-m.Slip)*lands[i] + m.Slip*slipped
		}
	}
	return q
}

// A table learns the values of a grid world exactly. Episodes are cut after 3 steps, far from the goal: values come out right only if what follows
// a cut counts, and what follows the goal or the pit does not.
func TestTableFindsTheValuesOfAGrid(t *testing.T) {
	open := "@@@@@\n@##@@\n@@@@X\n@@##@\n@@@@G"
	tests := []struct {
		name      string
		grid      env.GridConfig
		table     Table
		tolerance float64
	}{
		{"deterministic", env.GridConfig{Map: open, Horizon: 3}, Table{LR: 1, LREnd: 1, Iterations: 800}, 1e-5},
		{"double", env.GridConfig{Map: open, Horizon: 3}, Table{LR: 1, LREnd: 1, Iterations: 1500, Double: true}, 1e-5},
		{"slippery", env.GridConfig{Map: open, Horizon: 3, Slip: 0.3, StepCost: 0.01}, Table{LR: 0.1, LREnd: 0.01, Iterations: 3000, Envs: 32}, 0.06},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
				g, err := Grid(tt.grid)
				if err != nil {
					t.Fatal(err)
				}
				c := tt.table
				c.Gamma, c.Exploration = 0.9, Exploration{Epsilon: 1, EpsilonEnd: 1}
				w, err := NewTable(t.Context(), e, g, trainertest.Resolved(t, &c))
				if err != nil {
					t.Fatal(err)
				}
				defer w.Close()
				_, theta := train(t, w, 1)

				m, err := tt.grid.Model()
				if err != nil {
					t.Fatal(err)
				}
				want := valueIteration(m, c.Gamma)
				compared, square := 0, 0.0
				for i, q := range want {
					if m.Start[i/m.Actions] == 0 {
						continue
					}
					compared++
					for table := range len(theta) / len(want) {
						square += math.Pow(float64(theta[table*len(want)+i])-q, 2)
					}
				}
				if rms := math.Sqrt(square / float64(compared)); rms > tt.tolerance {
					t.Errorf("the values are %g from those of value iteration, root mean square", rms)
				}
				if compared != 19*4 {
					t.Errorf("%d values compared, want those of 19 cells", compared)
				}
			})
		})
	}
}

// Two numbers in [0, 2] and [0, 4], two bins each. Two tilings have three bins each, and the second is shifted by 1/2 and 3/2 mod 1 = 1/2 of
// a bin. Of (1.5, 1), which is (1.5, 0.5) bins: cell (1, 0) of the first, (2, 1) of the second, 9 further on.
func TestTiles(t *testing.T) {
	spec := env.Spec{Name: "plane", Obs: []int{2}, Low: []float64{0, 0}, High: []float64{2, 4}}
	for _, tt := range []struct {
		name    string
		tilings int
		obs     [][]float32
		want    []int32
	}{
		{"one", 1, [][]float32{{0, 0}, {1.5, 1}, {0.5, 3}, {2, 4}, {-7, 9}}, []int32{0, 1, 2, 3, 2}},
		{"two", 2, [][]float32{{0, 0}, {1.5, 1}, {2, 4}}, []int32{0, 9, 1, 9 + 2 + 3, 2 + 6, 9 + 2 + 6}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			x, err := (&Table{Bins: 2, Tilings: tt.tilings}).tiles(spec)
			if err != nil {
				t.Fatal(err)
			}
			got := MustExecOnce(backendtest.Go(t).Backend, x.index, tt.obs)
			if got := tensors.MustCopyFlatData[int32](got); !slices.Equal(got, tt.want) {
				t.Errorf("cells %v, want %v", got, tt.want)
			}
			if int(slices.Max(tt.want)) >= x.count {
				t.Errorf("the table has %d cells", x.count)
			}
		})
	}
}

// Three environments and two tilings. The first and the third share entry 5: their mean, 2, once. The rest stands alone.
func TestOnce(t *testing.T) {
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		got := MustExecOnce(e.Backend, once, [][]int32{{5, 10}, {6, 11}, {5, 12}}, []float32{1, 7, 3})
		if got := tensors.MustCopyFlatData[float32](got); !slices.Equal(got, []float32{2, 1, 7, 7, 0, 3}) {
			t.Errorf("corrections %v, want 2 1 7 7 0 3", got)
		}
	})
}

// clock is an environment that counts: the state is the time since the reset, the reward the time before the step. Its
// time limit of 5 steps cuts it before it would end.
func clock() env.Env {
	return env.New(env.Rules{
		Spec:  env.Spec{Name: "clock", Obs: []int{1}, State: 1, Action: env.Action{N: 2}, Horizon: 5},
		Batch: func(g *Graph, n int) *Node { return Zeros(g, shapes.Make(dtypes.Float32, n, 1)) },
		Step: func(_, s, _ *Node) (next, reward, terminated *Node) {
			now := Squeeze(s, 1)
			return AddScalar(s, 1), now, GreaterThan(now, AddScalar(ZerosLike(now), 8))
		},
	})
}

// A ring of 7 slots for 2 environments after 12 iterations holds times 5 to 11; stretches of 3 steps begin at 5 to 9. Environment e
// at time k has observation 100 e + k, the reward 1000 times that, and a final observation of half a step later; nothing ends.
func TestSample(t *testing.T) {
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		n := &network{
			Network: &Network{Envs: 2, Buffer: 14, Batch: 400, NStep: 3, Gamma: 0.5},
			spec:    clock().Spec(), net: nn.ReLU(1, 2, 3),
		}
		ring := make([][]float32, 14)
		for k := range 12 {
			for id := range 2 {
				obs := float32(100*id + k)
				ring[k%7*2+id] = []float32{obs, obs + 0.5, float32(k % 2), 1000 * obs, 0, 0}
			}
		}
		key, err := RNGStateFromSeed(1)
		if err != nil {
			t.Fatal(err)
		}
		out := MustExecOnceN(e.Backend, func(key, ring, i *Node) []*Node {
			_, b := n.sample(i, netState{Play: play{Key: key}, Buffer: ring})
			return []*Node{b.obs, ConvertDType(b.action, dtypes.Float32), b.ret, b.discount, b.final}
		}, key, ring, int32(11))
		var col [5][]float32
		for k := range col {
			col[k] = tensors.MustCopyFlatData[float32](out[k])
		}
		seen := map[float32]int{}
		for j, obs := range col[0] {
			seen[obs]++
			ret := 1000 * (obs + 0.5*(obs+1) + 0.25*(obs+2))
			if col[1][j] != float32(int(obs)%2) || math.Abs(float64(col[2][j]-ret)) > 0.01*float64(1+ret/1000) || col[3][j] != 0.125 || col[4][j] != obs+2.5 {
				t.Fatalf("at %g: action %g, return %g, discount %g, final %g", obs, col[1][j], col[2][j], col[3][j], col[4][j])
			}
		}
		for id := range 2 {
			for k := range 5 {
				if n := seen[float32(100*id+5+k)]; n < 15 || n > 75 {
					t.Errorf("environment %d at time %d: %d of 400 draws, want about 40", id, 5+k, n)
				}
			}
		}
		if len(seen) != 10 {
			t.Errorf("%d beginnings were drawn, want 10: %v", len(seen), seen)
		}
	})
}

// An iteration writes what the environments did: cut after five steps, the clock's last row of an episode shows where it stood, not the new beginning.
func TestReplayOfATruncatedEpisode(t *testing.T) {
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		c := trainertest.Resolved(t, &Network{Envs: 1, Iterations: 7, Buffer: 8, Warmup: 7, LogEvery: 7, Hidden: []int{2}})
		w, err := NewNetwork(t.Context(), e, clock(), c)
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close()
		tr, err := w.Trainer(t.Context(), 1, nil)
		if err != nil {
			t.Fatal(err)
		}
		r, err := tr.Step(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		// Rewards 0 to 4 in the one episode that ended.
		if v := r.Rows[0].Values; v["charts/episodic_return"] != 10 || v["charts/episodic_length"] != 5 {
			t.Errorf("row %v, want return 10 and length 5", v)
		}
		ring := floats(leaf(t, tr, "Buffer"))
		for i, want := range [][]float32{{0, 1, 0, 0}, {1, 2, 1, 0}, {2, 3, 2, 0}, {3, 4, 3, 0}, {4, 5, 4, 1}, {0, 1, 0, 0}, {1, 2, 1, 0}, {0, 0, 0, 0}} {
			row := ring[6*i : 6*i+6] // observation, final observation, action, reward, terminated, truncated
			if got := []float32{row[0], row[1], row[3], row[5]}; !slices.Equal(got, want) || row[4] != 0 {
				t.Errorf("row %d: %v, want observation, final observation, reward, truncated %v", i, row, want)
			}
		}
	})
}

// Of environments that act as they like, a share epsilon begins to explore; of those that explore a share keep goes on. In the long run the share
// f that explores solves f = f (keep + (1 - keep) epsilon) + (1 - f) epsilon: 5/7 for epsilon 0.2 and keep 0.9. A third of them does
// what is best anyway, so that 11/21 of all actions are the best one. An action is the last one again with probability keep while it is a
// random one that goes on.
func TestRandomActionsGoOn(t *testing.T) {
	const envs, steps = 3000, 40
	n := &network{Network: &Network{Envs: envs, Keep: 0.9}, spec: env.Spec{Action: env.Action{N: 3}}}
	key, err := RNGStateFromSeed(1)
	if err != nil {
		t.Fatal(err)
	}
	out := MustExecOnceN(backendtest.Go(t).Backend, func(key, q, hold *Node) []*Node {
		s := netState{Play: play{Key: key}, Hold: hold}
		q = BroadcastToDims(q, envs, 3)
		var before, action *Node
		for range steps {
			before = s.Hold
			s, action = n.act(s, q, Const(key.Graph(), float32(0.2)))
		}
		return []*Node{action, before, s.Hold}
	}, key, [][]float32{{0, 1, 0.5}}, slices.Repeat([]float32{-1}, envs))
	action := tensors.MustCopyFlatData[int32](out[0])
	before, hold := tensors.MustCopyFlatData[float32](out[1]), tensors.MustCopyFlatData[float32](out[2])
	var best, held, same float64
	for i, a := range action {
		if a == 1 {
			best++
		}
		if hold[i] >= 0 && float32(a) != hold[i] || hold[i] < 0 && a != 1 {
			t.Fatalf("environment %d holds %g and does %d", i, hold[i], a)
		}
		if before[i] >= 0 {
			held++
			if before[i] == hold[i] {
				same++
			}
		}
	}
	// A new random action is the same one in a third of the cases: 0.9 + 0.1 * 0.2 / 3.
	for _, share := range []struct {
		name      string
		got, want float64
	}{{"best actions", best / envs, 11.0 / 21}, {"explorers", held / envs, 5.0 / 7}, {"actions that went on", same / held, 0.9 + 0.02/3}} {
		if math.Abs(share.got-share.want) > 0.03 {
			t.Errorf("share of %s %.3f, want %.3f", share.name, share.got, share.want)
		}
	}
}

func TestBadConfigurations(t *testing.T) {
	e := backendtest.Go(t)
	pendulum, err := env.Find("pendulum")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := NewNetwork(t.Context(), e, pendulum, trainertest.Resolved(t, &Network{})); err == nil || !strings.Contains(err.Error(), "continuous actions") {
		t.Errorf("continuous actions: error %v", err)
	}
	cartpole, err := env.Find("cartpole")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := NewTable(t.Context(), e, cartpole, trainertest.Resolved(t, &Table{})); err == nil || !strings.Contains(err.Error(), "number 1 of an observation of cartpole has no bounds") {
		t.Errorf("unbounded observations: error %v", err)
	}
	acrobot, err := env.Find("acrobot")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := NewTable(t.Context(), e, acrobot, trainertest.Resolved(t, &Table{})); err == nil || !strings.Contains(err.Error(), "more than") {
		t.Errorf("17^6 cells: error %v", err)
	}
	for _, tt := range []struct {
		want string
		n    Network
	}{
		{"multiple of them", Network{Envs: 3, Buffer: 100}},
		{"warmup is 2", Network{Warmup: 2, NStep: 5}},
		{"envs is -1", Network{Envs: -1}},
		{"gamma is 1.5", Network{Gamma: 1.5}},
		{"epsilon_end is 0.5, above", Network{Exploration: Exploration{Epsilon: 0.1, EpsilonEnd: 0.5}}},
		{"hidden is -3", Network{Hidden: []int{8, -3}}},
	} {
		if err := run.Resolve(&tt.n); err != nil {
			t.Fatal(err)
		}
		if err := run.Check(&tt.n); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: error %v, want one that says %q", tt.n, err, tt.want)
		}
	}
}
