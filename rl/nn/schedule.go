package nn

import (
	"math"

	. "github.com/gomlx/gomlx/core/graph"
)

// A schedule is a number that changes with progress, a float32 scalar node from 0, the beginning of training, to 1, its end. It goes
// into Adam.Rate, or wherever a coefficient anneals.

// Anneal goes from one value to another in a straight line.
func Anneal(progress *Node, from, to float64) *Node {
	return AddScalar(MulScalar(progress, to-from), from)
}

// Cosine goes from one value to another along half a wave: slowly, fast, slowly (Loshchilov and Hutter 2017, without restarts).
func Cosine(progress *Node, from, to float64) *Node {
	return AddScalar(MulScalar(AddScalar(Cos(MulScalar(progress, math.Pi)), 1), (from-to)/2), to)
}
