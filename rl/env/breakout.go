package env

import (
	"image"

	. "github.com/gomlx/gomlx/core/graph"
)

// The state of Breakout: these columns, then 30 of bricks, rows 1 to 3 of the field.
const (
	breakoutX, breakoutY         = 0, 1 // the ball
	breakoutVX, breakoutVY       = 2, 3 // its direction, -1 or 1
	breakoutLastX, breakoutLastY = 4, 5 // where it was a step ago: the trail
	breakoutPaddle               = 6
	breakoutInside               = 7 // 1 while the ball is among the bricks: it strikes the first and flies through the others
	breakoutAction               = 8
	breakoutBricks               = 9
	breakoutWidth                = breakoutBricks + 3*side
)

// Breakout is MinAtar's: a paddle on the bottom row keeps (0), moves left (1) or right (2); a ball flies diagonally and bounces off
// walls, paddle and bricks. A brick that it strikes is gone and gives 1, and those that it meets right after fly by. Three full rows
// come back when the ball reaches the bottom with none left, and a missed ball ends the episode. Planes: paddle, ball, trail, bricks.
//
// Other than in MinAtar, only the three actions that do something can be chosen.
func Breakout(c ArcadeConfig) *Sim {
	return New(Rules{
		Spec:       c.spec("breakout", 4, breakoutWidth, 3),
		ResetDraws: 1,
		Reset: func(u *Node) *Node {
			left := below(col(u, 0), 0.5)
			zero, one := like(col(u, 0), 0), like(col(u, 0), 1)
			x := Where(left, zero, MulScalar(one, side-1))
			v := Where(left, one, Neg(one))
			y := MulScalar(one, 3)
			full := BroadcastToDims(ExpandAxes(one, -1), u.Shape().Dimensions[0], 3*side)
			return Concatenate([]*Node{join(x, y, v, one, x, y, MulScalar(one, 4), zero, zero), full}, 1)
		},
		StepDraws: 1,
		Step: func(u, s, a *Node) (next, reward, terminated *Node) {
			u = settle(u)
			a = c.play(col(u, 0), col(s, breakoutAction), a)
			paddle := ClipScalar(Add(col(s, breakoutPaddle), Sub(float(is(a, 2)), float(is(a, 1)))), 0, side-1)
			oldX, oldY := col(s, breakoutX), col(s, breakoutY)
			vx, vy := col(s, breakoutVX), col(s, breakoutVY)
			bricks := cols(s, breakoutBricks, breakoutWidth)

			x, y := Add(oldX, vx), Add(oldY, vy)
			wall := Or(below(x, 0), above(x, side-1))
			vx = Where(wall, Neg(vx), vx)
			x = ClipScalar(x, 0, side-1)

			at := Add(MulScalar(AddScalar(y, -1), side), x)
			hit := Mul(float(Equal(numbers(s.Graph(), 1, bricks.Shape().Dimensions...), spread(at, bricks))), bricks)
			inside := above(ReduceSum(hit, 1), 0)
			struck := And(inside, is(col(s, breakoutInside), 0))
			bricks = Where(spread(struck, bricks), Sub(bricks, hit), bricks)
			reward = float(struck)

			bottom := is(y, side-1)
			refill := And(bottom, is(ReduceMax(bricks, 1), 0))
			bricks = Where(spread(refill, bricks), like(bricks, 1), bricks)
			above := And(bottom, Equal(oldX, paddle))                // straight onto the paddle
			corner := And(And(bottom, Not(above)), Equal(x, paddle)) // onto its edge: back where the ball came from
			bounce := Or(above, corner)
			terminated = And(bottom, Not(bounce))

			top := below(y, 0)
			y = Where(top, like(y, 0), Where(Or(struck, bounce), oldY, y))
			vy = Where(Or(top, Or(struck, bounce)), Neg(vy), vy)
			vx = Where(corner, Neg(vx), vx)
			return Concatenate([]*Node{join(x, y, vx, vy, oldX, oldY, paddle, float(inside), a), bricks}, 1), reward, terminated
		},
		Observe: func(s *Node) *Node {
			n := s.Shape().Dimensions[0]
			bricks := Reshape(above(cols(s, breakoutBricks, breakoutWidth), 0), n, 3, side)
			g := s.Graph()
			empty := func(rows int) *Node { return BroadcastToDims(Const(g, false), n, rows, side) }
			return planes(
				point(like(col(s, breakoutPaddle), side-1), col(s, breakoutPaddle)),
				point(col(s, breakoutY), col(s, breakoutX)),
				point(col(s, breakoutLastY), col(s, breakoutLastX)),
				Concatenate([]*Node{empty(1), bricks, empty(side - 4)}, 1),
			)
		},
		Frame: func(s []float32) *image.RGBA {
			b := newBoard()
			for i, brick := range s[breakoutBricks:] {
				if brick > 0 {
					b.fill(float32(1+i/side), float32(i%side), orange)
				}
			}
			b.fill(s[breakoutLastY], s[breakoutLastX], grey)
			b.fill(s[breakoutY], s[breakoutX], yellow)
			b.fill(side-1, s[breakoutPaddle], blue)
			return b.img
		},
	})
}
