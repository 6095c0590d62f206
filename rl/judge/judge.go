package judge

import (
	"cmp"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"math"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rewardlab/rewardlab/rl/lm"
	"github.com/rewardlab/rewardlab/rl/prefs"
)

// Style is how the model gives its answer.
type Style int

// The styles.
const (
	// Quote has it say again what happens in the better film, and compares how likely it finds either description. Small models can do that.
	Quote Style = iota
	// Label has it say A or B. Small models name the one that they always name.
	Label
)

// Judge is a language model that judges clips by their descriptions. It implements prefs.Gatherer.
type Judge struct {
	Scorer lm.Scorer
	// Principle that clips are judged by, a sentence. Empty: the query's Task.
	Principle string
	// Words puts a clip into words that can follow "In one film, ". Nil: Words.
	Words func(prefs.Fragment) string
	Style Style
	// Beta sharpens: the log-odds are multiplied by it. 0 means 1.
	Beta float64
	// OneOrder asks in the order of the query alone, to see what that does.
	OneOrder bool
}

// together is how many queries are scored at once: those before a failure are kept.
const together = 64

// Ask implements prefs.Gatherer. Of two clips First is the model's probability for the first, of more each clip's rank is the sum of its probabilities
// against the others. Clips with the same description are equal, whatever the model would say.
func (j *Judge) Ask(ctx context.Context, queries []prefs.Query) ([]prefs.Answer, error) {
	var out []prefs.Answer
	for len(queries) > 0 {
		n := min(together, len(queries))
		answers, err := j.some(ctx, queries[:n])
		if err != nil {
			return out, err
		}
		out, queries = append(out, answers...), queries[n:]
	}
	return out, nil
}

func (j *Judge) some(ctx context.Context, queries []prefs.Query) ([]prefs.Answer, error) {
	words := j.Words
	if words == nil {
		words = Words
	}
	var pairs []Pair
	var texts [][]string
	for _, q := range queries {
		if len(q.Clips) < 2 {
			return nil, fmt.Errorf("judge: query %s has %d clips: two or more can be compared", q.ID, len(q.Clips))
		}
		var ts []string
		for i, c := range q.Clips {
			text := words(c)
			if strings.TrimSpace(text) == "" {
				return nil, fmt.Errorf("judge: clip %d of query %s has no description: give Words that makes one", i+1, q.ID)
			}
			ts = append(ts, text)
		}
		texts = append(texts, ts)
		for a := range ts {
			for b := a + 1; b < len(ts); b++ {
				pairs = append(pairs, Pair{Principle: cmp.Or(j.Principle, q.Task), A: ts[a], B: ts[b]})
			}
		}
	}
	odds, err := j.Odds(ctx, pairs...)
	if err != nil {
		return nil, err
	}
	var out []prefs.Answer
	for _, ts := range texts {
		won := make([]float64, len(ts))
		for a := range ts {
			for b := a + 1; b < len(ts); b++ {
				o := odds[0].Both()
				if j.OneOrder {
					o = odds[0].First
				}
				odds = odds[1:]
				p := 1 / (1 + math.Exp(-cmp.Or(j.Beta, 1)*o))
				won[a], won[b] = won[a]+p, won[b]+1-p
			}
		}
		if len(ts) == 2 {
			out = append(out, prefs.Answer{First: won[0]})
		} else {
			out = append(out, prefs.Answer{Ranks: won})
		}
	}
	return out, nil
}

// Pair is two descriptions to be judged by a principle.
type Pair struct{ Principle, A, B string }

// Odds are the log-odds that A is better: where it is named first, and where it is named second.
type Odds struct{ First, Second float64 }

// Both are the odds without what the order does to them.
func (o Odds) Both() float64 { return (o.First + o.Second) / 2 }

// Bias is what the order alone is worth: positive, and the model is for what was named first.
func (o Odds) Bias() float64 { return (o.First - o.Second) / 2 }

// Odds asks about pairs in both orders, all in one go, and about none twice.
func (j *Judge) Odds(ctx context.Context, pairs ...Pair) ([]Odds, error) {
	if j.Scorer == nil {
		return nil, errors.New("judge: no scorer: give it a language model, or a table of its answers")
	}
	var queries []lm.Query
	at := map[Pair]int{}
	for _, p := range pairs {
		if p.Principle == "" {
			return nil, errors.New("judge: no principle: say in a sentence what is good, in Principle or in the task of the queries")
		}
		for _, q := range []Pair{p, {p.Principle, p.B, p.A}} {
			if _, ok := at[q]; !ok && p.A != p.B {
				at[q] = len(queries)
				queries = append(queries, j.question(q))
			}
		}
	}
	out := make([]Odds, len(pairs))
	if len(queries) == 0 {
		return out, nil
	}
	scores, err := j.Scorer.Score(ctx, queries...)
	if err != nil {
		return nil, fmt.Errorf("judge: %w", err)
	}
	for i, p := range pairs {
		if p.A != p.B {
			ab, ba := scores[at[p]], scores[at[Pair{p.Principle, p.B, p.A}]]
			out[i] = Odds{ab[0] - ab[1], ba[1] - ba[0]}
		}
	}
	return out, nil
}

// question names A first. Its continuations stand for A and B.
func (j *Judge) question(p Pair) lm.Query {
	if j.Style == Label {
		return lm.Query{Chat: true, Prompt: fmt.Sprintf("Principle: %s\nA: %s.\nB: %s.\nIn which film is the principle followed better, A or B?", p.Principle, upper(p.A), upper(p.B)),
			Begin: "The better one is", Continuations: []string{" A", " B"}}
	}
	return lm.Query{Chat: true, Prompt: fmt.Sprintf("Principle: %s\nIn one film, %s. In the other film, %s. In which film is the principle followed better?", p.Principle, p.A, p.B),
		Begin: "The principle is followed better in the film in which", Continuations: []string{" " + p.A, " " + p.B}}
}

func upper(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(r)) + s[n:]
}

// Words puts a clip into words. Pendulums and poles on carts have words of their own, see Pendulum and CartPole; of other clips it is Text, as it can stand
// within a sentence.
func Words(c prefs.Fragment) string {
	switch name, _, _ := strings.Cut(c.Env, "-"); {
	case name == "pendulum" && c.Steps > 0 && len(c.Obs) == 3*c.Steps:
		return Pendulum(c)
	case name == "cartpole" && c.Steps > 0 && len(c.Next) == 4*c.Steps:
		return CartPole(c)
	}
	text := strings.TrimSuffix(strings.TrimSpace(c.Text), ".")
	r, n := utf8.DecodeRuneInString(text)
	if n == 0 {
		return ""
	}
	return string(unicode.ToLower(r)) + text[n:]
}

// storedScores are SmolLM2's answers, in both styles: about PendulumWords by Upright, and about CartPoleWords by StayUp.
//
//go:embed tables/smollm2.json
var storedScores []byte

// Stored are the scores of SmolLM2-135M-Instruct that come with this package. open is called for what they do not have: see lm.OpenTable.
func Stored(open func(context.Context) (lm.Scorer, error)) (*lm.Table, error) {
	t, err := lm.ReadTable(storedScores, open)
	if err != nil {
		return nil, fmt.Errorf("judge: the stored scores: %w", err)
	}
	return t, nil
}
