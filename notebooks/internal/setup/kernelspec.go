package setup

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// The two kernels. Notebooks name the first; the headless runner uses the second, whose only difference is that
// compile errors come as text and not as HTML.
const (
	Kernel         = "rewardlab"
	HeadlessKernel = "rewardlab-headless"
	DisplayName    = "Go (rewardlab)"
)

type kernelSpec struct {
	Argv          []string          `json:"argv"`
	DisplayName   string            `json:"display_name"`
	Language      string            `json:"language"`
	InterruptMode string            `json:"interrupt_mode"`
	Env           map[string]string `json:"env"`
}

// kernelEnv is the environment of the kernel and of its cells. "${PATH}" is filled in by Jupyter.
//
// The engine is left alone: GOMLX_BACKEND reaches the cells from the reader's own environment if it is set there.
func (e *Env) kernelEnv() map[string]string {
	env := map[string]string{
		"PATH":    strings.Join([]string{filepath.Dir(e.bin("go")), filepath.Join(e.goTool.Root, "bin"), "${PATH}"}, string(filepath.ListSeparator)),
		"GOFLAGS": cellFlags(e.goTool.Flags, e.readStamp()[linkStamp]),
		"GOWORK":  "auto", // a reader's GOWORK=off would hide the clone from the cells
	}
	if !e.hasCC {
		env["CGO_ENABLED"] = "0"
	}
	return env
}

// cellFlags adds to the reader's own GOFLAGS what halves the time of a cell: no symbol table and no debug data to
// link, and the quicker of the two linkers where it works. Flags that a workspace refuses are dropped.
func cellFlags(users, linkMode string) string {
	var keep []string
	for _, f := range splitFlags(users) {
		name, _, _ := strings.Cut(strings.TrimLeft(f, "-"), "=")
		if !slices.Contains([]string{"mod", "modfile", "ldflags", "buildvcs", "v", "x", "json"}, name) {
			keep = append(keep, quoteFlag(f))
		}
	}
	link := "-ldflags=-s -w"
	if linkMode != "" {
		link += " -linkmode=" + linkMode
	}
	return strings.Join(append(keep, "-buildvcs=false", quoteFlag(link)), " ")
}

// splitFlags splits at spaces outside quotes, as the go command does with GOFLAGS.
func splitFlags(s string) []string {
	var flags []string
	for s = strings.TrimSpace(s); s != ""; s = strings.TrimSpace(s) {
		if q := s[0]; q == '\'' || q == '"' {
			if end := strings.IndexByte(s[1:], q); end >= 0 {
				flags, s = append(flags, s[1:1+end]), s[end+2:]
				continue
			}
		}
		flag, rest, _ := strings.Cut(s, " ")
		flags, s = append(flags, flag), rest
	}
	return flags
}

func quoteFlag(f string) string {
	switch {
	case !strings.ContainsAny(f, " \t"):
		return f
	case strings.Contains(f, "'"):
		return `"` + f + `"`
	}
	return "'" + f + "'"
}

// spec is the kernel.json of one of the two kernels. GoNB itself makes every session's workspace from -go_work.
func (e *Env) spec(headless bool) ([]byte, error) {
	k := kernelSpec{
		Argv:          []string{e.bin("gonb"), "--kernel", "{connection_file}", "-go_work=" + e.Root},
		DisplayName:   DisplayName,
		Language:      "go",
		InterruptMode: "message",
		Env:           e.kernelEnv(),
	}
	if headless {
		k.DisplayName += ", headless"
		k.Argv = append(k.Argv, "-raw_error=true")
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(k)
	return b.Bytes(), err
}

// labSettings keeps JupyterLab's first-start questions away.
const labSettings = `{
  "@jupyterlab/apputils-extension:notification": {
    "checkForUpdates": false,
    "doNotDisturbMode": true,
    "fetchNews": "false"
  }
}
`

// kernelFiles are the small files a clone needs: kernelspecs, the stand-ins, settings.
type kernelFiles []kernelFile

type kernelFile struct {
	path string
	data []byte
	mode os.FileMode
}

func (e *Env) kernelFiles() kernelFiles {
	var files kernelFiles
	for name, headless := range map[string]bool{Kernel: false, HeadlessKernel: true} {
		data, err := e.spec(headless)
		if err != nil {
			panic(err) // a struct of strings always encodes
		}
		files = append(files, kernelFile{filepath.Join(e.Home, "jupyter", "kernels", name, "kernel.json"), data, 0o644})
	}
	files = append(files,
		kernelFile{e.bin("go"), fill(goStandIn, e.realGo()), 0o755},
		kernelFile{e.bin("goimports"), fill(goimportsStandIn, e.bin("goimports.real")), 0o755},
		kernelFile{filepath.Join(e.configDir(), "labconfig", "default_setting_overrides.json"), []byte(labSettings), 0o644})
	slices.SortFunc(files, func(a, b kernelFile) int { return strings.Compare(a.path, b.path) })
	return files
}

func (files kernelFiles) content() []string {
	var all []string
	for _, f := range files {
		all = append(all, f.path, string(f.data))
	}
	return all
}

func (files kernelFiles) inPlace() bool {
	for _, f := range files {
		if data, err := os.ReadFile(f.path); err != nil || !bytes.Equal(data, f.data) {
			return false
		}
	}
	return true
}

func (files kernelFiles) write() error {
	for _, f := range files {
		if err := writeFile(f.path, f.data, f.mode); err != nil {
			return err
		}
	}
	return nil
}
