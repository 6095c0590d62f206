package plots

import (
	"errors"
	"fmt"
	"image/color"
	"math"
)

// Heat says how [HeatMap] draws a matrix.
type Heat struct {
	X, Y  string // what the columns and the rows are
	Scale Scale  // by default from the smallest value (white) to the largest (dark blue)
	// Format prints the values in the cells, as in fmt.Sprintf; empty means three
	// digits, and "-" means no values. There are none in more than 400 cells, nor where
	// they would make the map wider than a page.
	Format string
	Cell   float64 // width and height of a cell in page pixels; 0 means as suits the size
	// Arrows[row][column] points to the right and upwards, with a length of 1 at most, which is drawn as four fifths of a cell: a policy over a field, for
	// example. Nil means none, and an arrow that would be shorter than a tenth of a cell is not drawn.
	Arrows [][][2]float64
}

// HeatMap draws values[row][column] as a coloured matrix with its names and numbers,
// for example a confusion matrix. Row and column names may be nil. NaNs are grey.
func HeatMap(title string, values [][]float64, rows, cols []string, o Heat) Figure {
	if err := checkHeat(values, rows, cols, o); err != nil {
		return failed(fmt.Errorf("heat map %q: %w", title, err))
	}
	nr, nc := len(values), len(values[0])
	r := o.Scale.fit(blues, values...)
	format := o.numbers(nr, nc)
	text := style{size: 12}
	cell := o.Cell
	if cell == 0 {
		cell = max(6, min(40, math.Floor(520/float64(max(nr, nc)))))
		wide := cell
		for _, row := range values {
			for _, v := range row {
				wide = max(wide, math.Ceil(text.width(format(v))+8))
			}
		}
		if wide*float64(nc) <= 900 {
			cell = wide
		} else {
			format = func(float64) string { return "" } // the numbers would not fit on a page
		}
	}

	// Column names stand over the columns, upright if they are too wide.
	left, above, upright := 0.0, 0.0, false
	for _, n := range rows {
		left = max(left, tickStyle.width(n))
	}
	for _, n := range cols {
		above = 20
		upright = upright || tickStyle.width(n) > cell-4
	}
	if upright {
		for _, n := range cols {
			above = max(above, tickStyle.width(n)+12)
		}
	}
	x0 := math.Ceil(margin + left + 8)
	if o.Y != "" {
		x0 += 20
	}
	w := x0 + float64(nc)*cell + 16 + r.barWidth(o.Scale.Label) + margin
	w = max(w, min(titleStyle.width(title)+2*margin, 680))
	titleLines, top := heading(title, w)
	if o.X != "" {
		above += 18
	}
	y0 := math.Ceil(top + above)
	box := rectangle{x0, y0, x0 + float64(nc)*cell, y0 + float64(nr)*cell}
	h := box.y1 + margin
	draw := func(p *pen) {
		p.rect(0, 0, w, h, paper)
		p.lines(titleStyle, margin, margin-2, rightOf, titleLines)
		if o.X != "" {
			p.text(labelStyle, (box.x0+box.x1)/2, top+6, centred, o.X)
		}
		if o.Y != "" {
			p.upright(labelStyle, margin+8, (box.y0+box.y1)/2, o.Y)
		}
		for j, n := range cols {
			x := box.x0 + (float64(j)+0.5)*cell
			if upright {
				p.upright(tickStyle, x, box.y0-6-tickStyle.width(n)/2, n)
			} else {
				p.text(tickStyle, x, box.y0-9, centred, n)
			}
		}
		for i, row := range values {
			y := box.y0 + float64(i)*cell
			if rows != nil {
				p.text(tickStyle, box.x0-7, y+cell/2, leftOf, rows[i])
			}
			for j, v := range row {
				x := box.x0 + float64(j)*cell
				col := r.color(v)
				p.rect(x, y, cell, cell, col)
				s := text
				if s.color = ink; luminance(col) < 0.3 {
					s.color = paper
				}
				if t := format(v); t != "" {
					p.text(s, x+cell/2, y+cell/2, centred, t)
				}
				if o.Arrows != nil {
					p.arrow(x+cell/2, y+cell/2, o.Arrows[i][j][0]*cell*0.8, -o.Arrows[i][j][1]*cell*0.8, cell/10, s.color)
				}
			}
		}
		p.frame(box, axisInk, 1)
		r.bar(p, rectangle{box.x1 + 16, box.y0, box.x1 + 28, max(box.y0+60, min(box.y1, box.y0+260))}, o.Scale.Label)
	}
	if h < y0+60+margin {
		h = y0 + 60 + margin
	}
	return Figure{w: w, h: h, draw: draw}
}

