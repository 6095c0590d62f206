package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rewardlab/rewardlab/notebooks/internal/nbfile"
)

func TestVerdict(t *testing.T) {
	book := func(cells string) *nbfile.Notebook {
		t.Helper()
		b, err := nbfile.Parse([]byte(`{"nbformat":4,"cells":[` + cells + `]}`))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	good := `{"cell_type":"code","source":"x","execution_count":1,"outputs":[]}`
	tests := []struct {
		name, cells string
		live        bool
		charts      []chart
		want        string // "" is no error
	}{
		{"good", good, false, nil, ""},
		{"good and live", good, true, []chart{{2, 1}, {5, 7}}, ""},
		{"no chart", good, true, nil, "no chart changed"},
		{"a chart that stood still", good, true, []chart{{2, 1}}, "no chart changed"},
		{"a failed cell", good + `,{"cell_type":"code","source":"!false","execution_count":2,"outputs":[{"output_type":"stream","name":"stderr","text":"exit status 1\n"}]}`,
			false, nil, "cell 1 failed"},
		{"a cell that did not run", good + `,{"cell_type":"code","source":"y","execution_count":null,"outputs":[]}`, false, nil, "cell 1 was not executed"},
		{"an empty cell and text need not run", good + `,{"cell_type":"code","source":"","outputs":[]},{"cell_type":"markdown","source":"# T"}`, false, nil, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := verdict(book(tt.cells), tt.live, false, &report{Charts: tt.charts})
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}

func TestVerdictOfClicks(t *testing.T) {
	book := &nbfile.Notebook{}
	if err := verdict(book, false, true, &report{}); err == nil || !strings.Contains(err.Error(), "no cell showed a button") {
		t.Errorf("nothing to press: %v", err)
	}
	if err := verdict(book, false, true, &report{Clicks: []click{{3, "stop"}}}); err != nil {
		t.Error(err)
	}
}

func TestKeptBelow(t *testing.T) {
	dir := t.TempDir()
	if got, err := keptBelow(filepath.Join(dir, "nothing")); err != nil || got != nil {
		t.Errorf("of no folder: %q, %v", got, err)
	}
	path := filepath.Join(dir, "deep", "person-answers.jsonl")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(`{"id":"a","first":1}` + "\n" + `{"id":"b","first":0}` + "\n" + `{"id":"c","first":0.5}` + "\n")
	if got, err := keptBelow(dir); err != nil || strings.Join(got, " ") != "left right equal" {
		t.Errorf("%q, %v", got, err)
	}
	d := &driver{rep: &report{Answers: []string{"left", "right", "left"}}}
	if err := d.kept(dir, 3); err == nil || !strings.Contains(err.Error(), `"equal"`) {
		t.Errorf("another answer than was clicked: %v", err)
	}
	if err := d.kept(dir, 2); err == nil {
		t.Error("one answer too many was not seen")
	}
	write(`{"id":"a","fir`)
	if _, err := keptBelow(dir); err == nil {
		t.Error("half an answer was counted")
	}
}
