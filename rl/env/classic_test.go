package env

import (
	"math"
	"math/rand/v2"
)

func clamp(x, low, high float64) float64 { return math.Max(low, math.Min(high, x)) }

// turned brings an angle to [-pi, pi).
func turned(x float64) float64 {
	x = math.Mod(x+math.Pi, 2*math.Pi)
	if x < 0 {
		x += 2 * math.Pi
	}
	return x - math.Pi
}

func pendulumReference() reference {
	return reference{
		reset: func(u []float64) []float64 { return []float64{-math.Pi + 2*math.Pi*u[0], -1 + 2*u[1]} },
		step: func(_, s, a []float64) move {
			const g, m, l, dt = 10.0, 1.0, 1.0, 0.05
			th := turned(s[0])
			cost := th*th + 0.1*s[1]*s[1] + 0.001*a[0]*a[0]
			v := clamp(s[1]+(3*g/(2*l)*math.Sin(s[0])+3/(m*l*l)*a[0])*dt, -8, 8)
			return move{next: []float64{s[0] + v*dt, v}, reward: -cost, close: near(math.Abs(th), math.Pi)}
		},
		observe:   func(s []float64) []float64 { return []float64{math.Cos(s[0]), math.Sin(s[0]), s[1]} },
		anywhere:  func(r *rand.Rand) []float64 { return uniform(r, -12, 12, -8, 8) },
		tolerance: 1e-5,
	}
}

func mountainCarReference() reference {
	return reference{
		reset: func(u []float64) []float64 { return []float64{-0.6 + 0.2*u[0], 0} },
		step: func(_, s, a []float64) move {
			v := clamp(s[1]+0.001*(a[0]-1)-0.0025*math.Cos(3*s[0]), -0.07, 0.07)
			p := clamp(s[0]+v, -1.2, 0.6)
			if p == -1.2 && v < 0 {
				v = 0
			}
			return move{next: []float64{p, v}, reward: -1, terminated: p >= 0.5, close: near(p, 0.5)}
		},
		observe:   itself,
		anywhere:  func(r *rand.Rand) []float64 { return uniform(r, -1.199, 0.499, -0.07, 0.07) },
		tolerance: 1e-6,
	}
}

func acrobotReference() reference {
	// The equations as Sutton and Barto print them, parameter by parameter.
	const m1, m2, l1, lc1, lc2, i1, i2, g = 1.0, 1.0, 1.0, 0.5, 0.5, 1.0, 1.0, 9.8
	flow := func(y [4]float64, tau float64) [4]float64 {
		th1, th2, w1, w2 := y[0], y[1], y[2], y[3]
		d1 := m1*lc1*lc1 + m2*(l1*l1+lc2*lc2+2*l1*lc2*math.Cos(th2)) + i1 + i2
		d2 := m2*(lc2*lc2+l1*lc2*math.Cos(th2)) + i2
		phi2 := m2 * lc2 * g * math.Cos(th1+th2-math.Pi/2)
		phi1 := -m2*l1*lc2*w2*w2*math.Sin(th2) - 2*m2*l1*lc2*w2*w1*math.Sin(th2) + (m1*lc1+m2*l1)*g*math.Cos(th1-math.Pi/2) + phi2
		acc2 := (tau + d2/d1*phi1 - m2*l1*lc2*w1*w1*math.Sin(th2) - phi2) / (m2*lc2*lc2 + i2 - d2*d2/d1)
		return [4]float64{w1, w2, -(d2*acc2 + phi1) / d1, acc2}
	}
	shift := func(y, k [4]float64, h float64) [4]float64 {
		for i := range y {
			y[i] += h * k[i]
		}
		return y
	}
	return reference{
		reset: func(u []float64) []float64 {
			s := make([]float64, 4)
			for i := range s {
				s[i] = -0.1 + 0.2*u[i]
			}
			return s
		},
		step: func(_, s, a []float64) move {
			y, tau := [4]float64(s), a[0]-1
			k1 := flow(y, tau)
			k2 := flow(shift(y, k1, 0.1), tau)
			k3 := flow(shift(y, k2, 0.1), tau)
			k4 := flow(shift(y, k3, 0.2), tau)
			for i := range y {
				y[i] += 0.2 / 6 * (k1[i] + 2*k2[i] + 2*k3[i] + k4[i])
			}
			th1, th2 := turned(y[0]), turned(y[1])
			tip := -math.Cos(th1) - math.Cos(th1+th2)
			m := move{next: []float64{th1, th2, clamp(y[2], -4*math.Pi, 4*math.Pi), clamp(y[3], -9*math.Pi, 9*math.Pi)}}
			m.terminated = tip > 1
			m.reward = bit(m.terminated) - 1
			m.close = math.Abs(tip-1) < 1e-3
			return m
		},
		observe: func(s []float64) []float64 {
			return []float64{math.Cos(s[0]), math.Sin(s[0]), math.Cos(s[1]), math.Sin(s[1]), s[2], s[3]}
		},
		anywhere: func(r *rand.Rand) []float64 {
			return uniform(r, -2.5, 2.5, -2, 2, -3, 3, -3, 3) // away from the seam at pi, which rounding crosses
		},
		tolerance: 2e-4,
	}
}