// arrow is centred on x, y and goes dx to the right and dy down; shorter than its width it is not drawn.
func (p *pen) arrow(x, y, dx, dy, width float64, c color.Color) {
	long := math.Hypot(dx, dy)
	if long < width {
		return
	}
	ux, uy := dx/long, dy/long
	tip, head := point{x + dx/2, y + dy/2}, min(3*width, long)
	neck := point{tip.x - ux*head, tip.y - uy*head}
	p.line([]point{{x - dx/2, y - dy/2}, neck}, c, width)
	side := head * 0.5
	p.polygon([]point{tip, {neck.x - uy*side, neck.y + ux*side}, {neck.x + uy*side, neck.y - ux*side}}, c)
}

// numbers prints the values of cells, or nothing.
func (o Heat) numbers(rows, cols int) func(float64) string {
	return func(v float64) string {
		switch {
		case math.IsNaN(v) || o.Format == "-" || rows*cols > 400:
			return ""
		case o.Format != "":
			return fmt.Sprintf(o.Format, v)
		case v == math.Trunc(v) && math.Abs(v) < 1e6:
			return minus(fmt.Sprintf("%.0f", v))
		}
		return value(v)
	}
}

func checkHeat(values [][]float64, rows, cols []string, o Heat) error {
	if len(values) == 0 || len(values[0]) == 0 {
		return errors.New("the matrix is empty: give at least one row and one column")
	}
	var errs []error
	for i, row := range values {
		if len(row) != len(values[0]) {
			errs = append(errs, fmt.Errorf("row %d has %d values and row 0 has %d: make them the same length", i, len(row), len(values[0])))
		}
	}
	if rows != nil && len(rows) != len(values) {
		errs = append(errs, fmt.Errorf("there are %d row names for %d rows: give one for each, or nil", len(rows), len(values)))
	}
	if cols != nil && len(cols) != len(values[0]) {
		errs = append(errs, fmt.Errorf("there are %d column names for %d columns: give one for each, or nil", len(cols), len(values[0])))
	}
	if !finite(o.Scale.Min) || !finite(o.Scale.Max) || o.Scale.Min > o.Scale.Max {
		errs = append(errs, fmt.Errorf("scale: from %v to %v: Min must be below Max, or both 0", o.Scale.Min, o.Scale.Max))
	}
	if o.Arrows != nil {
		errs = append(errs, checkArrows(o.Arrows, values))
	}
	if o.Cell < 0 || !finite(o.Cell) {
		errs = append(errs, fmt.Errorf("Cell is %v pixels: use a positive number, or 0 for the default", o.Cell))
	}
	return errors.Join(errs...)
}

func checkArrows(arrows [][][2]float64, values [][]float64) error {
	if len(arrows) != len(values) {
		return fmt.Errorf("there are %d rows of arrows for %d rows: give an arrow for each cell, or nil", len(arrows), len(values))
	}
	for i, row := range arrows {
		if len(row) != len(values[i]) {
			return fmt.Errorf("row %d has %d arrows for %d cells: give an arrow for each, or nil", i, len(row), len(values[i]))
		}
		for j, a := range row {
			if !(math.Hypot(a[0], a[1]) <= 1.000001) {
				return fmt.Errorf("the arrow of row %d, column %d is %v: give a length of at most 1", i, j, a)
			}
		}
	}
	return nil
}
