package env

import (
	"math"
	"math/rand/v2"
)

func hallwayReference() reference {
	return reference{
		reset: func(u []float64) []float64 {
			at, goal := math.Floor(u[0]*25), math.Floor(u[1]*24)
			if goal >= at {
				goal++
			}
			return []float64{at, goal}
		},
		step: func(_, s, a []float64) move {
			at := s[0]
			switch {
			case a[0] == 0 && at > 0:
				at--
			case a[0] == 1 && at < 24:
				at++
			}
			return move{next: []float64{at, s[1]}, reward: bit(at == s[1]), terminated: at == s[1]}
		},
		observe: func(s []float64) []float64 {
			x := make([]float64, 50)
			x[int(s[0])], x[25+int(s[1])] = 1, 1
			return x
		},
		anywhere: func(r *rand.Rand) []float64 { return []float64{float64(r.IntN(25)), float64(r.IntN(25))} },
	}
}
