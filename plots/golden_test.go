package plots

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"gonum.org/v1/plot/cmpimg"
)

// regen is the test flag -regen, which cmpimg defines: it writes the golden images anew. Look at them before you commit.
var regen = cmpimg.GenerateTestData

// golden compares a figure with testdata/name.png, drawn at one image pixel for each
// page pixel to keep the files small.
func golden(t *testing.T, name string, f Figure) {
	t.Helper()
	level := png.BestSpeed
	if *regen {
		level = png.BestCompression
	}
	got, err := f.png(1, level)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("testdata", name+".png")
	if *regen {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v: run go test -regen, look at the image, and commit it", err)
	}
	// Other processors round differently in the last bit, which can move the grey of an edge.
	same, err := cmpimg.EqualApprox("png", got, want, 0.05)
	if err != nil {
		t.Fatal(err)
	}
	if !same {
		out := filepath.Join(os.TempDir(), "rewardlab-golden-"+name+".png")
		if err := os.WriteFile(out, diffImage(t, got, want), 0o644); err != nil {
			t.Fatal(err)
		}
		t.Errorf("the figure differs from %s: look at %s (got, wanted, difference), and run go test -regen if the new one is right", path, out)
	}
}

func diffImage(t *testing.T, got, want []byte) []byte {
	t.Helper()
	a, err := png.Decode(bytes.NewReader(got))
	if err != nil {
		t.Fatal(err)
	}
	b, err := png.Decode(bytes.NewReader(want))
	if err != nil {
		t.Fatal(err)
	}
	w, h := max(a.Bounds().Dx(), b.Bounds().Dx()), max(a.Bounds().Dy(), b.Bounds().Dy())
	all := image.NewRGBA(image.Rect(0, 0, 3*w, h))
	for y := range h {
		for x := range w {
			all.Set(x, y, a.At(x, y))
			all.Set(w+x, y, b.At(x, y))
		}
	}
	cmpimg.Diff(all.SubImage(image.Rect(2*w, 0, 3*w, h)).(*image.RGBA), a, b)
	var buf bytes.Buffer
	if err := png.Encode(&buf, all); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// learning makes runs that look like learning: from start towards end, at a pace that
// differs from seed to seed, with the noise of a batch of 32.
func learning(seed uint64, seeds, points int, start, end, tau float64) [][]float64 {
	rng := rand.New(rand.NewPCG(seed, 9))
	runs := make([][]float64, seeds)
	for r := range runs {
		pace := tau * math.Exp(0.35*rng.NormFloat64())
		top := end + 0.02*rng.NormFloat64()
		runs[r] = make([]float64, points)
		for p := range runs[r] {
			q := top - (top-start)*math.Exp(-float64(p)/pace)
			runs[r][p] = max(0, min(1, q+rng.NormFloat64()*math.Sqrt(q*(1-q)/32)))
		}
	}
	return runs
}

var accuracy = Axes{X: "iteration", Y: "sampled accuracy", YMin: 0, YMax: 1}

func TestGoldenCurves(t *testing.T) {
	series := []Series{
		{Name: "bandit on the true reward", Runs: learning(1, 5, 1000, 0.1, 0.723, 210)},
		{Name: "IGL, joint", Runs: learning(2, 5, 1000, 0.1, 0.717, 230)},
		{Name: "IGL, explore to ground", Runs: learning(3, 5, 1000, 0.1, 0.60, 380)},
	}
	a := accuracy
	a.Smooth = 25
	a.Refs = []Line{{"random", 0.1}}
	golden(t, "curves", Curves("Sampled accuracy on MNIST", series, a))

	a.Seeds, a.Mean = true, true
	a.Marks = []Line{{"mapping flipped", 500}, {"and flipped back", 560}, {"start of grounding", 30}}
	golden(t, "curves_seeds_marks", Curves("The feedback changes its meaning twice during training, and the decoder has to notice it by itself without being told", series[:2], a))
}

func TestGoldenCurvesGaps(t *testing.T) {
	nan := math.NaN()
	x := []float64{0, 20000, 40000, 60000, 80000, 100000, 120000}
	golden(t, "curves_gaps", Curves("Return", []Series{
		{Name: "with gaps", X: x, Runs: [][]float64{{1, 2, nan, 3, nan, 5, 6}, {2, 2, 5, 4, 4, 6, 8}}},
		{Name: "stopped early", X: x[:4], Runs: [][]float64{{-3, -2, -2, -1}, {-1, -1, 0, 1}, {-4, 1, 0, 1}}},
		{Name: "one seed", X: x, Runs: [][]float64{{0, 1, 2, math.Inf(1), 2, 1, 0}}},
	}, Axes{X: "environment steps", Y: "return", Width: 480, Height: 300}))
}

func TestGoldenManyCurves(t *testing.T) {
	var series []Series
	for i := range 12 {
		series = append(series, Series{
			Name: fmt.Sprintf("learning rate %.0e", math.Pow(10, -5+float64(i)/3)),
			Runs: learning(uint64(i), 3, 400, 0.1, 0.70+0.01*float64(i%4), 60+5*float64(i))})
	}
	a := accuracy
	a.Smooth = 20
	golden(t, "curves_many", Curves("Twelve that end close together", series, a))
}

func scores(seed uint64, n int, mean, sd float64) []float64 {
	rng := rand.New(rand.NewPCG(seed, 4))
	out := make([]float64, n)
	for i := range out {
		out[i] = mean + sd*rng.NormFloat64()
	}
	return out
}

func TestGoldenBars(t *testing.T) {
	var bars []Bar
	for i, name := range []string{
		"supervised", "contextual bandit on the true reward", "IGL, joint", "IGL, explore to ground",
		"IGL, offline objective with mirrored restart and held-out selection", "offline IPS bandit",
		"plain decoder on action-inclusive feedback", "random",
	} {
		mean := []float64{0.915, 0.723, 0.717, 0.702, 0.885, 0.55, 0.14, 0.1}[i]
		bars = append(bars, Bar{Name: name, Scores: scores(uint64(i), 10, mean, 0.02+0.05*float64(i%3)/2)})
	}
	golden(t, "bars", Bars("Greedy accuracy on held-out digits", bars,
		Axes{X: "accuracy", XMin: 0, XMax: 1, Refs: []Line{{"chance", 0.1}, {"linear, supervised", 0.915}}}))
}

func TestGoldenGroupedBars(t *testing.T) {
	var bars []Bar
	for g, group := range []string{"normal feedback", "swapped images", "noise 0.2"} {
		for m, method := range []string{"IGL", "bandit", "IPS"} {
			bars = append(bars, Bar{Group: group, Name: method, Scores: scores(uint64(10*g+m), 5, 0.8-0.1*float64(m)-0.07*float64(g), 0.04)})
		}
	}
	bars = append(bars, Bar{Group: "swapped images", Name: "worse than nothing", Scores: []float64{-0.11, -0.2, -0.15}})
	golden(t, "bars_grouped", Bars("Advantage over chance", bars, Axes{X: "accuracy above chance"}))
}

// blob is a smooth made-up weight image.
func blob(seed uint64, w int) []float64 {
	rng := rand.New(rand.NewPCG(seed, 5))
	out := make([]float64, w*w)
	for range 5 {
		cx, cy, s, a := rng.Float64()*float64(w), rng.Float64()*float64(w), 2+3*rng.Float64(), rng.NormFloat64()*0.1
		for i := range out {
			dx, dy := float64(i%w)-cx, float64(i/w)-cy
			out[i] += a * math.Exp(-(dx*dx+dy*dy)/(2*s*s))
		}
	}
	return out
}

func TestGoldenWeights(t *testing.T) {
	weights := make([][]float64, 10)
	for i := range weights {
		weights[i] = blob(uint64(i), 28)
	}
	golden(t, "weights", Weights("What the policy looks for, action by action", weights, 28, nil))
	golden(t, "weights_two", Weights("Decoder", weights[:2], 28, []string{"feedback if right", "feedback if wrong"}))
}

func TestGoldenImages(t *testing.T) {
	var tiles []Tile
	for i := range 14 {
		pixels := make([]uint8, 28*28)
		for k := range pixels {
			x, y := float64(k%28)-13.5, float64(k/28)-13.5
			r := math.Hypot(x, y*0.8)
			if r > 6+float64(i%3) && r < 9+float64(i%3) && !(i%2 == 1 && x > 0 && y < 0) {
				pixels[k] = uint8(255 - 20*(i%4))
			}
		}
		tile := TileOf(pixels, 28, fmt.Sprint(i%10))
		if i%5 == 3 {
			tile.Wrong, tile.Caption = true, "6, said 0"
		}
		tiles = append(tiles, tile)
	}
	golden(t, "images", Images("Held-out digits and what the policy says", tiles, Grid{}))
}

func TestGoldenHeatMap(t *testing.T) {
	names := []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}
	rng := rand.New(rand.NewPCG(1, 6))
	m := make([][]float64, 10)
	for i := range m {
		m[i] = make([]float64, 10)
		for j := range m[i] {
			m[i][j] = float64(rng.IntN(30))
		}
		m[i][i] = float64(850 + rng.IntN(200))
	}
	golden(t, "heatmap", HeatMap("Confusion on the 10,000 test digits", m, names, names, Heat{X: "action", Y: "digit", Scale: Scale{Label: "digits"}}))

	field, arrows := make([][]float64, 6), make([][][2]float64, 6)
	for i := range field {
		for j := range 8 {
			x, y := float64(j)-3.5, 2.5-float64(i)
			field[i] = append(field[i], math.Hypot(x, y))
			arrows[i] = append(arrows[i], [2]float64{-x / 4.5, -y / 4.5})
		}
	}
	arrows[5] = make([][2]float64, 8)
	golden(t, "heatmap_arrows", HeatMap("To the middle, and none in the last row", field, nil, nil, Heat{Format: "-", Arrows: arrows}))

	q := [][]float64{{0.5, -0.25, math.NaN(), 0.125}, {-1.5, 0, 0.75, 0.3333}}
	golden(t, "heatmap_diverging", HeatMap("Q", q, []string{"start", "beside the goal"}, []string{"go north", "go south", "go east", "go west"}, Heat{Scale: Scale{Diverging: true}}))
}

func TestGoldenBeside(t *testing.T) {
	a := Axes{X: "iteration", Width: 360, Height: 240}
	golden(t, "beside", Beside(
		Curves("Reward", []Series{One("", []float64{0, 1, 4, 9, 16})}, a),
		Curves("Loss", []Series{One("policy", []float64{1e-3, 8e-4, 7e-4, 6.5e-4, 6.4e-4})}, a),
	))
}
