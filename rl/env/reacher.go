package env

import (
	"image"
	"math"

	. "github.com/gomlx/gomlx/core/graph"
)

// ReacherConfig are the variants of Reacher.
type ReacherConfig struct {
	Sparse bool // reward 1 for each step that ends with the tip within 0.1 of the target, else 0
}

// The arm's two rods: length 0.5 and mass 1 each, on a table without gravity.
const (
	armLink = 0.5
	armA    = armLink * armLink * 5 / 3 // inertia about the shoulder when the elbow is at a right angle
	armB    = armLink * armLink / 2     // how much of it the elbow's angle changes
	armD    = armLink * armLink / 3     // inertia of the fore-arm about the elbow
	armTop  = 10                        // highest speed of a joint
)

// Reacher brings the tip of a planar arm to a target. Two uniform rods of length 0.5 and mass 1 turn about a shoulder at the origin and
// an elbow, driven by torques of up to 2 and 0.5, damped by 0.2 and 0.05 times the joint's speed; no gravity; one Runge-Kutta step
// of 0.05 s; speeds cut at 10. Actions in [-1, 1] are fractions of the highest torques.
//
// The state is two angles (the elbow's relative to the upper arm), their speeds and the target; the observation cos, sin, cos, sin,
// the speeds, the target, and the way from the tip to it. The target lies anywhere within 0.9 of the shoulder. The dense reward is
// -(distance + 0.01 |action|^2) after the step. Always 100 steps.
func Reacher(c ReacherConfig) *Sim {
	spec := Spec{
		Name: "reacher", Obs: []int{10}, State: 6, Action: Action{Dim: 2, Low: -1, High: 1}, Horizon: 100, Fixed: true,
		Low:  []float64{-1, -1, -1, -1, -armTop, -armTop, -1, -1, -2, -2},
		High: []float64{1, 1, 1, 1, armTop, armTop, 1, 1, 2, 2},
	}
	if c.Sparse {
		spec.Name = "reacher-sparse"
	}
	return New(Rules{
		Spec:       spec,
		ResetDraws: 4,
		Reset: func(u *Node) *Node {
			angle, radius := within(col(u, 2), -math.Pi, math.Pi), MulScalar(Sqrt(col(u, 3)), 0.9)
			still := like(angle, 0)
			return join(within(col(u, 0), -math.Pi, math.Pi), within(col(u, 1), -math.Pi, math.Pi), still, still,
				Mul(radius, Cos(angle)), Mul(radius, Sin(angle)))
		},
		Step: func(_, s, a *Node) (next, reward, terminated *Node) {
			y, torque1, torque2 := cols(s, 0, 4), MulScalar(col(a, 0), 2), MulScalar(col(a, 1), 0.5)
			flow := func(y *Node) *Node { return armFlow(y, torque1, torque2) }
			k1 := flow(y)
			k2 := flow(Add(y, MulScalar(k1, 0.025)))
			k3 := flow(Add(y, MulScalar(k2, 0.025)))
			k4 := flow(Add(y, MulScalar(k3, 0.05)))
			y = Add(y, MulScalar(Add(Add(k1, k4), MulScalar(Add(k2, k3), 2)), 0.05/6))
			next = Concatenate([]*Node{cols(y, 0, 2), ClipScalar(cols(y, 2, 4), -armTop, armTop), cols(s, 4, 6)}, 1)
			dx, dy := armMiss(next)
			distance := Sqrt(Add(Square(dx), Square(dy)))
			if c.Sparse {
				return next, float(below(distance, 0.1)), none(s)
			}
			return next, Neg(Add(distance, MulScalar(ReduceSum(Square(a), 1), 0.01))), none(s)
		},
		Observe: func(s *Node) *Node {
			q1, q2 := col(s, 0), col(s, 1)
			dx, dy := armMiss(s)
			return join(Cos(q1), Sin(q1), Cos(q2), Sin(q2), col(s, 2), col(s, 3), col(s, 4), col(s, 5), dx, dy)
		},
		Frame: func(s []float32) *image.RGBA {
			c := newCanvas(180, 180, -1.15, -1.15, 1.15, 1.15)
			c.disc(0, 0, 1.05, grey)
			c.disc(0, 0, 1.03, paper)
			c.disc(float64(s[4]), float64(s[5]), 0.1, green)
			c.disc(float64(s[4]), float64(s[5]), 0.06, paper)
			sin1, cos1 := math.Sincos(float64(s[0]))
			sin2, cos2 := math.Sincos(float64(s[0] + s[1]))
			x, y := armLink*cos1, armLink*sin1
			tx, ty := x+armLink*cos2, y+armLink*sin2
			c.line(0, 0, x, y, 0.09, blue)
			c.line(x, y, tx, ty, 0.07, orange)
			c.disc(0, 0, 0.07, dark)
			c.disc(x, y, 0.055, dark)
			c.disc(tx, ty, 0.045, red)
			return c.img
		},
	})
}

// armMiss is the way from the tip to the target.
func armMiss(s *Node) (dx, dy *Node) {
	q1, q := col(s, 0), Add(col(s, 0), col(s, 1))
	return Sub(col(s, 4), MulScalar(Add(Cos(q1), Cos(q)), armLink)), Sub(col(s, 5), MulScalar(Add(Sin(q1), Sin(q)), armLink))
}

// armFlow is the time derivative of (q1, q2, w1, w2): the equations of motion M(q2) w' + C(q2, w) = torque - damping w, solved for w'.
func armFlow(y, torque1, torque2 *Node) *Node {
	q2, w1, w2 := col(y, 1), col(y, 2), col(y, 3)
	cos, sin := MulScalar(Cos(q2), armB), MulScalar(Sin(q2), armB)
	m11, m12 := AddScalar(MulScalar(cos, 2), armA), AddScalar(cos, armD)
	f1 := Add(Sub(torque1, MulScalar(w1, 0.2)), Mul(sin, Mul(w2, Add(MulScalar(w1, 2), w2))))
	f2 := Sub(Sub(torque2, MulScalar(w2, 0.05)), Mul(sin, Square(w1)))
	det := Sub(MulScalar(m11, armD), Square(m12))
	return join(w1, w2,
		Div(Sub(MulScalar(f1, armD), Mul(m12, f2)), det),
		Div(Sub(Mul(m11, f2), Mul(m12, f1)), det))
}
