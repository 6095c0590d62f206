package gan

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/backend/backendtest"
	"github.com/rewardlab/rewardlab/rl/run"
	"github.com/rewardlab/rewardlab/rl/trainer/trainertest"
)

func open(t testing.TB, e *backend.Engine, digits *Digits, set string) run.Worker {
	return trainertest.Open(t, &Config{}, set, func(c *Config) (run.Worker, error) {
		return New(t.Context(), e, c, digits)
	})
}

// The generator finds most of the ring. One that is stuck on a blob covers 1/8, one that has not learned none.
func TestLearns(t *testing.T) {
	e := backendtest.XLA(t)
	r := trainertest.Train(t, open(t, e, nil, "iterations=2000 log_every=20"), 1)
	if r.Eval["eval/covered"] < 0.75 || r.Eval["eval/close"] < 0.5 {
		t.Errorf("%v of the blobs are covered, %v of the samples are close to one: want 0.75 and 0.5", r.Eval["eval/covered"], r.Eval["eval/close"])
	}
	state, err := r.Trainer.State()
	if err != nil {
		t.Fatal(err)
	}
	pages, size, err := Album(state)
	if err != nil || len(pages) != Pages || size != 2 || len(pages[0]) != 64 {
		t.Fatalf("the album has %d pages of %d samples of %d numbers, %v", len(pages), len(pages[0]), size, err)
	}
	if first, last := closeness(pages[0]), closeness(pages[Pages-1]); !(last < first/2) {
		t.Errorf("the mean distance to the nearest blob went from %.3f on the first page to %.3f on the last", first, last)
	}
	t.Logf("%v in %s", r.Eval, r.Took)
}

// closeness is the mean distance of samples to the nearest blob of the ring.
func closeness(samples [][]float32) float64 {
	sum := 0.0
	for _, x := range samples {
		best := math.Inf(1)
		for _, b := range Blobs("ring") {
			best = min(best, math.Hypot(float64(x[0])-b[0], float64(x[1])-b[1]))
		}
		sum += best / float64(len(samples))
	}
	return sum
}

func TestCounter(t *testing.T) {
	c := &counter{centres: []float32{0, 0, 1, 0, 0, 1, 1, 1}, spread: 0.1}
	// Of sixteen samples nine lie on the first blob, one, a quarter of its fair share, on the second, six far from all.
	var samples []float32
	for range 9 {
		samples = append(samples, 0.1, -0.1)
	}
	samples = append(samples, 0.75, 0)
	for range 6 {
		samples = append(samples, 0.5, 0.5)
	}
	got, err := c.examine(t.Context(), samples)
	if err != nil {
		t.Fatal(err)
	}
	even := -(0.9*math.Log(0.9) + 0.1*math.Log(0.1)) / math.Log(4)
	for name, want := range map[string]float64{"eval/covered": 0.5, "eval/close": 10.0 / 16, "eval/even": even} {
		if math.Abs(got[name]-want) > 1e-9 {
			t.Errorf("%s is %g, want %g", name, got[name], want)
		}
	}
	nowhere, err := c.examine(t.Context(), []float32{9, 9, 9, 9})
	if err != nil || nowhere["eval/covered"] != 0 || nowhere["eval/close"] != 0 || nowhere["eval/even"] != 0 {
		t.Errorf("samples that are nowhere: %v, %v", nowhere, err)
	}
}

func TestInception(t *testing.T) {
	for _, tt := range []struct {
		name                 string
		p                    []float32
		score, sure, covered float64
	}{
		{"sure, and both classes", []float32{1, 0, 0, 1}, 2, 1, 1},
		{"sure of one class", []float32{1, 0, 1, 0}, 1, 1, 0.5},
		{"never sure", []float32{0.5, 0.5, 0.5, 0.5}, 1, 0.5, 0.5},
		{"three to one", []float32{0.75, 0.25, 0.25, 0.75}, math.Exp(0.75*math.Log(1.5) + 0.25*math.Log(0.5)), 0.75, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := inception(tt.p, 2)
			for name, want := range map[string]float64{"inception": tt.score, "sure": tt.sure, "covered": tt.covered} {
				if math.Abs(got[name]-want) > 1e-9 {
					t.Errorf("%s is %g, want %g", name, got[name], want)
				}
			}
		})
	}
}

// bars are images of 4 by 4 pixels: class 0 has a bright upper half, class 1 a bright left half.
func bars(n int, seed uint64) (images, labels []uint8) {
	r := rand.New(rand.NewPCG(seed, 1))
	for range n {
		class := uint8(r.IntN(2))
		labels = append(labels, class)
		for k := range 16 {
			bright := k < 8
			if class == 1 {
				bright = k%4 < 2
			}
			v := r.IntN(40)
			if bright {
				v = 215 + r.IntN(40)
			}
			images = append(images, uint8(v))
		}
	}
	return images, labels
}

// The classifier knows bars, and finds both kinds among what has learned to look like them.
func TestDigits(t *testing.T) {
	e := backendtest.XLA(t)
	d := &Digits{Pixels: 16, Classes: 2}
	d.Images, d.Labels = bars(500, 1)
	d.Held, d.HeldLabels = bars(100, 2)
	r := trainertest.Train(t, open(t, e, d, "data=digits iterations=1000 hidden=32 lessons=200 log_every=20"), 1)
	if r.Eval["eval/classifier"] < 0.99 || r.Eval["eval/real_inception"] < 1.9 {
		t.Errorf("the classifier is right about %v of real images and gives them %v of 2", r.Eval["eval/classifier"], r.Eval["eval/real_inception"])
	}
	if r.Eval["eval/inception"] < 1.7 || r.Eval["eval/covered"] != 1 {
		t.Errorf("generated images have the score %v of 2 and cover %v of the classes", r.Eval["eval/inception"], r.Eval["eval/covered"])
	}
}

func TestMistakesAreNamed(t *testing.T) {
	e := backendtest.Go(t)
	for _, tt := range []struct {
		name, set, want string
		digits          *Digits
	}{
		{"an unknown mixture", "data=spiral", "spiral", nil},
		{"digits without images", "data=digits", "no images", nil},
		{"labels without images", "data=digits", "give one label an image", &Digits{Labels: []uint8{1}, HeldLabels: []uint8{1}, Pixels: 4, Classes: 2}},
		{"too short an album", "iterations=3", "iterations is 3", nil},
		{"rows that are too long", "iterations=100 log_every=50", "log_every is 50", nil},
		{"no noise", "noise=-1", "noise is -1", nil},
		{"a negative penalty", "penalty=-1", "penalty is -1", nil},
		{"an endless mean", "average=1", "average 1", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := &Config{}
			err := run.Set(c, strings.Fields(tt.set)...)
			if err == nil {
				err = run.Resolve(c)
			}
			if err == nil {
				err = run.Check(c)
			}
			if err == nil {
				_, err = New(t.Context(), e, c, tt.digits)
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one that says %q", err, tt.want)
			}
		})
	}
}
