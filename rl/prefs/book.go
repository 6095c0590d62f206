package prefs

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// Book is a file of answered queries, a line of JSON each. A line holds the clips too, so the file alone is enough to learn from, and it outlives
// the program that asked. Every answer is on the disk before Keep returns. A later answer to the same query replaces an earlier one, and a later
// "undo" takes it back.
type Book struct {
	path string
	mu   sync.Mutex
	file *os.File       // nil: in memory alone
	at   map[string]int // place in kept, by ID
	kept []Record
}

// Record is an answered query. The frames of its clips are not kept.
type Record struct {
	Query  Query
	Answer Answer
}

// line is what a line of the file holds. Numbers are float32, little endian.
type line struct {
	ID    string     `json:"id"`
	Time  time.Time  `json:"time"`
	Task  string     `json:"task,omitempty"`
	Clips []clipLine `json:"clips,omitempty"`
	Undo  bool       `json:"undo,omitempty"`
	Skip  bool       `json:"skip,omitempty"`
	First *float64   `json:"first,omitempty"`
	Ranks []float64  `json:"ranks,omitempty"`
}

type clipLine struct {
	Env    string `json:"env"`
	Steps  int    `json:"steps"`
	Obs    []byte `json:"obs"`
	Action []byte `json:"action"`
	Next   []byte `json:"next"`
	Text   string `json:"text,omitempty"`
}

// NewBook is a book in memory alone.
func NewBook() *Book { return &Book{at: map[string]int{}} }

// OpenBook reads the file at path, and makes it where there is none. A last line that was cut off by a crash is dropped from the file; anything else
// that is not an answer is an error with the number of its line. The caller closes the book.
func OpenBook(path string) (*Book, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("answers: %w", err)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("answers: %w", err)
	}
	b := &Book{path: path, file: f, at: map[string]int{}}
	if err := b.load(); err != nil {
		return nil, errors.Join(fmt.Errorf("answers %s: %w", path, err), f.Close())
	}
	return b, nil
}

func (b *Book) load() error {
	data, err := io.ReadAll(b.file)
	if err != nil {
		return err
	}
	whole := bytes.LastIndexByte(data, '\n') + 1
	if whole < len(data) { // torn by a crash in the middle of a write
		if err := b.file.Truncate(int64(whole)); err != nil {
			return err
		}
		if _, err := b.file.Seek(int64(whole), io.SeekStart); err != nil {
			return err
		}
	}
	number := 0
	for text := range bytes.Lines(data[:whole]) {
		number++
		if len(bytes.TrimSpace(text)) == 0 {
			continue
		}
		if err := b.add(text); err != nil {
			return fmt.Errorf("line %d: %w: mend or delete it", number, err)
		}
	}
	return nil
}

// add takes in one line of the file.
func (b *Book) add(text []byte) error {
	var l line
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&l); err != nil {
		return fmt.Errorf("no answer in JSON: %w", err)
	}
	if l.ID == "" {
		return errors.New("an answer without the id of its query")
	}
	if l.Undo {
		b.drop(l.ID)
		return nil
	}
	r, err := l.record()
	if err != nil {
		return err
	}
	b.put(r)
	return nil
}

func (l *line) record() (Record, error) {
	r := Record{Query: Query{ID: l.ID, Task: l.Task}, Answer: Answer{Skip: l.Skip, Ranks: l.Ranks}}
	if l.First != nil {
		r.Answer.First = *l.First
	}
	if !l.Skip && l.First == nil && l.Ranks == nil {
		return r, errors.New("an empty answer: it has neither first nor ranks nor skip")
	}
	if len(l.Clips) < 2 {
		return r, fmt.Errorf("%d clips: a query has at least 2", len(l.Clips))
	}
	for i, c := range l.Clips {
		f := Fragment{Env: c.Env, Steps: c.Steps, Text: c.Text}
		for _, x := range []struct {
			to   *[]float32
			from []byte
		}{{&f.Obs, c.Obs}, {&f.Action, c.Action}, {&f.Next, c.Next}} {
			if len(x.from) == 0 || c.Steps < 1 || len(x.from)%(4*c.Steps) != 0 {
				return r, fmt.Errorf("clip %d: %d bytes do not make %d steps", i+1, len(x.from), c.Steps)
			}
			*x.to = make([]float32, len(x.from)/4)
			if _, err := binary.Decode(x.from, binary.LittleEndian, *x.to); err != nil {
				return r, fmt.Errorf("clip %d: %w", i+1, err)
			}
			for _, v := range *x.to {
				if v := float64(v); math.IsNaN(v) || math.IsInf(v, 0) {
					return r, fmt.Errorf("clip %d holds %g", i+1, v)
				}
			}
		}
		r.Query.Clips = append(r.Query.Clips, f)
	}
	return r, r.Answer.Check(len(l.Clips))
}

func (b *Book) put(r Record) {
	if i, known := b.at[r.Query.ID]; known {
		b.kept[i] = r
		return
	}
	b.at[r.Query.ID] = len(b.kept)
	b.kept = append(b.kept, r)
}

func (b *Book) drop(id string) {
	i, known := b.at[id]
	if !known {
		return
	}
	b.kept = slices.Delete(b.kept, i, i+1)
	delete(b.at, id)
	for k, j := range b.at {
		if j > i {
			b.at[k] = j - 1
		}
	}
}

// Keep writes an answer down. To keep the same answer twice is to keep it once.
func (b *Book) Keep(q Query, a Answer) error {
	if err := a.Check(len(q.Clips)); err != nil {
		return fmt.Errorf("answer to query %s: %w", q.ID, err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if i, known := b.at[q.ID]; known {
		old := b.kept[i].Answer
		if old.Skip == a.Skip && old.First == a.First && slices.Equal(old.Ranks, a.Ranks) {
			return nil
		}
	}
	l := line{ID: q.ID, Time: time.Now().UTC(), Task: q.Task, Skip: a.Skip, Ranks: a.Ranks}
	if !a.Skip && a.Ranks == nil {
		l.First = &a.First
	}
	kept := Query{ID: q.ID, Task: q.Task}
	for _, c := range q.Clips {
		raw := func(x []float32) []byte {
			out, _ := binary.Append(nil, binary.LittleEndian, x) // numbers always encode
			return out
		}
		l.Clips = append(l.Clips, clipLine{Env: c.Env, Steps: c.Steps, Obs: raw(c.Obs), Action: raw(c.Action), Next: raw(c.Next), Text: c.Text})
		c.Frames = nil
		kept.Clips = append(kept.Clips, c)
	}
	if err := b.write(l); err != nil {
		return err
	}
	b.put(Record{kept, a})
	return nil
}

// Undo takes the answer to a query back.
func (b *Book) Undo(id string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, known := b.at[id]; !known {
		return nil
	}
	if err := b.write(line{ID: id, Time: time.Now().UTC(), Undo: true}); err != nil {
		return err
	}
	b.drop(id)
	return nil
}

func (b *Book) write(l line) error {
	if b.file == nil {
		return nil
	}
	text, err := json.Marshal(l)
	if err == nil {
		_, err = b.file.Write(append(text, '\n'))
	}
	if err == nil {
		err = b.file.Sync()
	}
	if err != nil {
		return fmt.Errorf("answers %s: %w", b.path, err)
	}
	return nil
}

// Records are the answered queries, in the order in which they were first answered.
func (b *Book) Records() []Record {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.kept)
}

func (b *Book) has(id string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	_, known := b.at[id]
	return known
}

// Close closes the file.
func (b *Book) Close() error {
	if b.file == nil {
		return nil
	}
	return b.file.Close()
}
