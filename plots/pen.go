package plots

import (
	"fmt"
	"image"
	"image/color"
	"math"
	"strings"
	"sync"

	"codeberg.org/go-fonts/liberation/liberationsansbold"
	"codeberg.org/go-fonts/liberation/liberationsansregular"
	"golang.org/x/image/draw"
	xfont "golang.org/x/image/font"
	"golang.org/x/image/font/opentype"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
)

// pen draws on a canvas in page pixels with y pointing down, so that layout code can
// count from the top left and put edges on whole pixels.
type pen struct {
	c         vg.Canvas
	height    float64 // of the canvas
	left, top float64 // where this pen's (0, 0) is
}

type point struct{ x, y float64 }

// rectangle is a part of the page: x0 < x1 and, downwards, y0 < y1.
type rectangle struct{ x0, y0, x1, y1 float64 }

func (r rectangle) contains(p point) bool {
	return p.x >= r.x0 && p.x <= r.x1 && p.y >= r.y0 && p.y <= r.y1
}

func (p *pen) at(x, y float64) vg.Point {
	return vg.Point{X: length(p.left + x), Y: length(p.height - p.top - y)}
}

func (p *pen) path(pts []point) vg.Path {
	path := make(vg.Path, 0, len(pts)+1)
	for i, q := range pts {
		if i == 0 {
			path.Move(p.at(q.x, q.y))
		} else {
			path.Line(p.at(q.x, q.y))
		}
	}
	return path
}

func (p *pen) rect(x, y, w, h float64, c color.Color) {
	p.polygon([]point{{x, y}, {x + w, y}, {x + w, y + h}, {x, y + h}}, c)
}

func (p *pen) polygon(pts []point, c color.Color) {
	if len(pts) < 3 {
		return
	}
	path := p.path(pts)
	path.Close()
	p.c.SetColor(c)
	p.c.Fill(path)
}

func (p *pen) line(pts []point, c color.Color, width float64, dash ...float64) {
	if len(pts) < 2 {
		return
	}
	var dashes []vg.Length
	for _, d := range dash {
		dashes = append(dashes, length(d))
	}
	p.c.SetColor(c)
	p.c.SetLineWidth(length(width))
	p.c.SetLineDash(dashes, 0)
	// The rasteriser's time grows with the square of a path that crosses the same rows
	// again and again, as noisy curves do. Pieces share a segment, which hides the cut.
	const piece = 64
	for len(dash) == 0 && len(pts) > 2*piece {
		p.c.Stroke(p.path(pts[:piece]))
		pts = pts[piece-2:]
	}
	p.c.Stroke(p.path(pts))
}

func (p *pen) frame(r rectangle, c color.Color, width float64) {
	x0, y0, x1, y1 := r.x0-width/2, r.y0-width/2, r.x1+width/2, r.y1+width/2
	// The last side runs on a little so that the first corner is closed too.
	p.line([]point{{x0, y0}, {x1, y0}, {x1, y1}, {x0, y1}, {x0, y0 - width/2}}, c, width)
}

func (p *pen) dot(x, y, radius float64, fill, edge color.Color) {
	at := p.at(x, y)
	var path vg.Path
	path.Move(vg.Point{X: at.X + length(radius), Y: at.Y})
	path.Arc(at, length(radius), 0, 2*math.Pi)
	path.Close()
	p.c.SetColor(fill)
	p.c.Fill(path)
	if edge != nil {
		p.c.SetColor(edge)
		p.c.SetLineWidth(length(1))
		p.c.SetLineDash(nil, 0)
		p.c.Stroke(path)
	}
}

