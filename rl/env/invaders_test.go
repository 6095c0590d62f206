package env

import "math/rand/v2"

// invaders is Space Invaders in plain Go.
type invaders struct {
	aliens, shots, bombs                                [side][side]bool
	cannon, heading, interval, move, bomb, reload, last int
}

func readRows(s []float64, field *[side][side]bool) {
	for r := range side {
		for c := range side {
			field[r][c] = int(s[r])>>c&1 == 1
		}
	}
}

func writeRows(field [side][side]bool) []float64 {
	s := make([]float64, side)
	for r := range side {
		for c := range side {
			s[r] += bit(field[r][c]) * float64(int(1)<<c)
		}
	}
	return s
}

func readInvaders(s []float64) *invaders {
	g := &invaders{}
	readRows(s, &g.aliens)
	readRows(s[10:], &g.shots)
	readRows(s[20:], &g.bombs)
	for i, p := range []*int{&g.cannon, &g.heading, &g.interval, &g.move, &g.bomb, &g.reload, &g.last} {
		*p = int(s[30+i])
	}
	return g
}

func (g *invaders) write() []float64 {
	s := append(writeRows(g.aliens), append(writeRows(g.shots), writeRows(g.bombs)...)...)
	for _, x := range []int{g.cannon, g.heading, g.interval, g.move, g.bomb, g.reload, g.last} {
		s = append(s, float64(x))
	}
	return s
}

func (g *invaders) wave() {
	for r := range 4 {
		for c := 2; c < 8; c++ {
			g.aliens[r][c] = true
		}
	}
}

func count(field [side][side]bool) int {
	k := 0
	for r := range side {
		for c := range side {
			if field[r][c] {
				k++
			}
		}
	}
	return k
}

// play is one step by the action played.
func (g *invaders) play(action int) (reward float64, over bool) {
	g.last = action
	switch {
	case action == 3 && g.reload == 0:
		g.shots[9][g.cannon] = true
		g.reload = 5
	case action == 1:
		g.cannon = max(g.cannon-1, 0)
	case action == 2:
		g.cannon = min(g.cannon+1, 9)
	}
	copy(g.shots[:9], g.shots[1:])
	g.shots[9] = [side]bool{}
	copy(g.bombs[1:], g.bombs[:9])
	g.bombs[0] = [side]bool{}
	over = g.bombs[9][g.cannon] || g.aliens[9][g.cannon]

	if g.move == 0 {
		g.move = min(count(g.aliens), g.interval)
		edge := 0
		if g.heading > 0 {
			edge = 9
		}
		atEdge, atBottom := false, false
		for i := range side {
			atEdge = atEdge || g.aliens[i][edge]
			atBottom = atBottom || g.aliens[9][i]
		}
		if atEdge {
			g.heading = -g.heading
			if atBottom {
				over = true
			} else {
				copy(g.aliens[1:], g.aliens[:9])
				g.aliens[0] = [side]bool{}
			}
		} else {
			before := g.aliens
			g.aliens = [side][side]bool{}
			for r := range side {
				for c := range side {
					if before[r][c] {
						g.aliens[r][c+g.heading] = true
					}
				}
			}
		}
		over = over || g.aliens[9][g.cannon]
	}
	if g.bomb == 0 {
		g.bomb = 10
		g.drop()
	}
	for r := range side {
		for c := range side {
			if g.aliens[r][c] && g.shots[r][c] {
				g.aliens[r][c], g.shots[r][c] = false, false
				reward++
			}
		}
	}
	g.reload = max(g.reload-1, 0)
	g.move--
	g.bomb--
	if count(g.aliens) == 0 {
		g.interval = max(g.interval-1, 6)
		g.wave()
	}
	return reward, over
}

// drop lets the lowest alien of the nearest column shoot.
func (g *invaders) drop() {
	for d := range side {
		for _, c := range []int{g.cannon - d, g.cannon + d} {
			if c < 0 || c >= side {
				continue
			}
			for r := side - 1; r >= 0; r-- {
				if g.aliens[r][c] {
					g.bombs[r][c] = true
					return
				}
			}
		}
	}
}

func invadersReference() reference {
	return reference{
		reset: func([]float64) []float64 {
			g := &invaders{cannon: 5, heading: -1, interval: 12, move: 12, bomb: 10}
			g.wave()
			return g.write()
		},
		step: func(u, s, a []float64) move {
			g := readInvaders(s)
			reward, over := g.play(int(stuck(u[0], s[36], a[0])))
			return move{next: g.write(), reward: reward, terminated: over}
		},
		observe: func(s []float64) []float64 {
			g := readInvaders(s)
			seen := newScreen(6)
			seen.set(9, s[30], 0)
			for r := range side {
				for c := range side {
					at := func(here bool, channel int) {
						if here {
							seen.set(float64(r), float64(c), channel)
						}
					}
					at(g.aliens[r][c], 1)
					at(g.aliens[r][c] && g.heading < 0, 2)
					at(g.aliens[r][c] && g.heading > 0, 3)
					at(g.shots[r][c], 4)
					at(g.bombs[r][c], 5)
				}
			}
			return seen.cells
		},
		// Rows of aliens anywhere, from one to many, so that waves end, bottoms are reached and columns are searched.
		anywhere: func(r *rand.Rand) []float64 {
			g := &invaders{cannon: r.IntN(10), heading: 1 - 2*r.IntN(2), interval: 6 + r.IntN(7), bomb: r.IntN(3), reload: r.IntN(5), last: r.IntN(4)}
			g.move = r.IntN(3)
			g.aliens[r.IntN(10)][r.IntN(10)] = true
			for range r.IntN(10) * r.IntN(2) {
				g.aliens[r.IntN(10)][r.IntN(10)] = true
			}
			for range r.IntN(20) {
				g.shots[r.IntN(9)][r.IntN(10)] = true
				g.bombs[r.IntN(9)][r.IntN(10)] = true
			}
			return g.write()
		},
	}
}
