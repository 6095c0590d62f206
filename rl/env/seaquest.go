package env

import (
	"image"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/rewardlab/rewardlab/rl/ops"
)

// The state of Seaquest: slots with one thing each, newest first, then words of the enemies' bullets in each row (bits 0 to 9 for those that
// go left, 10 to 19 for those that go right), then numbers.
//
// No slot can be needed that is not there. Own bullets come every 5 steps at most and last 9; divers come every 30 and last 59. Enemies
// last 29 steps at their quickest, when one may come at every step; before that they come every 14 steps or more, and last 59 at most.
// Of one submarine's bullets, shot every 11 steps, the last is gone when the next comes; and as they strike nothing but the player, two
// in a cell are as good as one.
const (
	seaEnemies = 0
	seaShots   = seaEnemies + 32
	seaDivers  = seaShots + 2
	seaBombs   = seaDivers + 2
	seaNumbers = seaBombs + side
)

const (
	seaOxygen   = seaNumbers + iota // its column
	seaAboard                       // divers
	seaX                            // of the player's front
	seaY                            // its row
	seaFacing                       // 1: right
	seaSurfaced                     // 1: it was at the surface a step ago
	seaLevel                        // how often it has come up, at most 19
	seaSpawn                        // steps until the next enemy
	seaRescue                       // steps until the next diver
	seaReload                       // steps until the player can shoot
	seaLast                         // the last action
	seaState
)

const (
	seaRows    = 8 // rows 1 to 8 are under water
	seaFull    = 200
	seaMost    = 6 // divers aboard
	seaEvery   = 20
	seaRescues = 30
	seaPause   = 5 // an enemy's or a diver's steps of rest before each move
	seaReloads = 5
	seaBombing = 10
)

// A thing in a slot is a word: column, row, whether it goes right, whether it is a submarine, steps until it moves, steps until it shoots.
// An empty slot is 0: rows begin at 1, save for bullets shot at the surface, which carry the bit of "submarine".
const (
	atRow   = 4
	atRight = 8
	atKind  = 9
	atWait  = 10
	atLoad  = 13
)

func thing(x, row, toRight *Node) *Node {
	return Add(x, Add(shl(row, atRow), shl(toRight, atRight)))
}

// cellOf is a thing's column and row.
func cellOf(w *Node) *Node          { return keep(w, 1<<atRight-1) }
func thingX(w *Node) *Node          { return keep(w, 15) }
func thingRow(w *Node) *Node        { return keep(shr(w, atRow), 15) }
func thingRight(w *Node) *Node      { return keep(shr(w, atRight), 1) }
func hasBit(w *Node, bit int) *Node { return present(keep(w, 1<<bit)) }

// ahead is the things one cell on, and whether that is still within the field.
func ahead(w *Node) (moved, within *Node) {
	toRight := hasBit(w, atRight)
	x := thingX(w)
	within = NotEqual(x, Where(toRight, like(x, side-1), like(x, 0)))
	return Add(w, Where(toRight, like(w, 1), like(w, -1))), within
}

// enter puts a new thing into the first of the slots where cond holds; the last falls out.
func enter(cond, fresh, slots *Node) *Node {
	k := slots.Shape().Dimensions[1]
	return pick(cond, Concatenate([]*Node{column(fresh), cols(slots, 0, k-1)}, 1), slots)
}

// anyOf says in which rows of x [n, k] something holds.
func anyOf(x *Node) *Node { return ReduceLogicalOr(x, 1) }

// Seaquest is MinAtar's game: a submarine, two cells long, stays (0), moves left (1), up (2), right (3) or down (4), or shoots the way it
// faces (5), at most every 5 steps. Fish and enemy submarines cross rows 1 to 8; a third of them are submarines, which shoot every 11
// steps. Each enemy struck gives 1. Divers cross too, and up to six can be taken aboard. Under water oxygen falls by 1 a step, from 200.
// To surface fills it up and costs one diver; with six aboard, all are put ashore, for a twentieth of the oxygen left, rounded down, as
// the reward. The episode ends where an enemy or its bullet meets the player's front, on surfacing without a diver, and in the step after
// the last oxygen is used up.
//
// An enemy comes every 20 steps and moves every 6; unless the game is Steady, each surfacing takes a step off the first, down to 1, and
// every second one off the other, down to 3. An enemy does not come into a row where another swims the opposite way.
//
// The ten planes are the player's front and back, its bullets, the cell behind each enemy and diver, the enemies' bullets, fish, enemy
// submarines, the bars of oxygen and of divers in the bottom row, and divers.
//
// Other than in MinAtar, six divers put ashore leave none aboard, not one less than none.
func Seaquest(c ArcadeConfig) *Sim {
	return New(Rules{
		Spec:      c.spec("seaquest", 10, seaState, 6),
		StepDraws: 3,
		Batch: func(g *Graph, n int) *Node {
			row := make([]float32, seaState)
			row[seaOxygen], row[seaX], row[seaSurfaced] = seaFull, side/2, 1
			row[seaSpawn], row[seaRescue] = seaEvery, seaRescues
			return BroadcastToDims(Const(g, [][]float32{row}), n, seaState)
		},
		Step:    c.dive,
		Observe: seeSea,
		Frame:   drawSea,
	})
}

