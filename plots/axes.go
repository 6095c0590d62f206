package plots

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/rewardlab/rewardlab/rl/eval"
)

// A Line is a labelled reference: a value that is known, or a moment when something happened.
type Line struct {
	Name string
	At   float64
}

// Axes says how a chart is laid out and what it computes. The zero value fits the data
// and draws interquartile means with 95% intervals.
type Axes struct {
	X, Y string // what the axes show, with the unit: "time (s)"

	// The ends of the axes. A pair of equal values, such as two zeros, means: from the
	// data. Data beyond them is not drawn. In Bars the values run along X.
	XMin, XMax, YMin, YMax float64

	Refs  []Line // reference values, drawn across the chart: {"random", 0.1}
	Marks []Line // moments along X of a learning curve: {"mapping flipped", 500}

	// Smooth draws the trailing mean of this many points of each run; 0 or 1 means none.
	Smooth int
	// Seeds also draws every run as a thin line.
	Seeds bool
	// Mean draws the mean over seeds instead of the interquartile mean.
	Mean bool
	// Bootstrap computes the intervals; the zero value is a good choice.
	Bootstrap eval.Bootstrap

	// Note is the small print below the chart. Empty means a sentence that says what is
	// drawn (statistic, number of seeds, interval, smoothing); "-" means none.
	Note string

	Width, Height float64 // of the figure in page pixels; 0 means 680 by 400 for curves, and as high as needed for bars
}

func (a Axes) stat() (name string, stat eval.Statistic) {
	if a.Mean {
		return "mean", eval.Mean
	}
	return "IQM", eval.IQM
}

func (a Axes) check() error {
	var errs []error
	for _, r := range []struct {
		name   string
		lo, hi float64
	}{{"X", a.XMin, a.XMax}, {"Y", a.YMin, a.YMax}} {
		if !finite(r.lo) || !finite(r.hi) || r.lo > r.hi {
			errs = append(errs, fmt.Errorf("axes: %[1]sMin is %[2]v and %[1]sMax is %[3]v: give finite numbers with %[1]sMin < %[1]sMax, or neither", r.name, r.lo, r.hi))
		}
	}
	for _, l := range slices.Concat(a.Refs, a.Marks) {
		if !finite(l.At) {
			errs = append(errs, fmt.Errorf("axes: the line %q is at %v: give it a finite place", l.Name, l.At))
		}
	}
	if a.Smooth < 0 {
		errs = append(errs, fmt.Errorf("axes: Smooth is %d: use a number of points, or 0 for none", a.Smooth))
	}
	for _, s := range []struct {
		name string
		px   float64
	}{{"Width", a.Width}, {"Height", a.Height}} {
		if s.px != 0 && !(s.px >= 200 && s.px <= 4000) {
			errs = append(errs, fmt.Errorf("axes: %s is %v pixels: use 200 to 4000, or 0 for the default", s.name, s.px))
		}
	}
	return errors.Join(errs...)
}

// span settles an axis: the ends asked for, or those of the data with some room.
func span(lo, hi, dataLo, dataHi, room float64) (float64, float64) {
	if lo != hi {
		return lo, hi
	}
	if dataLo > dataHi { // no data
		return 0, 1
	}
	if dataHi-dataLo <= 1e-12*max(math.Abs(dataLo), math.Abs(dataHi)) { // nothing but rounding
		r := max(math.Abs(dataLo)*0.1, 0.5)
		return dataLo - r, dataHi + r
	}
	r := (dataHi - dataLo) * room
	return dataLo - r, dataHi + r
}

// panel is the part of a figure where data is drawn.
type panel struct {
	rectangle
	xmin, xmax, ymin, ymax float64
}

func (f panel) x(v float64) float64 { return f.x0 + (v-f.xmin)/(f.xmax-f.xmin)*(f.x1-f.x0) }
func (f panel) y(v float64) float64 { return f.y1 - (v-f.ymin)/(f.ymax-f.ymin)*(f.y1-f.y0) }

// margin is the free space around a figure's contents.
const margin = 14

// heading wraps the title and says where the rest of the figure starts.
func heading(title string, width float64) (lines []string, bottom float64) {
	lines = titleStyle.wrap(title, width-2*margin)
	return lines, margin + float64(len(lines))*titleStyle.lineHeight() + 8
}

// footing wraps the note and says how much room it needs at the bottom.
func footing(note string, width float64) (lines []string, height float64) {
	if note == "-" || note == "" {
		return nil, margin - 4
	}
	lines = noteStyle.wrap(note, width-2*margin)
	return lines, float64(len(lines))*noteStyle.lineHeight() + margin
}

// The number of ticks keeps their labels apart.
func (f panel) xTicks() []tick { return ticks(f.xmin, f.xmax, max(2, int((f.x1-f.x0)/80))) }
func (f panel) yTicks() []tick { return ticks(f.ymin, f.ymax, max(4, int((f.y1-f.y0)/50))) }

func tickWidth(ts []tick) float64 {
	w := 0.0
	for _, t := range ts {
		w = max(w, tickStyle.width(t.label))
	}
	return math.Ceil(w)
}

