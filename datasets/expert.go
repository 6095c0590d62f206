package datasets

import (
	"embed"
	"fmt"
	"path"
	"strings"
)

// The files are written by `rl demos make`, which trains each expert with a preset.
//
//go:embed demos
var expertFiles embed.FS

// Experts are the environments that Expert has demonstrations for.
func Experts() []string {
	entries, err := expertFiles.ReadDir("demos")
	if err != nil {
		panic(err) // the folder is embedded
	}
	var names []string
	for _, e := range entries {
		if path.Ext(e.Name()) != ".npz" {
			continue
		}
		names = append(names, strings.TrimSuffix(e.Name(), ".npz"))
	}
	return names
}

// Expert is an expert's episodes in an environment, greedy play of a policy that this module trained; see [Experts].
func Expert(env string) (*Demos, error) {
	name := path.Join("demos", env+".npz")
	b, err := expertFiles.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("no expert's demonstrations in %q come with this program: there are %s; others are recorded with rl demos record", env, strings.Join(Experts(), ", "))
	}
	d, err := parseDemos(".npz", b)
	if err != nil {
		return nil, fmt.Errorf("demonstrations: %s: %w", name, err)
	}
	return d, nil
}