// image draws img into the given box. Each pixel becomes a block of at least two image
// pixels per page pixel first, since canvases would blur what they enlarge.
func (p *pen) image(img image.Image, x, y, w, h float64) {
	b := img.Bounds()
	k := max(1, int(math.Round(sharp*w/float64(b.Dx()))))
	big := image.NewRGBA(image.Rect(0, 0, k*b.Dx(), k*b.Dy()))
	draw.NearestNeighbor.Scale(big, big.Rect, img, b, draw.Src, nil)
	p.c.DrawImage(vg.Rectangle{Min: p.at(x, y+h), Max: p.at(x+w, y)}, big)
}

// style is how a text looks: its size in pixels, colour and weight.
type style struct {
	size  float64
	color color.Color
	bold  bool
}

var (
	titleStyle = style{size: 15, color: ink, bold: true}
	labelStyle = style{size: 13, color: ink}
	tickStyle  = style{size: 12, color: faintInk}
	noteStyle  = style{size: 11, color: faintInk}
)

// Alignments of text about its x.
const (
	leftOf  = -1.0 // the text ends at x
	centred = -0.5
	rightOf = 0.0 // the text starts at x
)

// The fonts travel in the binary, so a figure looks the same on every machine.
var fonts = sync.OnceValue(func() (f struct{ regular, bold *opentype.Font }) {
	var err error
	if f.regular, err = opentype.Parse(liberationsansregular.TTF); err == nil {
		f.bold, err = opentype.Parse(liberationsansbold.TTF)
	}
	if err != nil {
		panic(fmt.Sprintf("plots: the built-in font does not parse: %v", err))
	}
	return f
})

func (s style) face() font.Face {
	f := font.Face{Font: font.Font{Typeface: "Liberation", Variant: "Sans", Size: length(s.size)}, Face: fonts().regular}
	if s.bold {
		f.Font.Weight, f.Face = xfont.WeightBold, fonts().bold
	}
	return f
}

func (s style) width(text string) float64 {
	f := s.face()
	return float64(f.Width(text) / vg.Inch * 96)
}

// lineHeight is the distance between lines of a text.
func (s style) lineHeight() float64 { return math.Round(1.3 * s.size) }

// text writes one line whose capitals are centred on y.
func (p *pen) text(s style, x, y, align float64, text string) {
	p.c.SetColor(s.color)
	p.c.FillString(s.face(), p.at(x+align*s.width(text), y+0.35*s.size), text)
}

// lines writes several lines, the first one's box starting at y.
func (p *pen) lines(s style, x, y, align float64, lines []string) {
	for i, l := range lines {
		p.text(s, x, y+(float64(i)+0.5)*s.lineHeight(), align, l)
	}
}

// upright writes one line that reads upwards, centred on (x, y).
func (p *pen) upright(s style, x, y float64, text string) {
	p.c.Push()
	p.c.Translate(p.at(x, y))
	p.c.Rotate(math.Pi / 2)
	p.c.SetColor(s.color)
	p.c.FillString(s.face(), vg.Point{X: length(-s.width(text) / 2), Y: length(-0.35 * s.size)}, text)
	p.c.Pop()
}

// wrap breaks text into lines of at most width pixels, at spaces where it can.
func (s style) wrap(text string, width float64) []string {
	var out []string
	for _, par := range strings.Split(text, "\n") {
		line := ""
		for _, word := range strings.Fields(par) {
			if line != "" && s.width(line+" "+word) <= width {
				line += " " + word
				continue
			}
			if line != "" {
				out = append(out, line)
			}
			// A word that is too long by itself is cut where it must be.
			runes := []rune(word)
			for s.width(string(runes)) > width && len(runes) > 1 {
				n := len(runes) - 1
				for n > 1 && s.width(string(runes[:n])) > width {
					n--
				}
				out = append(out, string(runes[:n]))
				runes = runes[n:]
			}
			line = string(runes)
		}
		if line != "" {
			out = append(out, line)
		}
	}
	return out
}

// widest is the width of the longest line.
func (s style) widest(lines []string) float64 {
	w := 0.0
	for _, l := range lines {
		w = max(w, s.width(l))
	}
	return w
}
