package lm

import (
	"context"
	"errors"
	"fmt"
	"math"
	"unicode/utf8"
)

// Query is a prompt and the texts that might follow it.
type Query struct {
	// Prompt is what the model reads. With Chat it is a user's message, which the model's own template is put around; without, it is taken as it
	// stands, and marks such as "<|im_start|>" in it count as what they are.
	Prompt string `json:"prompt"`
	Chat   bool   `json:"chat,omitempty"`
	// Begin is, with Chat, how the model's answer begins: the continuations follow it.
	Begin string `json:"begin,omitempty"`
	// Continuations are scored each by itself. Keep the space between prompt and continuation with the continuation (" yes"): models have tokens
	// for words with their space, and a prompt that ends in one is one that they have never seen.
	Continuations []string `json:"continuations"`
}

// Scorer says how likely a language model finds texts.
type Scorer interface {
	// Score returns, for every query and each of its continuations, the log-probability in nats of the whole continuation after the prompt.
	Score(ctx context.Context, queries ...Query) ([][]float64, error)
	// Model says who answers.
	Model() Model
}

// Model is who answers. Two scorers with equal Models give the same numbers, but for rounding.
type Model struct {
	// Name of the model, the base name of its file as a rule.
	Name string `json:"name"`
	// Hash is the SHA-256 of that file in hex; empty for models that are elsewhere.
	Hash string `json:"sha256,omitempty"`
	// Template names how chats are written out, if the model has one that is known here.
	Template string `json:"template,omitempty"`
	// Engine is what computed the numbers.
	Engine string `json:"engine,omitempty"`
}

// same says whether numbers of both may be mixed: engines may differ.
func (m Model) same(o Model) bool {
	return m.Name == o.Name && m.Hash == o.Hash && m.Template == o.Template
}

func (m Model) String() string {
	if m.Hash == "" {
		return m.Name
	}
	return fmt.Sprintf("%s (sha256 %.12s)", m.Name, m.Hash)
}

// check refuses what no scorer can answer.
func (q Query) check() error {
	if len(q.Continuations) == 0 {
		return fmt.Errorf("query %.60q: no continuations: give at least one", q.Prompt)
	}
	if q.Begin != "" && !q.Chat {
		return fmt.Errorf("query %.60q: Begin is %q, but Chat is false: put it at the end of the prompt", q.Prompt, q.Begin)
	}
	for _, s := range append([]string{q.Prompt, q.Begin}, q.Continuations...) {
		if !utf8.ValidString(s) {
			return fmt.Errorf("query %.60q: the text %.60q is not UTF-8: convert it first", q.Prompt, s)
		}
	}
	for i, c := range q.Continuations {
		if c == "" {
			return fmt.Errorf("query %.60q: continuation %d is empty: its probability would be 1 whatever the prompt", q.Prompt, i)
		}
	}
	return nil
}

func checkAll(queries []Query) error {
	if len(queries) == 0 {
		return errors.New("no queries: give at least one")
	}
	for i, q := range queries {
		if err := q.check(); err != nil {
			return fmt.Errorf("%d: %w", i, err)
		}
	}
	return nil
}

// Choice turns scores of one query into probabilities of its continuations among themselves: softmax(beta score).
func Choice(scores []float64, beta float64) []float64 {
	most := math.Inf(-1)
	for _, s := range scores {
		most = max(most, beta*s)
	}
	p, sum := make([]float64, len(scores)), 0.0
	for i, s := range scores {
		p[i] = math.Exp(beta*s - most)
		sum += p[i]
	}
	for i := range p {
		p[i] /= sum
	}
	return p
}
