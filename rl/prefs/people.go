package prefs

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Scripted is a judge that gives every clip a number, the higher the better: a gatherer for tests, and for behaviour that a few lines of Go describe.
type Scripted func(Fragment) float64

// Ask implements Gatherer.
func (s Scripted) Ask(ctx context.Context, queries []Query) ([]Answer, error) {
	out := make([]Answer, 0, len(queries))
	for _, q := range queries {
		if err := ctx.Err(); err != nil {
			return out, err
		}
		merit := make([]float64, len(q.Clips))
		for i, c := range q.Clips {
			merit[i] = s(c)
		}
		a := Answer{Ranks: merit}
		if len(merit) == 2 {
			a = Answer{First: 0.5}
			if merit[0] > merit[1] {
				a.First = 1
			} else if merit[0] < merit[1] {
				a.First = 0
			}
		}
		out = append(out, a)
	}
	return out, nil
}

// Terminal asks a person at a terminal, who reads the clips' descriptions.
type Terminal struct {
	in   *bufio.Reader
	out  io.Writer
	book *Book
}

// NewTerminal asks on out and reads on in. Answers go to the book, if it is not nil, one by one as they are given.
func NewTerminal(in io.Reader, out io.Writer, book *Book) *Terminal {
	return &Terminal{bufio.NewReader(in), out, book}
}

// ErrStopped is Terminal's error where the person wants no more questions.
var ErrStopped = errors.New("no more answers wanted")

// Ask implements Gatherer. It waits in a read that no context can end; a cancelled one is seen at the next line.
func (t *Terminal) Ask(ctx context.Context, queries []Query) ([]Answer, error) {
	var out []Answer
	for len(out) < len(queries) {
		if err := ctx.Err(); err != nil {
			return out, err
		}
		q := queries[len(out)]
		k := len(q.Clips)
		fmt.Fprintf(t.out, "\nQuestion %d of %d. Which is better? %s\n", len(out)+1, len(queries), q.Task)
		for i, c := range q.Clips {
			fmt.Fprintf(t.out, "  %d: %s\n", i+1, c.Text)
		}
		if k == 2 {
			fmt.Fprint(t.out, "1 or 2, = for equal, ? for cannot tell, u to undo, q to stop: ")
		} else {
			fmt.Fprint(t.out, "the numbers from best to worst (\"2 1 3\"), ? for cannot tell, u to undo, q to stop: ")
		}
		text, err := t.in.ReadString('\n')
		if err != nil && text == "" {
			if errors.Is(err, io.EOF) {
				err = ErrStopped
			}
			return out, fmt.Errorf("answers at the terminal: %w", err)
		}
		text = strings.TrimSpace(text)
		switch text {
		case "q":
			return out, fmt.Errorf("answers at the terminal: %w", ErrStopped)
		case "u":
			if len(out) == 0 {
				fmt.Fprintln(t.out, "There is nothing to undo.")
				continue
			}
			out = out[:len(out)-1]
			if t.book != nil {
				if err := t.book.Undo(queries[len(out)].ID); err != nil {
					return out, err
				}
			}
			continue
		}
		a, err := parseAnswer(text, k)
		if err != nil {
			fmt.Fprintf(t.out, "%v\n", err)
			continue
		}
		if t.book != nil {
			if err := t.book.Keep(q, a); err != nil {
				return out, err
			}
		}
		out = append(out, a)
	}
	return out, nil
}

// parseAnswer reads what a person types about k clips.
func parseAnswer(text string, k int) (Answer, error) {
	if text == "?" {
		return Answer{Skip: true}, nil
	}
	if k == 2 {
		switch text {
		case "1":
			return Answer{First: 1}, nil
		case "2":
			return Answer{First: 0}, nil
		case "=":
			return Answer{First: 0.5}, nil
		}
		return Answer{}, fmt.Errorf("%q is no answer: type 1, 2, = or ?", text)
	}
	words := strings.Fields(text)
	if len(words) != k {
		return Answer{}, fmt.Errorf("%q names %d clips: give all %d, the best first", text, len(words), k)
	}
	ranks := make([]float64, k)
	for i, w := range words {
		var n int
		if _, err := fmt.Sscanf(w, "%d", &n); err != nil || n < 1 || n > k || ranks[n-1] != 0 {
			return Answer{}, fmt.Errorf("%q: give each number from 1 to %d once", text, k)
		}
		ranks[n-1] = float64(k - i)
	}
	return Answer{Ranks: ranks}, nil
}
