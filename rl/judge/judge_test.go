package judge_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rewardlab/rewardlab/datasets"
	"github.com/rewardlab/rewardlab/rl/judge"
	"github.com/rewardlab/rewardlab/rl/lm"
	"github.com/rewardlab/rewardlab/rl/prefs"
)

var regen = flag.Bool("regen", false, "have SmolLM2 make the stored scores anew")

// pairs are all pairs of descriptions in which one is better, the worse one as A.
func pairs(principle string, words []string, alike int) []judge.Pair {
	var out []judge.Pair
	for a := range words {
		for b := max(a+1, alike); b < len(words); b++ {
			out = append(out, judge.Pair{Principle: principle, A: words[a], B: words[b]})
		}
	}
	return out
}

func TestStoredScores(t *testing.T) {
	pole, cart := pairs(judge.Upright, judge.PendulumWords(), 0), pairs(judge.StayUp, judge.CartPoleWords(), 2)
	if *regen { // what is there stays
		path := filepath.Join(t.TempDir(), "t.json")
		text, err := os.ReadFile("tables/smollm2.json")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
		table, err := lm.OpenTable(path, func(ctx context.Context) (lm.Scorer, error) { return lm.Open(ctx, lm.Options{}) })
		if err != nil {
			t.Fatal(err)
		}
		defer table.Close()
		for _, s := range []judge.Style{judge.Quote, judge.Label} {
			for _, ps := range [][]judge.Pair{pole, pairs(judge.StayUp, judge.CartPoleWords(), 0)} {
				if _, err := (&judge.Judge{Scorer: table, Style: s}).Odds(t.Context(), ps...); err != nil {
					t.Fatal(err)
				}
			}
		}
		if text, err = os.ReadFile(path); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile("tables/smollm2.json", text, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	stored, err := judge.Stored(nil)
	if err != nil {
		t.Fatal(err)
	}
	if stored.Model().Hash != datasets.SmolLM2SHA256 || stored.Made().IsZero() {
		t.Errorf("the scores are of %v, made %v", stored.Model(), stored.Made())
	}
	// What the documentation says: a letter is always A; quotes are right about 13 of 15 pairs of a pendulum, in both orders by and large, and about all of
	// a pole on a cart.
	for _, c := range []struct {
		name                string
		style               judge.Style
		pairs               []judge.Pair
		leastRight, most    int
		leastFirst, mostOne int
	}{
		{"pendulum", judge.Quote, pole, 13, 15, 10, 20}, {"pendulum, a letter", judge.Label, pole, 0, 15, 28, 30},
		{"pole on a cart", judge.Quote, cart, 9, 9, 4, 14}, {"pole on a cart, a letter", judge.Label, cart, 0, 9, 17, 18},
	} {
		odds, err := (&judge.Judge{Scorer: stored, Style: c.style}).Odds(t.Context(), c.pairs...)
		if err != nil {
			t.Fatal(err)
		}
		right, one, first := 0, 0, 0
		for i, o := range odds {
			if o.Both() < 0 {
				right++
			} else {
				t.Logf("wrong: %s before %s by %.2f", c.pairs[i].A, c.pairs[i].B, o.Both())
			}
			for k, x := range []float64{o.First, o.Second} {
				if x < 0 {
					one++
				}
				if (x > 0) == (k == 0) {
					first++
				}
			}
		}
		n := len(c.pairs)
		t.Logf("%s: %d of %d right, %d of %d in one order, %d of %d for what was named first", c.name, right, n, one, 2*n, first, 2*n)
		if right < c.leastRight || right > c.most || first < c.leastFirst || first > c.mostOne {
			t.Errorf("%s is not what the documentation says", c.name)
		}
	}
}

// biased prefers longer words, by a nat a letter, and what is named first, by bias.
type biased struct {
	bias  float64
	asked *int
}

func (biased) Model() lm.Model { return lm.Model{Name: "biased"} }

func (b biased) Score(_ context.Context, queries ...lm.Query) ([][]float64, error) {
	var out [][]float64
	for _, q := range queries {
		*b.asked++
		out = append(out, []float64{float64(len(q.Continuations[0])) - 60 + b.bias, float64(len(q.Continuations[1])) - 60})
	}
	return out, nil
}

func clip(text string) prefs.Fragment {
	return prefs.Fragment{Env: "reacher", Steps: 1, Obs: []float32{1}, Text: text}
}

func TestOrderIsCancelled(t *testing.T) {
	asked := 0
	j := &judge.Judge{Scorer: biased{5, &asked}}
	queries := []prefs.Query{
		prefs.NewQuery("be long.", clip("Aa."), clip("Aaa.")),
		prefs.NewQuery("be long.", clip("Aaa."), clip("Aa.")), // the same pair
		prefs.NewQuery("be long.", clip("Aa."), clip("Aa.")),  // a tie
		prefs.NewQuery("be long.", clip("Aa."), clip("Aaaa."), clip("Aaa.")),
	}
	got, err := j.Ask(t.Context(), queries)
	if err != nil {
		t.Fatal(err)
	}
	sigma := func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
	for i, want := range []float64{sigma(-1), sigma(1), 0.5} {
		if math.Abs(got[i].First-want) > 1e-12 {
			t.Errorf("query %d: %g, want %g", i, got[i].First, want)
		}
	}
	for i, want := range []float64{sigma(-2) + sigma(-1), sigma(2) + sigma(1), sigma(1) + sigma(-1)} {
		if math.Abs(got[3].Ranks[i]-want) > 1e-12 {
			t.Errorf("rank %d: %g, want %g", i, got[3].Ranks[i], want)
		}
	}
	if asked != 6 {
		t.Errorf("%d questions, want 6: three pairs in two orders", asked)
	}
	for i, a := range got {
		if err := a.Check(len(queries[i].Clips)); err != nil {
			t.Error(err)
		}
	}
	j.OneOrder = true
	if got, err = j.Ask(t.Context(), queries[:2]); err != nil || math.Abs(got[0].First-sigma(4)) > 1e-12 || math.Abs(got[1].First-sigma(6)) > 1e-12 {
		t.Errorf("in one order: %v, %v", got, err)
	}
	o := judge.Odds{First: 4, Second: -6}
	if o.Both() != -1 || o.Bias() != 5 {
		t.Errorf("odds %g, bias %g", o.Both(), o.Bias())
	}
}

func TestPendulum(t *testing.T) {
	words := judge.PendulumWords()
	for i, degrees := range []float64{179, 130, -90, 50, 20, -3} {
		s, c := math.Sincos(degrees * math.Pi / 180)
		f := prefs.Fragment{Env: "pendulum", Steps: 2, Obs: []float32{float32(c), float32(s), 1, float32(c), float32(s), -1}}
		if got := judge.Words(f); got != words[i] {
			t.Errorf("%g degrees: %q, want %q", degrees, got, words[i])
		}
	}
	if got := judge.Words(clip("The tip goes home.")); got != "the tip goes home" {
		t.Errorf("a text: %q", got)
	}
}

func TestCartPole(t *testing.T) {
	words := judge.CartPoleWords()
	for _, c := range []struct {
		next []float32 // positions and tilts, step by step
		want string
	}{
		{[]float32{0, 0, 0, 0.2, 2.4, -0.2}, words[4]},
		{[]float32{0, 0, 0, 0.2, 2.5, -0.2}, words[3]},
		{[]float32{0, 0.1, 0, 0.3, 0, -0.4}, words[2]},
		{[]float32{2.5, 0, 3, 0.2, 4, 0.3}, words[1]},
		{[]float32{0, 0.3, 0, -2, 3, 0.1}, words[0]},
	} {
		f := prefs.Fragment{Env: "cartpole-fixed", Steps: 3}
		for t := range 3 {
			f.Next = append(f.Next, c.next[2*t], 1, c.next[2*t+1], 1)
		}
		if got := judge.Words(f); got != c.want {
			t.Errorf("%v: %q, want %q", c.next, got, c.want)
		}
	}
}

func TestErrors(t *testing.T) {
	asked := 0
	stored, err := judge.Stored(nil)
	if err != nil {
		t.Fatal(err)
	}
	good := prefs.NewQuery("be good.", clip("A."), clip("B."))
	for _, c := range []struct {
		name  string
		judge judge.Judge
		query prefs.Query
		want  string
	}{
		{"no scorer", judge.Judge{}, good, "no scorer"},
		{"no principle", judge.Judge{Scorer: biased{0, &asked}}, prefs.NewQuery("", clip("A."), clip("B.")), "no principle"},
		{"no description", judge.Judge{Scorer: biased{0, &asked}}, prefs.NewQuery("x", clip("A."), clip(" ")), "no description"},
		{"one clip", judge.Judge{Scorer: biased{0, &asked}}, prefs.NewQuery("x", clip("A.")), "1 clips"},
		{"not UTF-8", judge.Judge{Scorer: stored}, prefs.NewQuery("x", clip("A\xff."), clip("B")), "UTF-8"},
	} {
		if got, err := c.judge.Ask(t.Context(), []prefs.Query{c.query}); err == nil || !strings.Contains(err.Error(), c.want) || len(got) != 0 {
			t.Errorf("%s: %v, error %v, want %q", c.name, got, err, c.want)
		}
	}
	// What was answered before the failure is kept.
	var many []prefs.Query
	words := judge.PendulumWords()
	for i := range 64 {
		many = append(many, prefs.NewQuery(judge.Upright, clip(words[i%5]), clip(words[5])))
	}
	got, err := (&judge.Judge{Scorer: stored}).Ask(t.Context(), append(many, good))
	if !errors.Is(err, lm.ErrNotStored) || len(got) != 64 {
		t.Errorf("%d answers, error %v; want 64 and ErrNotStored", len(got), err)
	}
}

func Example() {
	scores, err := judge.Stored(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	ai := &judge.Judge{Scorer: scores}
	words := judge.PendulumWords()
	odds, err := ai.Odds(context.Background(), judge.Pair{Principle: judge.Upright, A: words[5], B: words[0]})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s, rather than %s: %t\n", words[5], words[0], odds[0].Both() > 0)
	// Output: the pole stands upright, rather than the pole hangs straight down: true
}
