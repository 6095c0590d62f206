package plots

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/rewardlab/rewardlab/rl/eval"
)

// Series is one method in a learning curve.
type Series struct {
	Name string
	X    []float64   // where the points are, ascending; nil means 1, 2, 3, ...
	Runs [][]float64 // [seeds][points], each as long as X
}

// One is a series of a single run at 1, 2, 3, ...
func One(name string, y []float64) Series { return Series{Name: name, Runs: [][]float64{y}} }

// Curves draws learning curves: for every series the interquartile mean over its seeds
// and the band of its pointwise 95% bootstrap intervals, named at the line's end. With
// one seed there is no band, and the small print says so.
//
// A NaN or an infinity in any run of a series leaves a gap in that series there (with
// smoothing, as long as the window touches it), since a mean over the surviving seeds
// would flatter the method. A series without any finite point is an error.
func Curves(title string, series []Series, a Axes) Figure {
	lines, err := curveLines(series, a)
	if err != nil {
		return failed(fmt.Errorf("curves %q: %w", title, err))
	}
	if a.Note == "" {
		a.Note = curveNote(series, a)
	}
	return drawCurves(title, lines, a)
}

// curve is a series made ready to draw. Gaps are points with a NaN Point.
type curve struct {
	name  string
	x     []float64
	band  []eval.Interval
	seeds [][]float64
}

func curveLines(series []Series, a Axes) ([]curve, error) {
	if err := a.check(); err != nil {
		return nil, err
	}
	if len(series) == 0 {
		return nil, errors.New("there are no series: give at least one with one run")
	}
	var out []curve
	var errs []error
	for i, s := range series {
		c, err := s.curve(a)
		if err != nil {
			errs = append(errs, fmt.Errorf("series %d %q: %w", i, s.Name, err))
		}
		out = append(out, c)
	}
	return out, errors.Join(errs...)
}

func (s Series) curve(a Axes) (curve, error) {
	if len(s.Runs) == 0 || len(s.Runs[0]) == 0 {
		return curve{}, errors.New("it is empty: give at least one run with one point")
	}
	n := len(s.Runs[0])
	x := s.X
	if x == nil {
		x = make([]float64, n)
		for i := range x {
			x[i] = float64(i + 1)
		}
	}
	for i, v := range x {
		if !finite(v) || i > 0 && v <= x[i-1] {
			return curve{}, fmt.Errorf("X[%d] is %v: X must be finite and ascending", i, v)
		}
	}
	smooth := make([][]float64, len(s.Runs))
	for r, run := range s.Runs {
		if len(run) != len(x) {
			return curve{}, fmt.Errorf("run %d has %d points and there are %d places on X: cut them to the same length", r, len(run), len(x))
		}
		smooth[r] = eval.Smooth(run, a.Smooth)
	}

	// Intervals are worked out over the points where every seed has a value.
	var whole []int
	for p := range x {
		if !slices.ContainsFunc(smooth, func(run []float64) bool { return !finite(run[p]) }) {
			whole = append(whole, p)
		}
	}
	if len(whole) == 0 {
		return curve{}, errors.New("no point is finite in all runs: look for the step where the run broke")
	}
	dense := make([][]float64, len(smooth))
	for r := range dense {
		for _, p := range whole {
			dense[r] = append(dense[r], smooth[r][p])
		}
	}
	_, stat := a.stat()
	found, err := a.Bootstrap.Curve(s.Name, dense, stat)
	if err != nil {
		return curve{}, err
	}
	nan := math.NaN()
	band := slices.Repeat([]eval.Interval{{Point: nan, Lo: nan, Hi: nan}}, len(x))
	for i, p := range whole {
		band[p] = found[i]
	}
	return curve{name: s.Name, x: x, band: band, seeds: smooth}, nil
}

