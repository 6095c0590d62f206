package env

import (
	"math"
	"math/rand/v2"
)

// screen is an observation in plain Go.
type screen struct {
	channels int
	cells    []float64
}

func newScreen(channels int) screen { return screen{channels, make([]float64, side*side*channels)} }

// set marks a cell of a channel; nothing outside the field.
func (s screen) set(row, col float64, channel int) {
	if row >= 0 && row < side && col >= 0 && col < side {
		s.cells[(int(row)*side+int(col))*s.channels+channel] = 1
	}
}

// stuck is the action played under sticky actions of probability 0.1.
func stuck(u, last, chosen float64) float64 {
	if u < float64(float32(0.1)) {
		return last
	}
	return chosen
}

func integer(r *rand.Rand, low, high int) float64 { return float64(low + r.IntN(high-low+1)) }

func breakoutReference() reference {
	return reference{
		reset: func(u []float64) []float64 {
			s := []float64{0, 3, 1, 1, 0, 3, 4, 0, 0}
			if u[0] >= 0.5 {
				s = []float64{9, 3, -1, 1, 9, 3, 4, 0, 0}
			}
			for range 30 {
				s = append(s, 1)
			}
			return s
		},
		step: func(u, s, a []float64) move {
			x, y, vx, vy, paddle, inside := s[0], s[1], s[2], s[3], s[6], s[7]
			bricks := append([]float64(nil), s[9:]...)
			action := stuck(u[0], s[8], a[0])
			switch {
			case action == 1 && paddle > 0:
				paddle--
			case action == 2 && paddle < 9:
				paddle++
			}
			m := move{}
			newX, newY := x+vx, y+vy
			if newX < 0 || newX > 9 {
				newX = clamp(newX, 0, 9)
				vx = -vx
			}
			strike := false
			switch {
			case newY < 0:
				newY, vy = 0, -vy
			case newY >= 1 && newY <= 3 && bricks[int(newY-1)*10+int(newX)] == 1:
				strike = true
				if inside == 0 {
					m.reward = 1
					bricks[int(newY-1)*10+int(newX)] = 0
					newY, vy = y, -vy
				}
			case newY == 9:
				left := 0.0
				for _, b := range bricks {
					left += b
				}
				if left == 0 {
					for i := range bricks {
						bricks[i] = 1
					}
				}
				switch {
				case x == paddle:
					newY, vy = y, -vy
				case newX == paddle:
					newY, vx, vy = y, -vx, -vy
				default:
					m.terminated = true
				}
			}
			m.next = append([]float64{newX, newY, vx, vy, x, y, paddle, bit(strike), action}, bricks...)
			return m
		},
		observe: func(s []float64) []float64 {
			o := newScreen(4)
			o.set(9, s[6], 0)
			o.set(s[1], s[0], 1)
			o.set(s[5], s[4], 2)
			for i, b := range s[9:] {
				if b == 1 {
					o.set(float64(1+i/10), float64(i%10), 3)
				}
			}
			return o.cells
		},
		anywhere: func(r *rand.Rand) []float64 {
			sign := func() float64 { return integer(r, 0, 1)*2 - 1 }
			s := []float64{integer(r, 0, 9), integer(r, 0, 8), sign(), sign(), integer(r, 0, 9), integer(r, 0, 8), integer(r, 0, 9), integer(r, 0, 1), integer(r, 0, 2)}
			full := r.IntN(3) // none, about half, or all of them
			for range 30 {
				s = append(s, bit(r.IntN(2) < full))
			}
			return s
		},
	}
}

func freewayReference() reference {
	velocity := func(u float64) float64 {
		k := math.Min(math.Floor(float64(float32(u)*10)), 9)
		return []float64{-5, -4, -3, -2, -1, 1, 2, 3, 4, 5}[int(k)]
	}
	around := func(x float64) float64 { return math.Mod(x+10, 10) }
	sign := func(v float64) float64 { return math.Copysign(1, v) }
	type car struct{ x, timer, v float64 }
	read := func(s []float64) []car {
		cars := make([]car, 8)
		for i := range cars {
			cars[i] = car{s[3+i], s[11+i], s[19+i]}
		}
		return cars
	}
	write := func(s []float64, cars []car) []float64 {
		out := make([]float64, 27)
		copy(out, s)
		for i, c := range cars {
			out[3+i], out[11+i], out[19+i] = c.x, c.timer, c.v
		}
		return out
	}
	return reference{
		reset: func(u []float64) []float64 {
			cars := make([]car, 8)
			for i := range cars {
				v := velocity(u[i])
				cars[i] = car{0, math.Abs(v), v}
			}
			return write([]float64{9, 3, 0}, cars)
		},
		step: func(u, s, a []float64) move {
			row, wait, cars := s[0], s[1], read(s)
			action := stuck(u[0], s[2], a[0])
			m := move{}
			if wait == 0 && action == 1 {
				wait, row = 3, math.Max(0, row-1)
			} else if wait == 0 && action == 2 {
				wait, row = 3, math.Min(9, row+1)
			}
			if row == 0 {
				m.reward, row = 1, 9
				for i := range cars {
					cars[i].v = velocity(u[1+i])
					cars[i].timer = math.Abs(cars[i].v)
				}
			}
			for i := range cars {
				c := &cars[i]
				lane := float64(i + 1)
				if c.x == 4 && lane == row {
					row = 9
				}
				if c.timer > 0 {
					c.timer--
					continue
				}
				c.timer = math.Abs(c.v)
				c.x = around(c.x + sign(c.v))
				if c.x == 4 && lane == row {
					row = 9
				}
			}
			if wait > 0 {
				wait--
			}
			m.next = write([]float64{row, wait, action}, cars)
			return m
		},
		observe: func(s []float64) []float64 {
			o := newScreen(7)
			o.set(s[0], 4, 0)
			for i, c := range read(s) {
				o.set(float64(i+1), c.x, 1)
				o.set(float64(i+1), around(c.x-sign(c.v)), 1+int(math.Abs(c.v)))
			}
			return o.cells
		},
		anywhere: func(r *rand.Rand) []float64 {
			cars := make([]car, 8)
			for i := range cars {
				v := velocity(r.Float64())
				cars[i] = car{integer(r, 0, 9), integer(r, 0, int(math.Abs(v))), v}
			}
			return write([]float64{integer(r, 1, 9), integer(r, 0, 2), integer(r, 0, 2)}, cars)
		},
	}
}

