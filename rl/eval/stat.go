package eval

import (
	"fmt"
	"math"
	"slices"
)

// A Statistic reduces the scores of all runs of all tasks, pooled, to one number.
// It must not depend on their order and must not change them. The bootstrap calls
// it with scores in ascending order. [Mean], [IQM] and [Median] are statistics, and
// [OptimalityGap] makes one.
type Statistic func(scores []float64) float64

// Mean is the arithmetic mean; NaN for no scores.
func Mean(scores []float64) float64 {
	sum := 0.0
	for _, x := range scores {
		sum += x
	}
	return sum / float64(len(scores))
}

// IQM is the interquartile mean: the mean of what is left when the lowest and the
// highest quarter of the scores are put aside. As in SciPy's trim_mean(scores, 0.25),
// which rliable uses, floor(n/4) scores are dropped at each end, so with fewer than
// four scores it is the plain mean. NaN for no scores.
func IQM(scores []float64) float64 {
	s := ascending(scores)
	cut := len(s) / 4
	return Mean(s[cut : len(s)-cut])
}

// Median is the middle score, or the mean of the middle two; NaN for no scores.
func Median(scores []float64) float64 {
	n := len(scores)
	if n == 0 {
		return math.NaN()
	}
	s := ascending(scores)
	return (s[(n-1)/2] + s[n/2]) / 2
}

// OptimalityGap is the mean shortfall below target, for example below an expert's
// normalised score of 1. Scores above the target count as reaching it, so a run
// that is far better than needed cannot hide one that fails. Lower is better.
func OptimalityGap(target float64) Statistic {
	return func(scores []float64) float64 {
		sum := 0.0
		for _, x := range scores {
			sum += max(0, target-x)
		}
		return sum / float64(len(scores))
	}
}

// Smooth returns the trailing mean of y: out[i] is the mean of the last window
// values up to and including y[i]. The first window-1 points average what there is
// so far, so nothing is lost and nothing looks into the future. A window of 0 or 1
// copies y. A NaN spoils only the windows that contain it.
func Smooth(y []float64, window int) []float64 {
	out := make([]float64, len(y))
	if window <= 1 {
		copy(out, y)
		return out
	}
	// A running sum would carry a NaN, and rounding, on for ever; it is only used
	// within one window's length and then summed afresh.
	sum, fresh := 0.0, 0
	for i := range y {
		lo := max(0, i-window+1)
		if fresh == 0 || math.IsNaN(sum) || math.IsInf(sum, 0) {
			sum, fresh = 0, window
			for _, v := range y[lo : i+1] {
				sum += v
			}
		} else {
			sum += y[i]
			if lo > 0 {
				sum -= y[lo-1]
			}
			fresh--
		}
		out[i] = sum / float64(i+1-lo)
	}
	return out
}

// ascending returns the scores sorted, without copying those that are sorted already:
// the bootstrap's inner loop relies on that.
func ascending(scores []float64) []float64 {
	if slices.IsSorted(scores) {
		return scores
	}
	s := slices.Clone(scores)
	slices.Sort(s)
	return s
}

// Interval is an estimate and the range that the bootstrap gives it.
// Lo <= Point <= Hi always holds, see [Bootstrap].
type Interval struct {
	Point, Lo, Hi float64
}

// String prints "0.7168 [0.7021, 0.7302]", four significant digits of each.
func (iv Interval) String() string {
	return fmt.Sprintf("%#.4g [%#.4g, %#.4g]", iv.Point, iv.Lo, iv.Hi)
}
