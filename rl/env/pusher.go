package env

import (
	"image"
	"math"

	. "github.com/gomlx/gomlx/core/graph"
)

// PusherConfig are the variants of Pusher.
type PusherConfig struct {
	Sparse bool // reward 1 for each step that ends with the puck within 0.1 of the goal, else 0
}

const (
	pushTouch = 0.2  // from centre to centre when hand and puck touch
	pushRail  = 0.75 // the rail that keeps the puck in; the hand may go on to 1, and so behind a puck at the rail
	pushStep  = 0.08 // how far the hand moves in one step, along each axis
	pushReach = 0.1  // so near to the goal the puck is there
)

// Pusher moves a round hand (radius 0.08) over a table; where it meets a puck (radius 0.12), the puck slides away along the line of
// their centres and comes to rest at once (quasi-static, no friction between the two). Actions in [-1, 1] are velocities of the
// hand. At the rail the puck stops, and stops the hand.
//
// The state is hand, puck and goal; the observation these, then the way from hand to puck and from puck to goal. The dense reward
// is -(puck to goal + 0.1 (hand to puck)) after the step. Always 100 steps.
func Pusher(c PusherConfig) *Sim {
	spec := Spec{
		Name: "pusher", Obs: []int{10}, State: 6, Action: Action{Dim: 2, Low: -1, High: 1}, Horizon: 100, Fixed: true,
		Low: []float64{-2}, High: []float64{2},
	}
	if c.Sparse {
		spec.Name = "pusher-sparse"
	}
	return New(Rules{
		Spec:       spec,
		ResetDraws: 6,
		Reset: func(u *Node) *Node {
			puck, goal := within(cols(u, 0, 2), -0.5, 0.5), within(cols(u, 2, 4), -0.6, 0.6)
			angle, away := within(col(u, 4), -math.Pi, math.Pi), within(col(u, 5), 0.25, 0.5)
			hand := Add(puck, join(Mul(away, Cos(angle)), Mul(away, Sin(angle))))
			return Concatenate([]*Node{hand, puck, goal}, 1)
		},
		Step: func(_, s, a *Node) (next, reward, terminated *Node) {
			hand, puck, goal := cols(s, 0, 2), cols(s, 2, 4), cols(s, 4, 6)
			hand = ClipScalar(Add(hand, MulScalar(a, pushStep)), -1, 1)
			way := Sub(puck, hand)
			gap := norm(way)
			slid := Add(hand, MulScalar(Div(way, spread(gap, way)), pushTouch))
			slid = pick(below(gap, pushTouch), slid, puck)
			puck = ClipScalar(slid, -pushRail, pushRail)
			hand = Sub(hand, Sub(slid, puck)) // pushed back by as much as the rail held the puck
			next = Concatenate([]*Node{hand, puck, goal}, 1)
			left := norm(Sub(goal, puck))
			if c.Sparse {
				return next, float(below(left, pushReach)), none(s)
			}
			return next, Neg(Add(left, MulScalar(norm(Sub(puck, hand)), 0.1))), none(s)
		},
		Observe: func(s *Node) *Node {
			return Concatenate([]*Node{s, Sub(cols(s, 2, 4), cols(s, 0, 2)), Sub(cols(s, 4, 6), cols(s, 2, 4))}, 1)
		},
		Frame: func(s []float32) *image.RGBA {
			c := newCanvas(180, 180, -1.15, -1.15, 1.15, 1.15)
			rail := pushRail + 0.12
			c.box(-rail-0.03, -rail-0.03, rail+0.03, rail+0.03, grey)
			c.box(-rail, -rail, rail, rail, paper)
			c.disc(float64(s[4]), float64(s[5]), 0.16, green)
			c.disc(float64(s[4]), float64(s[5]), 0.13, paper)
			c.disc(float64(s[2]), float64(s[3]), 0.12, dark)
			c.disc(float64(s[0]), float64(s[1]), 0.08, blue)
			return c.img
		},
		Goal: pushGoal(),
	})
}

// pushGoal is reached when the puck is within 0.1 of it, wherever the hand is. In its examples the hand has just left the puck.
func pushGoal() *Goal {
	return &Goal{
		Success: func(obs *Node) *Node { return below(norm(Sub(cols(obs, 4, 6), cols(obs, 2, 4))), pushReach) },
		Draws:   6,
		Example: func(u *Node) *Node {
			goal := within(cols(u, 0, 2), -0.6, 0.6)
			puck := Add(goal, inDisc(cols(u, 2, 4), 0.5*pushReach))
			angle, away := within(col(u, 4), -math.Pi, math.Pi), within(col(u, 5), pushTouch, pushTouch+0.1)
			hand := Add(puck, join(Mul(away, Cos(angle)), Mul(away, Sin(angle))))
			return Concatenate([]*Node{hand, puck, goal}, 1)
		},
		Channels: 3,
		Paint: func(obs *Node, side int) *Node {
			return spots(side, 1.125, 0.1, cols(obs, 0, 2), cols(obs, 2, 4), cols(obs, 4, 6))
		},
	}
}

// norm is the length of each row.
func norm(x *Node) *Node { return Sqrt(ReduceSum(Square(x), -1)) }
