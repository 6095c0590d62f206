package lm

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// counter answers with minus the length of what it is asked about, and counts.
type counter struct {
	name  string
	asked []string
}

func (c *counter) Model() Model { return Model{Name: c.name, Hash: strings.Repeat("ab", 32)} }

func (c *counter) Score(_ context.Context, queries ...Query) ([][]float64, error) {
	var out [][]float64
	for _, q := range queries {
		var row []float64
		for _, s := range q.Continuations {
			c.asked = append(c.asked, q.Prompt+s)
			row = append(row, -float64(len(q.Prompt+s)))
		}
		out = append(out, row)
	}
	return out, nil
}

func opens(c *counter, times *int) func(context.Context) (Scorer, error) {
	return func(context.Context) (Scorer, error) { *times++; return c, nil }
}

func TestTable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "scores.json")
	c, times := &counter{name: "m"}, 0
	table, err := OpenTable(path, opens(c, &times))
	if err != nil {
		t.Fatal(err)
	}
	ask := func(table *Table, q ...Query) [][]float64 {
		t.Helper()
		got, err := table.Score(t.Context(), q...)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	a, b := Query{Prompt: "a", Continuations: []string{" x", " yy"}}, Query{Prompt: "é日本", Continuations: []string{" ñ"}}
	if got := ask(table, a, b, a); !reflect.DeepEqual(got, [][]float64{{-3, -4}, {-11}, {-3, -4}}) {
		t.Errorf("scores %v", got)
	}
	ask(table, Query{Prompt: "a", Continuations: []string{" yy", " z", " x"}})
	if want := []string{"a x", "a yy", "é日本 ñ", "a z"}; !reflect.DeepEqual(c.asked, want) || times != 1 || table.Asked() != 3 {
		t.Errorf("the model was asked %q in %d queries and opened %d times, want %q, once", c.asked, table.Asked(), times, want)
	}

	// From the file alone, in another order; and with a model that is never opened.
	stored, err := OpenTable(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := ask(stored, Query{Prompt: "a", Continuations: []string{" z", " x"}}); !reflect.DeepEqual(got, [][]float64{{-3, -3}}) {
		t.Errorf("stored scores %v", got)
	}
	if m := stored.Model(); m.Name != "m" || stored.Made().IsZero() {
		t.Errorf("the table does not say who made it and when: %v, %v", m, stored.Made())
	}
	for _, q := range []Query{{Prompt: "b", Continuations: []string{" x"}}, {Prompt: "a", Chat: true, Continuations: []string{" x"}}} {
		if _, err := stored.Score(t.Context(), q); !errors.Is(err, ErrNotStored) {
			t.Errorf("%+v: error %v, want ErrNotStored", q, err)
		}
	}

	// Two that are open at once keep each other's answers.
	one, _ := OpenTable(path, opens(&counter{name: "m"}, &times))
	two, _ := OpenTable(path, opens(&counter{name: "m"}, &times))
	ask(one, Query{Prompt: "one", Continuations: []string{" x"}})
	ask(two, Query{Prompt: "two", Continuations: []string{" x"}}, Query{Prompt: "one", Continuations: []string{" x", " y"}})
	if stored, err = OpenTable(path, nil); err != nil {
		t.Fatal(err)
	}
	ask(stored, a, b, Query{Prompt: "one", Continuations: []string{" y", " x"}}, Query{Prompt: "two", Continuations: []string{" x"}})

	other, _ := OpenTable(path, opens(&counter{name: "another"}, &times))
	ask(other, a)
	if _, err := other.Score(t.Context(), Query{Prompt: "c", Continuations: []string{" x"}}); err == nil || !strings.Contains(err.Error(), "cannot be mixed") {
		t.Errorf("a table of another model: %v", err)
	}
	text, _ := os.ReadFile(path)
	embedded, err := ReadTable(text, nil)
	if err != nil {
		t.Fatal(err)
	}
	ask(embedded, a)
}

func TestBadTables(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"empty", "", "unexpected end"},
		{"half written", `{"model": {"name": "m"}, "entries": [{"prompt": "a"`, "unexpected end"},
		{"nameless", `{"entries": []}`, "which model"},
		{"too few scores", `{"model": {"name": "m"}, "entries": [{"prompt": "a", "continuations": ["x", "y"], "scores": [-1]}]}`, "1 scores for 2"},
		{"a probability", `{"model": {"name": "m"}, "entries": [{"prompt": "a", "continuations": ["x"], "scores": [0.5]}]}`, "not a log-probability"},
		{"contradictory", `{"model": {"name": "m"}, "entries": [{"prompt": "a", "continuations": ["x", "x"], "scores": [-1, -2]}]}`, "twice"},
		{"empty answer", `{"model": {"name": "m"}, "entries": [{"prompt": "a", "continuations": [], "scores": []}]}`, "no continuations"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "t.json")
			if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := OpenTable(path, nil); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q in it", err, c.want)
			}
		})
	}
	if _, err := OpenTable(filepath.Join(t.TempDir(), "none.json"), nil); err == nil {
		t.Error("a table that is not there was opened")
	}
}
