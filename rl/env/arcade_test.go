package env

import (
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
				}
				bricks[int(newY-1)*10+int(newX)] = 0
				newY, vy = y, -vy
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
