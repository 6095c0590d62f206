package plots

import (
	"bytes"
	"image"
	"image/color"
	"image/draw"
	"image/gif"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// ball is a frame with a disc at x on a background of many greys.
func ball(w, h, x int) image.Image {
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for j := range h {
		for i := range w {
			img.SetRGBA(i, j, color.RGBA{uint8(200 + j%40), uint8(200 + j%40), 220, 255})
			if dx, dy := i-x, j-h/2; dx*dx+dy*dy < 64 {
				img.SetRGBA(i, j, wrongInk)
			}
		}
	}
	return img
}

func play(t *testing.T, data []byte) (frames []*image.RGBA, delays []int, g *gif.GIF) {
	t.Helper()
	g, err := gif.DecodeAll(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	canvas := image.NewRGBA(image.Rect(0, 0, g.Config.Width, g.Config.Height))
	for _, part := range g.Image {
		draw.Draw(canvas, part.Rect, part, part.Rect.Min, draw.Over)
		copied := *canvas
		copied.Pix = bytes.Clone(canvas.Pix)
		frames = append(frames, &copied)
	}
	return frames, g.Delay, g
}

func TestFilmPlaysWhatWasAdded(t *testing.T) {
	f := &Film{FPS: 20, Hold: 0.5}
	var want []*image.RGBA
	for i := range 12 {
		img := ball(90, 60, 10+6*i)
		want = append(want, img.(*image.RGBA))
		if err := f.Add(img); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Add(want[11]); err != nil { // no change at all
		t.Fatal(err)
	}
	data, err := f.GIF()
	if err != nil {
		t.Fatal(err)
	}
	again, err := f.GIF()
	if err != nil || !bytes.Equal(data, again) {
		t.Errorf("the same film gave other bytes (%v)", err)
	}
	got, delays, g := play(t, data)
	if len(got) != 13 || delays[0] != 5 || delays[12] != 55 || g.LoopCount != 0 {
		t.Fatalf("%d frames, delays %v, loop %d", len(got), delays, g.LoopCount)
	}
	for i := range want { // 42 colours fit, so nothing may be lost
		if !bytes.Equal(got[i].Pix, want[i].Pix) {
			t.Errorf("frame %d differs from what was added", i)
		}
	}
	if b := g.Image[5].Rect; b.Dx() > 30 {
		t.Errorf("frame 5 stores %v though only the ball moved", b)
	}
}

func TestFilmPalette(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	img := image.NewRGBA(image.Rect(0, 0, 128, 128))
	for i := range img.Pix { // a smooth picture of 16,384 colours
		x, y := i/4%128, i/4/128
		img.Pix[i] = [4]uint8{uint8(2 * x), uint8(2 * y), uint8(255 - x - y), 255}[i%4]
	}
	f := &Film{Once: true}
	if err := f.Add(img); err != nil {
		t.Fatal(err)
	}
	data, err := f.GIF()
	if err != nil {
		t.Fatal(err)
	}
	got, _, g := play(t, data)
	if g.LoopCount != -1 {
		t.Errorf("loops %d times, want once", g.LoopCount)
	}
	for range 1000 {
		k := 4 * rng.IntN(len(img.Pix)/4)
		for ch := range 3 {
			if d := int(got[0].Pix[k+ch]) - int(img.Pix[k+ch]); d*d > 26*26 {
				t.Fatalf("pixel %d: %v became %v", k/4, img.Pix[k:k+4], got[0].Pix[k:k+4])
			}
		}
	}
}

func TestFilmStaysBounded(t *testing.T) {
	f := &Film{MaxFrames: 20, FPS: 10, Hold: 0.01}
	for i := range 1000 {
		if err := f.Add(ball(40, 40, i%40)); err != nil {
			t.Fatal(err)
		}
		if f.Len() > 20 {
			t.Fatalf("%d frames are kept", f.Len())
		}
	}
	data, err := f.GIF()
	if err != nil {
		t.Fatal(err)
	}
	_, delays, _ := play(t, data)
	total := 0
	for _, d := range delays {
		total += d
	}
	if total < 9500 || total > 11000 {
		t.Errorf("plays for %d hundredths of a second, want the 10,000 of all frames", total)
	}

	f = &Film{MaxBytes: len(data) / 4, MaxSide: 20}
	for i := range 100 {
		if err := f.Add(ball(40, 40, i%40)); err != nil {
			t.Fatal(err)
		}
	}
	short, err := f.GIF()
	if err != nil || len(short) > len(data)/4 {
		t.Errorf("%d bytes, %v; want at most %d", len(short), err, len(data)/4)
	}
	if frames, _, _ := play(t, short); frames[0].Rect.Dx() != 20 {
		t.Errorf("frames are %v, want 20 pixels across", frames[0].Rect)
	}
}

func TestFilmSaveAndShow(t *testing.T) {
	f := &Film{}
	if err := f.Add(ball(30, 20, 5)); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "a.gif")
	if err := f.Save(path); err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(path); err != nil || !bytes.HasPrefix(data, []byte("GIF89a")) {
		t.Errorf("file starts %q, %v", data[:6], err)
	}
	s := &screen{}
	if err := f.ShowOn(s); err != nil || !strings.Contains(s.last(t).Data[mimeHTML].(string), `width="30" height="20"`) {
		t.Errorf("shown: %v, %v", s.got, err)
	}
}

func TestFilmErrors(t *testing.T) {
	f := &Film{}
	_, err := f.GIF()
	mustSay(t, err, "no frames")
	mustSay(t, f.Add(image.NewRGBA(image.Rect(0, 0, 0, 5))), "frame 0 is empty")
	if err := f.Add(ball(30, 20, 5)); err != nil {
		t.Fatal(err)
	}
	mustSay(t, f.Add(ball(20, 30, 5)), "frame 1 is (20,30)")
	mustSay(t, f.Save("film.mp4"), `".mp4"`)
	f.MaxBytes = 10
	_, err = f.GIF()
	mustSay(t, err, "MaxBytes is 10")
	f.FPS, f.Hold, f.Palette = 1000, -1, make(color.Palette, 257)
	_, err = f.GIF()
	mustSay(t, err, "FPS is 1000", "Hold is -1", "257 colours")
	s := &screen{}
	if f.ShowOn(s) == nil || !strings.Contains(s.last(t).Data[mimeText].(string), "FPS") {
		t.Error("the error was not shown")
	}
}

func mustSay(t *testing.T, err error, want ...string) {
	t.Helper()
	for _, w := range want {
		if err == nil || !strings.Contains(err.Error(), w) {
			t.Errorf("error %v does not say %q", err, w)
		}
	}
}
