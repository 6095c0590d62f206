package env

import (
	"image"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"

	"github.com/rewardlab/rewardlab/rl/ops"
)

// HallwayCells is how long the corridor is.
const HallwayCells = 25

// Hallway is a corridor in which a walker is to go from one cell to another, both drawn evenly: step left (0) or right (1). It is the first task
// of Sukhbaatar et al. (2018). The state is the walker's cell and the goal's; the observation is a row of 0 and 1 for each. Reward 1 at the goal,
// which ends the episode; 30 steps at most, where 24 are enough.
func Hallway() *Sim {
	return New(Rules{
		Spec: Spec{
			Name: "hallway", Obs: []int{2, HallwayCells}, State: 2, Action: Action{N: 2}, Horizon: 30,
			Low: []float64{0}, High: []float64{1},
		},
		ResetDraws: 2,
		Reset: func(u *Node) *Node {
			draw := func(k, n int) *Node { return float(ops.Floored(col(u, k), Const(u.Graph(), float32(n)))) }
			at, goal := draw(0, HallwayCells), draw(1, HallwayCells-1)
			return join(at, Where(GreaterOrEqual(goal, at), AddScalar(goal, 1), goal))
		},
		Step: func(_, s, a *Node) (next, reward, terminated *Node) {
			at := Add(col(s, 0), AddScalar(MulScalar(float(a), 2), -1))
			at = ClipScalar(at, 0, HallwayCells-1)
			there := Equal(at, col(s, 1))
			return join(at, col(s, 1)), float(there), there
		},
		Observe: func(s *Node) *Node { return OneHot(ConvertDType(s, dtypes.Int32), HallwayCells, dtypes.Float32) },
		Frame: func(s []float32) *image.RGBA {
			c := newCanvas(375, 60, 0, -1.5, HallwayCells, 2.5)
			c.box(0, -1.5, HallwayCells, 0, grey)
			c.box(0, 1, HallwayCells, 2.5, grey)
			for k := range HallwayCells {
				c.line(float64(k), 0, float64(k), 1, 0.06, grey)
			}
			goal := float64(s[1])
			c.box(goal+0.1, 0.1, goal+0.9, 0.9, green)
			c.disc(float64(s[0])+0.5, 0.5, 0.36, blue)
			return c.img
		},
	})
}
