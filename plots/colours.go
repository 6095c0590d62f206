package plots

import (
	"image/color"
	"math"
)

func rgb(hex uint32) color.RGBA {
	return color.RGBA{R: uint8(hex >> 16), G: uint8(hex >> 8), B: uint8(hex), A: 255}
}

// Figures stand on white paper of their own, which reads well on a dark page too.
var (
	paper    = rgb(0xffffff)
	ink      = rgb(0x222222)
	faintInk = rgb(0x555555)
	axisInk  = rgb(0x888888)
	gridInk  = rgb(0xe4e4e4)
	wrongInk = rgb(0xd55e00)
)

// palette holds the colours of Okabe and Ito ("Color Universal Design", 2008), which
// people with any of the common colour deficiencies can tell apart. The dark ones come
// first and yellow last, since thin lines need contrast with white.
var palette = [...]color.RGBA{
	rgb(0x0072b2), // blue
	rgb(0xd55e00), // vermillion
	rgb(0x009e73), // bluish green
	rgb(0xcc79a7), // reddish purple
	rgb(0xe69f00), // orange
	rgb(0x56b4e9), // sky blue
	rgb(0x000000), // black
	rgb(0xf0e442), // yellow
}

// Palette returns the colours of the first n series of a chart, in order; they repeat
// after eight.
func Palette(n int) []color.Color {
	out := make([]color.Color, n)
	for i := range out {
		out[i] = seriesColor(i)
	}
	return out
}

func seriesColor(i int) color.RGBA { return palette[i%len(palette)] }

// seriesDash keeps series apart whose colours repeat.
func seriesDash(i int) []float64 {
	return [][]float64{nil, {7, 3}, {2, 2.5}, {9, 3, 2, 3}}[i/len(palette)%4]
}

// readable darkens a colour until text in it can be read on white.
func readable(c color.RGBA) color.RGBA {
	for luminance(c) > 0.25 {
		c = mix(c, rgb(0), 0.15)
	}
	return c
}

// luminance is the relative luminance of WCAG 2, from 0 (black) to 1 (white).
func luminance(c color.RGBA) float64 {
	lin := func(v uint8) float64 {
		x := float64(v) / 255
		if x <= 0.04045 {
			return x / 12.92
		}
		return math.Pow((x+0.055)/1.055, 2.4)
	}
	return 0.2126*lin(c.R) + 0.7152*lin(c.G) + 0.0722*lin(c.B)
}

// mix goes from a to b as t goes from 0 to 1.
func mix(a, b color.RGBA, t float64) color.RGBA {
	m := func(x, y uint8) uint8 { return uint8(math.Round(float64(x) + t*(float64(y)-float64(x)))) }
	return color.RGBA{m(a.R, b.R), m(a.G, b.G), m(a.B, b.B), 255}
}

// fade makes a colour translucent.
func fade(c color.RGBA, alpha float64) color.NRGBA {
	return color.NRGBA{c.R, c.G, c.B, uint8(math.Round(255 * alpha))}
}

// A Scale says how the numbers of an image or a heat map become colours. The zero value
// runs from the smallest value (white) to the largest (dark).
type Scale struct {
	// Diverging gives zero white, positive values red and negative values blue, with
	// equal strength for equal size: for weights, and for differences.
	Diverging bool
	// Min and Max are the ends of the scale; values beyond them get the colour of the
	// end. Equal (as in the zero value) means: from the data, over all images together.
	// A diverging scale is made symmetric about zero.
	Min, Max float64
	// Label is written at the colour bar. Without it, images have no bar unless they
	// are Diverging; a diverging scale always has one.
	Label string
}

var (
	greys  = []color.RGBA{rgb(0xffffff), rgb(0x000000)}
	blues  = []color.RGBA{rgb(0xf7fbff), rgb(0xdeebf7), rgb(0xc6dbef), rgb(0x9ecae1), rgb(0x6baed6), rgb(0x4292c6), rgb(0x2171b5), rgb(0x08519c), rgb(0x08306b)}
	redToB = []color.RGBA{rgb(0x053061), rgb(0x2166ac), rgb(0x4393c3), rgb(0x92c5de), rgb(0xd1e5f0), rgb(0xffffff), rgb(0xfddbc7), rgb(0xf4a582), rgb(0xd6604d), rgb(0xb2182b), rgb(0x67001f)}
	noData = rgb(0xd9d9d9)
)

// ramp is a Scale with its ends settled.
type ramp struct {
	stops    []color.RGBA
	min, max float64
}

// fit settles the ends of the scale over all finite values.
func (s Scale) fit(stops []color.RGBA, values ...[]float64) ramp {
	lo, hi := s.Min, s.Max
	if lo == hi {
		lo, hi = math.Inf(1), math.Inf(-1)
		for _, row := range values {
			for _, v := range row {
				if finite(v) {
					lo, hi = min(lo, v), max(hi, v)
				}
			}
		}
	}
	if lo > hi { // there are no finite values
		lo, hi = 0, 1
	}
	if s.Diverging {
		stops = redToB
		hi = max(math.Abs(lo), math.Abs(hi))
		lo = -hi
	}
	if lo == hi {
		hi = lo + 1
	}
	return ramp{stops, lo, hi}
}

func (r ramp) color(v float64) color.RGBA {
	if math.IsNaN(v) {
		return noData
	}
	t := max(0, min(1, (v-r.min)/(r.max-r.min))) * float64(len(r.stops)-1)
	i := min(int(t), len(r.stops)-2)
	return mix(r.stops[i], r.stops[i+1], t-float64(i))
}

// ticks labels a colour bar of the given height: round numbers, or the ends and the
// middle where there is no room for three round ones.
func (r ramp) ticks(height float64) []tick {
	if ts := ticks(r.min, r.max, max(2, int(height/35))); len(ts) >= 3 {
		return ts
	}
	mid := (r.min + r.max) / 2
	return []tick{{r.min, value(r.min)}, {mid, value(mid)}, {r.max, value(r.max)}}
}

// bar draws the colour bar, from low at the bottom to high at the top, with its ticks
// and label on the right. It needs barWidth from box.x0 on.
func (r ramp) bar(p *pen, box rectangle, label string) {
	n := int(box.y1 - box.y0)
	for i := range n {
		t := (float64(i) + 0.5) / float64(n)
		p.rect(box.x0, box.y0+float64(i), box.x1-box.x0, 1.5, r.color(r.max-t*(r.max-r.min)))
	}
	p.frame(box, axisInk, 1)
	ts := r.ticks(box.y1 - box.y0)
	for _, t := range ts {
		y := box.y1 - (t.at-r.min)/(r.max-r.min)*(box.y1-box.y0)
		p.line([]point{{box.x1, y}, {box.x1 + 4, y}}, axisInk, 1)
		p.text(tickStyle, box.x1+7, y, rightOf, t.label)
	}
	if label != "" {
		p.upright(tickStyle, box.x1+7+tickWidth(ts)+12, (box.y0+box.y1)/2, label)
	}
}

// barWidth is the room for a bar of twelve pixels with its ticks and label, whatever its height.
func (r ramp) barWidth(label string) float64 {
	w := 12 + 7 + max(tickWidth(r.ticks(60)), tickWidth(r.ticks(150)), tickWidth(r.ticks(260)))
	if label != "" {
		w += 20
	}
	return w
}

// finite is false for NaN, infinities, and numbers so large that differences overflow.
func finite(v float64) bool { return math.Abs(v) < 1e300 }
