package lirpg

import (
	"errors"
	"fmt"
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
	"github.com/rewardlab/rewardlab/rl/trainer/trainertest"
)

// The sign of extrinsic rewards in every iteration.
func TestSign(t *testing.T) {
	for flips, want := range [][]float32{{1, 1, 1, 1, 1, 1}, {1, 1, 1, -1, -1, -1}, {1, 1, -1, -1, 1, 1}, {1, 1, -1, 1, 1, -1}} {
		c := trainertest.Resolved(t, &Config{}, "envs=2", "steps=3", "minibatches=1", "total=36", fmt.Sprint("flips=", flips))
		for i, w := range want {
			if got := c.sign(i); got != w {
				t.Errorf("%d flips in 6 iterations: sign %g of iteration %d, want %g", flips, got, i, w)
			}
		}
	}
}

// Three steps of two environments by hand. All values are 0, gamma is 1/2 and lambda 1, so that advantages are sums of rewards, halved for every step,
// up to where an episode ends.
func TestPrepareByHand(t *testing.T) {
	b := backendtest.Go(t)
	tests := []struct {
		name, bonus   string
		base, extrins []float32 // environment by environment
	}{
		// Rewards 4, 8, 16 in both. In the first environment an episode terminates with the first step, in the second the limit cuts it after the second.
		// Extrinsic: 4, 8+8, 16 and 4+4, 8, 16. The base counts it twice (c_ex), and adds 3 for every step (live), 3, 3+1.5, 3.
		{"plain", "none", []float32{8, 32, 32, 16, 16, 32}, []float32{4, 16, 16, 8, 8, 16}},
		{"live bonus", "live", []float32{11, 36.5, 35, 20.5, 19, 35}, []float32{4, 16, 16, 8, 8, 16}},
		{"potential of zeros", "potential", []float32{8, 32, 32, 16, 16, 32}, []float32{4, 16, 16, 8, 8, 16}},
		// All observations are equal, and seen six times by then: 1/sqrt 6 for every step.
		{"count bonus", "count", []float32{
			8 + 3/root6, 32 + 4.5/root6, 32 + 3/root6, 16 + 4.5/root6, 16 + 3/root6, 32 + 3/root6}, []float32{4, 16, 16, 8, 8, 16}},
		// The extrinsic rewards turned round; the bonus stays as it is.
		{"flipped, live bonus", "live flips=1", []float32{-5, -27.5, -29, -11.5, -13, -29}, []float32{-4, -16, -16, -8, -8, -16}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := trainertest.Resolved(t, &Config{}, append([]string{"gamma=0.5", "lambda=1", "c_ex=2", "c_in=3", "envs=2", "steps=3", "minibatches=1", "hidden=4", "bits=3", "total=12"}, strings.Fields("bonus="+tt.bonus)...)...)
			_, a := prepared(t, b, c, func(l *lirpg, ts []*tensors.Tensor) {})
			rows := a.Get("Lesson.Rows").Value().([][][]float32) // [2][3] of 4 numbers of an observation, an action and seven more
			column := func(k int) (x []float32) {
				for _, path := range rows {
					for _, row := range path {
						x = append(x, row[5+k])
					}
				}
				return x
			}
			if got, want := column(3), []float32{0, 0.5, 0.5, 0.5, 0, 0.5}; !slices.Equal(got, want) {
				t.Errorf("decay %v, want %v", got, want)
			}
			for k, want := range map[int][]float32{2: tt.base, 4: tt.extrins} {
				got := column(k)
				for i := range want {
					if math.Abs(float64(got[i]-want[i])) > 1e-4 {
						t.Errorf("column %d is %v, want %v", k, got, want)
						break
					}
				}
			}
			if got := tensors.ToScalar[float32](a.Get("Largest")); got != 16 {
				t.Errorf("the largest reward is %g, want 16", got)
			}
		})
	}
}

// prepared is what c makes of three steps of two environments, with rewards 4, 8, 16 in both; nothing else is other than 0 unless change says so. An
// episode terminates with the first step of the first environment, and is cut after the second step of the second.
func prepared(t *testing.T, b *backend.Engine, c *Config, change func(l *lirpg, ts []*tensors.Tensor)) (*lirpg, loop.Values[answer]) {
	t.Helper()
	l, err := newLIRPG(env.CartPole(env.CartPoleConfig{}), c)
	if err != nil {
		t.Fatal(err)
	}
	player, err := rollout.NewPlayer(b.Backend, l.agent, 2, 3)
	if err != nil {
		t.Fatal(err)
	}
	defer player.Close()
	f, err := loop.NewFunc(b.Backend, "prepare", l.prepare)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	key, err := RNGStateFromSeed(1)
	if err != nil {
		t.Fatal(err)
	}
	steps := player.StepsLike()
	steps[4] = tensors.FromValue([][]float32{{4, 4}, {8, 8}, {16, 16}})
	steps[5] = tensors.FromValue([][]bool{{true, false}, {false, false}, {false, false}})
	steps[6] = tensors.FromValue([][]bool{{false, false}, {false, true}, {false, false}})
	ts := []*tensors.Tensor{nn.ZeroTensor(l.agent.Net.Pack.Size()), nn.ZeroTensor(l.motive.Pack.Size())}
	at := len(ts) + len(player.LedgerStart()) + 3
	ts = append(append(append(ts, player.LedgerStart()...), l.countsStart(), key, tensors.FromScalar(float32(-1))), steps...)
	change(l, append(ts[:2:2], ts[at:]...))
	q, err := loop.Pack[question](ts...)
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	a, err := f.Call(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return l, a
}

// The log's explained variance is of what the agent's critic is to learn, rewards by their weights, and not of the environment's rewards.
func TestExplainedVariance(t *testing.T) {
	c := trainertest.Resolved(t, &Config{}, "gamma=0.5", "lambda=1", "c_ex=0.1", "envs=2", "steps=3", "minibatches=1", "hidden=4", "total=6", "bonus=none")
	_, a := prepared(t, backendtest.Go(t), c, func(l *lirpg, ts []*tensors.Tensor) {
		theta := l.agent.Net.Init(5)
		err1 := ts[0].MutableFlatData(func(flat any) { copy(flat.([]float32), theta) })
		err2 := ts[2].MutableFlatData(func(flat any) {
			for i, x := 0, flat.([]float32); i < len(x); i++ {
				x[i] = float32(i%5) - 2
			}
		})
		if err := errors.Join(err1, err2); err != nil {
			t.Fatal(err)
		}
	})
	var targets, misses []float64
	for _, path := range a.Get("Lesson.Rows").Value().([][][]float32) {
		for _, row := range path { // behind observation, action and log-probability: the value, and the advantage
			targets, misses = append(targets, float64(row[6]+row[7])), append(misses, float64(row[7]))
		}
	}
	variance := func(x []float64) (v float64) {
		var mean float64
		for _, y := range x {
			mean += y / float64(len(x))
		}
		for _, y := range x {
			v += (y - mean) * (y - mean) / float64(len(x))
		}
		return v
	}
	got, want := tensors.MustCopyFlatData[float32](a.Get("Stats"))[rollout.ExplainedVariance], 1-variance(misses)/variance(targets)
	if math.Abs(float64(got)-want) > 1e-4 || variance(targets) > 4 {
		t.Errorf("explained variance %g of targets of variance %g, want %g and targets a tenth of the rewards", got, variance(targets), want)
	}
}

const root6 = 2.449489742783178
