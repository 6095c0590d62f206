package env

import (
	"math/rand/v2"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/rewardlab/rewardlab/rl/backend/backendtest"
)

// swimmer is one thing of Seaquest: an enemy, a diver or a bullet.
type swimmer struct {
	here       bool // false: an empty slot
	x, row     int
	right, sub bool
	wait, load int
}

func (f *swimmer) advance() (within bool) {
	if f.right {
		f.x++
	} else {
		f.x--
	}
	return f.x >= 0 && f.x < side
}

func (f swimmer) at(x, row int) bool { return f.here && f.x == x && f.row == row }

// sea is Seaquest in plain Go. Slots hold the newest first.
type sea struct {
	enemies, shots, divers, bombs      []swimmer
	oxygen, aboard, x, y               int
	right, surfaced                    bool
	level, spawn, rescue, reload, last int
}

func word(f swimmer, kind bool) float64 {
	return float64(f.x+f.row<<4+f.wait<<10+f.load<<13) + bit(f.right)*256 + bit(kind)*512
}

func (g *sea) write() []float64 {
	s := make([]float64, seaState)
	slots := func(from int, things []swimmer, kind func(swimmer) bool) {
		for i, f := range things {
			if f.here {
				s[from+i] = word(f, kind(f))
			}
		}
	}
	slots(0, g.enemies, func(f swimmer) bool { return f.sub })
	slots(32, g.shots, func(swimmer) bool { return true })
	slots(34, g.divers, func(swimmer) bool { return false })
	for _, f := range g.bombs {
		s[36+f.row] = float64(int(s[36+f.row]) | 1<<(f.x+10*int(bit(f.right))))
	}
	for i, x := range []int{g.oxygen, g.aboard, g.x, g.y, int(bit(g.right)), int(bit(g.surfaced)), g.level, g.spawn, g.rescue, g.reload, g.last} {
		s[46+i] = float64(x)
	}
	return s
}

func readSea(s []float64) *sea {
	g := &sea{right: s[50] == 1, surfaced: s[51] == 1}
	slots := func(from, k int) (things []swimmer) {
		for i := range k {
			w := int(s[from+i])
			things = append(things, swimmer{w != 0, w & 15, w >> 4 & 15, w>>8&1 == 1, w>>9&1 == 1, w >> 10 & 7, w >> 13})
		}
		return things
	}
	g.enemies, g.shots, g.divers = slots(0, 32), slots(32, 2), slots(34, 2)
	for row := range side {
		for k := range 20 {
			if int(s[36+row])>>k&1 == 1 {
				g.bombs = append(g.bombs, swimmer{here: true, x: k % 10, row: row, right: k >= 10})
			}
		}
	}
	for i, p := range map[int]*int{0: &g.oxygen, 1: &g.aboard, 2: &g.x, 3: &g.y, 6: &g.level, 7: &g.spawn, 8: &g.rescue, 9: &g.reload, 10: &g.last} {
		*p = int(s[46+i])
	}
	return g
}

// enterSlot puts f first. What falls out of the last slot must be gone.
func enterSlot(slots []swimmer, f swimmer) {
	if slots[len(slots)-1].here {
		panic("more things than slots")
	}
	copy(slots[1:], slots)
	slots[0] = f
}

