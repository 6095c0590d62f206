package env

import (
	"image"

	. "github.com/gomlx/gomlx/core/graph"
)

// The state of Space Invaders: words of ten rows for aliens, the cannon's bullets and the aliens' bullets, then numbers.
const (
	invAliens = iota * side
	invShots
	invBombs
	invNumbers
)

const (
	invCannon   = invNumbers + iota // its column
	invHeading                      // of the aliens: -1 or 1
	invInterval                     // steps between the aliens' moves, at most
	invMove                         // steps until they move
	invBomb                         // steps until they shoot
	invReload                       // steps until the cannon can shoot
	invLast                         // the last action
	invState
)

const (
	invWave     = 0b0011111100 // each of the first four rows of a new wave
	invReloads  = 5
	invBombing  = 10
	invSlowest  = 12
	invQuickest = 6
)

// SpaceInvaders is MinAtar's game: a cannon in the bottom row stands still (0), moves left (1) or right (2), or shoots upward (3), at most
// every 5 steps. The aliens march sideways, turn and come a row down where one of them stands at the edge; they march every 12 steps or,
// once fewer than 12 are left, as often as there are aliens: the last one at every step. Every 10 steps the lowest alien in the column
// nearest to the cannon (the left one of two) shoots. Bullets move a cell a step. Reward 1 for each alien shot; the episode ends where an
// alien or a bullet reaches the cannon, or where aliens would come down from the bottom row. After the last alien of a wave comes a new
// wave, which marches one step sooner, down to every 6, unless the game is Steady.
//
// The six planes are the cannon, the aliens, the aliens while they go left, while they go right, the cannon's bullets and theirs.
//
// Other than in MinAtar, only the four actions that do something can be chosen.
func SpaceInvaders(c ArcadeConfig) *Sim {
	return New(Rules{
		Spec:      c.spec("spaceinvaders", 6, invState, 4),
		StepDraws: 1,
		Batch: func(g *Graph, n int) *Node {
			row := make([]float32, invState)
			for r := range 4 {
				row[invAliens+r] = invWave
			}
			row[invCannon], row[invHeading] = side/2, -1
			row[invInterval], row[invMove], row[invBomb] = invSlowest, invSlowest, invBombing
			return BroadcastToDims(Const(g, [][]float32{row}), n, invState)
		},
		Step:    c.invade,
		Observe: seeInvaders,
		Frame:   drawInvaders,
	})
}

func (c ArcadeConfig) invade(u, s, a *Node) (next, reward, terminated *Node) {
	n := s.Shape().Dimensions[0]
	g := s.Graph()
	aliens, shots, bombs := invFields(s)
	rows, blank := wholes(g, 1, n, side), like(whole(cols(s, 0, 1)), 0)
	heading, interval := col(s, invHeading), col(s, invInterval)
	action := c.play(col(u, 0), col(s, invLast), a)

	shoot := And(is(action, 3), is(col(s, invReload), 0))
	reload := Where(shoot, like(heading, invReloads-1), Max(AddScalar(col(s, invReload), -1), like(heading, 0)))
	cannon := Add(col(s, invCannon), Sub(float(is(action, 2)), float(is(action, 1))))
	cannon = ClipScalar(cannon, 0, side-1)
	here := bitAt(whole(cannon))
	bottom := func(w *Node) *Node { return col(w, side-1) }

	shots = Concatenate([]*Node{cols(shots, 1, side-1), column(only(shoot, here)), blank}, 1)
	bombs = Concatenate([]*Node{blank, cols(bombs, 0, side-1)}, 1)
	terminated = Or(overlap(bottom(bombs), here), overlap(bottom(aliens), here))

	left := float(ReduceSum(BitCount(aliens), 1))
	march := is(col(s, invMove), 0)
	columns := ReduceBitwiseOr(aliens, 1)
	toRight := above(heading, 0)
	turn := And(march, overlap(columns, Where(toRight, like(columns, 1<<(side-1)), like(columns, 1))))
	landed := And(turn, present(bottom(aliens)))
	aside := And(march, Not(turn))
	aliens = pick(And(turn, Not(landed)), Concatenate([]*Node{blank, cols(aliens, 0, side-1)}, 1), aliens)
	aliens = pick(aside, pick(toRight, shl(aliens, 1), shr(aliens, 1)), aliens)
	columns = Where(aside, Where(toRight, shl(columns, 1), shr(columns, 1)), columns)
	heading = Where(turn, Neg(heading), heading)
	terminated = Or(Or(terminated, landed), overlap(bottom(aliens), here))

	// Columns in the order of their distance, twice the distance and one more to the right.
	x := numbers(g, 1, n, side)
	from := across(cannon, n, side)
	far := Add(MulScalar(Abs(Sub(x, from)), 2), float(GreaterThan(x, from)))
	far = Where(overlap(across(columns, n, side), bitAt(rows)), far, like(far, 4*side))
	nearest := across(ReduceMin(far, 1), n, side)
	aim := ReduceBitwiseOr(only(Equal(far, nearest), bitAt(rows)), 1)
	row := ReduceMax(Where(overlap(aliens, across(aim, n, side)), rows, like(rows, -1)), 1)
	bomb := is(col(s, invBomb), 0)
	drop := And(Equal(rows, across(row, n, side)), spread(bomb, rows))
	bombs = BitwiseOr(bombs, only(drop, across(aim, n, side)))

	hit := BitwiseAnd(aliens, shots)
	aliens, shots = BitwiseXor(aliens, hit), BitwiseXor(shots, hit)
	reward = float(ReduceSum(BitCount(hit), 1))

	move := AddScalar(Where(march, Min(left, interval), col(s, invMove)), -1)
	bombIn := AddScalar(Where(bomb, like(heading, invBombing), col(s, invBomb)), -1)
	cleared := Equal(left, reward)
	aliens = Where(spread(cleared, aliens), only(LessThan(rows, like(rows, 4)), like(rows, invWave)), aliens)
	if !c.Steady {
		interval = Where(cleared, Max(AddScalar(interval, -1), like(interval, invQuickest)), interval)
	}
	next = Concatenate([]*Node{float(aliens), float(shots), float(bombs), join(cannon, heading, interval, move, bombIn, reload, action)}, 1)
	return next, reward, terminated
}

func invFields(s *Node) (aliens, shots, bombs *Node) {
	return whole(cols(s, invAliens, invShots)), whole(cols(s, invShots, invBombs)), whole(cols(s, invBombs, invNumbers))
}

func seeInvaders(s *Node) *Node {
	n := s.Shape().Dimensions[0]
	aliens, shots, bombs := invFields(s)
	rows := wholes(s.Graph(), 1, n, side)
	cannon := only(Equal(rows, like(rows, side-1)), across(bitAt(whole(col(s, invCannon))), n, side))
	toRight := spread(above(col(s, invHeading), 0), aliens)
	return lit(Stack([]*Node{cannon, aliens, only(Not(toRight), aliens), only(toRight, aliens), shots, bombs}, -1))
}

func drawInvaders(s []float32) *image.RGBA {
	b := newBoard()
	for r := range side {
		b.paint(r, s[invAliens+r], green)
		b.paint(r, s[invShots+r], yellow)
		b.paint(r, s[invBombs+r], red)
	}
	b.fill(side-1, s[invCannon], blue)
	return b.img
}
