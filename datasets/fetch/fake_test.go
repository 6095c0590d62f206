package fetch

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// The test binary plays the clients too: under the name npm, python3, apt-get or
// dpkg-deb on PATH it behaves as the FAKE_ variables say.
func TestMain(m *testing.M) {
	switch name := filepath.Base(os.Args[0]); name {
	case "npm", "python3", "python", "apt-get", "dpkg-deb":
		os.Exit(fake(name, os.Args[1:]))
	}
	if os.Getenv("FAKE_CHILD") != "" {
		os.Exit(child())
	}
	os.Exit(m.Run())
}

// child is a second process that ensures the item of [npmItem].
func child() int {
	_, err := Ensure(context.Background(), npmItem(), func(s string) { fmt.Println(s) })
	if err != nil {
		fmt.Println("failed:", err)
		return 1
	}
	return 0
}

func fake(name string, args []string) int {
	if log := os.Getenv("FAKE_LOG"); log != "" {
		f, err := os.OpenFile(log, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
		if err == nil {
			fmt.Fprintln(f, name, strings.Join(args, " "))
			f.Close()
		}
	}
	line := strings.Join(args, " ")
	dest := "."
	switch {
	case name == "python3" && strings.HasPrefix(line, "-m pip") && os.Getenv("FAKE_PIP") == "none":
		fmt.Fprintln(os.Stderr, "No module named pip")
		return 1
	case strings.HasPrefix(line, "-m venv"):
		bin := filepath.Join(args[2], "bin")
		self, err := os.Executable()
		if err == nil {
			err = os.MkdirAll(bin, 0o755)
		}
		if err == nil {
			err = os.Symlink(self, filepath.Join(bin, "python"))
		}
		return code(err)
	case strings.HasSuffix(line, "--version"):
		return 0
	case strings.HasPrefix(line, "-m pip download"):
		dest = args[slices.Index(args, "--dest")+1]
	case name == "dpkg-deb":
		in, err := os.Open(args[1])
		if err == nil {
			_, err = io.Copy(os.Stdout, in)
		}
		return code(err)
	case name == "apt-get" && strings.HasSuffix(line, "update"):
		return 0
	case name == "apt-get" && os.Getenv("FAKE_MODE") == "stale" && !strings.Contains(line, "Dir::State::lists"):
		fmt.Fprintln(os.Stderr, "E: Unable to locate package")
		return 100
	}
	switch os.Getenv("FAKE_MODE") {
	case "fail":
		fmt.Fprintln(os.Stderr, "looking around\nERROR: the server hung up\nsee the log")
		return 1
	case "nothing":
		return 0
	case "list":
		fmt.Println("  Skipping link: No sources permitted for toys: " + os.Getenv("FAKE_URL") + "#sha256=00 (from somewhere)")
		return 1
	case "slow":
		time.Sleep(500 * time.Millisecond)
	case "hang":
		code(os.WriteFile("partial", make([]byte, 1000), 0o644))
		for parent, start := os.Getppid(), time.Now(); os.Getppid() == parent && time.Since(start) < 20*time.Second; {
			time.Sleep(20 * time.Millisecond)
		}
		return 1
	}
	archive := os.Getenv("FAKE_ARCHIVE")
	data, err := os.ReadFile(archive)
	if err == nil {
		err = os.WriteFile(filepath.Join(dest, filepath.Base(archive)), data, 0o644)
	}
	return code(err)
}

func code(err error) int {
	if err != nil {
		fmt.Fprintln(os.Stderr, "fake error:", err)
		return 1
	}
	return 0
}

// clients puts only the named fakes on PATH and an empty cache beside them.
func clients(t *testing.T, names ...string) (cache string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	for _, n := range names {
		if err := os.Symlink(self, filepath.Join(bin, n)); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", bin)
	// Under -race every process sleeps a second at its end unless told not to.
	t.Setenv("GORACE", "atexit_sleep_ms=0")
	t.Setenv("FAKE_LOG", filepath.Join(bin, "log"))
	cache = filepath.Join(t.TempDir(), "cache")
	t.Setenv(EnvCache, cache)
	return cache
}

// calls returns what was asked of the fakes.
func calls(t *testing.T) []string {
	t.Helper()
	data, err := os.ReadFile(os.Getenv("FAKE_LOG"))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return strings.FieldsFunc(string(data), func(r rune) bool { return r == '\n' })
}

func archive(t *testing.T, name string, data []byte) {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv("FAKE_ARCHIVE", path)
}

var (
	dataA = bytes.Repeat([]byte("first file "), 400)
	dataB = bytes.Repeat([]byte("second file "), 300)
)

func file(name string, data []byte) File {
	sum := sha256.Sum256(data)
	return File{Name: name, Size: int64(len(data)), SHA256: hex.EncodeToString(sum[:])}
}

func item(ways ...Way) Item {
	return Item{Name: "toys", Dir: "test/toys", Files: []File{file("a.bin", dataA), file("b.bin", dataB)}, Ways: ways}
}

func npmItem() Item { return item(NPM("toys@1.0.0")) }

// members are what a good archive holds: one plain, one compressed, one extra.
func members() map[string][]byte {
	return map[string][]byte{"pkg/data/a.bin": dataA, "pkg/data/b.bin.gz": gzipped(dataB), "pkg/run.sh": []byte("exit 1")}
}

func gzipped(data []byte) []byte {
	var b bytes.Buffer
	gz := gzip.NewWriter(&b)
	gz.Write(data)
	gz.Close()
	return b.Bytes()
}

func tarOf(members map[string][]byte) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for name, data := range members {
		w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(data)), Typeflag: tar.TypeReg})
		w.Write(data)
	}
	w.Close()
	return b.Bytes()
}

func tgzOf(members map[string][]byte) []byte { return gzipped(tarOf(members)) }

func zipOf(members map[string][]byte) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for name, data := range members {
		f, _ := w.Create(name)
		f.Write(data)
	}
	w.Close()
	return b.Bytes()
}

// ensure runs Ensure and returns what it said.
func ensure(t *testing.T, it Item) (dir, said string, err error) {
	t.Helper()
	var b strings.Builder
	dir, err = Ensure(t.Context(), it, func(s string) { fmt.Fprintln(&b, s) })
	return dir, b.String(), err
}

func whole(t *testing.T, dir string) {
	t.Helper()
	for name, want := range map[string][]byte{"a.bin": dataA, "b.bin": dataB} {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes, error %v; want %d", name, len(got), err, len(want))
		}
	}
	entries, err := os.ReadDir(filepath.Dir(dir))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() != "toys" && e.Name() != "toys.lock" {
			t.Errorf("left behind: %s", e.Name())
		}
	}
}

func says(t *testing.T, what, got string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(got, w) {
			t.Errorf("%s %q does not say %q", what, got, w)
		}
	}
}