// play is one step by the action played, with draws for what comes in.
func (g *sea) play(action int, enemy, diver float64) (reward float64, over bool) {
	pause := max(5-g.level/2, 2)
	edge := map[bool]int{true: 0, false: 9}
	if g.spawn == 0 {
		g.spawn = max(20-g.level, 1)
		k := int(enemy * 48)
		f := swimmer{here: true, row: 1 + k%16/2, right: k%2 == 1, sub: k < 16, wait: pause}
		f.x = edge[f.right]
		if f.sub {
			f.load = 10
		}
		free := true
		for _, other := range g.enemies {
			free = free && (!other.here || other.row != f.row || other.right == f.right)
		}
		if free {
			enterSlot(g.enemies, f)
		}
	}
	if g.rescue == 0 {
		g.rescue = 30
		k := int(diver * 16)
		f := swimmer{here: true, row: 1 + k/2, right: k%2 == 1, wait: 5}
		f.x = edge[f.right]
		enterSlot(g.divers, f)
	}
	g.last = action
	switch action {
	case 1:
		g.x, g.right = max(g.x-1, 0), false
	case 2:
		g.y = max(g.y-1, 0)
	case 3:
		g.x, g.right = min(g.x+1, 9), true
	case 4:
		g.y = min(g.y+1, 8)
	case 5:
		if g.reload == 0 {
			g.reload = 5
			enterSlot(g.shots, swimmer{here: true, x: g.x, row: g.y, right: g.right})
		}
	}

	for i := range g.shots {
		f := &g.shots[i]
		if !f.here {
			continue
		}
		f.here = f.advance()
		victim := -1
		for _, sub := range []bool{true, false} { // fish are preferred, and older ones
			for k, e := range g.enemies {
				if e.at(f.x, f.row) && e.sub == sub {
					victim = k
				}
			}
		}
		if f.here && victim >= 0 {
			f.here, g.enemies[victim].here = false, false
			reward++
		}
	}

	for i := range g.divers { // the newest first
		f := &g.divers[i]
		take := func() {
			if f.at(g.x, g.y) && g.aboard < 6 {
				g.aboard++
				f.here = false
			}
		}
		take()
		switch {
		case f.wait > 0:
			f.wait--
		case f.here:
			f.wait, f.here = 5, f.advance()
			take()
		}
	}

	for i := range g.enemies {
		f := &g.enemies[i]
		over = over || f.at(g.x, g.y)
		moves, struck := f.wait == 0, false
		if moves {
			f.wait = pause
			f.here = f.advance() && f.here
		} else {
			f.wait--
		}
		if f.at(g.x, g.y) {
			over = true
		} else if moves {
			for k := range g.shots {
				if shot := &g.shots[k]; shot.here && f.at(shot.x, shot.row) {
					shot.here, struck = false, true
					reward++
				}
			}
		}
		switch {
		case !f.here || !f.sub:
		case f.load > 0:
			f.load--
		default:
			f.load = 10
			g.bombs = append(g.bombs, swimmer{here: true, x: f.x, row: f.row, right: f.right})
		}
		f.here = f.here && !struck
	}

	var bombs []swimmer
	for _, f := range g.bombs {
		over = over || f.at(g.x, g.y)
		if f.advance() {
			over = over || f.at(g.x, g.y)
			bombs = append(bombs, f)
		}
	}
	g.bombs = bombs

	g.spawn, g.rescue, g.reload = max(g.spawn-1, 0), max(g.rescue-1, 0), max(g.reload-1, 0)
	over = over || g.oxygen < 1
	switch {
	case g.y > 0:
		g.oxygen--
		g.surfaced = false
	case !g.surfaced:
		g.surfaced = true
		if g.aboard == 0 {
			return reward, true
		}
		if g.aboard == 6 {
			reward += float64(g.oxygen / 20)
			g.aboard = 0
		} else {
			g.aboard--
		}
		g.oxygen = 200
		g.level = min(g.level+1, 19)
	}
	return reward, over
}

func seaquestReference() reference {
	return reference{
		reset: func([]float64) []float64 {
			return (&sea{oxygen: 200, x: 5, surfaced: true, spawn: 20, rescue: 30}).write()
		},
		step: func(u, s, a []float64) move {
			g := readSea(s)
			reward, over := g.play(int(stuck(u[0], s[56], a[0])), u[1], u[2])
			return move{next: g.write(), reward: reward, terminated: over}
		},
		observe:  func(s []float64) []float64 { return readSea(s).screen() },
		anywhere: func(r *rand.Rand) []float64 { return anySea(r).write() },
	}
}

