package ops_test

import (
	"math"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/backend/backendtest"
	"github.com/rewardlab/rewardlab/rl/ops"
)

// d = log 3 gives P = 3/4, with a floor of 0.1 0.9 3/4 + 0.05 = 0.725; far apart the floor is all that is left of the other answer.
func TestBradleyTerry(t *testing.T) {
	log3 := float32(math.Log(3))
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		got := eval(t, e, func(in []*Node) []*Node {
			d, mu := in[0], in[1]
			return []*Node{ops.Prefer(d, 0), ops.BradleyTerry(d, mu, 0), ops.Prefer(d, 0.1), ops.BradleyTerry(d, mu, 0.1),
				Gradient(ReduceAllSum(ops.BradleyTerry(d, mu, 0)), d)[0]}
		}, []float32{log3, log3, log3, 80, -80}, []float32{1, 0, 0.5, 1, 1})
		near(t, "P", got[0], 0.75, 0.75, 0.75, 1, 0)
		near(t, "cross-entropy", got[1], -math.Log(0.75), -math.Log(0.25), -0.5*math.Log(0.75)-0.5*math.Log(0.25), 0, 80)
		near(t, "P with a floor", got[2], 0.725, 0.725, 0.725, 0.95, 0.05)
		near(t, "with a floor", got[3], -math.Log(0.725), -math.Log(0.275), -0.5*math.Log(0.725)-0.5*math.Log(0.275), -math.Log(0.95), -math.Log(0.05))
		near(t, "gradient", got[4], -0.25, 0.75, 0.25, 0, -1) // P - mu: a tie at 1/2 pulls the returns together
	})
}

// Returns log 1, log 2, log 4. Ranked 2, 1, 0 (the best first): pairs 2/3, 4/5, 4/6; Plackett-Luce 4/7 times 2/3.
func TestRankings(t *testing.T) {
	r := [][]float32{{0, float32(math.Log(2)), float32(math.Log(4))}}
	better := [][][]float32{{{0.5, 0, 0}, {1, 0.5, 0}, {1, 1, 0.5}}}
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		got := eval(t, e, func(in []*Node) []*Node {
			return []*Node{ops.Rankings(in[0], in[1], 0), ops.PlackettLuce(in[0], in[2]), ops.PlackettLuce(in[0], Neg(in[2]))}
		}, r, better, [][]float32{{0, 1, 2}})
		near(t, "pairs", got[0], -(math.Log(2.0/3)+math.Log(4.0/5)+math.Log(2.0/3))/3)
		near(t, "Plackett-Luce", got[1], -math.Log(4.0/7)-math.Log(2.0/3))
		near(t, "Plackett-Luce the wrong way round", got[2], -math.Log(1.0/7)-math.Log(2.0/6))
	})
}

// With two clips all three likelihoods are one, also where the returns are far apart.
func TestPlackettLuceOfTwoIsBradleyTerry(t *testing.T) {
	r := [][]float32{{0.3, -1.2}, {5, 60}, {-2, 2}}
	first := []float32{1, 0, 0}
	prefer := [][][]float32{{{0.5, 1}, {0, 0.5}}, {{0.5, 0}, {1, 0.5}}, {{0.5, 0}, {1, 0.5}}}
	merit := [][]float32{{1, 0}, {0, 1}, {3, 7}}
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		got := eval(t, e, func(in []*Node) []*Node {
			r := in[0]
			d := Sub(Squeeze(SliceAxis(r, 1, AxisElem(0)), 1), Squeeze(SliceAxis(r, 1, AxisElem(1)), 1))
			pl, bt := ops.PlackettLuce(r, in[3]), ops.BradleyTerry(d, in[1], 0)
			return []*Node{pl, bt, ops.Rankings(r, in[2], 0), Gradient(ReduceAllSum(pl), r)[0], Gradient(ReduceAllSum(bt), r)[0]}
		}, r, first, prefer, merit)
		want := []float64{-1.5 + math.Log(math.Exp(1.5)+1), 0, math.Log(1 + math.Exp(-4))}
		for k, name := range []string{"Plackett-Luce", "Bradley-Terry", "ranking"} {
			near(t, name, got[k], want...)
		}
		for i := range got[3] {
			near(t, "gradient", got[3][i:i+1], float64(got[4][i]))
		}
	})
}

// Three models, four queries: all sure and at odds, all unsure, all sure and at one, identical clips.
func TestQueriesThatTellMoreScoreHigher(t *testing.T) {
	p := [][]float32{{1, 0.5, 1, 0.5}, {0, 0.5, 1, 0.5}, {1, 0.5, 1, 0.5}}
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		got := eval(t, e, func(in []*Node) []*Node {
			a := ops.Either(in[0])
			return []*Node{ops.Disagreement(in[0]), ops.InformationGain(a), ops.VolumeRemoval(a)}
		}, p)
		near(t, "votes", got[0], 2.0/9*1.001, 0, 0, 0)
		// entropy of (2/3, 1/3) in bits, less none within each model
		near(t, "information", got[1], -(2.0/3*math.Log2(2.0/3) + 1.0/3*math.Log2(1.0/3)), 0, 0, 0)
		// 1 - (4/9 + 1/9); the unsure query looks as good as can be, the trap that the comment warns of; the foregone answer removes nothing
		near(t, "volume", got[2], 4.0/9, 0.5, 0, 0.5)
	})
}

