package env

import (
	"image"
	"math"

	. "github.com/gomlx/gomlx/core/graph"
)

// MountainCar drives an underpowered car out of a valley (Moore 1990, as in Gym's MountainCar-v0): push left (0), not at all (1) or right (2). The
// state, position and speed, is the observation. Reward -1 a step; it ends at position 0.5 or after 200 steps.
func MountainCar() *Sim {
	return New(Rules{
		Spec: Spec{
			Name: "mountaincar", Obs: []int{2}, State: 2, Action: Action{N: 3}, Horizon: 200,
			Low: []float64{-1.2, -0.07}, High: []float64{0.6, 0.07},
		},
		ResetDraws: 1,
		Reset: func(u *Node) *Node {
			p := within(col(u, 0), -0.6, -0.4)
			return join(p, like(p, 0))
		},
		Step: func(_, s, a *Node) (next, reward, terminated *Node) {
			p, v := col(s, 0), col(s, 1)
			v = Add(v, Sub(MulScalar(AddScalar(float(a), -1), 0.001), MulScalar(Cos(MulScalar(p, 3)), 0.0025)))
			v = ClipScalar(v, -0.07, 0.07)
			p = ClipScalar(Add(p, v), -1.2, 0.6)
			v = Where(And(Not(above(p, -1.2)), below(v, 0)), like(v, 0), v)
			return join(p, v), like(p, -1), atLeast(p, 0.5)
		},
		Frame: func(s []float32) *image.RGBA {
			c := newCanvas(240, 140, -1.25, -0.15, 0.65, 1.25)
			height := func(x float64) float64 { return 0.45*math.Sin(3*x) + 0.55 }
			for x := -1.25; x < 0.65; x += 0.02 {
				c.line(x, height(x), x+0.021, height(x+0.021), 0.015, dark)
			}
			c.line(0.5, height(0.5), 0.5, height(0.5)+0.2, 0.012, dark)
			c.polygon(green, 0.5, height(0.5)+0.2, 0.6, height(0.5)+0.16, 0.5, height(0.5)+0.12)
			x := float64(s[0])
			c.disc(x, height(x)+0.05, 0.05, blue)
			return c.img
		},
	})
}
