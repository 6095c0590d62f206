package plots

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"io"
	"math"
	"path/filepath"
	"strings"

	"golang.org/x/image/draw"
)

// Film collects frames and plays them as a GIF: an episode, or a figure at every stage
// of training (see [Figure.Image]). It stays small however long it runs: a film that
// grows beyond MaxFrames or MaxBytes drops every second frame and shows the others
// twice as long. The same frames always give the same bytes. It is not safe for
// concurrent use.
type Film struct {
	FPS       float64       // frames a second as added; 0 means 10, at most 50
	Once      bool          // plays once instead of for ever
	Hold      float64       // seconds to rest on the last frame before starting again; 0 means 1
	MaxFrames int           // 0 means 300
	MaxBytes  int           // of the GIF; 0 means 4 MiB
	MaxSide   int           // frames with a longer side are scaled down to it; 0 means 640 pixels
	Palette   color.Palette // at most 256 colours; nil means those that suit the frames best

	frames []*image.RGBA
	stride int // every stride-th frame added is kept
	added  int
}

// Add appends a copy of img. All frames must have the size of the first.
func (f *Film) Add(img image.Image) error {
	if img == nil || img.Bounds().Empty() {
		return fmt.Errorf("film: frame %d is empty: draw something in it", f.added)
	}
	if f.stride == 0 {
		f.stride = 1
	}
	if f.added++; (f.added-1)%f.stride != 0 {
		return nil
	}
	frame := f.scaled(img)
	if len(f.frames) > 0 && frame.Bounds() != f.frames[0].Bounds() {
		f.added--
		return fmt.Errorf("film: frame %d is %v pixels and frame 0 is %v: draw all frames at one size", f.added, frame.Bounds().Size(), f.frames[0].Bounds().Size())
	}
	f.frames = append(f.frames, frame)
	if limit := f.MaxFrames; len(f.frames) > max(1, orDefault(limit, 300)) {
		f.frames, f.stride = everySecond(f.frames), 2*f.stride
	}
	return nil
}

// Len is the number of frames the film has now.
func (f *Film) Len() int { return len(f.frames) }

func everySecond[T any](in []T) (out []T) {
	for i := 0; i < len(in); i += 2 {
		out = append(out, in[i])
	}
	return out
}

func orDefault[T int | float64](v, def T) T {
	if v == 0 {
		return def
	}
	return v
}

func (f *Film) scaled(img image.Image) *image.RGBA {
	b := img.Bounds()
	w, h := b.Dx(), b.Dy()
	if side, limit := max(w, h), orDefault(f.MaxSide, 640); side > limit {
		w, h = max(1, w*limit/side), max(1, h*limit/side)
	}
	out := image.NewRGBA(image.Rect(0, 0, w, h))
	draw.Draw(out, out.Bounds(), image.White, image.Point{}, draw.Src)
	if w == b.Dx() {
		draw.Draw(out, out.Bounds(), img, b.Min, draw.Over)
	} else {
		draw.CatmullRom.Scale(out, out.Bounds(), img, b, draw.Over, nil)
	}
	return out
}

