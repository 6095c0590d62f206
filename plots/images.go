package plots

import (
	"errors"
	"fmt"
	"image"
	"math"
)

// Tile is one image of a grid: Width pixels to a row, from the top left.
type Tile struct {
	Pixels  []float64
	Width   int
	Caption string
	Wrong   bool // draws a frame around it, for wrong predictions
}

// TileOf makes a tile from pixels of another type, such as an MNIST digit's bytes.
func TileOf[T uint8 | float32 | float64](pixels []T, width int, caption string) Tile {
	t := Tile{Pixels: make([]float64, len(pixels)), Width: width, Caption: caption}
	for i, v := range pixels {
		t.Pixels[i] = float64(v)
	}
	return t
}

// Grid says how [Images] lays tiles out.
type Grid struct {
	Columns int     // 0 means up to 10, evenly filled
	Size    float64 // width of a tile in page pixels; 0 means about 62
	Scale   Scale   // of the pixel values, one for all tiles; by default white is the smallest and black the largest
}

// Images draws tiles in a grid with their captions below them. All share one scale, so
// they can be compared. A tile with NaNs shows them in grey.
func Images(title string, tiles []Tile, g Grid) Figure {
	if err := checkTiles(tiles, g); err != nil {
		return failed(fmt.Errorf("images %q: %w", title, err))
	}
	values := make([][]float64, len(tiles))
	for i, t := range tiles {
		values[i] = t.Pixels
	}
	return drawTiles(title, tiles, g, g.Scale.fit(greys, values...))
}

// Weights draws the weights of linear units as images: weights[i] is one unit's, width
// to a row. The scale is the same for all, symmetric about zero (red is positive, blue
// negative), and shown. Captions may be nil, and are then the units' numbers.
func Weights(title string, weights [][]float64, width int, captions []string) Figure {
	if captions != nil && len(captions) != len(weights) {
		return failed(fmt.Errorf("weights %q: there are %d captions for %d images: give one for each, or nil", title, len(captions), len(weights)))
	}
	tiles := make([]Tile, len(weights))
	for i, w := range weights {
		tiles[i] = Tile{Pixels: w, Width: width, Caption: fmt.Sprint(i)}
		if captions != nil {
			tiles[i].Caption = captions[i]
		}
	}
	return Images(title, tiles, Grid{Size: 84, Columns: evenly(len(tiles), 5), Scale: Scale{Diverging: true}})
}

func checkTiles(tiles []Tile, g Grid) error {
	if len(tiles) == 0 {
		return errors.New("there are no tiles: give at least one")
	}
	if g.Columns < 0 || g.Size < 0 || g.Size > 2000 || !finite(g.Size) {
		return fmt.Errorf("grid: %d columns of %v pixels: use positive numbers, or 0 for the defaults", g.Columns, g.Size)
	}
	if !finite(g.Scale.Min) || !finite(g.Scale.Max) || g.Scale.Min > g.Scale.Max {
		return fmt.Errorf("scale: from %v to %v: Min must be below Max, or both 0", g.Scale.Min, g.Scale.Max)
	}
	var errs []error
	for i, t := range tiles {
		if t.Width <= 0 || len(t.Pixels) == 0 || len(t.Pixels)%t.Width != 0 {
			errs = append(errs, fmt.Errorf("tile %d %q: %d pixels are not whole rows of %d: check Width", i, t.Caption, len(t.Pixels), t.Width))
		}
	}
	return errors.Join(errs...)
}

// evenly returns the number of columns, at most most, that fills the rows best.
func evenly(n, most int) int {
	rows := (n + most - 1) / most
	return (n + rows - 1) / rows
}

func (t Tile) image(r ramp) image.Image {
	img := image.NewRGBA(image.Rect(0, 0, t.Width, len(t.Pixels)/t.Width))
	for i, v := range t.Pixels {
		img.SetRGBA(i%t.Width, i/t.Width, r.color(v))
	}
	return img
}

func drawTiles(title string, tiles []Tile, g Grid, r ramp) Figure {
	cols := g.Columns
	if cols == 0 {
		cols = evenly(len(tiles), 10)
	}
	cols = min(cols, len(tiles))
	size := g.Size
	if size == 0 {
		size = 62
	}
	// Whole page pixels for each image pixel keep the tiles even.
	if w := float64(tiles[0].Width); size > w {
		size = math.Round(size/w*sharp) * w / sharp
	}
	const gap = 10.0
	cell := math.Ceil(size + gap)
	tall, captions := 0.0, 0
	lines := make([][]string, len(tiles))
	for i, t := range tiles {
		tall = max(tall, size*float64(len(t.Pixels)/t.Width)/float64(t.Width))
		lines[i] = noteStyle.wrap(t.Caption, max(size+gap-4, 56))
		captions = max(captions, len(lines[i]))
		cell = max(cell, math.Ceil(noteStyle.widest(lines[i])+6))
	}
	row := math.Ceil(tall) + gap
	if captions > 0 {
		row += float64(captions)*noteStyle.lineHeight() + 4
	}
	rows := (len(tiles) + cols - 1) / cols
	w := 2*margin + float64(cols)*cell - (cell - math.Ceil(size))
	indent := (cell - math.Ceil(size)) / 2
	w += 2 * indent
	withBar := g.Scale.Diverging || g.Scale.Label != ""
	if withBar {
		w += 14 + r.barWidth(g.Scale.Label)
	}
	w = max(w, min(titleStyle.width(title)+2*margin, 680))
	titleLines, top := heading(title, w)
	if title == "" {
		top = margin
	}
	h := top + float64(rows)*row - gap + margin
	draw := func(p *pen) {
		p.rect(0, 0, w, h, paper)
		p.lines(titleStyle, margin, margin-2, rightOf, titleLines)
		for i, t := range tiles {
			x := margin + indent + float64(i%cols)*cell
			y := top + float64(i/cols)*row
			th := size * float64(len(t.Pixels)/t.Width) / float64(t.Width)
			p.image(t.image(r), x, y, size, th)
			s := noteStyle
			if t.Wrong {
				p.frame(rectangle{x, y, x + size, y + th}, wrongInk, 2.5)
				s.color = readable(wrongInk)
			} else {
				p.frame(rectangle{x, y, x + size, y + th}, gridInk, 1)
			}
			p.lines(s, x+size/2, y+math.Ceil(tall)+4, centred, lines[i])
		}
		if withBar {
			x := margin + indent*2 + float64(cols)*cell - (cell - math.Ceil(size)) + 12
			bottom := min(top+float64(rows)*row-gap, top+220)
			if captions > 0 && rows == 1 {
				bottom = top + math.Ceil(tall)
			}
			r.bar(p, rectangle{x, top, x + 12, max(bottom, top+60)}, g.Scale.Label)
		}
	}
	return Figure{w: w, h: h, draw: draw}
}
