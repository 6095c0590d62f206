package env

import (
	"image"
	"math"

	. "github.com/gomlx/gomlx/core/graph"
)

// CartPoleConfig are the variants of CartPole. The zero value is Gym's CartPole-v1.
type CartPoleConfig struct {
	Fixed   bool // never terminates; reward 1 inside the bounds, else 0: episode length then tells nothing
	Horizon int  // 0: 500 steps
}

// CartPole balances a pole on a cart pushed left (0) or right (1) with 10 N (Barto, Sutton and Anderson 1983, as in Gym): gravity
// 9.8, masses 1 and 0.1, half-length 0.5, 0.02 s an Euler step that moves positions with the old velocities. The observation is the state: x, its
// speed, the angle, its speed. Reward 1 for every step; it ends where |x| > 2.4 or the angle exceeds 12 degrees.
func CartPole(c CartPoleConfig) *Sim {
	spec := Spec{
		Name: "cartpole", Obs: []int{4}, State: 4, Action: Action{N: 2}, Horizon: c.Horizon,
		Low: []float64{-4.8, -inf, -2 * maxTilt, -inf}, High: []float64{4.8, inf, 2 * maxTilt, inf},
	}
	if spec.Horizon == 0 {
		spec.Horizon = 500
	}
	if c.Fixed {
		spec.Name, spec.Fixed, spec.Low, spec.High = "cartpole-fixed", true, nil, nil
	}
	return New(Rules{
		Spec:       spec,
		ResetDraws: 4,
		Reset:      func(u *Node) *Node { return within(u, -0.05, 0.05) },
		Step: func(_, s, a *Node) (next, reward, terminated *Node) {
			next = cartPoleMove(s, a)
			x, th := col(next, 0), col(next, 2)
			out := Or(above(Abs(x), 2.4), above(Abs(th), maxTilt))
			if c.Fixed {
				return next, float(Not(out)), none(s)
			}
			return next, like(x, 1), out
		},
		Frame: cartPoleFrame,
	})
}

const maxTilt = 12 * math.Pi / 180

func cartPoleMove(s, a *Node) *Node {
	x, xdot, th, thdot := col(s, 0), col(s, 1), col(s, 2), col(s, 3)
	force := AddScalar(MulScalar(float(a), 20), -10)
	sin, cos := Sin(th), Cos(th)
	tmp := DivScalar(Add(force, MulScalar(Mul(Square(thdot), sin), 0.05)), 1.1)
	thacc := Div(Sub(MulScalar(sin, 9.8), Mul(cos, tmp)),
		MulScalar(AddScalar(MulScalar(Square(cos), -0.1/1.1), 4.0/3), 0.5))
	xacc := Sub(tmp, MulScalar(Mul(thacc, cos), 0.05/1.1))
	euler := func(x, v *Node) *Node { return Add(x, MulScalar(v, 0.02)) }
	return join(euler(x, xdot), euler(xdot, xacc), euler(th, thdot), euler(thdot, thacc))
}

func cartPoleFrame(s []float32) *image.RGBA {
	c := newCanvas(240, 120, -3, -0.5, 3, 2.5)
	c.line(-3, 0, 3, 0, 0.03, grey)
	for _, edge := range []float64{-2.4, 2.4} {
		c.line(edge, -0.15, edge, 0.15, 0.03, red)
	}
	x, th := float64(s[0]), float64(s[2])
	c.box(x-0.35, -0.15, x+0.35, 0.25, blue)
	c.line(x, 0.25, x+1.8*math.Sin(th), 0.25+1.8*math.Cos(th), 0.12, orange)
	c.disc(x, 0.25, 0.08, dark)
	return c.img
}
