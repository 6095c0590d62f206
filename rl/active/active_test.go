package active

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/backend/backendtest"
	"github.com/rewardlab/rewardlab/rl/loop"
	"github.com/rewardlab/rewardlab/rl/run"
	"github.com/rewardlab/rewardlab/rl/trainer/trainertest"
)

func open(t testing.TB, e *backend.Engine, set string) run.Worker {
	t.Helper()
	return trainertest.Open(t, &Config{}, set, func(c *Config) (run.Worker, error) { return New(t.Context(), e, c) })
}

// Questions that are made must tell clearly more than random ones, whose answers leave the alignment near that of the prior, 0.
func TestLearnsWhatIsWanted(t *testing.T) {
	e := backendtest.XLA(t)
	got := map[string]float64{}
	for _, method := range []string{"optimised", "random"} {
		r := trainertest.Train(t, open(t, e, "queries=25 human=certain samples=100 method="+method), 1)
		got[method] = r.Eval["eval/alignment"]
		for _, row := range r.Rows {
			if a := row.Values["posterior/accepted"]; a < 0.02 || a > 0.98 {
				t.Errorf("%s: %.0f%% of the proposals were accepted after %d answers", method, 100*a, row.Iteration)
			}
			if row.Values["query/bits"] < -1e-5 || row.Values["query/bits"] > 1 {
				t.Errorf("a question of %g bits", row.Values["query/bits"])
			}
		}
	}
	if got["optimised"] < 0.75 || got["optimised"] < got["random"]+0.1 {
		t.Errorf("alignment %v", got)
	}
}

// Without answers the samples stay uniform on the ball, whose mean squared radius in 5 dimensions is 5/7; after twelve answers that w.(2, 0, 0, 0, 0) is
// positive the first weight is.
func TestPosterior(t *testing.T) {
	e := backendtest.Go(t)
	c := trainertest.Resolved(t, &Config{}, "samples=200", "moves=60", "queries=12")
	l := &learner{active: active{c}}
	if err := l.build(e); err != nil {
		t.Fatal(err)
	}
	defer l.close()
	s, err := l.start(1)
	if err != nil {
		t.Fatal(err)
	}
	moments := func() (radius, first float64) {
		if _, err := l.move(t.Context(), &s); err != nil {
			t.Fatal(err)
		}
		w := tensors.MustCopyFlatData[float32](s.Get("W"))
		for i, x := range w {
			radius += float64(x) * float64(x) / 200
			if i%features == 0 {
				first += float64(x) / 200
			}
		}
		return radius, first
	}
	if r, first := moments(); math.Abs(r-5.0/7) > 0.08 || math.Abs(first) > 0.12 {
		t.Errorf("the prior moved to a squared radius of %.2f and a first weight of %.2f", r, first)
	}
	phi, answer := make([]float32, 12*features), make([]float32, 12)
	for i := range answer {
		answer[i] = float32(1 - 2*(i%2)) // the second clip where the features are turned round
		phi[i*features] = 2 * answer[i]
	}
	if s, err = loop.Pack[State](s.Get("W"), tensors.FromFlatDataAndDimensions(phi, 12, features), tensors.FromValue(answer), tensors.FromValue(int32(12)), s.Get("Last"), s.Get("Key")); err != nil {
		t.Fatal(err)
	}
	if r, first := moments(); first < 0.35 || r > 1 {
		t.Errorf("twelve answers give a squared radius of %.2f and a first weight of %.2f", r, first)
	}
}

// Every number of a query is within its bounds whatever z is, and the ascent's gradient is that of the score.
func TestQueriesAreFeasibleAndClimbTheirScore(t *testing.T) {
	e := backendtest.Go(t)
	for _, criterion := range []string{"information", "volume"} {
		a := active{trainertest.Resolved(t, &Config{}, "criterion="+criterion)}
		r := rand.New(rand.NewPCG(1, 1))
		z, w := make([]float32, 3*size), make([]float32, 8*features)
		for i := range z {
			z[i] = float32(r.NormFloat64())
		}
		for i := range w {
			w[i] = float32(r.NormFloat64() / 2)
		}
		exec := MustNewExec(e.Backend, func(z, w *Node) []*Node {
			score := ReduceAllSum(a.look(z, w).Score)
			return []*Node{score, Gradient(score, z)[0], unfold(MulScalar(z, 100)).x}
		})
		at := func(z []float32) []*tensors.Tensor {
			return exec.MustCall(tensors.FromFlatDataAndDimensions(z, 3, size), tensors.FromFlatDataAndDimensions(w, 8, features))
		}
		out := at(z)
		grad, x := tensors.MustCopyFlatData[float32](out[1]), tensors.MustCopyFlatData[float32](out[2])
		low, high := bounds()
		for i := range x {
			if k := i % size; x[i] < low[k]-1e-5 || x[i] > high[k]+1e-5 {
				t.Errorf("number %d is %g, outside [%g, %g]", k, x[i], low[k], high[k])
			}
		}
		for _, i := range []int{0, 3, 5, 7, 12, 20, size + 1, 2*size + 9} {
			const h = 1e-2
			near := slices.Clone(z)
			near[i] += h
			up := tensors.ToScalar[float32](at(near)[0])
			near[i] -= 2 * h
			down := tensors.ToScalar[float32](at(near)[0])
			if criterion == "volume" {
				continue // a minimum of clipped likelihoods: differences would step over its edges
			}
			if want := float64(up-down) / (2 * h); math.Abs(want-float64(grad[i])) > 2e-3+0.05*math.Abs(want) {
				t.Errorf("%s: the gradient by number %d is %g, differences say %g", criterion, i, grad[i], want)
			}
		}
	}
}

func TestUnalike(t *testing.T) {
	phi := [][]float32{{1, 0, 0, 0, 0}, {1.01, 0, 0, 0, 0}, {0, 1, 0, 0, 0}, {-1, 0.01, 0, 0, 0}, {0, 0, 1, 0, 0}}
	// The second and the fourth, a mirror image, are like the first, which scores best.
	if got := unalike([]float32{5, 4, 1, 3, 2}, phi, 3); !slices.Equal(got, []int{0, 4, 2}) {
		t.Errorf("picked %v", got)
	}
	if got := unalike([]float32{1, 4, 1, 3, 2}, phi, 1); len(got) != 1 || got[0] != 1 {
		t.Errorf("the best alone: %v", got)
	}
}

// A human with ties says "no difference" about equal clips, and one who is certain never errs.
func TestHumans(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	w := [features]float64{1}
	certain := &Config{Human: "certain", Tie: 0.5}
	for _, tt := range []struct{ d, want float32 }{{2, 1}, {-2, -1}, {0.1, 0}} {
		if got := certain.answer(r, w, []float32{tt.d, 0, 0, 0, 0}); got != tt.want {
			t.Errorf("clips %g apart: %g, want %g", tt.d, got, tt.want)
		}
	}
	count := map[float32]float64{}
	noisy := &Config{Human: "noisy", Tie: 1}
	for range 4000 {
		count[noisy.answer(r, w, make([]float32, features))] += 1.0 / 4000
	}
	s := 1 / (1 + math.E) // of sigmoid(-1)
	if math.Abs(count[1]-s) > 0.03 || math.Abs(count[-1]-s) > 0.03 || math.Abs(count[0]-(math.E*math.E-1)*s*s) > 0.03 {
		t.Errorf("answers about equal clips: %v", count)
	}
}
