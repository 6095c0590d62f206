package env_test

import (
	"slices"
	"testing"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"

	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/backend/backendtest"
	"github.com/rewardlab/rewardlab/rl/env"
)

// count is an environment whose rewards are known: step t of an episode pays t, and the third step ends it.
func count() *env.Sim {
	return env.New(env.Rules{
		Spec:  env.Spec{Name: "count", Obs: []int{1}, State: 1, Action: env.Action{N: 2}, Horizon: 10},
		Batch: func(g *Graph, n int) *Node { return BroadcastToDims(Const(g, float32(0)), n, 1) },
		Step: func(_, s, _ *Node) (next, reward, terminated *Node) {
			next = AddScalar(s, 1)
			reward = Squeeze(next, 1)
			return next, reward, GreaterOrEqual(reward, BroadcastToDims(Const(s.Graph(), float32(3)), 1))
		},
	})
}

func TestWrappers(t *testing.T) {
	tests := []struct {
		name        string
		env         env.Env
		reward      []float32
		term, trunc []float32
		obs         []float32
	}{
		{"bare", count(), []float32{1, 2, 3, 1, 2, 3, 1, 2}, []float32{0, 0, 1, 0, 0, 1, 0, 0}, make([]float32, 8), []float32{1, 2, 0, 1, 2, 0, 1, 2}},
		{"time limit", env.TimeLimit(count(), 2), []float32{1, 2, 1, 2, 1, 2, 1, 2}, make([]float32, 8), []float32{0, 1, 0, 1, 0, 1, 0, 1}, []float32{1, 0, 1, 0, 1, 0, 1, 0}},
		{"limit and end together", env.TimeLimit(count(), 3), []float32{1, 2, 3, 1, 2, 3, 1, 2}, []float32{0, 0, 1, 0, 0, 1, 0, 0}, make([]float32, 8), []float32{1, 2, 0, 1, 2, 0, 1, 2}},
		{"fixed horizon", env.FixedHorizon(count(), 5), []float32{1, 2, 3, 0, 0, 1, 2, 3}, make([]float32, 8), []float32{0, 0, 0, 0, 1, 0, 0, 0}, []float32{1, 2, 3, 3, 0, 1, 2, 3}},
		{"delayed by 2", env.DelayReward(count(), 2), []float32{0, 3, 3, 0, 3, 3, 0, 3}, []float32{0, 0, 1, 0, 0, 1, 0, 0}, make([]float32, 8), []float32{1, 2, 0, 1, 2, 0, 1, 2}},
		{"delayed beyond the limit", env.DelayReward(env.FixedHorizon(count(), 5), 20), []float32{0, 0, 0, 0, 6, 0, 0, 0}, make([]float32, 8), []float32{0, 0, 0, 0, 1, 0, 0, 0}, []float32{1, 2, 3, 3, 0, 1, 2, 3}},
		{"another reward", env.WithReward(count(), func(obs, _, next, reward *Node) *Node {
			return Add(MulScalar(Squeeze(Add(obs, next), 1), 10), reward)
		}), []float32{11, 32, 53, 11, 32, 53, 11, 32}, []float32{0, 0, 1, 0, 0, 1, 0, 0}, make([]float32, 8), []float32{1, 2, 0, 1, 2, 0, 1, 2}},
	}
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				f := roll(t, e, env.Auto(tt.env), 1, 8, 1)
				for name, want := range map[string][]float32{"Reward": tt.reward, "Terminated": tt.term, "Truncated": tt.trunc, "Obs": tt.obs} {
					if !slices.Equal(f[name], want) {
						t.Errorf("%s %v, want %v", name, f[name], want)
					}
				}
			})
		}
	})
}

func TestClip(t *testing.T) {
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		exec, err := NewExec(e.Backend, func(a, x *Node) []*Node {
			return []*Node{
				env.Action{N: 3}.Clip(a), env.Action{N: 3}.Clip(ConvertDType(a, dtypes.Int64)),
				env.Action{Dim: 1, Low: -2, High: 2}.Clip(x),
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		defer exec.Finalize()
		out, err := exec.Call([]int32{-7, 0, 2, 3}, [][]float32{{-9}, {1.5}, {9}})
		if err != nil {
			t.Fatal(err)
		}
		for k := range 2 {
			if got := out[k].Value().([]int32); !slices.Equal(got, []int32{0, 0, 2, 2}) {
				t.Errorf("choices %v, want 0 0 2 2", got)
			}
		}
		if got := out[2].Value().([][]float32); got[0][0] != -2 || got[1][0] != 1.5 || got[2][0] != 2 {
			t.Errorf("numbers %v, want -2 1.5 2", got)
		}
	})
}