// The sign of volume removal. Two rewards w = 1 and w = -1, clips whose features are apart by phi = 4, 0.5 and 0: the first tells them apart best, the
// last tells nothing. The score is to be maximised in both forms.
func TestVolumeRemovalPrefersTheTellingQuery(t *testing.T) {
	w, phi := []float32{1, -1}, []float32{4, 0.5, 0}
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		got := eval(t, e, func(in []*Node) []*Node {
			d := Mul(ExpandAxes(in[0], -1), ExpandAxes(in[1], 0)) // [2, 3]
			certain := ops.Either(ConvertDType(GreaterThan(d, MulScalar(OnesLike(d), -1e-3)), d.DType()))
			return []*Node{ops.LeastVolumeRemoval(ops.Consistent(d)), ops.InformationGain(ops.Either(ops.Prefer(d, 0))), ops.VolumeRemoval(certain)}
		}, w, phi)
		near(t, "Sadigh's form", got[0], (1-math.Exp(-4))/2, (1-math.Exp(-0.5))/2, 0)
		if g := got[1]; !(g[0] > g[1] && g[1] > g[2]) || math.Abs(float64(g[2])) > 1e-6 {
			t.Errorf("information gain %v, want it to fall to 0", g)
		}
		near(t, "certain answers", got[2], 0.5, 0.5, 0) // the clip that both call the better one tells nothing
	})
}

// At d = 0 with delta = log(2)/2 both sigmoids are 1/(1 + sqrt 2), and the tie is (2 - 1) times their product: all three add up to 1.
func TestPreferOrTie(t *testing.T) {
	s := 1 / (1 + math.Sqrt2)
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		got := eval(t, e, func(in []*Node) []*Node {
			p := ops.PreferOrTie(in[0], math.Log(2)/2)
			far := ops.PreferOrTie(MulScalar(in[0], 50), 1)
			return []*Node{SliceAxis(p, 0, AxisRange(0, 1)), ReduceSum(p, -1), SliceAxis(far, 0, AxisRange(1, 2)), ReduceSum(ops.PreferOrTie(in[0], 0), -1)}
		}, []float32{0, 1, -3})
		near(t, "equal returns", got[0], s, s, s*s)
		near(t, "sum", got[1], s+s+s*s, 1, 1)
		near(t, "far apart", got[2], 1, 0, 0)
		near(t, "no ties", got[3], 1, 1, 1)
	})
}

func TestAgreement(t *testing.T) {
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		got := eval(t, e, func(in []*Node) []*Node {
			share, number := ops.Agreement(in[0], in[1], in[2])
			none, zero := ops.Agreement(in[0], MulScalar(OnesLike(in[1]), 0.5), in[2])
			return []*Node{Reshape(share, 1), Reshape(number, 1), Reshape(none, 1), Reshape(zero, 1)}
		}, []float32{1, 1, -1, -1, 5, 1}, []float32{1, 0, 0, 0.5, 0.9, 1}, []float32{1, 1, 1, 1, 1, 0}) // right, wrong, right, a tie, right, left out
		near(t, "share", got[0], 0.75)
		near(t, "number", got[1], 4)
		near(t, "ties only", got[2], 0)
		near(t, "number", got[3], 0)
	})
}

func TestShuffleValid(t *testing.T) {
	valid := []float32{1, 0, 1, 1, 0, 1}
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		key, err := RNGStateFromSeed(1)
		if err != nil {
			t.Fatal(err)
		}
		got := eval(t, e, func(in []*Node) []*Node {
			_, order := ops.ShuffleValid(in[0], 40, in[1])
			sorted, at := ops.Ascending(in[2])
			return []*Node{ConvertDType(order, in[1].DType()), sorted, ConvertDType(at, in[1].DType())}
		}, key, valid, [][]float32{{3, 1, 2, 1}})
		near(t, "sorted", got[1], 1, 1, 2, 3)
		near(t, "order", got[2], 1, 3, 2, 0)
		first := map[float32]int{}
		for row := range 40 {
			var seen [6]bool
			for i, x := range got[0][row*6 : row*6+6] {
				if seen[int(x)] {
					t.Fatalf("row %d has %g twice", row, x)
				}
				seen[int(x)] = true
				if (valid[int(x)] == 1) != (i < 4) {
					t.Fatalf("row %d: element %g at place %d", row, x, i)
				}
			}
			first[got[0][row*6]]++
		}
		if len(first) != 4 {
			t.Errorf("only %v come first in 40 orders", first)
		}
	})
}
