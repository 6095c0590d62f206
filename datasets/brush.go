package datasets

import (
	"image"

	"github.com/golang/freetype/raster"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
)

// fine is the side of the grid that digits are drawn on: two fine pixels make
// one pixel of the image.
const fine = 2 * syntheticSide

// one is 1.0 in the fixed-point numbers of this file.
const one = 1 << 16

// brush draws one digit at a time. It works in integers throughout: a fused
// multiply-add on another processor must not change a byte. (The rasteriser of
// golang.org/x/image/vector uses floats, freetype's does not.)
type brush struct {
	fill       *raster.Rasterizer
	ink, spare *image.Alpha
	paint      raster.AlphaSrcPainter
}

func newBrush() *brush {
	b := &brush{
		fill:  raster.NewRasterizer(fine, fine),
		ink:   image.NewAlpha(image.Rect(0, 0, fine, fine)),
		spare: image.NewAlpha(image.Rect(0, 0, fine, fine)),
	}
	b.fill.UseNonZeroWinding = true
	b.paint = raster.NewAlphaSrcPainter(b.ink)
	return b
}

// draw writes one distorted digit into out, 28*28 bytes.
func (b *brush) draw(out []uint8, glyph outline, r dice) {
	b.outline(glyph, newWarp(r))
	b.stroke(r)
	b.gap(r)
	dx, dy := b.centre()
	b.shrink(out, dx+r.bell(4), dy+r.bell(4))
	speckle(out, r)
}

// warp moves a point of the outline: a bend, then a linear map.
type warp struct {
	bendX, bendY, curl, lean int64    // fixed point
	m                        [4]int64 // fixed point, row by row
}

func newWarp(r dice) warp {
	percent := func(limit int) int64 { return int64(r.bell(one * limit / 100)) }
	w := warp{bendX: percent(45), bendY: percent(30), curl: percent(45), lean: percent(40)}
	// With t the tangent of half the angle, cosine and sine are fractions of
	// integers. t up to 0.32 is up to 36 degrees; a third of that is typical.
	t := percent(32)
	tt := t * t / one
	cos, sin := (one-tt)*one/(one+tt), 2*t*one/(one+tt)
	sx, sy := one+percent(45), one+percent(25)
	shear := percent(60)
	// Rotation times [sx, shear; 0, sy].
	w.m = [4]int64{
		cos * sx / one, (cos*shear - sin*sy) / one,
		sin * sx / one, (sin*shear + cos*sy) / one,
	}
	return w
}

func (w warp) apply(p fixed.Point26_6) fixed.Point26_6 {
	const half = glyphHeight / 2
	x, y := int64(p.X), int64(p.Y)
	xx, yy, xy := x*x/half, y*y/half, x*y/half
	yyy := yy * y / half
	x, y = x+(w.bendX*yy+w.curl*yyy+w.lean*xy)/one, y+(w.bendY*xx)/one
	const middle = fine * 64 / 2
	return fixed.Point26_6{
		X: fixed.Int26_6(middle + (w.m[0]*x+w.m[1]*y)/one),
		Y: fixed.Int26_6(middle + (w.m[2]*x+w.m[3]*y)/one),
	}
}

func (b *brush) outline(glyph outline, w warp) {
	clear(b.ink.Pix)
	b.fill.Clear()
	var start fixed.Point26_6
	open := false
	shut := func() {
		if open {
			b.fill.Add1(start)
		}
	}
	for _, s := range glyph {
		switch s.op {
		case sfnt.SegmentOpMoveTo:
			shut()
			start, open = w.apply(s.arg[0]), true
			b.fill.Start(start)
		case sfnt.SegmentOpLineTo:
			b.fill.Add1(w.apply(s.arg[0]))
		case sfnt.SegmentOpQuadTo:
			b.fill.Add2(w.apply(s.arg[0]), w.apply(s.arg[1]))
		case sfnt.SegmentOpCubeTo:
			b.fill.Add3(w.apply(s.arg[0]), w.apply(s.arg[1]), w.apply(s.arg[2]))
		}
	}
	shut()
	b.fill.Rasterize(b.paint)
}

// stroke makes the line thinner or thicker: blur, then cut at a random level.
func (b *brush) stroke(r dice) {
	for range r.between(1, 3) {
		b.blur()
	}
	cut, gain := r.between(20, 105), r.between(2, 5)
	for i, v := range b.ink.Pix {
		b.ink.Pix[i] = uint8(min(max((int(v)-cut)*gain, 0), 255))
	}
}

// blur is the binomial filter 1-2-1 in both directions; the border stays.
func (b *brush) blur() {
	src, dst := b.ink.Pix, b.spare.Pix
	for y := 1; y < fine-1; y++ {
		for x := 1; x < fine-1; x++ {
			i := y*fine + x
			up, down := i-fine, i+fine
			sum := int(src[up-1]) + 2*int(src[up]) + int(src[up+1]) +
				2*int(src[i-1]) + 4*int(src[i]) + 2*int(src[i+1]) +
				int(src[down-1]) + 2*int(src[down]) + int(src[down+1])
			dst[i] = uint8(sum / 16)
		}
	}
	copy(src, dst)
}

// gap lifts the pen in one digit of four: a disc of the line fades.
func (b *brush) gap(r dice) {
	if r.between(0, 3) != 0 {
		return
	}
	cx, cy, radius := r.between(16, 40), r.between(12, 44), r.between(3, 6)
	for y := max(cy-radius, 0); y <= min(cy+radius, fine-1); y++ {
		for x := max(cx-radius, 0); x <= min(cx+radius, fine-1); x++ {
			if (x-cx)*(x-cx)+(y-cy)*(y-cy) <= radius*radius {
				b.ink.Pix[y*fine+x] /= 4
			}
		}
	}
}

// centre returns the shift, in fine pixels, that puts the centre of mass in the
// middle, as MNIST does.
func (b *brush) centre() (dx, dy int) {
	var mass, mx, my int
	for i, v := range b.ink.Pix {
		mass += int(v)
		mx += int(v) * (i % fine)
		my += int(v) * (i / fine)
	}
	if mass == 0 {
		return 0, 0
	}
	return fine/2 - mx/mass, fine/2 - my/mass
}

// shrink halves the grid into out, shifted by fine pixels.
func (b *brush) shrink(out []uint8, dx, dy int) {
	at := func(x, y int) int {
		x, y = x-dx, y-dy
		if x < 0 || y < 0 || x >= fine || y >= fine {
			return 0
		}
		return int(b.ink.Pix[y*fine+x])
	}
	for y := range syntheticSide {
		for x := range syntheticSide {
			sum := at(2*x, 2*y) + at(2*x+1, 2*y) + at(2*x, 2*y+1) + at(2*x+1, 2*y+1)
			out[y*syntheticSide+x] = uint8(sum / 4)
		}
	}
}

// speckle roughens the ink; the background stays black, as in MNIST.
func speckle(out []uint8, r dice) {
	strength := r.between(0, 50)
	for i, v := range out {
		if v > 0 {
			out[i] = uint8(min(max(int(v)+r.between(-strength, strength), 1), 255))
		}
	}
}
