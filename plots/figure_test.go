package plots

import (
	"bytes"
	"encoding/xml"
	"errors"
	"image/png"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func small() Figure {
	return Curves("A < B & C", []Series{{Name: "one", Runs: [][]float64{{1, 2, 3}, {2, 3, 5}}}}, Axes{})
}

func TestSave(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a.png", "a.PNG", "a.svg"} {
		if err := small().Save(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(filepath.Join(dir, "a.png"))
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(data))
	if err != nil || img.Bounds().Dx() != 1360 || img.Bounds().Dy() != 800 {
		t.Errorf("png: %v, %v; want 1360x800", img.Bounds(), err)
	}
	data, err = os.ReadFile(filepath.Join(dir, "a.svg"))
	if err != nil {
		t.Fatal(err)
	}
	for d := xml.NewDecoder(bytes.NewReader(data)); ; {
		if _, err := d.Token(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatalf("not well-formed: %v", err)
		}
	}
	if !bytes.Contains(data, []byte("A &lt; B &amp; C")) {
		t.Error("the title is not in the SVG")
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 3 {
		t.Errorf("files left: %v, %v", left, err)
	}
}

func TestSaveErrors(t *testing.T) {
	dir := t.TempDir()
	if err := small().Save(filepath.Join(dir, "a.pdf")); err == nil || !strings.Contains(err.Error(), `".pdf"`) {
		t.Errorf("unknown extension: %v", err)
	}
	if err := small().Save(filepath.Join(dir, "none", "a.png")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing folder: %v", err)
	}
	// What was there stays when the new figure cannot be drawn.
	path := filepath.Join(dir, "a.png")
	if err := os.WriteFile(path, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Curves("T", nil, Axes{}).Save(path); err == nil {
		t.Error("saved a figure of nothing")
	}
	if data, err := os.ReadFile(path); err != nil || string(data) != "old" {
		t.Errorf("the old file is %q, %v", data, err)
	}
	if err := (Figure{}).Save(path); err == nil || !strings.Contains(err.Error(), "zero value") {
		t.Errorf("zero figure: %v", err)
	}
}

func TestShow(t *testing.T) {
	s := &screen{}
	if err := small().ShowOn(s); err != nil {
		t.Fatal(err)
	}
	m := s.last(t)
	img, err := png.Decode(bytes.NewReader(m.Data[mimePNG].([]byte)))
	if err != nil || img.Bounds().Dx() != 1360 || m.Meta[mimePNG].(map[string]any)["width"] != 680 || s.syncs != 1 {
		t.Errorf("image %v, %v, shown at %v, %d syncs; want 1360 pixels shown at 680", img.Bounds(), err, m.Meta, s.syncs)
	}
	if err := Curves("<T>", nil, Axes{}).ShowOn(s); err == nil || !strings.Contains(s.last(t).Data[mimeHTML].(string), "&lt;T&gt;") {
		t.Errorf("an error is returned (%v) and shown (%v)", err, s.last(t))
	}
}

func TestDataErrors(t *testing.T) {
	nan := math.NaN()
	curves := func(a Axes, s ...Series) error { return Curves("acc", s, a).Err() }
	one := One("fine", []float64{1, 2})
	for _, c := range []struct {
		name string
		err  error
		want []string
	}{
		{"no series", curves(Axes{}), []string{`"acc"`, "no series"}},
		{"no runs", curves(Axes{}, one, Series{Name: "IGL"}), []string{`series 1 "IGL"`, "empty"}},
		{"lengths", curves(Axes{}, Series{Name: "IGL", Runs: [][]float64{{1, 2}, {1}}}), []string{`"IGL"`, "run 1 has 1 points"}},
		{"X length", curves(Axes{}, Series{Name: "IGL", X: []float64{1, 2, 3}, Runs: [][]float64{{1, 2}}}), []string{`"IGL"`, "2 points", "3 places"}},
		{"X order", curves(Axes{}, Series{Name: "IGL", X: []float64{1, 1}, Runs: [][]float64{{1, 2}}}), []string{`"IGL"`, "X[1] is 1", "ascending"}},
		{"X NaN", curves(Axes{}, Series{Name: "IGL", X: []float64{1, nan}, Runs: [][]float64{{1, 2}}}), []string{"X[1] is NaN"}},
		{"all gaps", curves(Axes{}, Series{Name: "IGL", Runs: [][]float64{{1, nan}, {nan, 1}}}), []string{`"IGL"`, "no point is finite"}},
		{"two at once", curves(Axes{}, Series{Name: "a"}, Series{Name: "b"}), []string{`"a"`, `"b"`}},
		{"range", curves(Axes{XMin: 3, XMax: 1}, one), []string{"XMin is 3", "XMax is 1"}},
		{"reference", curves(Axes{Refs: []Line{{"random", nan}}}, one), []string{`"random"`, "NaN"}},
		{"size", curves(Axes{Width: 3}, one), []string{"Width is 3"}},
		{"smooth", curves(Axes{Smooth: -1}, one), []string{"Smooth is -1"}},
		{"no room", curves(Axes{Width: 200}, One(strings.Repeat("long ", 20), []float64{1, 2})), []string{"no room", "Width"}},
		{"no bars", Bars("T", nil, Axes{}).Err(), []string{"no bars"}},
		{"bar NaN", Bars("T", []Bar{{Name: "IGL", Scores: []float64{1, nan}}}, Axes{}).Err(), []string{`"IGL"`, "NaN"}},
		{"bar empty", Bars("T", []Bar{{Name: "IGL"}}, Axes{}).Err(), []string{`"IGL"`, "no runs"}},
		{"bar groups", Bars("T", []Bar{{Name: "a", Scores: []float64{1}}, {Name: "b", Group: "g", Scores: []float64{1}}}, Axes{}).Err(), []string{`"b"`, `"g"`}},
		{"no tiles", Images("T", nil, Grid{}).Err(), []string{"no tiles"}},
		{"tile", Images("T", []Tile{{Pixels: make([]float64, 7), Width: 2, Caption: "c"}}, Grid{}).Err(), []string{`"c"`, "7 pixels", "2"}},
		{"captions", Weights("T", [][]float64{{1}}, 1, []string{"a", "b"}).Err(), []string{"2 captions", "1 images"}},
		{"no matrix", HeatMap("T", nil, nil, nil, Heat{}).Err(), []string{"empty"}},
		{"arrows", HeatMap("T", [][]float64{{1, 2}}, nil, nil, Heat{Arrows: [][][2]float64{{{1, 0}}}}).Err(), []string{"1 arrows for 2 cells"}},
		{"rows of arrows", HeatMap("T", [][]float64{{1}}, nil, nil, Heat{Arrows: [][][2]float64{}}).Err(), []string{"0 rows of arrows for 1"}},
		{"a long arrow", HeatMap("T", [][]float64{{1}}, nil, nil, Heat{Arrows: [][][2]float64{{{1, 1}}}}).Err(), []string{"at most 1"}},
		{"ragged", HeatMap("T", [][]float64{{1, 2}, {1}}, nil, []string{"a"}, Heat{}).Err(), []string{"row 1", "1 column names for 2"}},
		{"beside", Beside(small(), Curves("T", nil, Axes{})).Err(), []string{"no series"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.err == nil {
				t.Fatal("no error")
			}
			for _, w := range c.want {
				if !strings.Contains(c.err.Error(), w) {
					t.Errorf("error %q does not say %q", c.err, w)
				}
			}
		})
	}
}

// Whatever is finite must be drawn without panics, however extreme.
func TestOddDataDraws(t *testing.T) {
	nan := math.NaN()
	for name, f := range map[string]Figure{
		"one point":             Curves("", []Series{One("a", []float64{3})}, Axes{}),
		"user range of nothing": Curves("T", []Series{One("a", []float64{1, 2})}, Axes{YMin: 1, YMax: math.Nextafter(1, 2)}),
		"constant":              Curves("T", []Series{One("a", []float64{3, 3, 3})}, Axes{}),
		"huge":                  Curves("T", []Series{One("a", []float64{-1e299, 1e299})}, Axes{}),
		"tiny":                  Curves("T", []Series{One("a", []float64{1e-300, 2e-300})}, Axes{}),
		"nearly equal":          Curves("T", []Series{One("a", []float64{1, math.Nextafter(1, 2)})}, Axes{}),
		"out of range":          Curves("T", []Series{One("a", []float64{5, 6, 7})}, Axes{YMin: 0, YMax: 1, XMin: 10, XMax: 20}),
		"no title":              Images("", []Tile{{Pixels: []float64{1, nan, math.Inf(1), math.Inf(-1)}, Width: 2}}, Grid{}),
		"all NaN":               HeatMap("T", [][]float64{{nan, nan}}, nil, nil, Heat{Scale: Scale{Diverging: true}}),
		"many cells":            HeatMap("T", make([][]float64, 0, 1), nil, nil, Heat{}),
		"zero bars":             Bars("T", []Bar{{Name: "zero", Scores: []float64{0, 0}}}, Axes{}),
		"negative bars":         Bars("T", []Bar{{Name: "less", Scores: []float64{-1, -2}}}, Axes{Refs: []Line{{"ref", -3}}}),
		"one seed bar":          Bars("T", []Bar{{Name: strings.Repeat("unbreakable", 9), Scores: []float64{0.5}}}, Axes{Height: 500}),
		"100 curves":            Curves("T", slices.Repeat([]Series{One("same", []float64{1, 2})}, 100), Axes{}),
		"non-ASCII name":        Curves("Verlauf – λ → ∞", []Series{One("größer ≥ 1, 世界", []float64{1, 2})}, Axes{X: "µs"}),
	} {
		t.Run(name, func(t *testing.T) {
			if name == "many cells" {
				f = HeatMap("T", [][]float64{make([]float64, 60), make([]float64, 60)}, nil, nil, Heat{})
			}
			if _, err := f.Image(1); err != nil {
				t.Error(err)
			}
			if _, err := f.SVG(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestTicks(t *testing.T) {
	for _, c := range []struct {
		lo, hi float64
		n      int
		want   string
	}{
		{0, 1, 5, "0.0 0.2 0.4 0.6 0.8 1.0"},
		{1, 1000, 5, "200 400 600 800 1k"},
		{0, 5000, 5, "0 1k 2k 3k 4k 5k"},
		{0, 2000, 4, "0 500 1k 1.5k 2k"},
		{-0.3, 0.3, 6, "−0.3 −0.2 −0.1 0.0 0.1 0.2 0.3"},
		{0, 3e6, 3, "0 1M 2M 3M"},
		{0.00012, 0.0002, 4, "0.00012 0.00014 0.00016 0.00018 0.00020"},
		{1, 1, 5, ""},
	} {
		var got []string
		for _, tk := range ticks(c.lo, c.hi, c.n) {
			got = append(got, tk.label)
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("ticks(%v, %v, %d) = %q, want %q", c.lo, c.hi, c.n, s, c.want)
		}
	}
}

func TestSpread(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	for range 200 {
		n := 1 + rng.IntN(8)
		centres, heights := make([]float64, n), make([]float64, n)
		for i := range centres {
			centres[i], heights[i] = 100*rng.Float64(), 5+5*rng.Float64()
		}
		slices.Sort(centres)
		got := spread(centres, heights, 0, 100)
		for i := range got {
			if got[i]-heights[i]/2 < -1e-9 || got[i]+heights[i]/2 > 100+1e-9 {
				t.Fatalf("label %d at %v leaves [0, 100]", i, got[i])
			}
			if i > 0 && got[i]-got[i-1] < (heights[i]+heights[i-1])/2-1e-9 {
				t.Fatalf("labels %d and %d overlap: %v", i-1, i, got)
			}
		}
	}
	if got := spread([]float64{20, 50}, []float64{10, 10}, 0, 100); got[0] != 20 || got[1] != 50 {
		t.Errorf("labels with room were moved: %v", got)
	}
	if got := spread([]float64{50, 50}, []float64{10, 10}, 0, 100); got[0] != 45 || got[1] != 55 {
		t.Errorf("two at 50: %v, want 45 and 55", got)
	}
}

// The parts of a clipped line must lie inside and on the line, and miss nothing inside.
func TestClipLine(t *testing.T) {
	f := panel{rectangle: rectangle{0, 0, 10, 10}}
	got := f.clipLine([]point{{-5, 5}, {5, 5}, {5, 15}, {7, 15}, {7, 5}, {20, 5}})
	want := [][]point{{{0, 5}, {5, 5}, {5, 10}}, {{7, 10}, {7, 5}, {10, 5}}}
	if len(got) != 2 || !slices.Equal(got[0], want[0]) || !slices.Equal(got[1], want[1]) {
		t.Errorf("clipped to %v, want %v", got, want)
	}
}

func TestThinKeepsWhatCanBeSeen(t *testing.T) {
	pts := make([]point, 30000)
	for i := range pts {
		pts[i] = point{float64(i) / 100, float64(i % 7)}
	}
	pts[12345].y, pts[54].y = 99, -99
	got := thin(pts)
	if len(got) > 4*901 || !slices.Contains(got, pts[12345]) || !slices.Contains(got, pts[54]) || got[0] != pts[0] || got[len(got)-1] != pts[len(pts)-1] {
		t.Errorf("%d points are left, or a peak or an end is lost", len(got))
	}
	if few := pts[:100]; len(thin(few[:3])) != 3 {
		t.Error("a few points were thinned")
	}
}

// Colours must be told apart from white paper, and from each other in grey where lines cross.
func TestReadableColours(t *testing.T) {
	for i := range palette {
		c := readable(seriesColor(i))
		if ratio := 1.05 / (luminance(c) + 0.05); ratio < 3.5 {
			t.Errorf("text in colour %d has a contrast of %.1f to paper, want 3.5", i, ratio)
		}
	}
	if got := Palette(10); len(got) != 10 || got[0] != got[8] || got[0] == got[1] {
		t.Errorf("palette = %v", got)
	}
}