// drawX draws the axis along the bottom with its ticks and label.
func (f panel) drawX(p *pen, label string, grid bool) {
	for _, t := range f.xTicks() {
		x := math.Round(f.x(t.at))
		if grid {
			p.line([]point{{x, f.y0}, {x, f.y1}}, gridInk, 1)
		}
		p.line([]point{{x, f.y1}, {x, f.y1 + 5}}, axisInk, 1)
		p.text(tickStyle, x, f.y1+14, centred, t.label)
	}
	p.line([]point{{f.x0, f.y1}, {f.x1, f.y1}}, axisInk, 1)
	p.lines(labelStyle, (f.x0+f.x1)/2, f.y1+25, centred, labelStyle.wrap(label, f.x1-f.x0))
}

// belowX is the room that drawX needs under a panel of the given width.
func belowX(label string, width float64) float64 {
	return 28 + float64(len(labelStyle.wrap(label, width)))*labelStyle.lineHeight()
}

// drawY draws the grid, tick labels and label of the vertical axis.
func (f panel) drawY(p *pen, label string) {
	ts := f.yTicks()
	for _, t := range ts {
		y := math.Round(f.y(t.at))
		p.line([]point{{f.x0, y}, {f.x1, y}}, gridInk, 1)
		p.text(tickStyle, f.x0-7, y, leftOf, t.label)
	}
	lines := labelStyle.wrap(label, f.y1-f.y0)
	for i, l := range lines {
		p.upright(labelStyle, f.x0-7-tickWidth(ts)-14-float64(len(lines)-1-i)*labelStyle.lineHeight(), (f.y0+f.y1)/2, l)
	}
}

// leftOfY is the room that drawY needs beside the panel.
func (f panel) leftOfY(label string) float64 {
	lines := labelStyle.wrap(label, f.y1-f.y0)
	return math.Ceil(tickWidth(f.yTicks()) + 7 + margin + float64(len(lines))*labelStyle.lineHeight())
}

// crossings draws dashed vertical lines with their names above the panel, in as many
// rows as it takes for the names not to touch. rows says how many that is.
func (f panel) crossings(p *pen, lines []Line) {
	rows, _ := f.stack(lines)
	nameY := func(i int) float64 { return f.y0 - 9 - float64(rows[i])*noteStyle.lineHeight() }
	for i, l := range lines {
		if l.At >= f.xmin && l.At <= f.xmax {
			x := math.Round(f.x(l.At))
			p.line([]point{{x, nameY(i) + 6}, {x, f.y1}}, faintInk, 1, 4, 3)
		}
	}
	for i, l := range lines { // last, on paper of their own: the line of a name above may pass here
		if l.At >= f.xmin && l.At <= f.xmax {
			half := noteStyle.width(l.Name) / 2
			p.rect(f.nameAt(l)-half-2, nameY(i)-6, 2*half+4, 12, paper)
			p.text(noteStyle, f.nameAt(l), nameY(i), centred, l.Name)
		}
	}
}

// nameAt is where the centre of a crossing's name goes: above its line, but inside the figure.
func (f panel) nameAt(l Line) float64 {
	half := noteStyle.width(l.Name) / 2
	return max(f.x0+half, min(f.x1-half, f.x(l.At)))
}

func (f panel) stack(lines []Line) (row []int, rows int) {
	var ends []float64 // of the rows so far
	order := make([]int, len(lines))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		if d := f.nameAt(lines[a]) - f.nameAt(lines[b]); d != 0 {
			return int(math.Copysign(1, d))
		}
		return 0
	})
	row = make([]int, len(lines))
	for _, i := range order {
		half := noteStyle.width(lines[i].Name)/2 + 4
		start := f.nameAt(lines[i]) - half
		k := slices.IndexFunc(ends, func(end float64) bool { return end <= start })
		if k < 0 {
			k = len(ends)
			ends = append(ends, 0)
		}
		ends[k], row[i] = start+2*half, k
	}
	return row, len(ends)
}

// clipLine cuts a line to the panel: what is outside is left out.
func (f panel) clipLine(pts []point) [][]point {
	var out [][]point
	var cur []point
	for i := 1; i < len(pts); i++ {
		a, b, ok := f.clipSegment(pts[i-1], pts[i])
		if !ok {
			continue
		}
		if len(cur) == 0 || cur[len(cur)-1] != a {
			if len(cur) > 1 {
				out = append(out, cur)
			}
			cur = []point{a}
		}
		cur = append(cur, b)
	}
	if len(cur) > 1 {
		out = append(out, cur)
	}
	return out
}

// clipSegment is the algorithm of Liang and Barsky.
func (f panel) clipSegment(a, b point) (point, point, bool) {
	t0, t1 := 0.0, 1.0
	dx, dy := b.x-a.x, b.y-a.y
	for _, e := range [4][2]float64{{-dx, a.x - f.x0}, {dx, f.x1 - a.x}, {-dy, a.y - f.y0}, {dy, f.y1 - a.y}} {
		switch {
		case e[0] == 0 && e[1] < 0:
			return a, b, false
		case e[0] < 0:
			t0 = max(t0, e[1]/e[0])
		case e[0] > 0:
			t1 = min(t1, e[1]/e[0])
		}
	}
	if t0 > t1 {
		return a, b, false
	}
	p, q := a, b
	if t0 > 0 {
		p = point{a.x + t0*dx, a.y + t0*dy}
	}
	if t1 < 1 {
		q = point{a.x + t1*dx, a.y + t1*dy}
	}
	return p, q, true
}
