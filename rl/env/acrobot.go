package env

import (
	"image"
	"math"

	. "github.com/gomlx/gomlx/core/graph"
)

// Acrobot swings a two-link chain, driven at its elbow by a torque of -1 (0), 0 (1) or 1 (2), until its tip is one length above the
// hinge (Sutton 1996; the "book" dynamics of Gym's Acrobot-v1): masses, lengths and inertias 1, centres of mass at 0.5, g = 9.8, one
// Runge-Kutta step of 0.2 s, speeds cut at 4 pi and 9 pi. The state is two angles (0: hanging, straight) and their speeds; the
// observation shows angles as cos and sin. Reward -1 a step, 0 on success; 500 steps.
func Acrobot() *Sim {
	return New(Rules{
		Spec: Spec{
			Name: "acrobot", Obs: []int{6}, State: 4, Action: Action{N: 3}, Horizon: 500,
			Low: []float64{-1, -1, -1, -1, -4 * math.Pi, -9 * math.Pi}, High: []float64{1, 1, 1, 1, 4 * math.Pi, 9 * math.Pi},
		},
		ResetDraws: 4,
		Reset:      func(u *Node) *Node { return within(u, -0.1, 0.1) },
		Step: func(_, s, a *Node) (next, reward, terminated *Node) {
			torque := AddScalar(float(a), -1)
			flow := func(y *Node) *Node { return acrobotFlow(y, torque) }
			k1 := flow(s)
			k2 := flow(Add(s, MulScalar(k1, 0.1)))
			k3 := flow(Add(s, MulScalar(k2, 0.1)))
			k4 := flow(Add(s, MulScalar(k3, 0.2)))
			y := Add(s, MulScalar(Add(Add(k1, k4), MulScalar(Add(k2, k3), 2)), 0.2/6))
			th1, th2 := wrap(col(y, 0)), wrap(col(y, 1))
			next = join(th1, th2, ClipScalar(col(y, 2), -4*math.Pi, 4*math.Pi), ClipScalar(col(y, 3), -9*math.Pi, 9*math.Pi))
			up := above(Neg(Add(Cos(th1), Cos(Add(th1, th2)))), 1)
			return next, SubScalar(float(up), 1), up
		},
		Observe: func(s *Node) *Node {
			th1, th2 := col(s, 0), col(s, 1)
			return join(Cos(th1), Sin(th1), Cos(th2), Sin(th2), col(s, 2), col(s, 3))
		},
		Frame: func(s []float32) *image.RGBA {
			c := newCanvas(160, 160, -2.2, -2.2, 2.2, 2.2)
			c.line(-2.2, 1, 2.2, 1, 0.03, grey)
			sin1, cos1 := math.Sincos(float64(s[0]))
			sin2, cos2 := math.Sincos(float64(s[0] + s[1]))
			x, y := sin1, -cos1
			c.line(0, 0, x, y, 0.2, blue)
			c.line(x, y, x+sin2, y-cos2, 0.2, orange)
			c.disc(0, 0, 0.1, dark)
			c.disc(x, y, 0.1, dark)
			return c.img
		},
	})
}

// acrobotFlow is the time derivative of (th1, th2, w1, w2). cos(x - pi/2) is written sin x.
func acrobotFlow(y, torque *Node) *Node {
	th1, th2, w1, w2 := col(y, 0), col(y, 1), col(y, 2), col(y, 3)
	sin2, cos2 := Sin(th2), Cos(th2)
	d1 := AddScalar(cos2, 0.25+1.25+2)
	d2 := AddScalar(MulScalar(cos2, 0.5), 0.25+1)
	phi2 := MulScalar(Sin(Add(th1, th2)), 0.5*9.8)
	phi1 := Add(Sub(MulScalar(Sin(th1), 1.5*9.8), MulScalar(Mul(sin2, Add(Square(w2), MulScalar(Mul(w1, w2), 2))), 0.5)), phi2)
	ratio := Div(d2, d1)
	acc2 := Div(Sub(Sub(Add(torque, Mul(ratio, phi1)), MulScalar(Mul(Square(w1), sin2), 0.5)), phi2),
		Sub(like(d2, 1.25), Mul(d2, ratio)))
	acc1 := Neg(Div(Add(Mul(d2, acc2), phi1), d1))
	return join(w1, w2, acc1, acc2)
}
