package plots

import (
	"math"
	"strconv"
	"strings"
)

type tick struct {
	at    float64
	label string
}

// ticks returns about n ticks at round numbers (steps of 1, 2 or 5 times a power of
// ten) from lo to hi, both included where they are round.
func ticks(lo, hi float64, n int) []tick {
	if !(hi > lo) || n < 1 {
		return nil
	}
	raw := (hi - lo) / float64(n)
	step := math.Pow(10, math.Floor(math.Log10(raw)))
	switch f := raw / step; {
	case f > 7.07:
		step *= 10
	case f > 3.16:
		step *= 5
	case f > 1.41:
		step *= 2
	}
	const slack = 1e-9
	var out []tick
	first := math.Ceil(lo/step - slack)
	for k := range 4 * n { // a bound, for ranges so narrow that adding a step changes nothing
		v := (first + float64(k)) * step
		if v > hi+slack*step {
			break
		}
		out = append(out, tick{v, number(v, step)})
	}
	return out
}

// number prints a multiple of step: 0.2, 500, 1.5k, 20k, 3M. All ticks of an axis
// below a thousand get the same number of decimals.
func number(v, step float64) string {
	unit, suffix := 1.0, ""
	switch a := math.Abs(v) * (1 + 1e-12); {
	case a >= 1e15 || (step < 1e-5 && a > 0):
		return minus(strconv.FormatFloat(v, 'g', 3, 64))
	case a >= 1e12:
		unit, suffix = 1e12, "T"
	case a >= 1e9:
		unit, suffix = 1e9, "G"
	case a >= 1e6:
		unit, suffix = 1e6, "M"
	case a >= 1e3:
		unit, suffix = 1e3, "k"
	}
	decimals := max(0, int(math.Ceil(-math.Log10(step/unit)-1e-9)))
	s := strconv.FormatFloat(v/unit, 'f', decimals, 64)
	if suffix != "" && strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return minus(s + suffix)
}

// minus writes a proper minus sign, and no negative zero.
func minus(s string) string {
	if strings.Trim(s, "-0.") == "" {
		s = strings.TrimPrefix(s, "-")
	}
	return strings.ReplaceAll(s, "-", "−")
}

// value prints a measured value with three significant digits or so.
func value(v float64) string {
	switch a := math.Abs(v); {
	case v == 0:
		return "0"
	case a >= 1e6 || a < 1e-4:
		return minus(strconv.FormatFloat(v, 'g', 3, 64))
	case a >= 1000:
		return minus(strconv.FormatFloat(v, 'f', 0, 64))
	case a >= 100:
		return minus(strconv.FormatFloat(v, 'f', 1, 64))
	case a >= 10:
		return minus(strconv.FormatFloat(v, 'f', 2, 64))
	}
	return minus(strconv.FormatFloat(v, 'f', 3, 64))
}

// spread moves the centres of labels apart until none overlaps another, keeping their
// order and moving them as little as possible (least squares), within [lo, hi] if they
// fit at all. Centres must be sorted; heights are the labels' own.
func spread(centres, heights []float64, lo, hi float64) []float64 {
	// Take off the room that the labels before each one need; what remains must not
	// decrease, and pooling neighbours that do is the least-squares answer.
	type block struct {
		sum float64
		n   int
	}
	var blocks []block
	used := make([]float64, len(centres))
	total := 0.0
	for i, h := range heights {
		used[i] = total + h/2
		total += h
		blocks = append(blocks, block{centres[i] - used[i], 1})
		for k := len(blocks) - 1; k > 0 && blocks[k].sum/float64(blocks[k].n) < blocks[k-1].sum/float64(blocks[k-1].n); k-- {
			blocks[k-1].sum += blocks[k].sum
			blocks[k-1].n += blocks[k].n
			blocks = blocks[:k]
		}
	}
	out := make([]float64, 0, len(centres))
	for _, b := range blocks {
		offset := max(lo, min(hi-total, b.sum/float64(b.n)))
		for range b.n {
			out = append(out, offset+used[len(out)])
		}
	}
	return out
}