func (c ArcadeConfig) dive(u, s, a *Node) (next, reward, terminated *Node) {
	n := s.Shape().Dimensions[0]
	g := s.Graph()
	w := whole(s)
	enemies, shots := cols(w, seaEnemies, seaShots), cols(w, seaShots, seaDivers)
	divers, bombs := cols(w, seaDivers, seaBombs), cols(w, seaBombs, seaNumbers)
	number := func(i int) *Node { return col(w, i) }
	zero, one := like(number(0), 0), like(number(0), 1)
	action := whole(c.play(col(u, 0), col(s, seaLast), a))
	down := func(timer *Node) *Node { return Max(Sub(timer, one), zero) }
	level := number(seaLevel)
	pause := Max(Sub(like(level, seaPause), shr(level, 1)), like(level, 2))
	every := Sub(like(level, seaEvery), level)

	// What comes in.
	draw := func(i, k int) *Node { return ops.Floored(col(u, i), Const(g, float32(k))) }
	entry := func(which *Node) *Node { // of 16: a row and a direction
		toRight := keep(which, 1)
		return thing(Where(present(toRight), zero, like(which, side-1)), Add(shr(which, 1), one), toRight)
	}
	due := Equal(number(seaSpawn), zero)
	which := draw(1, 48)
	kind := Div(which, like(which, 16)) // 0: a submarine
	fresh := entry(keep(which, 15))
	fresh = Add(fresh, Add(shl(pause, atWait), Where(present(kind), zero, like(kind, 1<<atKind+seaBombing<<atLoad))))
	spawn := down(Where(due, every, number(seaSpawn)))
	due = Equal(number(seaRescue), zero)
	divers = enter(due, Add(entry(draw(2, 16)), like(zero, seaPause<<atWait)), divers)
	rescue := down(Where(due, like(zero, seaRescues), number(seaRescue)))

	// The player.
	does := func(k int) *Node { return Equal(action, like(action, float64(k))) }
	x, y, facing := number(seaX), number(seaY), number(seaFacing)
	shoot := And(does(5), Equal(number(seaReload), zero))
	shots = enter(shoot, Add(thing(x, y, facing), like(x, 1<<atKind)), shots)
	reload := down(Where(shoot, like(x, seaReloads), number(seaReload)))
	x = Min(Max(Add(x, Sub(whole(does(3)), whole(does(1)))), zero), like(x, side-1))
	y = Min(Max(Add(y, Sub(whole(does(4)), whole(does(2)))), zero), like(y, seaRows))
	facing = Where(does(3), one, Where(does(1), zero, facing))
	once := settle(join(fresh, x, y, facing, pause)) // what each slot is compared with
	fresh, x, y, facing, pause = col(once, 0), col(once, 1), col(once, 2), col(once, 3), col(once, 4)
	against := And(And(present(enemies), Equal(thingRow(enemies), across(thingRow(fresh), n, seaShots))),
		NotEqual(thingRight(enemies), across(thingRight(fresh), n, seaShots)))
	enemies = settle(enter(And(Equal(number(seaSpawn), zero), Not(anyOf(against))), fresh, enemies))
	player := Add(x, shl(y, atRow))
	atPlayer := func(things *Node) *Node { return Equal(cellOf(things), spread(player, things)) }

	// Its bullets. Each takes the oldest fish in its cell, or the oldest submarine; two are never in one cell.
	flown, within := ahead(shots)
	shots = settle(only(And(present(shots), within), flown))
	cube := []int{n, 2, seaShots}
	target := BroadcastToDims(ExpandAxes(enemies, 1), cube...)
	bullet := across(only(present(shots), cellOf(shots)), cube...) // 0, which no enemy is at, where there is none
	rank := Add(wholes(g, 2, cube...), Where(hasBit(target, atKind), like(target, 1), like(target, 1+seaShots)))
	rank = only(Equal(cellOf(target), bullet), rank)
	rank = only(present(target), rank)
	best := ReduceMax(rank, 2)
	reward = float(ReduceSum(whole(present(best)), 1))
	shots = only(Equal(best, like(best, 0)), shots)
	ranks := Add(wholes(g, 1, n, seaShots), Where(hasBit(enemies, atKind), like(enemies, 1), like(enemies, 1+seaShots)))
	struck := Or(Equal(ranks, spread(col(best, 0), ranks)), Equal(ranks, spread(col(best, 1), ranks)))
	enemies = settle(only(Not(struck), enemies))

	// Divers. Newer ones are taken first, where there is room for one only.
	swum, within := ahead(divers)
	swim := Equal(keep(divers, 7<<atWait), like(divers, 0))
	swum = only(within, Add(swum, like(swum, seaPause<<atWait)))
	reached := And(present(divers), Or(atPlayer(divers), And(And(swim, within), atPlayer(swum))))
	aboard := number(seaAboard)
	first := And(col(reached, 0), LessThan(aboard, like(aboard, seaMost)))
	aboard = Add(aboard, whole(first))
	second := And(col(reached, 1), LessThan(aboard, like(aboard, seaMost)))
	aboard = Add(aboard, whole(second))
	divers = only(And(present(divers), Not(join(first, second))), Where(swim, swum, Sub(divers, like(divers, 1<<atWait))))

	// Enemies. Bullets also strike those that move onto them, of which there is one in a cell at most; a submarine so struck still shoots.
	isSub, here := hasBit(enemies, atKind), present(enemies)
	swum, within = ahead(enemies)
	swim = And(here, Equal(keep(enemies, 7<<atWait), like(enemies, 0)))
	moved := Where(swim, Add(swum, shl(spread(pause, swum), atWait)), Sub(enemies, like(enemies, 1<<atWait)))
	left := And(swim, Not(within))
	met := And(Not(left), atPlayer(moved))
	terminated = anyOf(And(here, Or(atPlayer(enemies), met)))
	fires := And(And(here, isSub), Equal(shr(enemies, atLoad), like(enemies, 0)))
	enemies = only(And(here, Not(left)), Add(moved, only(isSub, Where(fires, like(moved, seaBombing<<atLoad), like(moved, -1<<atLoad)))))
	runs := settle(Where(And(And(swim, within), Not(met)), cellOf(moved), like(moved, -1)))
	onto := And(Equal(BroadcastToDims(ExpandAxes(runs, 1), cube...), across(cellOf(shots), cube...)), across(present(shots), cube...))
	hits := ReduceLogicalOr(onto, 2)
	reward = Add(reward, float(ReduceSum(whole(hits), 1)))
	shooters := only(fires, enemies)
	for i := range 2 {
		gone := And(Equal(runs, spread(cellOf(col(shots, i)), runs)), spread(col(hits, i), runs))
		enemies = only(Not(gone), enemies)
	}
	shots = only(Not(hits), shots)

	// Their bullets.
	shooters = settle(shooters)
	muzzles := settle(only(present(shooters), bitAt(Add(thingX(shooters), Mul(thingRight(shooters), like(shooters, side))))))
	bombs = BitwiseOr(bombs, inRows(shooters, muzzles))
	danger := only(Equal(wholes(g, 1, n, side), across(y, n, side)), across(Mul(bitAt(x), like(x, 1+1<<side)), n, side))
	struckBefore := overlap(bombs, danger)
	bombs = BitwiseOr(shr(keep(bombs, fullRow), 1), keep(shl(bombs, 1), fullRow<<side&^(1<<side)))
	terminated = Or(terminated, anyOf(Or(struckBefore, overlap(bombs, danger))))

	// Oxygen, and the surface.
	oxygen := number(seaOxygen)
	terminated = Or(terminated, LessThan(oxygen, one))
	under := present(y)
	up := And(Not(under), Equal(number(seaSurfaced), zero))
	terminated = Or(terminated, And(up, Equal(aboard, zero)))
	breathe := And(up, present(aboard))
	full := And(breathe, Equal(aboard, like(aboard, seaMost)))
	reward = Add(reward, float(only(full, Div(Mul(oxygen, like(oxygen, side)), like(oxygen, seaFull)))))
	aboard = Where(full, zero, Sub(aboard, whole(breathe)))
	oxygen = Where(breathe, like(oxygen, seaFull), Sub(oxygen, whole(under)))
	if !c.Steady {
		level = Min(Add(level, whole(breathe)), like(level, seaEvery-1))
	}
	next = Concatenate([]*Node{enemies, shots, divers, bombs,
		join(oxygen, aboard, x, y, facing, whole(Not(under)), level, spawn, rescue, reload, action)}, 1)
	return float(next), reward, terminated
}

