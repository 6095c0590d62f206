package env

import (
	"math"
	"math/rand/v2"
)

func cartPoleReference(fixed bool) reference {
	return reference{
		reset: func(u []float64) []float64 {
			s := make([]float64, 4)
			for i := range s {
				s[i] = -0.05 + 0.1*u[i]
			}
			return s
		},
		step: func(_, s, a []float64) move {
			const massOfPole, total, half, dt = 0.1, 1.1, 0.5, 0.02
			force := -10.0
			if a[0] == 1 {
				force = 10
			}
			x, v, th, w := s[0], s[1], s[2], s[3]
			sin, cos := math.Sincos(th)
			tmp := (force + massOfPole*half*w*w*sin) / total
			wdot := (9.8*sin - cos*tmp) / (half * (4.0/3 - massOfPole*cos*cos/total))
			vdot := tmp - massOfPole*half*wdot*cos/total
			next := []float64{x + dt*v, v + dt*vdot, th + dt*w, w + dt*wdot}
			tilt := 12 * math.Pi / 180
			out := math.Abs(next[0]) > 2.4 || math.Abs(next[2]) > tilt
			m := move{next: next, reward: 1, terminated: out, close: near(math.Abs(next[0]), 2.4) || near(math.Abs(next[2]), tilt)}
			if fixed {
				m.reward, m.terminated = bit(!out), false
			}
			return m
		},
		observe:   itself,
		anywhere:  func(r *rand.Rand) []float64 { return uniform(r, -2.5, 2.5, -3, 3, -0.25, 0.25, -3, 3) },
		tolerance: 1e-5,
	}
}

// uniform draws one number from each pair of bounds.
func uniform(r *rand.Rand, bounds ...float64) []float64 {
	out := make([]float64, len(bounds)/2)
	for i := range out {
		out[i] = float64(float32(bounds[2*i] + r.Float64()*(bounds[2*i+1]-bounds[2*i])))
	}
	return out
}
