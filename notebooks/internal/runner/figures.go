package runner

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/rewardlab/rewardlab/notebooks/internal/nbfile"
)

// saveFigures writes every PNG among an executed notebook's outputs to dir, as cell-07-1.png, and returns their paths
// relative to dir's parent. A notebook that was not executed has none.
func saveFigures(notebook, dir string) ([]string, error) {
	if err := os.RemoveAll(dir); err != nil {
		return nil, err
	}
	book, err := nbfile.Read(notebook)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var saved []string
	for i, cell := range book.Cells {
		n := 0
		for _, raw := range cell.Outputs {
			var out struct {
				Data map[string]json.RawMessage `json:"data"`
			}
			var text nbfile.Text
			if json.Unmarshal(raw, &out) != nil || out.Data["image/png"] == nil || json.Unmarshal(out.Data["image/png"], &text) != nil {
				continue
			}
			png, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(string(text), "\n", ""))
			if err != nil {
				return saved, fmt.Errorf("figure of cell %d: %w", i, err)
			}
			if err := os.MkdirAll(dir, 0o755); err != nil {
				return saved, err
			}
			n++
			name := fmt.Sprintf("cell-%02d-%d.png", i, n)
			if err := os.WriteFile(filepath.Join(dir, name), png, 0o644); err != nil {
				return saved, err
			}
			saved = append(saved, filepath.Join(filepath.Base(dir), name))
		}
	}
	return saved, nil
}
