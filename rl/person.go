package rl

import (
	"context"
	"fmt"

	"github.com/rewardlab/rewardlab/plots"
	"github.com/rewardlab/rewardlab/rl/prefs"
)

// Person asks whoever sits at the notebook which of two films is better. Each answer is in the book, and so on the disk, before the next question is
// shown, and an undo takes it out again.
type Person struct {
	Book *prefs.Book
	// FPS of the films; 0 means 20.
	FPS float64

	panel *plots.Panel
}

// Ask implements prefs.Gatherer. Queries are pairs.
func (p *Person) Ask(ctx context.Context, queries []prefs.Query) ([]prefs.Answer, error) {
	if p.panel == nil {
		var err error
		if p.panel, err = plots.NewPanel(); err != nil {
			return nil, err
		}
	}
	var out []prefs.Answer
	for len(out) < len(queries) {
		q := queries[len(out)]
		if len(q.Clips) != 2 {
			return out, fmt.Errorf("asking a person about %d clips: the panel shows 2, set compare=2", len(q.Clips))
		}
		question := plots.Question{Text: q.Task, Done: len(out), Total: len(queries)}
		for i, c := range q.Clips {
			if len(c.Frames) == 0 {
				question.Captions[i] = c.Text
				continue
			}
			film := &plots.Film{FPS: p.FPS, Hold: 0.5}
			if film.FPS == 0 {
				film.FPS = 20
			}
			for _, f := range c.Frames {
				if err := film.Add(f); err != nil {
					return out, err
				}
			}
			question.Films[i] = film
		}
		choice, err := p.panel.Ask(ctx, question)
		if err != nil {
			p.panel.Say(fmt.Sprintf("%d answers are kept; the training is over.", len(p.Book.Records())))
			return out, err
		}
		a := prefs.Answer{First: 0.5}
		switch choice {
		case plots.Undo:
			if len(out) > 0 {
				out = out[:len(out)-1]
				if err := p.Book.Undo(queries[len(out)].ID); err != nil {
					return out, err
				}
			}
			continue
		case plots.Left:
			a.First = 1
		case plots.Right:
			a.First = 0
		case plots.CannotTell:
			a = prefs.Answer{Skip: true}
		}
		if err := p.Book.Keep(q, a); err != nil {
			return out, err
		}
		out = append(out, a)
	}
	p.panel.Say(fmt.Sprintf("Thank you: %d answers are kept. The training goes on, and may ask again.", len(p.Book.Records())))
	return out, nil
}
