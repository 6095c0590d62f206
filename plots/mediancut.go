package plots

import (
	"cmp"
	"image"
	"image/color"
	"slices"
)

// bestPalette chooses up to 256 colours for the frames: their own if they have no more,
// and otherwise those of Heckbert's median cut (1982), from up to 32 frames spread over
// the film.
func bestPalette(frames []*image.RGBA) color.Palette {
	count := map[color.RGBA]int{}
	step := max(1, (len(frames)+31)/32)
	for i := 0; i < len(frames); i += step {
		countColors(frames[i], count)
	}
	if last := len(frames) - 1; last%step != 0 {
		countColors(frames[last], count)
	}
	all := make([]tone, 0, len(count))
	for c, n := range count {
		all = append(all, tone{[3]uint8{c.R, c.G, c.B}, n})
	}
	// Maps come in any order; the palette must not.
	slices.SortFunc(all, func(a, b tone) int { return slices.Compare(a.c[:], b.c[:]) })

	boxes := [][]tone{all}
	if len(all) <= 256 {
		boxes = boxes[:0]
		for i := range all {
			boxes = append(boxes, all[i:i+1])
		}
	}
	for len(boxes) < 256 {
		best, bestSize, bestAxis := -1, 0, 0
		for i, b := range boxes {
			if axis, size := widest(b); size > bestSize {
				best, bestSize, bestAxis = i, size, axis
			}
		}
		if best < 0 {
			break
		}
		b := boxes[best]
		slices.SortStableFunc(b, func(x, y tone) int { return cmp.Compare(x.c[bestAxis], y.c[bestAxis]) })
		total, half, cut := 0, 0, 1
		for _, t := range b {
			total += t.n
		}
		for i, t := range b[:len(b)-1] {
			if half += t.n; 2*half >= total || i == len(b)-2 {
				cut = i + 1
				break
			}
		}
		boxes[best] = b[:cut]
		boxes = append(boxes, b[cut:])
	}
	out := make(color.Palette, 0, len(boxes))
	for _, b := range boxes {
		out = append(out, average(b))
	}
	return out
}

type tone struct {
	c [3]uint8
	n int
}

func countColors(img *image.RGBA, count map[color.RGBA]int) {
	for i := 0; i < len(img.Pix); i += 4 {
		count[color.RGBA{img.Pix[i], img.Pix[i+1], img.Pix[i+2], 255}]++
	}
}

// widest finds the channel along which a box is longest; green, which the eye sees
// best, counts more.
func widest(b []tone) (axis, size int) {
	for ch, weight := range [3]int{3, 5, 2} {
		lo, hi := uint8(255), uint8(0)
		for _, t := range b {
			lo, hi = min(lo, t.c[ch]), max(hi, t.c[ch])
		}
		if hi > lo && weight*int(hi-lo) > size {
			axis, size = ch, weight*int(hi-lo)
		}
	}
	return axis, size
}

func average(b []tone) color.RGBA {
	var sum [3]int
	n := 0
	for _, t := range b {
		for ch := range sum {
			sum[ch] += int(t.c[ch]) * t.n
		}
		n += t.n
	}
	return color.RGBA{uint8((sum[0] + n/2) / n), uint8((sum[1] + n/2) / n), uint8((sum[2] + n/2) / n), 255}
}