func curveNote(series []Series, a Axes) string {
	name, _ := a.stat()
	lo, hi := math.MaxInt, 0
	for _, s := range series {
		lo, hi = min(lo, len(s.Runs)), max(hi, len(s.Runs))
	}
	var parts []string
	level := a.Bootstrap.Level
	if level == 0 {
		level = 0.95
	}
	switch {
	case hi == 1:
		parts = append(parts, "One seed each: no intervals")
	case lo == hi:
		parts = append(parts, fmt.Sprintf("Line: %s of %d seeds", name, hi), fmt.Sprintf("band: %g%% bootstrap interval", 100*level))
	default:
		parts = append(parts, fmt.Sprintf("Line: %s of %d to %d seeds", name, lo, hi), fmt.Sprintf("band: %g%% bootstrap interval", 100*level))
	}
	if a.Seeds && hi > 1 {
		parts = append(parts, "thin lines: seeds")
	}
	if a.Smooth > 1 {
		parts = append(parts, fmt.Sprintf("trailing mean of %d points", a.Smooth))
	}
	return strings.Join(parts, "; ") + "."
}

func drawCurves(title string, curves []curve, a Axes) Figure {
	w, h := a.Width, a.Height
	if w == 0 {
		w = 680
	}
	if h == 0 {
		h = 400
	}
	xlo, xhi, ylo, yhi := math.Inf(1), math.Inf(-1), math.Inf(1), math.Inf(-1)
	for _, c := range curves {
		for i, iv := range c.band {
			// An x without a value still belongs to the axis: the run got that far.
			xlo, xhi = min(xlo, c.x[i]), max(xhi, c.x[i])
			if finite(iv.Point) {
				ylo, yhi = min(ylo, iv.Lo), max(yhi, iv.Hi)
			}
		}
		if a.Seeds {
			for _, run := range c.seeds {
				for _, v := range run {
					if finite(v) {
						ylo, yhi = min(ylo, v), max(yhi, v)
					}
				}
			}
		}
	}
	for _, r := range a.Refs {
		ylo, yhi = min(ylo, r.At), max(yhi, r.At)
	}
	var f panel
	f.xmin, f.xmax = span(a.XMin, a.XMax, xlo, xhi, 0)
	f.ymin, f.ymax = span(a.YMin, a.YMax, ylo, yhi, 0.05)

	titleLines, top := heading(title, w)
	noteLines, foot := footing(a.Note, w)
	labels := endLabels(curves, a, f)
	right, need := float64(margin), 0.0
	for _, l := range labels {
		right = max(right, l.style.widest(l.lines)+30+margin)
		need += float64(len(l.lines)) * l.style.lineHeight()
	}
	f.x1 = w - math.Ceil(right)
	f.y0 = top + 8
	// The room that each side needs depends on the other sides; two rounds settle it.
	y0 := f.y0
	f.x0 = 60
	for range 2 {
		_, rows := f.stack(a.Marks)
		f.y0 = y0 + float64(rows)*noteStyle.lineHeight()
		f.y1 = h - foot - belowX(a.X, f.x1-f.x0)
		if grow := max(need, 60) - (f.y1 - f.y0); grow > 0 { // many names need a higher figure
			h += math.Ceil(grow)
			f.y1 += math.Ceil(grow)
		}
		f.x0 = f.leftOfY(a.Y)
	}
	if f.x1-f.x0 < 80 {
		return failed(fmt.Errorf("curves %q: %.0f pixels leave no room beside the names: use shorter names or a larger Width", title, w))
	}
	draw := func(p *pen) {
		p.rect(0, 0, w, h, paper)
		p.lines(titleStyle, margin, margin-2, rightOf, titleLines)
		p.lines(noteStyle, margin, h-foot+4, rightOf, noteLines)
		f.drawY(p, a.Y)
		f.drawX(p, a.X, false)
		f.crossings(p, a.Marks)
		for _, r := range a.Refs {
			if r.At >= f.ymin && r.At <= f.ymax {
				y := f.y(r.At)
				p.line([]point{{f.x0, y}, {f.x1, y}}, faintInk, 1, 5, 4)
			}
		}
		for i, c := range curves {
			c.drawBand(p, f, seriesColor(i))
		}
		for i, c := range curves {
			if a.Seeds && len(c.seeds) > 1 {
				for _, run := range c.seeds {
					c.drawLine(p, f, run, mix(seriesColor(i), paper, 0.5), 0.8, nil)
				}
			}
		}
		for i, c := range curves {
			c.drawLine(p, f, c.points(), seriesColor(i), 2, seriesDash(i))
		}
		drawEndLabels(p, f, labels)
	}
	return Figure{w: w, h: h, draw: draw}
}

func (c curve) points() []float64 {
	out := make([]float64, len(c.band))
	for i, iv := range c.band {
		out[i] = iv.Point
	}
	return out
}
