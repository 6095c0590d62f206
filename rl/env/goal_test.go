package env_test

import (
	"math"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/backend/backendtest"
	"github.com/rewardlab/rewardlab/rl/env"
)

func goalOf(t *testing.T, e env.Env) *env.Goal {
	t.Helper()
	g, err := env.GoalOf(e)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// Every example is a success, no beginning of an episode is one, and the two are not always the same.
func TestGoalExamples(t *testing.T) {
	for _, name := range []string{"pointmass", "pointmass-left", "pusher"} {
		made, err := env.Find(name)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(name, func(t *testing.T) {
			backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
				inside := env.TimeLimit(made, 1000) // a wrapper keeps the goal
				goal := goalOf(t, inside)
				const n = 400
				key, err := RNGStateFromSeed(1)
				if err != nil {
					t.Fatal(err)
				}
				exec, err := NewExec(e.Backend, func(in []*Node) []*Node {
					key, good := goal.Examples(inside, in[0], n)
					_, begin := inside.Reset(key, n)
					start := inside.Observe(begin)
					return []*Node{good, goal.Success(good), goal.Success(start)}
				})
				if err != nil {
					t.Fatal(err)
				}
				defer exec.Finalize()
				out, err := exec.Call(key)
				if err != nil {
					t.Fatal(err)
				}
				good := tensors.MustCopyFlatData[float32](out[0])
				width := made.Spec().ObsSize()
				if len(good) != n*width || good[0] == good[width] {
					t.Errorf("%d numbers for %d examples of %d, or two that are equal", len(good), n, width)
				}
				begins := 0
				for i, ok := range tensors.MustCopyFlatData[bool](out[1]) {
					if !ok {
						t.Errorf("example %d, %v, is no success", i, good[i*width:(i+1)*width])
					}
				}
				for _, ok := range tensors.MustCopyFlatData[bool](out[2]) {
					if ok {
						begins++
					}
				}
				if begins > n/20 { // a puck may lie at its goal by chance: 0.1^2 pi of some 1.4 square units
					t.Errorf("%d of %d episodes begin in success", begins, n)
				}
			})
		})
	}
}

// A puck 0.09 from its goal is there, one 0.11 away is not; and so is a mass, which need not stand still.
func TestSuccess(t *testing.T) {
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		for _, tt := range []struct {
			name string
			obs  [][]float32
		}{
			{"pusher", [][]float32{{0, 0, 0.3, 0.2, 0.3, 0.29, 0.3, 0.2, 0, 0.09}, {0, 0, 0.3, 0.2, 0.41, 0.2, 0.3, 0.2, 0.11, 0}}},
			{"pointmass", [][]float32{{0, 0.61, 1, 0, 0, 0.7}, {0.08, 0.62, 0, 0, 0, 0.7}}},
		} {
			made, err := env.Find(tt.name)
			if err != nil {
				t.Fatal(err)
			}
			exec, err := NewExec(e.Backend, func(in []*Node) []*Node { return []*Node{goalOf(t, made).Success(in[0])} })
			if err != nil {
				t.Fatal(err)
			}
			out, err := exec.Call(tt.obs)
			if err != nil {
				t.Fatal(err)
			}
			if got := tensors.MustCopyFlatData[bool](out[0]); !got[0] || got[1] {
				t.Errorf("%s: success %v, want true and false", tt.name, got)
			}
			exec.Finalize()
		}
	})
}

// In 9 cells of 0.25 the mass at (0.25, 1) is in the middle of row 0, column 5; the goal at (0, 0.75) in row 1, column 4.
func TestPictures(t *testing.T) {
	made, err := env.Find("pointmass")
	if err != nil {
		t.Fatal(err)
	}
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		const side = 9
		exec, err := NewExec(e.Backend, func(in []*Node) []*Node { return []*Node{goalOf(t, made).Paint(in[0], side)} })
		if err != nil {
			t.Fatal(err)
		}
		defer exec.Finalize()
		out, err := exec.Call([][]float32{{0.25, 1, 0, 0, 0, 0.75}, {-1, -1, 0, 0, 1, 0}})
		if err != nil {
			t.Fatal(err)
		}
		x := tensors.MustCopyFlatData[float32](out[0])
		at := func(picture, row, col, channel int) float64 {
			return float64(x[((picture*side+row)*side+col)*2+channel])
		}
		next := math.Exp(-0.25 * 0.25 / (2 * 0.1 * 0.1)) // one cell further
		for _, c := range []struct {
			picture, row, col, channel int
			want                       float64
		}{
			{0, 0, 5, 0, 1}, {0, 0, 6, 0, next}, {0, 1, 5, 0, next}, {0, 1, 6, 0, next * next}, {0, 1, 4, 1, 1}, {0, 0, 4, 1, next},
			{1, 8, 0, 0, 1}, {1, 4, 8, 1, 1}, {1, 0, 8, 0, 0},
		} {
			if got := at(c.picture, c.row, c.col, c.channel); math.Abs(got-c.want) > 1e-5 {
				t.Errorf("picture %d, row %d, column %d, channel %d is %g, want %g", c.picture, c.row, c.col, c.channel, got, c.want)
			}
		}
	})
}

func TestNoGoal(t *testing.T) {
	if _, err := env.GoalOf(env.Pendulum()); err == nil {
		t.Error("a pendulum has no goal, and no error says so")
	}
}
