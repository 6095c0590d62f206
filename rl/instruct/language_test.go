package instruct_test

import (
	"context"
	"errors"
	"flag"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rewardlab/rewardlab/datasets"
	"github.com/rewardlab/rewardlab/rl/instruct"
	"github.com/rewardlab/rewardlab/rl/lm"
)

var regen = flag.Bool("regen", false, "have SmolLM2 make the stored scores anew")

const storedFile = "tables/smollm2.json"

// asked is everything that the stored scores answer: the wordings one by one and together, and the first in every style.
func asked() []instruct.Language {
	same := instruct.Same.Wordings()
	plain := same[0]
	plain.Chat = false
	after := instruct.Wording{Instruction: "I should select the number after my partner's number.", Observation: same[0].Observation, Answer: same[0].Answer, Chat: true}
	never := instruct.Wording{Instruction: "I should never select the same number as my partner.", Observation: same[0].Observation, Answer: same[0].Answer, Chat: true}
	return []instruct.Language{
		{Wordings: same}, {Wordings: instruct.Next.Wordings()}, {Wordings: []instruct.Wording{plain, after, never}},
		{Wordings: same[:1], Style: instruct.Choose}, {Wordings: same[:1], Style: instruct.YesNo},
	}
}

func smollm2(ctx context.Context) (lm.Scorer, error) { return lm.Open(ctx, lm.Options{}) }

