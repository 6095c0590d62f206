package plots

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/rewardlab/rewardlab/rl/eval"
)

// Bar is the final scores of one method.
type Bar struct {
	Name   string
	Scores []float64 // one for each seed
	Group  string    // bars of one group stand together; leave it empty in all bars for none
}

// Bars draws one bar for each method, as long as the interquartile mean of its scores
// (or their mean, see Axes.Mean), with its 95% bootstrap interval as a line and every
// seed as a dot. Bars lie on their side, so that long names can be read; values run
// along X and start at zero unless XMin says otherwise.
//
// With groups, each group lists its bars, and a name has the same colour in all groups.
// Marks, YMin, YMax, Y, Smooth and Seeds of the axes have no meaning here.
func Bars(title string, bars []Bar, a Axes) Figure {
	rows, err := barRows(bars, a)
	if err != nil {
		return failed(fmt.Errorf("bars %q: %w", title, err))
	}
	return drawBars(title, rows, a)
}

type barRow struct {
	Bar
	eval.Interval
	color int
}

func barRows(bars []Bar, a Axes) ([]barRow, error) {
	if err := a.check(); err != nil {
		return nil, err
	}
	if len(bars) == 0 {
		return nil, errors.New("there are no bars: give at least one with one score")
	}
	_, stat := a.stat()
	var errs []error
	rows := make([]barRow, len(bars))
	names := map[string]int{}
	for i, b := range bars {
		if (b.Group == "") != (bars[0].Group == "") {
			errs = append(errs, fmt.Errorf("bar %d %q: its group is %q and that of bar 0 is %q: name the group of every bar, or of none", i, b.Name, b.Group, bars[0].Group))
		}
		iv, err := a.Bootstrap.Interval(eval.Of(b.Name, b.Scores), stat)
		if err != nil {
			errs = append(errs, fmt.Errorf("bar %d: %w", i, err))
		}
		if _, known := names[b.Name]; !known {
			names[b.Name] = len(names)
		}
		rows[i] = barRow{b, iv, 0}
		if b.Group != "" {
			rows[i].color = names[b.Name]
		}
	}
	if rows[0].Group != "" {
		// Bars of a group stand together even if they were not given so.
		var order []string
		for _, r := range rows {
			if !slices.Contains(order, r.Group) {
				order = append(order, r.Group)
			}
		}
		slices.SortStableFunc(rows, func(x, y barRow) int {
			return slices.Index(order, x.Group) - slices.Index(order, y.Group)
		})
	}
	return rows, errors.Join(errs...)
}

func barNote(rows []barRow, a Axes) string {
	name, _ := a.stat()
	lo, hi := math.MaxInt, 0
	for _, r := range rows {
		lo, hi = min(lo, len(r.Scores)), max(hi, len(r.Scores))
	}
	level := a.Bootstrap.Level
	if level == 0 {
		level = 0.95
	}
	seeds := fmt.Sprintf("%d seeds", hi)
	switch {
	case hi == 1:
		return "One seed each: no intervals."
	case lo != hi:
		seeds = fmt.Sprintf("%d to %d seeds", lo, hi)
	}
	return fmt.Sprintf("Bar and number: %s of %s; line: %g%% bootstrap interval; dots: seeds.", name, seeds, 100*level)
}