// inRows is the words [n, side] of the rows of the field: the union of bits [n, k] over the things [n, k] in a row.
func inRows(things, bits *Node) *Node {
	n, k := things.Shape().Dimensions[0], things.Shape().Dimensions[1]
	dims := []int{n, side, k}
	row := BroadcastToDims(ExpandAxes(thingRow(things), 1), dims...)
	here := Equal(row, wholes(things.Graph(), 1, dims...))
	return ReduceBitwiseOr(only(here, BroadcastToDims(ExpandAxes(bits, 1), dims...)), 2)
}

// wakes is for things their cell in bits 0 to 9 and the cell behind them in bits 20 to 29; 0 for an empty slot.
func wakes(things *Node) *Node {
	at := bitAt(thingX(things))
	behind := keep(Where(hasBit(things, atRight), shr(at, 1), shl(at, 1)), fullRow)
	return only(present(things), BitwiseOr(at, shl(behind, 2*side)))
}

func seeSea(s *Node) *Node {
	n := s.Shape().Dimensions[0]
	w := settle(whole(s))
	enemies, shots := cols(w, seaEnemies, seaShots), cols(w, seaShots, seaDivers)
	divers, bombs := cols(w, seaDivers, seaBombs), cols(w, seaBombs, seaNumbers)
	number := func(i int) *Node { return col(w, i) }
	rows := wholes(s.Graph(), 1, n, side)
	row := func(r, word *Node) *Node { return only(Equal(rows, across(r, n, side)), across(word, n, side)) }

	seen := wakes(enemies)
	swims := inRows(enemies, settle(Where(hasBit(enemies, atKind), BitwiseOr(shl(keep(seen, fullRow), side), keep(seen, fullRow<<(2*side))), seen)))
	floats := inRows(divers, wakes(divers))
	x, y := number(seaX), number(seaY)
	at := bitAt(x)
	last := like(y, side-1)
	oxygen := Sub(bitAt(Div(Max(number(seaOxygen), like(y, 0)), like(y, seaFull/side))), like(y, 1))
	aboard := BitwiseShiftLeft(Sub(bitAt(number(seaAboard)), like(y, 1)), Sub(last, number(seaAboard)))
	return lit(Stack([]*Node{
		row(y, at),
		row(y, Where(present(number(seaFacing)), shr(at, 1), keep(shl(at, 1), fullRow))),
		inRows(shots, only(present(shots), bitAt(thingX(shots)))),
		BitwiseOr(shr(swims, 2*side), shr(floats, 2*side)),
		keep(BitwiseOr(bombs, shr(bombs, side)), fullRow),
		keep(swims, fullRow),
		keep(shr(swims, side), fullRow),
		row(last, oxygen),
		row(last, aboard),
		keep(floats, fullRow),
	}, -1))
}

func drawSea(s []float32) *image.RGBA {
	b := newBoard()
	for _, wakes := range []bool{true, false} { // below the things
		for i, word := range s[:seaBombs] {
			w := int(word)
			row, x, behind := float32(w>>atRow&15), float32(w&15), float32(1-2*(w>>atRight&1))
			c := orange // a fish
			switch {
			case w == 0 || wakes && i >= seaShots && i < seaDivers:
				continue
			case wakes:
				c, x = grey, x+behind
			case i >= seaDivers:
				c = violet
			case i >= seaShots:
				c = yellow
			case w>>atKind&1 == 1:
				c = red
			}
			b.fill(row, x, c)
		}
	}
	for r := range side {
		w := int(s[seaBombs+r])
		b.paint(r, float32((w|w>>side)&fullRow), paper)
	}
	b.fill(s[seaY], s[seaX], blue)
	b.fill(s[seaY], s[seaX]+1-2*s[seaFacing], green)
	for i := range int(max(s[seaOxygen], 0)) * side / seaFull {
		b.fill(side-1, float32(i), blue)
	}
	for i := range int(s[seaAboard]) {
		b.fill(side-1, float32(side-2-i), violet)
	}
	return b.img
}