// TestStoredScores asks the model again, where it is, and compares.
func TestStoredScores(t *testing.T) {
	if *regen {
		dir := t.TempDir()
		table, err := lm.OpenTable(filepath.Join(dir, "t.json"), smollm2)
		if err != nil {
			t.Fatal(err)
		}
		defer table.Close()
		var all []lm.Query
		for _, l := range asked() {
			all = append(all, l.Queries()...)
		}
		if _, err := table.Score(t.Context(), all...); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(filepath.Join(dir, "t.json"))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(storedFile, text, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	stored, err := instruct.Stored(nil)
	if err != nil {
		t.Fatal(err)
	}
	if stored.Model().Hash != datasets.SmolLM2SHA256 || stored.Made().IsZero() {
		t.Errorf("the scores are of %v, made %v", stored.Model(), stored.Made())
	}
	for _, l := range asked() {
		if _, err := stored.Score(t.Context(), l.Queries()...); err != nil {
			t.Error(err)
		}
	}
	if _, ok := datasets.HaveSmolLM2(); !ok || testing.Short() {
		t.Skip("SmolLM2 is not in the cache, or -short: the scores were not compared with it")
	}
	m, err := smollm2(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer m.(*lm.Local).Close()
	queries := instruct.Language{Wordings: instruct.Same.Wordings()}.Queries()
	want, err := stored.Score(t.Context(), queries...)
	if err != nil {
		t.Fatal(err)
	}
	got, err := m.Score(t.Context(), queries...)
	if err != nil {
		t.Fatal(err)
	}
	for i := range want {
		for k := range want[i] {
			if math.Abs(got[i][k]-want[i][k]) > 1e-3 {
				t.Errorf("%.80q, %q: %.5f now, %.5f stored", queries[i].Prompt, queries[i].Continuations[k], got[i][k], want[i][k])
			}
		}
	}
	changed := instruct.Same.Wordings()[:1]
	changed[0].Instruction = "I should take the same number that my partner did."
	start := time.Now()
	if _, err := (instruct.Language{Wordings: changed}).Prior(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	t.Logf("a changed instruction, first time: %v", time.Since(start))
	changed[0].Instruction = "I should take the number that my partner took."
	start = time.Now()
	if _, err := (instruct.Language{Wordings: changed}).Prior(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	t.Logf("again: %v", time.Since(start))
}

// TestSmolLM2FollowsTheInstruction: the right number wins five of five, for each wording and all together. The number after it wins four of five, the
// fifth time second to stopping, and only where every case was spelled out and what the model likes anyway is divided out.
func TestSmolLM2FollowsTheInstruction(t *testing.T) {
	stored, err := instruct.Stored(nil)
	if err != nil {
		t.Fatal(err)
	}
	right := func(i instruct.Instruction, l instruct.Language) int {
		p, err := l.Prior(t.Context(), stored)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for word, row := range p.Log {
			if row[i.Ball(word)] == slices.Max(row[:]) {
				n++
			}
		}
		return n
	}
	for _, w := range instruct.Same.Wordings() {
		if n := right(instruct.Same, instruct.Language{Wordings: []instruct.Wording{w}}); n != 5 {
			t.Errorf("%q: the right number wins %d of 5", w.Instruction, n)
		}
	}
	if n := right(instruct.Same, instruct.Language{Wordings: instruct.Same.Wordings()}); n != 5 {
		t.Errorf("all wordings: %d of 5", n)
	}
	if n := right(instruct.Next, instruct.Language{Wordings: instruct.Next.Wordings(), Calibrate: true}); n != 4 {
		t.Errorf("the next number, spelled out and calibrated: %d of 5", n)
	}
	if n := right(instruct.Next, instruct.Language{Wordings: instruct.Next.Wordings()}); n > 2 {
		t.Errorf("the next number, not calibrated: %d of 5: say so in the documentation of Wordings", n)
	}
	for _, l := range asked()[2:] {
		for _, w := range l.Wordings {
			one := instruct.Language{Wordings: []instruct.Wording{w}, Style: l.Style}
			t.Logf("%s, chat %t, %q: same %d, next %d of 5", l.Style, w.Chat, w.Instruction, right(instruct.Same, one), right(instruct.Next, one))
		}
	}
}

// scripted scores by a function of prompt and continuation.
type scripted func(prompt, continuation string) float64

func (scripted) Model() lm.Model { return lm.Model{Name: "scripted"} }

func (s scripted) Score(_ context.Context, queries ...lm.Query) ([][]float64, error) {
	out := make([][]float64, len(queries))
	for i, q := range queries {
		for _, c := range q.Continuations {
			out[i] = append(out[i], s(q.Prompt+q.Begin, c))
		}
	}
	return out, nil
}

func TestLanguageByHand(t *testing.T) {
	w := []instruct.Wording{{"Say it.", "It is %d.", "I say", false}}
	// The number heard weighs 2, ball 2 weighs 4 whatever was heard, all others 1.
	s := scripted(func(prompt, c string) float64 {
		x := 0.0
		if strings.Contains(prompt, "It is"+c+".") {
			x += math.Log(2)
		}
		if c == " 2" {
			x += math.Log(4)
		}
		return x - 10
	})
	for _, c := range []struct {
		name      string
		l         instruct.Language
		word, act int
		want      float64
	}{
		{"heard 1", instruct.Language{Wordings: w}, 0, 0, 2. / 10},
		{"heard 1, the liked ball", instruct.Language{Wordings: w}, 0, 1, 4. / 10},
		{"heard 2", instruct.Language{Wordings: w}, 1, 1, 8. / 13},
		{"sharper", instruct.Language{Wordings: w, Beta: 2}, 1, 1, 64. / 69},
		// Calibrated, all balls are alike: 2^(4/5) heard, 2^(-1/5) not; stopping is 1.
		{"calibrated", instruct.Language{Wordings: w, Calibrate: true}, 0, 0, math.Pow(2, .8) / (math.Pow(2, .8) + 4*math.Pow(2, -.2) + 1)},
		{"calibrated, the liked ball", instruct.Language{Wordings: w, Calibrate: true}, 1, 1, math.Pow(2, .8) / (math.Pow(2, .8) + 4*math.Pow(2, -.2) + 1)},
	} {
		p, err := c.l.Prior(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Probabilities()[c.word][c.act]; math.Abs(got-c.want) > 1e-12 {
			t.Errorf("%s: %g, want %g", c.name, got, c.want)
		}
	}
	// Yes three times as likely as no for the number heard, else the other way: 3/4 against five times 1/4.
	yes := scripted(func(prompt, c string) float64 {
		_, rest, _ := strings.Cut(prompt, "It is ")
		for _, n := range []string{"1", "2", "3", "4", "5"} {
			if strings.HasPrefix(rest, n+". I say "+n) == (c == " yes") && strings.HasPrefix(rest, n) {
				return math.Log(3) - 5
			}
		}
		return -5
	})
	p, err := instruct.Language{Wordings: w, Style: instruct.YesNo}.Prior(t.Context(), yes)
	if err != nil {
		t.Fatal(err)
	}
	if got := p.Probabilities()[3][3]; math.Abs(got-3./8) > 1e-12 {
		t.Errorf("yes or no: %g, want 3/8", got)
	}
}

func TestLanguageErrors(t *testing.T) {
	stored, err := instruct.Stored(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		l    instruct.Language
		want string
	}{
		{"no wording", instruct.Language{}, "no wording"},
		{"beta", instruct.Language{Wordings: instruct.Same.Wordings(), Beta: -1}, "beta"},
		{"style", instruct.Language{Wordings: instruct.Same.Wordings(), Style: 9}, "style 9"},
		{"not UTF-8", instruct.Language{Wordings: []instruct.Wording{{"\xff", "%d", "x", false}}}, "UTF-8"},
	} {
		if _, err := c.l.Prior(t.Context(), stored); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.name, err, c.want)
		}
	}
	unasked := instruct.Language{Wordings: []instruct.Wording{{"Do as you like.", "It is %d.", "I take", true}}}
	if _, err := unasked.Prior(t.Context(), stored); !errors.Is(err, lm.ErrNotStored) {
		t.Errorf("an instruction that was not scored: %v", err)
	}
}

func TestFlip(t *testing.T) {
	p, err := instruct.Rule(instruct.Same, 3, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 1))
	if q := p.Flip(0, rng); q.Log != p.Log {
		t.Error("flipping nothing changed it")
	}
	want, err := instruct.Rule(instruct.Same, 3, 1, rng)
	if err != nil {
		t.Fatal(err)
	}
	q := p.Flip(1, rng)
	for word := range want.Log {
		for a := range want.Log[word] {
			if math.Abs(q.Log[word][a]-want.Log[word][a]) > 1e-12 {
				t.Errorf("all flipped, word %d, action %d: %g, want %g", word, a, q.Log[word][a], want.Log[word][a])
			}
		}
	}
	// A row all flipped but for one: what stays likeliest has the log 0.
	for range 20 {
		for _, row := range p.Flip(0.5, rng).Log {
			if slices.Max(row[:]) != 0 {
				t.Fatalf("row %v", row)
			}
		}
	}
}