func drawBars(title string, rows []barRow, a Axes) Figure {
	grouped := rows[0].Group != ""
	if a.Note == "" {
		a.Note = barNote(rows, a)
	}
	w := a.Width
	if w == 0 {
		w = 680
	}
	lo, hi := 0.0, 0.0
	for _, r := range rows {
		lo, hi = min(lo, r.Lo, slices.Min(r.Scores)), max(hi, r.Hi, slices.Max(r.Scores))
	}
	for _, l := range a.Refs {
		lo, hi = min(lo, l.At), max(hi, l.At)
	}
	var f panel
	if f.xmin, f.xmax = a.XMin, a.XMax; f.xmin == f.xmax {
		room := max(1e-12, 0.03*(hi-lo))
		if f.xmax = hi; hi > 0 {
			f.xmax += room
		}
		if f.xmin = lo; lo < 0 {
			f.xmin -= room
		}
		if lo == hi {
			f.xmax = f.xmin + 1
		}
	}

	// The names on the left, wrapped, decide the height of each row.
	const least, between = 30.0, 12.0
	nameRoom := w * 0.34
	type placed struct {
		lines []string
		y, h  float64
	}
	place := make([]placed, len(rows))
	type groupName struct {
		name string
		y    float64
	}
	var headings []groupName
	titleLines, top := heading(title, w)
	if len(a.Refs) > 0 {
		top += 8
	}
	noteLines, foot := footing(a.Note, w)
	left := 0.0
	for i, r := range rows {
		place[i].lines = labelStyle.wrap(r.Name, nameRoom)
		place[i].h = max(least, float64(len(place[i].lines))*labelStyle.lineHeight()+6)
		left = max(left, labelStyle.widest(place[i].lines))
	}
	valueRoom := 0.0
	for _, r := range rows {
		valueRoom = max(valueRoom, labelStyle.width(value(r.Point)))
	}
	f.x0 = math.Ceil(margin + left + 10)
	f.x1 = math.Floor(w - margin - valueRoom - 12)
	if f.x1-f.x0 < 80 {
		return failed(fmt.Errorf("bars %q: %.0f pixels leave no room beside the names: use shorter names or a larger Width", title, w))
	}
	_, refRows := f.stack(a.Refs)
	f.y0 = top + float64(refRows)*noteStyle.lineHeight()
	y := f.y0 + 4
	for i, r := range rows {
		if grouped && (i == 0 || r.Group != rows[i-1].Group) {
			if i > 0 {
				y += between
			}
			headings = append(headings, groupName{r.Group, y + 10})
			y += 22
		}
		place[i].y = y
		y += place[i].h
	}
	f.y1 = y + 4
	h := f.y1 + belowX(a.X, f.x1-f.x0) + foot
	if a.Height > h { // taller than needed: share the rest out between the rows
		extra := (a.Height - h) / float64(len(rows))
		for i := range place {
			place[i].y += (float64(i) + 0.5) * extra
		}
		for k := range headings {
			i := slices.IndexFunc(rows, func(r barRow) bool { return r.Group == headings[k].name })
			headings[k].y += (float64(i) + 0.5) * extra
		}
		f.y1 += a.Height - h
		h = a.Height
	}

	draw := func(p *pen) {
		p.rect(0, 0, w, h, paper)
		p.lines(titleStyle, margin, margin-2, rightOf, titleLines)
		p.lines(noteStyle, margin, h-foot+4, rightOf, noteLines)
		f.drawX(p, a.X, true)
		inside := func(v float64) float64 { return max(f.x0, min(f.x1, f.x(v))) }
		for _, g := range headings {
			bold := labelStyle
			bold.bold = true
			p.text(bold, margin, g.y, rightOf, g.name)
		}
		for i, r := range rows {
			mid := math.Round(place[i].y + place[i].h/2)
			col := seriesColor(r.color)
			base, end := inside(0), inside(r.Point)
			p.rect(min(base, end), mid-10, math.Abs(end-base), 20, mix(col, paper, 0.45))
			p.lines(labelStyle, f.x0-10, mid-float64(len(place[i].lines))*labelStyle.lineHeight()/2, leftOf, place[i].lines)
			p.text(labelStyle, w-margin, mid, leftOf, value(r.Point))
		}
		p.line([]point{{inside(0), f.y0}, {inside(0), f.y1}}, axisInk, 1)
		f.crossings(p, a.Refs)
		for i, r := range rows {
			mid := math.Round(place[i].y + place[i].h/2)
			if len(r.Scores) < 2 {
				continue
			}
			dark := readable(mix(seriesColor(r.color), rgb(0), 0.25))
			for k, v := range r.Scores {
				if v >= f.xmin && v <= f.xmax {
					p.dot(f.x(v), mid+5+jitter(k), 2.4, paper, dark)
				}
			}
			if lo, hi := inside(r.Lo), inside(r.Hi); hi > lo {
				y := mid - 4
				p.line([]point{{lo, y}, {hi, y}}, ink, 1.8)
				for _, x := range []float64{lo, hi} {
					p.line([]point{{x, y - 4}, {x, y + 4}}, ink, 1.8)
				}
			}
		}
	}
	return Figure{w: w, h: h, draw: draw}
}

// jitter moves the k-th dot off its line, always the same way, so that equal scores can be seen apart.
func jitter(k int) float64 {
	_, frac := math.Modf(float64(k) * 0.6180339887)
	return 5 * (frac - 0.5)
}
