package active

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/rewardlab/rewardlab/rl/env"
	"github.com/rewardlab/rewardlab/rl/run"
)

// truth is what the human of a seed wants.
func (c *Config) truth(seed int64) [features]float64 {
	if c.Truth == "published" {
		return env.DrivingWeights()
	}
	r := rand.New(rand.NewPCG(uint64(run.Stream(seed, "truth")), 1))
	var w [features]float64
	var norm float64
	for i := range w {
		w[i] = r.NormFloat64()
		norm += w[i] * w[i]
	}
	for i := range w {
		w[i] /= math.Sqrt(norm)
	}
	return w
}

// answer is what the human says about clips whose features are phi apart: 1, -1 or 0.
func (c *Config) answer(r *rand.Rand, w [features]float64, phi []float32) float32 {
	var d float64
	for i, x := range phi {
		d += w[i] * float64(x)
	}
	sigmoid := func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
	first, second := sigmoid(d-c.Tie), sigmoid(-d-c.Tie)
	if c.Human == "certain" {
		first, second = 0, 0
		if d > c.Tie {
			first = 1
		} else if d < -c.Tie || c.Tie == 0 {
			second = 1
		}
	}
	switch u := r.Float64(); {
	case u < first:
		return 1
	case u < first+second || c.Tie == 0:
		return -1
	}
	return 0
}

// unalike picks n of the queries, among those that score best: of the best 4 n, again and again the lower-scored one of the two that are most alike goes
// (successive elimination, Biyik and Sadigh 2018). It returns their numbers, the best first.
func unalike(score []float32, phi [][]float32, n int) []int {
	order := make([]int, len(score))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case score[a] > score[b]:
			return -1
		case score[a] < score[b]:
			return 1
		}
		return 0
	})
	order = order[:min(4*n, len(order))]
	// Which clip is the first does not matter, so a query is as far from another as from its mirror image.
	apart := func(a, b []float32) float64 {
		var plus, minus float64
		for i := range a {
			plus += math.Pow(float64(a[i]-b[i]), 2)
			minus += math.Pow(float64(a[i]+b[i]), 2)
		}
		return min(plus, minus)
	}
	for len(order) > n {
		worst, least := len(order)-1, math.Inf(1)
		for i := range order {
			for j := i + 1; j < len(order); j++ { // j scores lower
				if d := apart(phi[order[i]], phi[order[j]]); d < least {
					worst, least = j, d
				}
			}
		}
		order = slices.Delete(order, worst, worst+1)
	}
	return order
}

// cosine of the angle between a and w.
func cosine(a []float32, w [features]float64) float64 {
	var dot, aa, ww float64
	for i, x := range a {
		dot += float64(x) * w[i]
		aa += float64(x) * float64(x)
		ww += w[i] * w[i]
	}
	if aa == 0 {
		return 0
	}
	return dot / math.Sqrt(aa*ww)
}
