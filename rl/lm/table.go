package lm

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/gofrs/flock"
)

// Table is answers of a model on disk. It answers from the file first and asks the model only for what is not there, so that what was scored once is the
// same ever after, and needs no model. It implements Scorer.
type Table struct {
	path string
	open func(context.Context) (Scorer, error)

	mu      sync.Mutex
	content tableFile
	index   map[key]int
	scorer  Scorer
	asked   int
}

// tableFile is what the file holds.
type tableFile struct {
	Model Model     `json:"model"`
	Made  time.Time `json:"made"`
	// Note says what the table is for.
	Note    string  `json:"note,omitempty"`
	Entries []entry `json:"entries"`
}

type entry struct {
	Query
	Scores []float64 `json:"scores"`
}

// key identifies what is asked before the continuation.
type key struct {
	prompt, begin string
	chat          bool
	continuation  string
}

// ErrNotStored says that a table does not have an answer and no model to ask.
var ErrNotStored = errors.New("not in the table, and no model to ask")

// OpenTable opens the table at path, or begins one. open is called when something is asked that the table does not have: it may load a model, and is
// called once. A nil open makes a table that only answers what it has; then the file must exist.
func OpenTable(path string, open func(context.Context) (Scorer, error)) (*Table, error) {
	t := &Table{path: path, open: open}
	text, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && open != nil:
		t.index = map[key]int{}
		return t, nil
	case err != nil:
		return nil, fmt.Errorf("table of scores: %w", err)
	}
	if err := t.read(text); err != nil {
		return nil, fmt.Errorf("table of scores %s: %w: delete it to have it made again", path, err)
	}
	return t, nil
}

// ReadTable is a table from memory, such as an embedded file. It is never written; open is as for OpenTable.
func ReadTable(text []byte, open func(context.Context) (Scorer, error)) (*Table, error) {
	t := &Table{open: open}
	if err := t.read(text); err != nil {
		return nil, fmt.Errorf("table of scores: %w", err)
	}
	return t, nil
}

func (t *Table) read(text []byte) error {
	var c tableFile
	if err := json.Unmarshal(text, &c); err != nil {
		return err
	}
	if c.Model.Name == "" {
		return errors.New("it does not say which model made it")
	}
	index := map[key]int{}
	for i, e := range c.Entries {
		if err := e.check(); err != nil {
			return fmt.Errorf("entry %d: %w", i, err)
		}
		if len(e.Scores) != len(e.Continuations) {
			return fmt.Errorf("entry %d: %d scores for %d continuations", i, len(e.Scores), len(e.Continuations))
		}
		for k, s := range e.Scores {
			if s > 1e-3 {
				return fmt.Errorf("entry %d: %g is not a log-probability", i, s)
			}
			at := e.key(e.Continuations[k])
			if _, twice := index[at]; twice {
				return fmt.Errorf("entry %d: %.40q after %.60q stands in it twice", i, e.Continuations[k], e.Prompt)
			}
			index[at] = i
		}
	}
	t.content, t.index = c, index
	return nil
}

func (q Query) key(continuation string) key { return key{q.Prompt, q.Begin, q.Chat, continuation} }

// stored is the score of a continuation, if it is there.
func (t *Table) stored(q Query, continuation string) (float64, bool) {
	i, ok := t.index[q.key(continuation)]
	if !ok {
		return 0, false
	}
	e := t.content.Entries[i]
	for k, c := range e.Continuations {
		if c == continuation {
			return e.Scores[k], true
		}
	}
	return 0, false
}

// Score implements Scorer. What the model was asked is in the file before Score returns.
func (t *Table) Score(ctx context.Context, queries ...Query) ([][]float64, error) {
	if err := checkAll(queries); err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	missing := t.missing(queries)
	if len(missing) > 0 {
		if err := t.ask(ctx, missing); err != nil {
			return nil, err
		}
	}
	out := make([][]float64, len(queries))
	for i, q := range queries {
		for _, c := range q.Continuations {
			s, _ := t.stored(q, c)
			out[i] = append(out[i], s)
		}
	}
	return out, nil
}

// missing is what queries ask that is not stored, each continuation once.
func (t *Table) missing(queries []Query) []Query {
	var out []Query
	seen := map[key]bool{}
	for _, q := range queries {
		m := q
		m.Continuations = nil
		for _, c := range q.Continuations {
			if _, ok := t.stored(q, c); !ok && !seen[q.key(c)] {
				seen[q.key(c)] = true
				m.Continuations = append(m.Continuations, c)
			}
		}
		if len(m.Continuations) > 0 {
			out = append(out, m)
		}
	}
	return out
}

