package instruct_test

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/rewardlab/rewardlab/rl/instruct"
)

func TestRule(t *testing.T) {
	p, err := instruct.Rule(instruct.Same, 3, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	for word := range instruct.Balls {
		sum := 0.0
		for a, x := range p.Log[word] {
			sum += math.Exp(x)
			if want := -math.Log(3); a != word && math.Abs(x-want) > 1e-15 {
				t.Errorf("word %d, action %d: %g, want %g", word, a, x, want)
			}
		}
		if share := math.Exp(p.Log[word][word]) / sum; math.Abs(share-3.0/8) > 1e-15 {
			t.Errorf("word %d is copied with probability %g, want 3/8", word, share)
		}
	}
	uniform, err := instruct.Rule(instruct.Next, 1, 0, nil)
	if err != nil || uniform.Log != (instruct.Prior{}).Log {
		t.Errorf("a weight of 1: %v, %v; want zeros", uniform, err)
	}
	all, err := instruct.Rule(instruct.Same, 3, 1, rand.New(rand.NewPCG(1, 1)))
	if err != nil || math.Abs(all.Log[2][2]+math.Log(3)) > 1e-15 || all.Log[2][instruct.Quit] != 0 {
		t.Errorf("all answers turned round: %v, %v", all, err)
	}
}

func TestPriorErrors(t *testing.T) {
	rows := func(change func(w [][]float64) [][]float64) [][]float64 {
		w := make([][]float64, 5)
		for i := range w {
			w[i] = []float64{1, 1, 1, 1, 1, 1}
		}
		return change(w)
	}
	for _, c := range []struct {
		name    string
		weights [][]float64
		want    string
	}{
		{"a missing word", rows(func(w [][]float64) [][]float64 { return w[:4] }), "another game"},
		{"a missing action", rows(func(w [][]float64) [][]float64 { w[2] = w[2][:5]; return w }), "another game"},
		{"no mass", rows(func(w [][]float64) [][]float64 { w[3] = make([]float64, 6); return w }), "no weight on any action after word 3"},
		{"negative", rows(func(w [][]float64) [][]float64 { w[0][1] = -1; return w }), "finite numbers"},
		{"not a number", rows(func(w [][]float64) [][]float64 { w[0][1] = math.NaN(); return w }), "finite numbers"},
	} {
		if _, err := instruct.NewPrior(c.weights); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.name, err, c.want)
		}
	}
	p, err := instruct.NewPrior(rows(func(w [][]float64) [][]float64 { w[0][1] = 0; return w }))
	if err != nil || math.IsInf(p.Log[0][1], 0) {
		t.Errorf("a zero among others: %v, %v; want a finite number", p, err)
	}
}

func TestPrompt(t *testing.T) {
	if got, want := instruct.Same.Prompt(2), "I should select the same number as my partner. My partner selected 3. So I should select"; got != want {
		t.Errorf("prompt %q, want %q", got, want)
	}
	if got, want := instruct.Same.Prompt(instruct.Nothing), "I should select the same number as my partner. So I should select"; got != want {
		t.Errorf("prompt before any word %q, want %q", got, want)
	}
	if c := instruct.Candidates(); c[0] != " 1" || c[instruct.Quit] != " 0" {
		t.Errorf("candidates %q", c)
	}
}

// TestAverage: 3/8 and 1/8, and the other way round for another word, make 1/4.
func TestAverage(t *testing.T) {
	var ps []*instruct.Prior
	for _, i := range []instruct.Instruction{instruct.Same, instruct.Next} {
		p, err := instruct.Rule(i, 3, 0, nil)
		if err != nil {
			t.Fatal(err)
		}
		ps = append(ps, p)
	}
	mean, err := instruct.Average(ps...)
	if err != nil {
		t.Fatal(err)
	}
	for a, want := range []float64{1. / 8, 1. / 8, 1. / 4, 1. / 4, 1. / 8, 1. / 8} {
		if got := mean.Probabilities()[2][a]; math.Abs(got-want) > 1e-15 {
			t.Errorf("after word 2, action %d has probability %g, want %g", a, got, want)
		}
	}
	if _, err := instruct.Average(); err == nil {
		t.Error("an average of nothing")
	}
}