// GIF encodes the film.
func (f *Film) GIF() ([]byte, error) {
	var errs []error
	if len(f.frames) == 0 {
		errs = append(errs, errors.New("film: it has no frames: Add some"))
	}
	if f.FPS < 0 || f.FPS > 50 || math.IsNaN(f.FPS) {
		errs = append(errs, fmt.Errorf("film: FPS is %v: viewers play 1 to 50 frames a second", f.FPS))
	}
	if f.Hold < 0 || f.Hold > 60 || math.IsNaN(f.Hold) {
		errs = append(errs, fmt.Errorf("film: Hold is %v seconds: use 0 to 60", f.Hold))
	}
	if len(f.Palette) > 256 {
		errs = append(errs, fmt.Errorf("film: the palette has %d colours: a GIF can have 256", len(f.Palette)))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	palette := f.Palette
	if len(palette) == 0 {
		palette = bestPalette(f.frames)
	}
	frames, stride, limit := f.frames, f.stride, orDefault(f.MaxBytes, 4<<20)
	for {
		data, err := f.encode(frames, stride, palette)
		if err != nil {
			return nil, fmt.Errorf("film: encoding GIF: %w", err)
		}
		if len(data) <= limit {
			return data, nil
		}
		if len(frames) == 1 {
			return nil, fmt.Errorf("film: one frame alone takes %d bytes and MaxBytes is %d: lower MaxSide or raise MaxBytes", len(data), limit)
		}
		frames, stride = everySecond(frames), 2*stride
	}
}

func (f *Film) encode(frames []*image.RGBA, stride int, palette color.Palette) ([]byte, error) {
	out := gif.GIF{
		Config: image.Config{ColorModel: palette, Width: frames[0].Rect.Dx(), Height: frames[0].Rect.Dy()},
	}
	if f.Once {
		out.LoopCount = -1
	}
	nearest := map[color.RGBA]uint8{}
	var before *image.RGBA
	due := 0.0 // when the next frame should start, in hundredths of a second
	shown := 0
	for i, frame := range frames {
		// Only the box that changed is stored; the rest shows through.
		box := changed(before, frame)
		before = frame
		part := image.NewPaletted(box, palette)
		for y := box.Min.Y; y < box.Max.Y; y++ {
			for x := box.Min.X; x < box.Max.X; x++ {
				c := frame.RGBAAt(x, y)
				k, known := nearest[c]
				if !known {
					k = uint8(palette.Index(c))
					nearest[c] = k
				}
				part.SetColorIndex(x, y, k)
			}
		}
		due += 100 * float64(stride) / orDefault(f.FPS, 10)
		delay := max(2, int(math.Round(due))-shown) // browsers slow down what is faster
		shown += delay
		if i == len(frames)-1 {
			delay += int(100 * orDefault(f.Hold, 1))
		}
		out.Image = append(out.Image, part)
		out.Delay = append(out.Delay, delay)
		out.Disposal = append(out.Disposal, gif.DisposalNone)
	}
	var buf bytes.Buffer
	err := gif.EncodeAll(&buf, &out)
	return buf.Bytes(), err
}

// changed is the smallest box that holds all differences, and never empty: a GIF needs a pixel.
func changed(a, b *image.RGBA) image.Rectangle {
	if a == nil {
		return b.Rect
	}
	box := image.Rectangle{}
	for y := range b.Rect.Dy() {
		ra, rb := a.Pix[y*a.Stride:][:4*b.Rect.Dx()], b.Pix[y*b.Stride:][:4*b.Rect.Dx()]
		if bytes.Equal(ra, rb) {
			continue
		}
		for x := range b.Rect.Dx() {
			if [4]byte(ra[4*x:]) != [4]byte(rb[4*x:]) {
				box = box.Union(image.Rect(x, y, x+1, y+1))
			}
		}
	}
	if box.Empty() {
		return image.Rect(0, 0, 1, 1)
	}
	return box
}

// Save writes the film to path, which must end in .gif, whole or not at all.
func (f *Film) Save(path string) error {
	if ext := filepath.Ext(path); strings.ToLower(ext) != ".gif" {
		return fmt.Errorf("film %s: unknown extension %q: use .gif", path, ext)
	}
	data, err := f.GIF()
	if err != nil {
		return fmt.Errorf("film %s: %w", path, err)
	}
	return writeFile(path, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// Show plays the film in the notebook cell; outside GoNB it does nothing.
func (f *Film) Show() error { return f.ShowOn(Notebook()) }

// ShowOn plays the film on a display; nil means none. It travels inside HTML, since not
// every front end displays image/gif by itself.
func (f *Film) ShowOn(d Display) error {
	if d == nil {
		return nil
	}
	data, err := f.GIF()
	if err != nil {
		return errors.Join(err, showError(d, err))
	}
	size := f.frames[0].Rect.Size()
	src := base64.StdEncoding.EncodeToString(data)
	return show(d, Message{Data: map[string]any{
		mimeHTML: fmt.Sprintf(`<img width="%d" height="%d" alt="film of %d frames" src="data:image/gif;base64,%s">`, size.X, size.Y, len(f.frames), src),
		mimeText: fmt.Sprintf("film of %d frames, %dx%d pixels", len(f.frames), size.X, size.Y),
	}})
}
