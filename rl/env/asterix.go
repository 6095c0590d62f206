package env

import (
	"image"

	. "github.com/gomlx/gomlx/core/graph"
)

// The state of Asterix: these columns, then of the thing in each row from 1 to 8 its column, -1 where there is none, and its kind: 1
// an enemy, 2 gold, negative if it moves left, 0 where there is none.
const (
	asterixThings = 8
	asterixX      = 0 // of the player
	asterixY      = 1
	asterixSpawn  = 2 // steps until a thing appears
	asterixMove   = 3 // steps until the things move
	asterixRamp   = 4 // steps until it gets harder; it is harder where below 0
	asterixLevel  = 5 // how often it got harder
	asterixEvery  = 6 // steps between two appearances
	asterixPace   = 7 // steps between two moves
	asterixAction = 8
	asterixAt     = 9
	asterixKind   = asterixAt + asterixThings
	asterixWidth  = asterixKind + asterixThings

	asterixRampEvery = 100
)

// Asterix is MinAtar's: the player stays (0) or goes left (1), up (2), right (3) or down (4) in rows 1 to 8. In each of these rows one
// thing at most crosses the field, an enemy or, one time in three, gold. Gold gives 1, an enemy ends the episode. A new thing
// appears every 10 steps where a row is free, and things move every 5 steps; about every 100 steps they appear a step sooner, and every second
// time they move a step sooner too. Planes: player, enemies, trails (the cell behind a thing), gold.
//
// Other than in MinAtar, only the five actions that do something can be chosen.
func Asterix(c ArcadeConfig) *Sim {
	return New(Rules{
		Spec: c.spec("asterix", 4, asterixWidth, 5),
		Batch: func(g *Graph, n int) *Node {
			row := []float32{5, 5, 10, 5, asterixRampEvery, 0, 10, 5, 0}
			for range asterixThings {
				row = append(row, -1)
			}
			row = append(row, make([]float32, asterixThings)...)
			return BroadcastToDims(Const(g, [][]float32{row}), n, asterixWidth)
		},
		StepDraws: 4,
		Step: func(u, s, a *Node) (next, reward, terminated *Node) {
			u = settle(u)
			a = c.play(col(u, 0), col(s, asterixAction), a)
			every, pace := col(s, asterixEvery), col(s, asterixPace)
			x, kind := cols(s, asterixAt, asterixKind), cols(s, asterixKind, asterixWidth)

			spawn := is(col(s, asterixSpawn), 0)
			right := below(col(u, 1), 0.5)
			thing := Where(below(col(u, 2), 1.0/3), like(every, 2), like(every, 1))
			here := And(freeOne(col(u, 3), is(kind, 0)), spread(spawn, x))
			x = Where(here, spread(Where(right, like(every, 0), like(every, side-1)), x), x)
			kind = Where(here, spread(Where(right, thing, Neg(thing)), x), kind)

			px := ClipScalar(Add(col(s, asterixX), Sub(float(is(a, 3)), float(is(a, 1)))), 0, side-1)
			py := ClipScalar(Add(col(s, asterixY), Sub(float(is(a, 4)), float(is(a, 2)))), 1, side-2)
			lane := Equal(spread(AddScalar(py, -1), x), numbers(s.Graph(), 1, x.Shape().Dimensions...))
			touched := func() *Node { return And(lane, Equal(x, spread(px, x))) }
			gold, enemy := is(Abs(kind), 2), is(Abs(kind), 1)
			before := touched()
			kind = Where(And(before, gold), like(kind, 0), kind)

			step := is(col(s, asterixMove), 0)
			x = Where(spread(step, x), Add(x, Sign(kind)), x)
			after := And(touched(), Not(is(kind, 0)))
			gone := Or(Or(below(x, 0), above(x, side-1)), And(after, gold))
			kind = Where(gone, like(kind, 0), kind)
			x = Where(is(kind, 0), like(x, -1), x)
			met := Or(before, after)
			reward = ReduceSum(float(And(met, gold)), 1)
			terminated = above(ReduceSum(float(And(met, enemy)), 1), 0)

			spawnIn := AddScalar(Where(spawn, every, col(s, asterixSpawn)), -1)
			moveIn := AddScalar(Where(step, pace, col(s, asterixMove)), -1)
			ramp, level := col(s, asterixRamp), col(s, asterixLevel)
			if !c.Steady {
				slow := Or(above(every, 1), above(pace, 1)) // it can still get harder
				harder := And(slow, below(ramp, 0))
				sooner := And(And(harder, above(pace, 1)), is(Mod(level, like(level, 2)), 1))
				ramp = Where(harder, like(ramp, asterixRampEvery), Where(slow, AddScalar(ramp, -1), ramp))
				pace = Sub(pace, float(sooner))
				every = Sub(every, float(And(harder, above(every, 1))))
				level = Add(level, float(harder))
			}
			return Concatenate([]*Node{join(px, py, spawnIn, moveIn, ramp, level, every, pace, a), x, kind}, 1), reward, terminated
		},
		Observe: func(s *Node) *Node {
			x, kind := cols(s, asterixAt, asterixKind), cols(s, asterixKind, asterixWidth)
			only := func(k float64) *Node { return Where(is(Abs(kind), k), x, like(x, -1)) }
			return planes(point(col(s, asterixY), col(s, asterixX)), lanes(1, only(1)), lanes(1, Sub(x, Sign(kind))), lanes(1, only(2)))
		},
		Frame: func(s []float32) *image.RGBA {
			b := newBoard()
			for i := range asterixThings {
				row, x, kind := float32(i+1), s[asterixAt+i], s[asterixKind+i]
				colour, back := red, x-1
				if kind == 2 || kind == -2 {
					colour = orange
				}
				if kind < 0 {
					back = x + 1
				}
				if kind != 0 {
					b.fill(row, back, grey)
					b.fill(row, x, colour)
				}
			}
			b.fill(s[asterixY], s[asterixX], green)
			return b.img
		},
	})
}