func occupied(slots []swimmer) (things []swimmer) {
	for _, f := range slots {
		if f.here {
			things = append(things, f)
		}
	}
	return things
}

func (g *sea) screen() []float64 {
	seen := newScreen(10)
	set := func(row, col, channel int) { seen.set(float64(row), float64(col), channel) }
	behind := func(f swimmer) int {
		if f.right {
			return f.x - 1
		}
		return f.x + 1
	}
	set(g.y, g.x, 0)
	set(g.y, behind(swimmer{here: true, x: g.x, right: g.right}), 1)
	for _, f := range occupied(g.shots) {
		set(f.row, f.x, 2)
	}
	for _, f := range g.bombs {
		set(f.row, f.x, 4)
	}
	for _, f := range occupied(g.enemies) {
		set(f.row, behind(f), 3)
		set(f.row, f.x, 5+int(bit(f.sub)))
	}
	for i := range max(g.oxygen, 0) / 20 {
		set(9, i, 7)
	}
	for i := range g.aboard {
		set(9, 8-i, 8)
	}
	for _, f := range occupied(g.divers) {
		set(f.row, behind(f), 3)
		set(f.row, f.x, 9)
	}
	return seen.cells
}

// anySea is crowded: enemies, bullets and divers near the player, which is often about to surface or to run out of oxygen.
func anySea(r *rand.Rand) *sea {
	g := &sea{
		oxygen: r.IntN(202) - 1, aboard: r.IntN(7), x: r.IntN(10), y: r.IntN(9), right: r.IntN(2) == 1, surfaced: r.IntN(2) == 1,
		level: r.IntN(20), spawn: r.IntN(3), rescue: r.IntN(3), reload: r.IntN(3), last: r.IntN(6),
	}
	if g.y > 0 {
		g.y = min(g.y, 1+r.IntN(8))
	}
	g.right = g.right && g.x > 0 || g.x == 9
	way := make([]bool, side) // the direction of each row
	for i := range way {
		way[i] = r.IntN(2) == 1
	}
	thing := func() swimmer {
		f := swimmer{here: true, x: r.IntN(10), row: 1 + r.IntN(8), right: r.IntN(2) == 1, wait: r.IntN(3)}
		if r.IntN(2) == 0 {
			f.x, f.row = min(max(g.x-1+r.IntN(3), 0), 9), max(g.y, 1)
		}
		return f
	}
	g.enemies, g.divers, g.shots = make([]swimmer, 32), make([]swimmer, 2), make([]swimmer, 2)
	for i := range 30 {
		f := thing()
		f.right = way[f.row]
		if f.sub = r.IntN(2) == 0; f.sub {
			f.load = r.IntN(4)
		}
		clash := false // the game never has two in one cell that move at once
		for _, other := range g.enemies {
			clash = clash || other.at(f.x, f.row) && other.wait == f.wait
		}
		if !clash && r.IntN(3) > 0 {
			g.enemies[i] = f
		}
	}
	for i := range 1 + g.rescue/2 { // the last slot is empty when a new one is due in the two steps played from here
		if r.IntN(2) == 0 {
			g.divers[i] = thing()
		}
	}
	for i := range 1 + g.reload/2 {
		if r.IntN(2) == 0 { // two never meet in a cell: here all are in rows of their own, that of the next one included
			g.shots[i] = swimmer{here: true, x: r.IntN(10), row: (g.y + 1 + i) % 9, right: i == 0}
		}
	}
	for range r.IntN(5) {
		g.bombs = append(g.bombs, thing())
	}
	return g
}

// steady is a reference whose difficulty, in one column of the state, stays.
func steady(r reference, column int) reference {
	inner := r.step
	r.step = func(u, s, a []float64) move {
		m := inner(u, s, a)
		m.next[column] = s[column]
		return m
	}
	return r
}

