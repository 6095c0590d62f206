package backend

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// EnvSpec names the environment variable that chooses the engine, the same one
// that gomlx reads.
const EnvSpec = "GOMLX_BACKEND"

// spec is a parsed engine name: "go", "xla", "xla:cpu", "xla:cuda,tf32=false" or
// "xla:/folder/plugin.so".
type spec struct {
	engine  string // "go" or "xla"
	plugin  string // "", a plugin's name, or an absolute path
	options string // what follows the first comma, as go-xla or the Go engine reads it
}

// aliases are the names under which gomlx registers the same engines.
var aliases = map[string]string{"go": "go", "xla": "xla", "stablehlo": "xla", "shlo": "xla", "hlo": "xla"}

func parseSpec(s string) (spec, error) {
	name, rest, _ := strings.Cut(strings.TrimSpace(s), ":")
	engine, ok := aliases[name]
	if !ok {
		hint := nearest(name, []string{"go", "xla"})
		switch {
		case hint != "":
			hint = fmt.Sprintf("did you mean %q? ", hint)
		case slices.Contains([]string{"cpu", "cuda"}, nearest(name, []string{"cpu", "cuda"})):
			hint = fmt.Sprintf("did you mean \"xla:%s\"? ", nearest(name, []string{"cpu", "cuda"}))
		}
		return spec{}, fmt.Errorf("engine %q is not known: %sthe engines are go, xla, xla:cpu, xla:cuda and xla:/path/to/plugin.so", s, hint)
	}
	if engine == "go" {
		return spec{engine: engine, options: rest}, nil
	}
	plugin, options, _ := strings.Cut(rest, ",")
	// go-xla would take a relative path for a plugin's name.
	if strings.ContainsAny(plugin, `/\`) && !filepath.IsAbs(plugin) {
		abs, err := filepath.Abs(plugin)
		if err != nil {
			return spec{}, fmt.Errorf("plugin %s: %w: give an absolute path", plugin, err)
		}
		plugin = abs
	}
	if err := checkOptions(options); err != nil {
		return spec{}, err
	}
	return spec{engine: engine, plugin: plugin, options: options}, nil
}

// xlaOptions are the options of go-xla; the switches may have "no" before them.
var (
	xlaSwitches = []string{"tf32", "shared_buffers", "preallocate", "use_tfrt_gpu_client"}
	xlaOptions  = append([]string{"memory_fraction", "allocator", "visible_devices"}, xlaSwitches...)
)

// checkOptions finds misspelled options before go-xla logs them.
func checkOptions(options string) error {
	for part := range strings.SplitSeq(options, ",") {
		key, _, _ := strings.Cut(part, "=")
		if key == "" || slices.Contains(xlaOptions, key) || slices.Contains(xlaSwitches, strings.TrimPrefix(key, "no")) {
			continue
		}
		hint := ""
		if near := nearest(key, xlaOptions); near != "" {
			hint = fmt.Sprintf("did you mean %q? ", near)
		}
		return fmt.Errorf("option %q is not known: %sthe options are %s", key, hint, strings.Join(xlaOptions, ", "))
	}
	return nil
}

// nearest returns the one of names that a typing slip could have turned into s.
func nearest(s string, names []string) string {
	best, bestDist := "", 3
	for _, n := range names {
		d := distance(strings.ToLower(s), n)
		if d < bestDist && d < len(n) {
			best, bestDist = n, d
		}
	}
	return best
}

// distance counts the insertions, deletions, substitutions and swaps of
// neighbours between a and b.
func distance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			d := min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d = min(d, rows[i-2][j-2]+1)
			}
			rows[i][j] = d
		}
	}
	return rows[len(a)][len(b)]
}

func isPath(plugin string) bool { return filepath.IsAbs(plugin) }
