// Package nbfile reads notebook files (nbformat 4) as far as running and checking them needs.
//
//	nb, err := nbfile.Read("notebooks/01_igl.ipynb")
//	for i, cell := range nb.Cells { ... }
package nbfile

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
)

// Notebook is a notebook file.
type Notebook struct {
	Format int    `json:"nbformat"`
	Minor  int    `json:"nbformat_minor"`
	Cells  []Cell `json:"cells"`
	Meta   struct {
		Kernel struct {
			Name    string `json:"name"`
			Display string `json:"display_name"`
		} `json:"kernelspec"`
		Lab struct {
			// NoAssert excuses a notebook that has no number to assert.
			NoAssert bool `json:"no_assert"`
		} `json:"rewardlab"`
	} `json:"metadata"`
}

// Cell is one cell. Source is its text, whichever of the two ways of writing it the file uses.
type Cell struct {
	Type    string            `json:"cell_type"`
	ID      string            `json:"id"`
	Source  Text              `json:"source"`
	Outputs []json.RawMessage `json:"outputs"`
	Count   *int              `json:"execution_count"`
	Meta    struct {
		Tags []string `json:"tags"`
	} `json:"metadata"`
}

// Text is a string that files hold as one string or as a list of lines.
type Text string

// UnmarshalJSON accepts both ways.
func (t *Text) UnmarshalJSON(data []byte) error {
	var lines []string
	if json.Unmarshal(data, &lines) == nil {
		*t = Text(strings.Join(lines, ""))
		return nil
	}
	var s string
	if err := json.Unmarshal(data, &s); err != nil {
		return err
	}
	*t = Text(s)
	return nil
}

// Read reads a notebook file.
func Read(path string) (*Notebook, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("notebook: %w", err)
	}
	nb, err := Parse(data)
	if err != nil {
		return nil, fmt.Errorf("notebook %s: %w", path, err)
	}
	return nb, nil
}

// Parse reads the content of a notebook file.
func Parse(data []byte) (*Notebook, error) {
	var nb Notebook
	if err := json.Unmarshal(data, &nb); err != nil {
		return nil, fmt.Errorf("not a notebook: %w: restore it from version control", err)
	}
	if nb.Format != 4 {
		return nil, fmt.Errorf("notebook format %d, want 4: open it in JupyterLab and save it", nb.Format)
	}
	return &nb, nil
}

// Tagged reports whether the cell has a tag.
func (c Cell) Tagged(tag string) bool { return slices.Contains(c.Meta.Tags, tag) }

// Title is the cell's first line that says something, for progress lines and messages: not an import, not %%.
func (c Cell) Title() string {
	imports := false
	for line := range strings.Lines(string(c.Source)) {
		line = strings.TrimSpace(line)
		switch {
		case imports:
			imports = !strings.HasPrefix(line, ")")
		case strings.HasPrefix(line, "import"):
			imports = strings.HasSuffix(line, "(")
		case line != "" && line != "%%":
			return line
		}
	}
	return ""
}
