package plots

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"
)

// sharp is the resolution of PNG files and notebook figures: two image pixels for one
// on the page, so that they stay sharp on dense screens and in print.
const sharp = 2

// A Figure is a finished drawing that can be saved or shown any number of times.
// The functions that make figures never fail by themselves: what is wrong with the
// data is kept, and returned by Err and by every method that would have to draw.
type Figure struct {
	w, h float64 // in page pixels, 96 to the inch
	draw func(*pen)
	err  error
}

func failed(err error) Figure { return Figure{err: err} }

// Err says what was wrong with the data the figure was made from, if anything.
func (f Figure) Err() error {
	if f.err == nil && f.draw == nil {
		return errors.New("figure: it is the zero value: make it with Curves, Bars, Images or HeatMap")
	}
	return f.err
}

// Size is the figure's width and height in page pixels, 96 to the inch.
func (f Figure) Size() (w, h float64) { return f.w, f.h }

// Image draws the figure with scale image pixels for each page pixel; 0 means 2.
func (f Figure) Image(scale int) (image.Image, error) {
	if err := f.Err(); err != nil {
		return nil, err
	}
	if scale == 0 {
		scale = sharp
	}
	if scale < 0 || f.w*f.h*float64(scale*scale) > 1<<28 {
		return nil, fmt.Errorf("figure: %.0fx%.0f pixels at scale %d cannot be drawn: use a scale of 1 to 4 and fewer rows or tiles", f.w, f.h, scale)
	}
	c := vgimg.NewWith(vgimg.UseWH(length(f.w), length(f.h)), vgimg.UseDPI(96*scale))
	f.draw(&pen{c: c, height: f.h})
	return c.Image(), nil
}

// PNG encodes the figure at twice the page's resolution.
func (f Figure) PNG() ([]byte, error) { return f.png(sharp, png.DefaultCompression) }

func (f Figure) png(scale int, level png.CompressionLevel) ([]byte, error) {
	img, err := f.Image(scale)
	if err != nil {
		return nil, err
	}
	var buf bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: level}).Encode(&buf, img); err != nil {
		return nil, fmt.Errorf("figure: encoding PNG: %w", err)
	}
	return buf.Bytes(), nil
}

// SVG encodes the figure as SVG. Text stays text, in Liberation Sans where the viewer
// has it and otherwise in a font of the same widths (Arial, Helvetica).
func (f Figure) SVG() ([]byte, error) {
	if err := f.Err(); err != nil {
		return nil, err
	}
	c := vgsvg.New(length(f.w), length(f.h))
	f.draw(&pen{c: c, height: f.h})
	var buf bytes.Buffer
	if _, err := c.WriteTo(&buf); err != nil {
		return nil, fmt.Errorf("figure: encoding SVG: %w", err)
	}
	return buf.Bytes(), nil
}

// Save writes the figure to path, as PNG or SVG by the extension. The file is written
// under another name first and then renamed, so that path never holds half a figure.
func (f Figure) Save(path string) error {
	var data []byte
	var err error
	switch ext := strings.ToLower(filepath.Ext(path)); ext {
	case ".png":
		data, err = f.PNG()
	case ".svg":
		data, err = f.SVG()
	default:
		return fmt.Errorf("figure %s: unknown extension %q: use .png or .svg", path, ext)
	}
	if err != nil {
		return fmt.Errorf("figure %s: %w", path, err)
	}
	return writeFile(path, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// writeFile writes path whole or not at all.
func writeFile(path string, write func(io.Writer) error) (err error) {
	tmp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("saving %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			os.Remove(tmp.Name())
			err = fmt.Errorf("saving %s: %w", path, err)
		}
	}()
	err = errors.Join(write(tmp), tmp.Chmod(0o644), tmp.Close())
	if err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}

// Show displays the figure as the output of the notebook cell that runs it. Outside
// GoNB it does nothing. An error is shown in the notebook as well as returned, so that
// a cell which ignores it does not silently show nothing.
func (f Figure) Show() error { return f.ShowOn(Notebook()) }

// ShowOn shows the figure on a display; nil means none.
func (f Figure) ShowOn(d Display) error {
	data, err := f.PNG()
	if d == nil {
		return f.Err()
	}
	if err != nil {
		return errors.Join(err, showError(d, err))
	}
	return show(d, Message{
		Data: map[string]any{mimePNG: data, mimeText: fmt.Sprintf("figure, %.0fx%.0f pixels", f.w, f.h)},
		Meta: map[string]any{mimePNG: sizeMeta(f.w, f.h)},
	})
}

// Beside puts figures next to each other, aligned at their tops.
func Beside(figures ...Figure) Figure {
	out := Figure{}
	for _, f := range figures {
		if err := f.Err(); err != nil {
			return failed(err)
		}
		out.w += f.w
		out.h = max(out.h, f.h)
	}
	if len(figures) == 0 {
		return failed(errors.New("figure: Beside needs at least one figure"))
	}
	out.draw = func(p *pen) {
		p.rect(0, 0, out.w, out.h, paper)
		x := 0.0
		for _, f := range figures {
			q := *p
			q.left, q.top = p.left+x, p.top
			f.draw(&q)
			x += f.w
		}
	}
	return out
}

// length converts page pixels to the canvas's unit.
func length(px float64) vg.Length { return vg.Length(px) * vg.Inch / 96 }
