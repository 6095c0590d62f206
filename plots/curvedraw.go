package plots

import (
	"cmp"
	"image/color"
	"math"
	"slices"
)

// stretches calls do for every longest stretch of points without a gap.
func stretches(y []float64, do func(from, to int)) {
	from := -1
	for i, v := range y {
		switch ok := finite(v); {
		case ok && from < 0:
			from = i
		case !ok && from >= 0:
			do(from, i)
			from = -1
		}
	}
	if from >= 0 {
		do(from, len(y))
	}
}

func (c curve) drawLine(p *pen, f panel, y []float64, col color.RGBA, width float64, dash []float64) {
	stretches(y, func(from, to int) {
		pts := make([]point, 0, to-from)
		for i := from; i < to; i++ {
			pts = append(pts, point{f.x(c.x[i]), f.y(y[i])})
		}
		if len(pts) == 1 { // a lone point between gaps would not be seen
			if f.contains(pts[0]) {
				p.dot(pts[0].x, pts[0].y, width*1.3, col, nil)
			}
			return
		}
		for _, part := range f.clipLine(thin(pts)) {
			p.line(part, col, width, dash...)
		}
	})
}

// thin drops points that cannot be seen: within each third of a pixel along x it keeps
// the first, the last, the lowest and the highest.
func thin(pts []point) []point {
	const column = 1.0 / 3
	if len(pts) < 4 || float64(len(pts)) < (pts[len(pts)-1].x-pts[0].x)/column {
		return pts
	}
	var out []point
	for i := 0; i < len(pts); {
		j, lo, hi := i, i, i
		for ; j < len(pts) && math.Floor(pts[j].x/column) == math.Floor(pts[i].x/column); j++ {
			if pts[j].y < pts[lo].y {
				lo = j
			}
			if pts[j].y > pts[hi].y {
				hi = j
			}
		}
		keep := []int{i, lo, hi, j - 1}
		slices.Sort(keep)
		for _, k := range slices.Compact(keep) {
			out = append(out, pts[k])
		}
		i = j
	}
	return out
}

func (c curve) drawBand(p *pen, f panel, col color.RGBA) {
	if len(c.seeds) < 2 {
		return
	}
	clamp := func(v float64) float64 { return max(f.y0, min(f.y1, f.y(v))) }
	stretches(c.points(), func(from, to int) {
		var upper, lower []point
		for i := from; i < to; i++ {
			x := f.x(c.x[i])
			if x < f.x0-1e-9 || x > f.x1+1e-9 {
				continue
			}
			upper = append(upper, point{x, clamp(c.band[i].Hi)})
			lower = append(lower, point{x, clamp(c.band[i].Lo)})
		}
		if len(upper) == 1 {
			p.line([]point{upper[0], lower[0]}, fade(col, 0.5), 2)
			return
		}
		upper, lower = thin(upper), thin(lower)
		slices.Reverse(lower)
		p.polygon(append(upper, lower...), fade(col, 0.18))
	})
}

// endLabel is a name at the right of the panel, for a series or a reference value.
type endLabel struct {
	lines []string
	style style
	at    point       // the end of what it names
	lead  color.Color // the colour of the line that leads to it
	dash  []float64
}

func endLabels(curves []curve, a Axes, f panel) []endLabel {
	room := 190.0
	if a.Width != 0 {
		room = min(room, a.Width*0.3)
	}
	var out []endLabel
	for i, c := range curves {
		if c.name == "" {
			continue
		}
		l := endLabel{style: labelStyle, lead: seriesColor(i), dash: seriesDash(i), at: point{f.xmax, math.NaN()}}
		l.style.color = readable(seriesColor(i))
		l.lines = labelStyle.wrap(c.name, room)
		for k, iv := range slices.Backward(c.band) {
			if finite(iv.Point) && c.x[k] <= f.xmax {
				l.at = point{c.x[k], max(f.ymin, min(f.ymax, iv.Point))}
				break
			}
		}
		if !math.IsNaN(l.at.y) {
			out = append(out, l)
		}
	}
	for _, r := range a.Refs {
		if r.At < f.ymin || r.At > f.ymax {
			continue
		}
		l := endLabel{style: noteStyle, lead: faintInk, at: point{f.xmax, r.At}}
		l.lines = noteStyle.wrap(r.Name+" "+value(r.At), room)
		out = append(out, l)
	}
	slices.SortStableFunc(out, func(a, b endLabel) int { return cmp.Compare(b.at.y, a.at.y) })
	return out
}

func drawEndLabels(p *pen, f panel, labels []endLabel) {
	centres, heights := make([]float64, len(labels)), make([]float64, len(labels))
	for i, l := range labels {
		centres[i] = f.y(l.at.y)
		heights[i] = float64(len(l.lines)) * l.style.lineHeight()
	}
	for i, y := range spread(centres, heights, f.y0-6, f.y1+6) {
		l := labels[i]
		x := f.x(l.at.x)
		// A curve that ends early is led along its own height to the edge first.
		if x < f.x1 {
			p.line([]point{{x, centres[i]}, {f.x1, centres[i]}}, l.lead, 1, 1, 3)
		}
		p.line([]point{{f.x1 + 3, centres[i]}, {f.x1 + 21, y}}, l.lead, 1.2, l.dash...)
		p.lines(l.style, f.x1+25, y-heights[i]/2, rightOf, l.lines)
	}
}
