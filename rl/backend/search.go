package backend

import (
	"bufio"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
)

// EnvSearch names the environment variable with the folders in which go-xla
// looks for plugins, separated by colons. Set, it replaces the usual folders.
const EnvSearch = "PJRT_PLUGIN_LIBRARY_PATH"

// candidate is a file that is named as a PJRT plugin.
type candidate struct {
	name string // "cpu", "cuda", ...: from the file's name, without its version
	path string
}

// We look ourselves instead of asking go-xla: its search loads every candidate,
// and crashes the process on one that cannot be loaded.

// searchDirs are go-xla's folders, in its order.
func searchDirs() []string {
	if v, ok := os.LookupEnv(EnvSearch); ok {
		return slices.DeleteFunc(strings.Split(v, ":"), func(p string) bool { return p == "" })
	}
	var dirs []string
	home, homeErr := os.UserHomeDir()
	inHome := func(parts ...string) {
		if homeErr == nil {
			dirs = append(dirs, filepath.Join(append([]string{home}, parts...)...))
		}
	}
	switch runtime.GOOS {
	case "windows":
		inHome("AppData", "Local", "go-xla")
		return dirs
	case "darwin":
		inHome("Library", "Application Support", "go-xla")
		inHome("Library", "Application Support", "GoMLX", "PJRT")
		dirs = append(dirs, "/usr/local/lib/go-xla", "/usr/local/lib/gomlx/pjrt")
		dirs = append(dirs, absoluteParts(os.Getenv("DYLD_LIBRARY_PATH"))...)
		return append(dirs, absoluteParts(os.Getenv("LD_LIBRARY_PATH"))...)
	}
	inHome(".local", "lib", "go-xla")
	inHome(".local", "lib", "go-xla", "nvidia")
	inHome(".local", "lib", "gomlx", "pjrt")
	dirs = append(dirs, "/usr/local/lib/go-xla", "/usr/local/lib/go-xla/nvidia", "/usr/local/lib/gomlx/pjrt")
	dirs = append(dirs, absoluteParts(os.Getenv("LD_LIBRARY_PATH"))...)
	return append(dirs, loaderDirs("/etc/ld.so.conf", 0)...)
}

func absoluteParts(list string) []string {
	return slices.DeleteFunc(filepath.SplitList(list), func(p string) bool { return !filepath.IsAbs(p) })
}

// loaderDirs reads the folders of the system's loader from an ld.so.conf file.
func loaderDirs(conf string, depth int) []string {
	f, err := os.Open(conf)
	if err != nil || depth > 4 {
		return nil
	}
	defer f.Close()
	var dirs []string
	for lines := bufio.NewScanner(f); lines.Scan(); {
		line, _, _ := strings.Cut(lines.Text(), "#")
		line = strings.TrimSpace(line)
		if pattern, ok := strings.CutPrefix(line, "include "); ok {
			more, _ := filepath.Glob(strings.TrimSpace(pattern))
			for _, m := range more {
				dirs = append(dirs, loaderDirs(m, depth+1)...)
			}
		} else if filepath.IsAbs(line) {
			dirs = append(dirs, line)
		}
	}
	return dirs
}

var (
	pluginName    = regexp.MustCompile(`^(?:pjrt_c_api_(.+)_plugin|pjrt[-_]plugin[-_](.+))\.(?:so|dylib|dll)$`)
	pluginVersion = regexp.MustCompile(`_v[0-9][0-9.]*$`)
)

// nameOf returns the plugin's name that a path carries ("cpu"), or "".
func nameOf(path string) string {
	m := pluginName.FindStringSubmatch(filepath.Base(path))
	if m == nil {
		return ""
	}
	return pluginVersion.ReplaceAllString(m[1]+m[2], "")
}

// findPlugins lists the plugins in dirs, in the order of dirs, each name's plain
// file before its versioned ones.
func findPlugins(dirs []string) []candidate {
	var found []candidate
	for _, dir := range dirs {
		entries, err := os.ReadDir(dir)
		if err != nil {
			continue
		}
		at := len(found)
		for _, e := range entries {
			if name := nameOf(e.Name()); name != "" {
				found = append(found, candidate{name, filepath.Join(dir, e.Name())})
			}
		}
		slices.SortStableFunc(found[at:], func(a, b candidate) int { return len(filepath.Base(a.path)) - len(filepath.Base(b.path)) })
	}
	return found
}
