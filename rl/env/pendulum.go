package env

import (
	"image"
	"math"

	. "github.com/gomlx/gomlx/core/graph"
)

// Pendulum swings a pole up with a torque too weak to lift it at once (Gym's Pendulum-v1): g = 10, mass and length 1, 0.05 s a step, torque
// in [-2, 2], speed in [-8, 8]. The state is the angle (0: upright, not wrapped) and its speed; the observation cos, sin and
// speed. Reward -(angle^2 + 0.1 speed^2 + 0.001 torque^2) of the state before the step, the angle in [-pi, pi). Always 200 steps.
func Pendulum() *Sim {
	return New(Rules{
		Spec: Spec{
			Name: "pendulum", Obs: []int{3}, State: 2, Action: Action{Dim: 1, Low: -2, High: 2}, Horizon: 200, Fixed: true,
			Low: []float64{-1, -1, -8}, High: []float64{1, 1, 8},
		},
		ResetDraws: 2,
		Reset: func(u *Node) *Node {
			return join(within(col(u, 0), -math.Pi, math.Pi), within(col(u, 1), -1, 1))
		},
		Step: func(_, s, a *Node) (next, reward, terminated *Node) {
			th, speed, torque := col(s, 0), col(s, 1), col(a, 0)
			cost := Add(Add(Square(wrap(th)), MulScalar(Square(speed), 0.1)), MulScalar(Square(torque), 0.001))
			speed = ClipScalar(Add(speed, MulScalar(Add(MulScalar(Sin(th), 15), MulScalar(torque, 3)), 0.05)), -8, 8)
			return join(Add(th, MulScalar(speed, 0.05)), speed), Neg(cost), none(s)
		},
		Observe: func(s *Node) *Node { return join(Cos(col(s, 0)), Sin(col(s, 0)), col(s, 1)) },
		Frame: func(s []float32) *image.RGBA {
			c := newCanvas(160, 160, -1.3, -1.3, 1.3, 1.3)
			sin, cos := math.Sincos(float64(s[0]))
			c.line(0, 0, sin, cos, 0.18, orange)
			c.disc(sin, cos, 0.09, orange)
			c.disc(0, 0, 0.07, dark)
			return c.img
		},
	})
}
