package instruct

import (
	"cmp"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"math"

	"github.com/rewardlab/rewardlab/rl/lm"
)

// Wording is one way to put an instruction, and what Bob has heard, before a language model.
type Wording struct {
	// Instruction is what Bob was told.
	Instruction string
	// Observation is what he heard, with %d where the number stands.
	Observation string
	// Answer is how he begins to say what he does. The number follows.
	Answer string
	// Chat has the model told by a user, and answering; without, it goes on with one text.
	Chat bool
}

// Wordings of the instruction with which SmolLM2, a small model, can do something. Its scores for them are stored, see Stored.
//
// Any way to ask for the same number will do, since repeating is what such a model does best. It repeats the number, too, when asked for the one after it;
// only where every case is spelled out does it lean the right way, and then one has to look at how much likelier an action became (Language.Calibrate).
func (i Instruction) Wordings() []Wording {
	if i == Next {
		return []Wording{{Instruction: "When my partner says 1, I select 2. When my partner says 2, I select 3. When my partner says 3, I select 4. " +
			"When my partner says 4, I select 5. When my partner says 5, I select 1.", Observation: "My partner says %d.", Answer: "I select"}}
	}
	return []Wording{
		{"I should select the same number as my partner.", "My partner selected %d.", "So I should select", true},
		{"I must choose the same number that my partner chose.", "My partner chose %d.", "So I must choose", true},
		{"Always pick the number that your partner picked.", "Your partner picked %d.", "So you pick", true},
		{"Copy my partner's number.", "My partner's number is %d.", "So my number is", true},
	}
}

// Style is how a language model is questioned.
type Style int

// The styles.
const (
	Completion Style = iota // which number goes on with the answer
	Choose                  // the same, after a list of what there is to choose from
	YesNo                   // of each action by itself: yes or no
)

func (s Style) String() string { return [...]string{"completion", "choose", "yes or no"}[s] }

// Language makes a prior with a language model:
//
//	p(action | instruction, observation) = softmax over actions of beta log p_LM(text of the action | prompt)
type Language struct {
	// Wordings, whose probabilities are averaged.
	Wordings []Wording
	Style    Style
	// Beta sharpens: 0 means 1.
	Beta float64
	// Calibrate divides by what the model gives an action whatever Bob heard: the geometric mean over what he may hear. Then a number that the model likes
	// anyway counts no more than others.
	Calibrate bool
}

// queries are what one wording asks, five words by one query, or with YesNo by one for each action.
func (l Language) queries(w Wording) []lm.Query {
	var out []lm.Query
	candidates := Candidates()
	for word := range Balls {
		told := w.Instruction + " " + fmt.Sprintf(w.Observation, word+1)
		ask := func(question, begin string, continuations ...string) {
			q := lm.Query{Prompt: told + question, Chat: w.Chat, Begin: begin, Continuations: continuations}
			if !w.Chat {
				q.Prompt, q.Begin = q.Prompt+" "+begin, ""
			}
			out = append(out, q)
		}
		switch l.Style {
		case Completion:
			ask("", w.Answer, candidates[:]...)
		case Choose:
			ask(" Choose from 1, 2, 3, 4, 5, and 0 to stop.", w.Answer, candidates[:]...)
		case YesNo:
			for _, c := range candidates {
				ask(" "+w.Answer+c+". Is that right?", "The answer is", " yes", " no")
			}
		}
	}
	return out
}

// Queries are all questions that Prior asks.
func (l Language) Queries() []lm.Query {
	var out []lm.Query
	for _, w := range l.Wordings {
		out = append(out, l.queries(w)...)
	}
	return out
}

// Prior asks the model, everything at once.
func (l Language) Prior(ctx context.Context, s lm.Scorer) (*Prior, error) {
	if len(l.Wordings) == 0 {
		return nil, errors.New("prior: no wording of the instruction: give at least one")
	}
	if l.Style < Completion || l.Style > YesNo {
		return nil, fmt.Errorf("prior: style %d: give Completion, Choose or YesNo", int(l.Style))
	}
	if !(l.Beta >= 0) || math.IsInf(l.Beta, 0) {
		return nil, fmt.Errorf("prior: beta is %g: give a positive number", l.Beta)
	}
	scores, err := s.Score(ctx, l.Queries()...)
	if err != nil {
		return nil, fmt.Errorf("prior: %w", err)
	}
	var priors []*Prior
	for _, w := range l.Wordings {
		n := len(l.queries(w))
		p, err := l.prior(scores[:n])
		if err != nil {
			return nil, fmt.Errorf("%q: %w", w.Instruction, err)
		}
		priors, scores = append(priors, p), scores[n:]
	}
	return Average(priors...)
}

// prior is that of one wording.
func (l Language) prior(scores [][]float64) (*Prior, error) {
	logs := make([][]float64, Balls)
	for word := range logs {
		if l.Style != YesNo {
			logs[word] = scores[word]
			continue
		}
		for a := range Balls + 1 {
			yes := lm.Choice(scores[word*(Balls+1)+a], 1)[0]
			logs[word] = append(logs[word], math.Log(yes))
		}
	}
	beta := cmp.Or(l.Beta, 1)
	weights := make([][]float64, Balls)
	for word := range weights {
		row := make([]float64, Balls+1)
		for a := range row {
			row[a] = logs[word][a]
			if l.Calibrate {
				for _, other := range logs {
					row[a] -= other[a] / Balls
				}
			}
		}
		weights[word] = lm.Choice(row, beta)
	}
	return NewPrior(weights)
}

// storedScores are SmolLM2's answers to what the presets and the notebook ask.
//
//go:embed tables/smollm2.json
var storedScores []byte

// Stored are the scores of SmolLM2-135M-Instruct that come with this package. open is called for what they do not have: see lm.OpenTable.
func Stored(open func(context.Context) (lm.Scorer, error)) (*lm.Table, error) {
	t, err := lm.ReadTable(storedScores, open)
	if err != nil {
		return nil, fmt.Errorf("prior: the stored scores: %w", err)
	}
	return t, nil
}
