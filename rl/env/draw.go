package env

import (
	"image"
	"image/color"
	"image/draw"
	"math"

	"golang.org/x/image/vector"
)

var (
	paper  = color.RGBA{250, 250, 247, 255}
	dark   = color.RGBA{40, 44, 52, 255}
	grey   = color.RGBA{170, 174, 180, 255}
	blue   = color.RGBA{52, 101, 164, 255}
	orange = color.RGBA{221, 132, 40, 255}
	red    = color.RGBA{196, 60, 52, 255}
	green  = color.RGBA{78, 142, 62, 255}
	violet = color.RGBA{128, 88, 160, 255}
	yellow = color.RGBA{226, 190, 50, 255}
)

// canvas draws shapes given in the world's own coordinates, y upwards.
type canvas struct {
	img        *image.RGBA
	x0, y0     float64
	perX, perY float64 // pixels a unit
}

func newCanvas(w, h int, x0, y0, x1, y1 float64) *canvas {
	c := &canvas{img: image.NewRGBA(image.Rect(0, 0, w, h)), x0: x0, y0: y0, perX: float64(w) / (x1 - x0), perY: float64(h) / (y1 - y0)}
	draw.Draw(c.img, c.img.Bounds(), image.NewUniform(paper), image.Point{}, draw.Src)
	return c
}

// polygon fills the shape whose corners are x, y, x, y, ...
func (c *canvas) polygon(col color.Color, corners ...float64) {
	for _, v := range corners {
		if math.IsNaN(v) || math.Abs(v) > 1e6 {
			return // a state that has blown up draws nothing
		}
	}
	b := c.img.Bounds()
	r := vector.NewRasterizer(b.Dx(), b.Dy())
	for i := 0; i+1 < len(corners); i += 2 {
		x, y := float32((corners[i]-c.x0)*c.perX), float32(float64(b.Dy())-(corners[i+1]-c.y0)*c.perY)
		if i == 0 {
			r.MoveTo(x, y)
		} else {
			r.LineTo(x, y)
		}
	}
	r.ClosePath()
	r.Draw(c.img, b, image.NewUniform(col), image.Point{})
}

func (c *canvas) box(x0, y0, x1, y1 float64, col color.Color) {
	c.polygon(col, x0, y0, x1, y0, x1, y1, x0, y1)
}

// line has the given width, in units of the world, and flat ends.
func (c *canvas) line(x0, y0, x1, y1, width float64, col color.Color) {
	dx, dy := x1-x0, y1-y0
	l := math.Hypot(dx, dy)
	if l == 0 {
		return
	}
	dx, dy = dx/l*width/2, dy/l*width/2
	c.polygon(col, x0-dy, y0+dx, x1-dy, y1+dx, x1+dy, y1-dx, x0+dy, y0-dx)
}

func (c *canvas) disc(x, y, radius float64, col color.Color) {
	const k = 40
	corners := make([]float64, 0, 2*k)
	for i := range k {
		a := 2 * math.Pi * float64(i) / k
		corners = append(corners, x+radius*math.Cos(a), y+radius*math.Sin(a))
	}
	c.polygon(col, corners...)
}
