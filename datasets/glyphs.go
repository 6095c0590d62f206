package datasets

import (
	"fmt"

	"codeberg.org/go-fonts/liberation/liberationmonobold"
	"codeberg.org/go-fonts/liberation/liberationsansitalic"
	"codeberg.org/go-fonts/liberation/liberationsansregular"
	"codeberg.org/go-fonts/liberation/liberationserifitalic"
	"codeberg.org/go-fonts/liberation/liberationserifregular"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goitalic"
	"golang.org/x/image/font/gofont/gomono"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
)

// glyphHeight is the height of every outline, in 1/64 pixel of the fine grid
// that brush draws on: 40 fine pixels, which are MNIST's 20.
const glyphHeight = 40 * 64

// outline is a glyph centred on the origin, y downwards, glyphHeight tall.
type outline []segment

type segment struct {
	op  sfnt.SegmentOp
	arg [3]fixed.Point26_6
}

// pen is one font's ten digits.
type pen [10]outline

// loadPens reads the outlines. They come as integers, so nothing depends on how
// a processor rounds.
func loadPens() ([]pen, error) {
	var pens []pen
	for _, ttf := range [][]byte{
		goregular.TTF, gobold.TTF, goitalic.TTF, gomono.TTF,
		liberationsansregular.TTF, liberationsansitalic.TTF,
		liberationserifregular.TTF, liberationserifitalic.TTF, liberationmonobold.TTF,
	} {
		p, err := loadPen(ttf)
		if err != nil {
			return nil, err
		}
		pens = append(pens, p)
	}
	return pens, nil
}

func loadPen(ttf []byte) (pen, error) {
	font, err := sfnt.Parse(ttf)
	if err != nil {
		return pen{}, fmt.Errorf("font: %w", err)
	}
	var p pen
	var buf sfnt.Buffer
	for digit := range p {
		index, err := font.GlyphIndex(&buf, rune('0'+digit))
		if err != nil || index == 0 {
			return pen{}, fmt.Errorf("font has no digit %d: %w", digit, err)
		}
		segments, err := font.LoadGlyph(&buf, index, fixed.I(256), nil)
		if err != nil {
			return pen{}, fmt.Errorf("font, digit %d: %w", digit, err)
		}
		p[digit] = normalise(segments)
	}
	return p, nil
}

// normalise centres an outline's box and scales it to glyphHeight.
func normalise(segments sfnt.Segments) outline {
	box := segments.Bounds()
	height := int(box.Max.Y - box.Min.Y)
	cx, cy := int(box.Min.X+box.Max.X)/2, int(box.Min.Y+box.Max.Y)/2
	out := make(outline, len(segments))
	for i, s := range segments {
		out[i].op = s.Op
		for k, a := range s.Args {
			out[i].arg[k] = fixed.Point26_6{
				X: fixed.Int26_6((int(a.X) - cx) * glyphHeight / height),
				Y: fixed.Int26_6((int(a.Y) - cy) * glyphHeight / height),
			}
		}
	}
	return out
}
