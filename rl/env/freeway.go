package env

import (
	"image"
	"image/color"

	. "github.com/gomlx/gomlx/core/graph"
)

// The state of Freeway: these columns, then each car's column, its timer and its velocity. Car i drives in row i+1.
const (
	freewayCars   = 8
	freewayRow    = 0 // of the chicken, which stays in column 4
	freewayWait   = 1 // steps until it may move
	freewayAction = 2
	freewayX      = 3
	freewayTimer  = freewayX + freewayCars // steps until the car moves
	freewaySpeed  = freewayTimer + freewayCars
	freewayWidth  = freewaySpeed + freewayCars

	freewayColumn = 4
	freewayPause  = 3 // the chicken moves at most every third step
)

// Freeway is MinAtar's: a chicken stays (0), goes up (1) or down (2) a road of eight lanes, at most every third step. Reaching the
// top gives 1, sends it back to the bottom and gives every car a new speed and direction; a car that hits it sends it back too. A
// car of speed 1 moves every second step, one of speed 5 every sixth, in either direction, round and round. Planes: chicken, cars, and five for
// the speed of a car, drawn in the cell behind it. Every episode lasts as long as the time limit.
//
// Other than in MinAtar, only the three actions that do something can be chosen, the episode lasts 2,500 steps rather than 2,501, and
// its end is a truncation: the observation does not show how near it is.
func Freeway(c ArcadeConfig) *Sim {
	spec := c.spec("freeway", 7, freewayWidth, 3)
	spec.Fixed = true
	return New(Rules{
		Spec:       spec,
		ResetDraws: freewayCars,
		Reset: func(u *Node) *Node {
			v := freewayVelocities(settle(u))
			one := like(col(u, 0), 1)
			return Concatenate([]*Node{
				join(MulScalar(one, side-1), MulScalar(one, freewayPause), ZerosLike(one)), ZerosLike(v), Abs(v), v,
			}, 1)
		},
		StepDraws: 1 + freewayCars,
		Step: func(u, s, a *Node) (next, reward, terminated *Node) {
			u = settle(u)
			a = c.play(col(u, 0), col(s, freewayAction), a)
			row, wait := col(s, freewayRow), col(s, freewayWait)
			x := cols(s, freewayX, freewayTimer)
			timer, v := cols(s, freewayTimer, freewaySpeed), cols(s, freewaySpeed, freewayWidth)

			move := And(is(wait, 0), above(a, 0))
			row = Where(move, ClipScalar(Add(row, Sub(MulScalar(a, 2), like(a, 3))), 0, side-1), row)
			wait = Where(move, like(wait, freewayPause), wait)
			won := is(row, 0)
			row = Where(won, like(row, side-1), row)
			fresh := freewayVelocities(cols(u, 1, 1+freewayCars))
			v = pick(won, fresh, v)
			timer = pick(won, Abs(fresh), timer)

			lane := Equal(spread(AddScalar(row, -1), x), numbers(s.Graph(), 1, x.Shape().Dimensions...))
			drives := is(timer, 0)
			moved := Where(drives, Add(x, Sign(v)), x)
			moved = Where(below(moved, 0), like(x, side-1), Where(above(moved, side-1), like(x, 0), moved))
			timer = Where(drives, Abs(v), AddScalar(timer, -1))
			hit := And(lane, Or(is(x, freewayColumn), is(moved, freewayColumn)))
			row = Where(above(ReduceMax(float(hit), 1), 0), like(row, side-1), row)
			wait = Max(AddScalar(wait, -1), like(wait, 0))
			return Concatenate([]*Node{join(row, wait, a), moved, timer, v}, 1), float(won), none(s)
		},
		Observe: func(s *Node) *Node {
			x, v := cols(s, freewayX, freewayTimer), cols(s, freewaySpeed, freewayWidth)
			behind := Sub(x, Sign(v))
			behind = Where(below(behind, 0), like(x, side-1), Where(above(behind, side-1), like(x, 0), behind))
			p := []*Node{point(col(s, freewayRow), like(col(s, freewayRow), freewayColumn)), lanes(1, x)}
			for speed := 1; speed <= 5; speed++ {
				p = append(p, lanes(1, Where(is(Abs(v), float64(speed)), behind, like(x, -1))))
			}
			return planes(p...)
		},
		Frame: func(s []float32) *image.RGBA {
			b := newBoard()
			for i := range freewayCars {
				x, v := s[freewayX+i], s[freewaySpeed+i]
				back := x - 1
				if v < 0 {
					back = x + 1
				}
				if back < 0 {
					back = side - 1
				} else if back >= side {
					back = 0
				}
				pale := uint8(60 + 22*max(v, -v)) // the slower, the paler
				b.fill(float32(i+1), back, color.RGBA{pale, pale, pale, 255})
				b.fill(float32(i+1), x, red)
			}
			b.fill(s[freewayRow], freewayColumn, yellow)
			return b.img
		},
	})
}

// freewayVelocities are speeds 1 to 5, as a number of steps, to the right or, negative, to the left: ten cases alike in u.
func freewayVelocities(u *Node) *Node {
	k := Min(Floor(MulScalar(u, 10)), like(u, 9)) // 0 to 9
	return Where(below(k, 5), AddScalar(k, -5), AddScalar(k, -4))
}
