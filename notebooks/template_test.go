package main

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rewardlab/rewardlab/notebooks/internal/nbfile"
	"github.com/rewardlab/rewardlab/notebooks/internal/setup"
)

var (
	installs = regexp.MustCompile(`\b(pip3? install|go (get|install)|apt(-get)? install|npm install|conda install)\b`)
	homes    = regexp.MustCompile(`(^|[\s"'` + "`" + `(=])/(home|root|Users|work|tmp)/`)
	heading  = regexp.MustCompile(`(?m)^#{1,3} \S`)
	reading  = regexp.MustCompile(`(?mi)^#{1,3} .*\bread(ing)?\b`)
)

// faults lists where a notebook leaves the form that all of ours share: something a reader, a diff or the headless run
// would stumble over.
func faults(book *nbfile.Notebook) []string {
	var bad []string
	say := func(format string, args ...any) { bad = append(bad, fmt.Sprintf(format, args...)) }
	if book.Format != 4 || book.Minor < 5 {
		say("nbformat %d.%d, want 4.5", book.Format, book.Minor)
	}
	if k := book.Meta.Kernel; k.Name != setup.Kernel || k.Display != setup.DisplayName {
		say("kernel %q (%q), want %q (%q)", k.Name, k.Display, setup.Kernel, setup.DisplayName)
	}
	if n := len(book.Cells); n < 10 || n > 40 {
		say("%d cells, want 10 to 40", n)
	}
	ids := map[string]bool{}
	headings, asserts := 0, false
	for i, c := range book.Cells {
		source := string(c.Source)
		if c.ID == "" || ids[c.ID] {
			say("cell %d: id %q is empty or taken", i, c.ID)
		}
		ids[c.ID] = true
		if strings.TrimSpace(source) == "" {
			say("cell %d is empty", i)
		}
		if len(c.Outputs) > 0 || c.Count != nil {
			say("cell %d was saved with its output: clear all outputs before committing", i)
		}
		if homes.MatchString(source) {
			say("cell %d names a folder of one machine", i)
		}
		if c.Type == "markdown" {
			headings += len(heading.FindAllString(source, -1))
			continue
		}
		if installs.MatchString(source) {
			say("cell %d installs something", i)
		}
		asserts = asserts || strings.Contains(source, "nb.Assert(")
	}
	if len(book.Cells) > 0 {
		if c := book.Cells[0]; c.Type != "markdown" || !strings.HasPrefix(string(c.Source), "# ") {
			say("it does not begin with its title")
		}
		if c := book.Cells[len(book.Cells)-1]; c.Type != "markdown" || !reading.MatchString(string(c.Source)) {
			say("it does not end with what to read")
		}
	}
	if headings < 4 {
		say("%d headings, want at least 4", headings)
	}
	if !asserts && !book.Meta.Lab.NoAssert {
		say("no number is asserted with nb.Assert")
	}
	return bad
}

func TestNotebooksKeepTheForm(t *testing.T) {
	paths, err := filepath.Glob("[0-9][0-9]_*.ipynb")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		t.Run(path, func(t *testing.T) {
			book, err := nbfile.Read(path)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range faults(book) {
				t.Error(f)
			}
		})
	}
}

// wellFormed is a notebook without faults.
func wellFormed() *nbfile.Notebook {
	book := &nbfile.Notebook{Format: 4, Minor: 5}
	book.Meta.Kernel.Name, book.Meta.Kernel.Display = setup.Kernel, setup.DisplayName
	add := func(kind, source string) {
		book.Cells = append(book.Cells, nbfile.Cell{Type: kind, ID: fmt.Sprint("c", len(book.Cells)), Source: nbfile.Text(source)})
	}
	add("markdown", "# Title\n\nThe promise.")
	for i := range 4 {
		add("markdown", fmt.Sprintf("## Part %d", i))
		add("code", "%%\nfmt.Println()")
	}
	add("code", "%%\nnb.Assert(\"x\", 1, 0, 2)")
	add("markdown", "## What to read\n\n- a paper")
	return book
}

func TestFaults(t *testing.T) {
	if got := faults(wellFormed()); got != nil {
		t.Fatalf("a well-formed notebook has faults: %q", got)
	}
	tests := []struct {
		want   string
		damage func(b *nbfile.Notebook)
	}{
		{"nbformat 4.4", func(b *nbfile.Notebook) { b.Minor = 4 }},
		{"kernel \"python3\"", func(b *nbfile.Notebook) { b.Meta.Kernel.Name = "python3" }},
		{"6 cells", func(b *nbfile.Notebook) { b.Cells = b.Cells[:6] }},
		{"41 cells", func(b *nbfile.Notebook) {
			for len(b.Cells) < 41 {
				b.Cells = append(b.Cells, nbfile.Cell{Type: "code", ID: fmt.Sprint("more", len(b.Cells)), Source: "x"})
			}
		}},
		{"cell 2: id", func(b *nbfile.Notebook) { b.Cells[2].ID = b.Cells[1].ID }},
		{"cell 3 is empty", func(b *nbfile.Notebook) { b.Cells[3].Source = " \n" }},
		{"cell 2 was saved", func(b *nbfile.Notebook) { n := 3; b.Cells[2].Count = &n }},
		{"cell 2 was saved", func(b *nbfile.Notebook) { b.Cells[2].Outputs = append(b.Cells[2].Outputs, []byte(`{}`)) }},
		{"folder of one machine", func(b *nbfile.Notebook) { b.Cells[2].Source = `open("/home/me/x")` }},
		{"installs something", func(b *nbfile.Notebook) { b.Cells[2].Source = "!*go get example.com/x" }},
		{"begin with its title", func(b *nbfile.Notebook) { b.Cells[0].Source = "Hello" }},
		{"end with what to read", func(b *nbfile.Notebook) { b.Cells[len(b.Cells)-1].Source = "## Bye" }},
		{"3 headings", func(b *nbfile.Notebook) {
			for _, i := range []int{1, 3, 5} {
				b.Cells[i].Source = "text"
			}
		}},
		{"no number is asserted", func(b *nbfile.Notebook) { b.Cells[9].Source = "x" }},
	}
	for _, tt := range tests {
		t.Run(tt.want, func(t *testing.T) {
			book := wellFormed()
			tt.damage(book)
			if got := strings.Join(faults(book), "\n"); !strings.Contains(got, tt.want) {
				t.Errorf("faults %q, want %q", got, tt.want)
			}
		})
	}
}