// ask has the model score what is missing, and stores it.
func (t *Table) ask(ctx context.Context, missing []Query) error {
	name := cmp.Or(t.path, "in memory")
	if t.open == nil {
		return fmt.Errorf("table of scores %s: %.60q after %.60q: %w: give it one, or ask what is stored", name, missing[0].Continuations[0], missing[0].Prompt, ErrNotStored)
	}
	if t.scorer == nil {
		s, err := t.open(ctx)
		if err != nil {
			return fmt.Errorf("table of scores %s: %w", name, err)
		}
		if have := t.content.Model; have.Name != "" && !have.same(s.Model()) {
			closeScorer(s)
			return fmt.Errorf("table of scores %s: made by %s, and the model is %s: their numbers cannot be mixed, so use another file", name, have, s.Model())
		}
		t.scorer = s
	}
	scores, err := t.scorer.Score(ctx, missing...)
	if err != nil {
		return err
	}
	if len(scores) != len(missing) {
		return fmt.Errorf("table of scores %s: %d answers to %d queries", name, len(scores), len(missing))
	}
	if t.content.Model.Name == "" {
		t.content.Model, t.content.Made = t.scorer.Model(), time.Now().UTC().Truncate(time.Second)
	}
	t.asked += len(missing)
	answers := make([]entry, len(missing))
	for i, q := range missing {
		answers[i] = entry{q, scores[i]}
	}
	if t.path == "" {
		t.add(answers)
		return nil
	}
	return t.save(ctx, answers)
}

// add puts answers in. What is there already stays.
func (t *Table) add(answers []entry) {
	for _, a := range answers {
		e := entry{Query: a.Query}
		e.Continuations = nil
		for k, c := range a.Continuations {
			if _, ok := t.index[a.key(c)]; !ok {
				t.index[a.key(c)] = len(t.content.Entries)
				e.Continuations, e.Scores = append(e.Continuations, c), append(e.Scores, a.Scores[k])
			}
		}
		if len(e.Continuations) > 0 {
			t.content.Entries = append(t.content.Entries, e)
		}
	}
}

// save writes the file anew with what was added. Another process may have added to it meanwhile: its entries are kept, and of what both scored the first
// to write wins.
func (t *Table) save(ctx context.Context, answers []entry) error {
	if err := os.MkdirAll(filepath.Dir(t.path), 0o755); err != nil {
		return fmt.Errorf("table of scores: %w", err)
	}
	lock := flock.New(t.path + ".lock")
	if _, err := lock.TryLockContext(ctx, 20*time.Millisecond); err != nil {
		return fmt.Errorf("table of scores %s: its lock: %w", t.path, err)
	}
	defer lock.Unlock()
	if text, err := os.ReadFile(t.path); err == nil {
		mine := t.content.Model
		if err := t.read(text); err != nil {
			return fmt.Errorf("table of scores %s changed while it was open: %w", t.path, err)
		}
		if !mine.same(t.content.Model) {
			return fmt.Errorf("table of scores %s: another process filled it with %s: use another file", t.path, t.content.Model)
		}
	}
	t.add(answers)
	text, err := json.MarshalIndent(t.content, "", " ")
	if err != nil {
		return fmt.Errorf("table of scores %s: %w", t.path, err)
	}
	temporary, err := os.CreateTemp(filepath.Dir(t.path), filepath.Base(t.path)+".*")
	if err != nil {
		return fmt.Errorf("table of scores: %w", err)
	}
	_, err = temporary.Write(append(text, '\n'))
	err = errors.Join(err, temporary.Close())
	if err == nil {
		err = os.Chmod(temporary.Name(), 0o644)
	}
	if err == nil {
		err = os.Rename(temporary.Name(), t.path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("table of scores %s: %w", t.path, err), os.Remove(temporary.Name()))
	}
	return nil
}

// Model implements Scorer: the model whose answers these are; nameless while the table is empty.
func (t *Table) Model() Model {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.content.Model
}

// Made is when the table was begun.
func (t *Table) Made() time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.content.Made
}

// Asked is how many queries the model had to answer, in full or in part, since the table was opened.
func (t *Table) Asked() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.asked
}

// Close closes the model, if it was opened.
func (t *Table) Close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.scorer != nil {
		closeScorer(t.scorer)
		t.scorer = nil
	}
}

func closeScorer(s Scorer) {
	switch c := s.(type) {
	case interface{ Close() }:
		c.Close()
	case interface{ Close() error }:
		_ = c.Close()
	}
}