func asterixReference() reference {
	type thing struct {
		present, gold bool
		x, dir        float64
	}
	read := func(s []float64) []thing {
		things := make([]thing, 8)
		for i := range things {
			if kind := s[17+i]; kind != 0 {
				things[i] = thing{true, math.Abs(kind) == 2, s[9+i], math.Copysign(1, kind)}
			}
		}
		return things
	}
	write := func(s []float64, things []thing) []float64 {
		out := make([]float64, 25)
		copy(out, s)
		for i, t := range things {
			out[9+i] = -1
			if t.present {
				out[9+i], out[17+i] = t.x, t.dir*(1+bit(t.gold))
			}
		}
		return out
	}
	return reference{
		step: func(u, s, a []float64) move {
			x, y, spawnIn, moveIn, ramp, level, every, pace := s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7]
			things := read(s)
			action := stuck(u[0], s[8], a[0])
			m := move{}
			if spawnIn == 0 {
				spawnIn = every
				var free []int
				for i, t := range things {
					if !t.present {
						free = append(free, i)
					}
				}
				if len(free) > 0 {
					t := thing{present: true, gold: u[2] < float64(float32(1.0/3)), x: 9, dir: -1}
					if u[1] < 0.5 {
						t.x, t.dir = 0, 1
					}
					things[free[int(float32(u[3])*float32(len(free)))]] = t
				}
			}
			switch action {
			case 1:
				x = math.Max(0, x-1)
			case 2:
				y = math.Max(1, y-1)
			case 3:
				x = math.Min(9, x+1)
			case 4:
				y = math.Min(8, y+1)
			}
			meet := func(i int) {
				t := &things[i]
				switch {
				case !t.present || t.x != x || float64(i+1) != y:
				case t.gold:
					t.present = false
					m.reward++
				default:
					m.terminated = true
				}
			}
			for i := range things {
				meet(i)
			}
			if moveIn == 0 {
				moveIn = pace
				for i := range things {
					t := &things[i]
					t.x += t.dir
					if t.x < 0 || t.x > 9 {
						t.present = false
					}
					meet(i)
				}
			}
			spawnIn--
			moveIn--
			if every > 1 || pace > 1 {
				if ramp >= 0 {
					ramp--
				} else {
					if pace > 1 && int(level)%2 == 1 {
						pace--
					}
					if every > 1 {
						every--
					}
					level++
					ramp = 100
				}
			}
			m.next = write([]float64{x, y, spawnIn, moveIn, ramp, level, every, pace, action}, things)
			return m
		},
		observe: func(s []float64) []float64 {
			o := newScreen(4)
			o.set(s[1], s[0], 0)
			for i, t := range read(s) {
				if !t.present {
					continue
				}
				o.set(float64(i+1), t.x, 1+2*int(bit(t.gold)))
				o.set(float64(i+1), t.x-t.dir, 2)
			}
			return o.cells
		},
		anywhere: func(r *rand.Rand) []float64 {
			things := make([]thing, 8)
			fill := r.IntN(3)
			for i := range things {
				things[i] = thing{r.IntN(2) < fill, r.IntN(3) == 0, integer(r, 0, 9), integer(r, 0, 1)*2 - 1}
			}
			every, pace := integer(r, 1, 10), integer(r, 1, 5)
			return write([]float64{integer(r, 0, 9), integer(r, 1, 8), integer(r, 0, int(every)-1), integer(r, 0, int(pace)-1), integer(r, -1, 3),
				integer(r, 0, 12), every, pace, integer(r, 0, 4)}, things)
		},
	}
}