func TestSteadyGames(t *testing.T) {
	e := backendtest.Go(t)
	compare(t, e, Seaquest(ArcadeConfig{Steady: true}), steady(seaquestReference(), seaLevel))
	compare(t, e, SpaceInvaders(ArcadeConfig{Steady: true}), steady(invadersReference(), invInterval))
}

// Scenes worked out by hand from the rules.
func TestArcadeScenes(t *testing.T) {
	e := backendtest.Go(t)
	swimming := func(oxygen, aboard, x, y int, things ...swimmer) []float64 {
		g := &sea{oxygen: oxygen, aboard: aboard, x: x, y: y, spawn: 9, rescue: 9, enemies: things}
		return g.write()
	}
	landing := (&invaders{cannon: 0, heading: 1, interval: 12, move: 0, bomb: 9, aliens: [side][side]bool{9: {9: true}}}).write()
	last := (&invaders{cannon: 0, heading: 1, interval: 12, move: 5, bomb: 9, aliens: [side][side]bool{3: {4: true}}, shots: [side][side]bool{4: {4: true}}}).write()
	sea, space := Seaquest(ArcadeConfig{Sticky: -1}), SpaceInvaders(ArcadeConfig{Sticky: -1})
	tests := []struct {
		name   string
		sim    *Sim
		state  []float64
		action int32
		reward float32
		over   bool
		column int // of the next state, and what it holds
		want   float32
	}{
		{"six divers ashore", sea, swimming(115, 6, 3, 1), 2, 5, false, seaOxygen, 200},
		{"none is left aboard", sea, swimming(115, 6, 3, 1), 2, 5, false, seaAboard, 0},
		{"one diver pays for air", sea, swimming(7, 3, 3, 1), 2, 0, false, seaAboard, 2},
		{"the surface without a diver", sea, swimming(115, 0, 3, 1), 2, 0, true, seaOxygen, 115},
		{"no oxygen", sea, swimming(0, 1, 3, 4), 0, 0, true, seaOxygen, -1},
		{"a fish swims into the player", sea, swimming(50, 1, 3, 4, swimmer{here: true, x: 4, row: 4}), 0, 0, true, seaX, 3},
		{"a fish rests beside the player", sea, swimming(50, 1, 3, 4, swimmer{here: true, x: 4, row: 4, wait: 1}), 0, 0, false, seaX, 3},
		{"a shot to the left strikes", sea, swimming(50, 1, 3, 4, swimmer{here: true, x: 2, row: 4, wait: 1}), 5, 1, false, seaEnemies, 0},
		{"aliens land", space, landing, 0, 0, true, invHeading, -1},
		{"the last alien, and a wave", space, last, 0, 1, false, invAliens, 0b0011111100},
		{"the next wave is quicker", space, last, 0, 1, false, invInterval, 11},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			row := make([]float32, len(tt.state))
			for i, x := range tt.state {
				row[i] = float32(x)
			}
			exec, err := NewExec(e.Backend, func(s, a *Node) (*Node, *Node, *Node) {
				u := BroadcastToDims(Const(s.Graph(), float32(0.5)), 1, tt.sim.rules.StepDraws)
				return tt.sim.rules.Step(u, s, a)
			})
			if err != nil {
				t.Fatal(err)
			}
			defer exec.Finalize()
			out, err := exec.Call([][]float32{row}, []int32{tt.action})
			if err != nil {
				t.Fatal(err)
			}
			next, reward, over := tensors.MustCopyFlatData[float32](out[0]), out[1].Value().([]float32)[0], out[2].Value().([]bool)[0]
			if reward != tt.reward || over != tt.over || next[tt.column] != tt.want {
				t.Errorf("reward %g, over %v, column %d is %g, want %g, %v and %g", reward, over, tt.column, next[tt.column], tt.reward, tt.over, tt.want)
			}
		})
	}
}
