package instruct_test

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/rewardlab/rewardlab/rl/hanabi"
	"github.com/rewardlab/rewardlab/rl/instruct"
)

func full(t *testing.T) *hanabi.Rules {
	t.Helper()
	r, err := hanabi.New(hanabi.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestHanabiRule: hints of one kind ask for 5 x 80 plays, the sum over all sets of cards; the 166 other histories for five hints each.
func TestHanabiRule(t *testing.T) {
	r := full(t)
	for _, h := range []instruct.HintRule{instruct.PlayOnColor, instruct.PlayOnRank} {
		p, err := instruct.HanabiRule(r, h)
		if err != nil {
			t.Fatal(err)
		}
		if p.Ones() != 5*80+166*5 {
			t.Errorf("%s: %d ones, want 1230", h.Text(), p.Ones())
		}
	}
	color, err := instruct.HanabiRule(r, instruct.PlayOnColor)
	if err != nil {
		t.Fatal(err)
	}
	const redAC = 10 + 0b101 // "the color of my cards at position A and C is red"
	for m, want := range map[int]int{0: 0, 5: 1, 6: 0, 7: 1, 10: 0, 15: 0} {
		if got := color.Bit(redAC, m); got != want {
			t.Errorf("after a colour hint, %q is %d", r.Describe(r.Move(m)), got)
		}
	}
	for m, want := range map[int]int{0: 0, 5: 0, 10: 1, 14: 1, 15: 0} {
		if got := color.Bit(0, m); got != want {
			t.Errorf("at the start, %q is %d", r.Describe(r.Move(m)), got)
		}
	}
	prompts := map[string]bool{}
	histories, err := r.Histories()
	if err != nil {
		t.Fatal(err)
	}
	for _, seen := range histories {
		for m := range r.Moves() {
			prompts[instruct.PlayOnColor.Prompt(r, seen, r.Move(m))] = true
		}
	}
	if len(prompts) != 321*12 {
		t.Errorf("%d prompts, want 3852", len(prompts))
	}
	want := "Instruction: If my partner tells me the 'rank' of some of my cards, I should play those specific cards. If my partner does something else, " +
		"e.g. discards their card or tells me the 'color' of my cards, then I may 'hint rank' to my partner.\n\n" +
		"Previously: My partner discarded their card at position B.\n\nQuestion: Should I play my card at position A?\n\nAnswer:"
	if got := instruct.PlayOnRank.Prompt(r, histories[7], r.Move(5)); got != want {
		t.Errorf("prompt %q, want %q", got, want)
	}
}

func TestHanabiLog(t *testing.T) {
	r := full(t)
	p, err := instruct.HanabiRule(r, instruct.PlayOnColor)
	if err != nil {
		t.Fatal(err)
	}
	out := make([]float32, r.Moves())
	// At the start: five plays, two colours of five, one rank. Yes for the colours: e^2 each, against 1.
	legal := uint64(0b11111<<5 | 0b00011<<10 | 1<<15)
	if err := p.Log(0, legal, 2, out); err != nil {
		t.Fatal(err)
	}
	z := 6 + 2*math.Exp(2)
	for m, want := range map[int]float64{5: 1 / z, 10: math.Exp(2) / z, 12: 0, 15: 1 / z, 0: 0} {
		if got := math.Exp(float64(out[m])); math.Abs(got-want) > 1e-7 {
			t.Errorf("%q has probability %g, want %g", r.Describe(r.Move(m)), got, want)
		}
	}
	if err := p.Log(0, 0, 1, out); err == nil || !strings.Contains(err.Error(), "no legal move") {
		t.Errorf("without legal moves: error %v", err)
	}
}

func TestHanabiFlipped(t *testing.T) {
	p, err := instruct.HanabiRule(full(t), instruct.PlayOnColor)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for _, share := range []float64{0, 0.25, 1} {
		q, err := p.Flipped(share, rng)
		if err != nil {
			t.Fatal(err)
		}
		changed := 0
		for h := range 321 {
			for m := range 20 {
				if p.Bit(h, m) != q.Bit(h, m) {
					changed++
				}
			}
		}
		if got := float64(changed) / 6420; math.Abs(got-share) > 0.02 {
			t.Errorf("share %g: %g were turned round", share, got)
		}
	}
	if _, err := p.Flipped(1.5, rng); err == nil {
		t.Error("a share of 1.5 was accepted")
	}
}

func TestHanabiPriorErrors(t *testing.T) {
	r := full(t)
	small, err := hanabi.New(hanabi.Small())
	if err != nil {
		t.Fatal(err)
	}
	n, err := small.Histories()
	if err != nil {
		t.Fatal(err)
	}
	bits := make([][]uint8, len(n))
	for i := range bits {
		bits[i] = make([]uint8, small.Moves())
	}
	if _, err := instruct.NewHanabiPrior(small, bits); err != nil {
		t.Errorf("a table of the small game: %v", err)
	}
	if _, err := instruct.NewHanabiPrior(r, bits); err == nil || !strings.Contains(err.Error(), "another size") {
		t.Errorf("the table of a small game for the full one: error %v", err)
	}
	bits[3][1] = 7
	if _, err := instruct.NewHanabiPrior(small, bits); err == nil || !strings.Contains(err.Error(), "1 is yes") {
		t.Errorf("an answer of 7: error %v", err)
	}
	three, err := hanabi.New(hanabi.Config{Players: 3})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := instruct.HanabiRule(three, instruct.PlayOnRank); err == nil {
		t.Error("a prior for three players")
	}
}

// TestHanabiWeights: weights 3, 1 and 0 of the legal moves are probabilities 3/4, 1/4 and 0; with beta 2 they are 9/10 and 1/10.
func TestHanabiWeights(t *testing.T) {
	r, err := hanabi.New(hanabi.Small())
	if err != nil {
		t.Fatal(err)
	}
	histories, err := r.Histories()
	if err != nil {
		t.Fatal(err)
	}
	table := func() [][]float64 {
		w := make([][]float64, len(histories))
		for i := range w {
			w[i] = make([]float64, r.Moves())
			w[i][2], w[i][3] = 3, 1
		}
		return w
	}
	p, err := instruct.NewHanabiWeights(r, table())
	if err != nil {
		t.Fatal(err)
	}
	out := make([]float32, r.Moves())
	for _, tt := range []struct{ beta, want float64 }{{1, 0.75}, {2, 0.9}} {
		if err := p.Log(0, 0b11100, tt.beta, out); err != nil {
			t.Fatal(err)
		}
		if got := math.Exp(float64(out[2])); math.Abs(got-tt.want) > 1e-6 || math.Exp(float64(out[4])) != 0 {
			t.Errorf("beta %g: probability %g, want %g", tt.beta, got, tt.want)
		}
	}
	if err := p.Log(0, 0b110000, 1, out); err == nil || !strings.Contains(err.Error(), "My partner did nothing") {
		t.Errorf("legal moves without weight: error %v", err)
	}
	if _, err := p.Flipped(0.5, rand.New(rand.NewPCG(1, 2))); err == nil {
		t.Error("weights were turned round")
	}
	for name, damage := range map[string]func([][]float64) [][]float64{
		"another size": func(w [][]float64) [][]float64 { return w[1:] },
		"any weight":   func(w [][]float64) [][]float64 { w[3][2], w[3][3] = 0, 0; return w },
		"finite":       func(w [][]float64) [][]float64 { w[0][0] = math.NaN(); return w },
	} {
		if _, err := instruct.NewHanabiWeights(r, damage(table())); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("error %v, want one about %s", err, name)
		}
	}
}
