package fetch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Every way that failed is listed with its reason, in order.
func TestNoWayWorks(t *testing.T) {
	cache := clients(t, "python3")
	t.Setenv("FAKE_MODE", "fail")
	_, said, err := ensure(t, item(Pip("toys==1.0"), Apt("toys", ""), Folder("/no/such/folder")))
	var failed *Error
	if !errors.As(err, &failed) || len(failed.Tried) != 3 {
		t.Fatalf("got error %v, want one that lists three ways", err)
	}
	says(t, "first reason", failed.Tried[0], "pip download toys==1.0", "ERROR: the server hung up")
	says(t, "second reason", failed.Tried[1], "apt-get download toys", "apt-get is not installed")
	says(t, "third reason", failed.Tried[2], "/no/such/folder")
	says(t, "error", err.Error(), "place a.bin, b.bin in "+filepath.Join(cache, "test", "toys"))
	says(t, "message", said, "the server hung up")
}

func TestNeitherPipNorPython(t *testing.T) {
	clients(t)
	_, _, err := ensure(t, item(Pip("toys==1.0"), NPM("toys@1.0.0")))
	if err == nil {
		t.Fatal("no error")
	}
	says(t, "error", err.Error(), "install Python 3 with pip", "npm is not installed, and borrowing it through pip failed")
}

func TestClientBringsNothing(t *testing.T) {
	clients(t, "npm")
	t.Setenv("FAKE_MODE", "nothing")
	_, _, err := ensure(t, npmItem())
	if err == nil {
		t.Fatal("no error")
	}
	says(t, "error", err.Error(), "left no file")
}

// The remedy that the error gives must work.
func TestFilesPlacedByHand(t *testing.T) {
	cache := clients(t)
	dir := filepath.Join(cache, "test", "toys")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"a.bin": dataA, "b.bin": dataB} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, _, err := ensure(t, npmItem())
	if err != nil || got != dir {
		t.Fatalf("got %s, %v", got, err)
	}
	whole(t, dir)
}

func TestDamagedCache(t *testing.T) {
	for name, spoil := range map[string]func(path string) error{
		"truncated": func(p string) error { return os.Truncate(p, 12) },
		"missing":   os.Remove,
		"changed": func(p string) error {
			return os.WriteFile(p, append([]byte("F"), dataA[1:]...), 0o644)
		},
	} {
		t.Run(name, func(t *testing.T) {
			clients(t, "npm")
			archive(t, "toys.tgz", tgzOf(members()))
			dir, _, err := ensure(t, npmItem())
			if err != nil {
				t.Fatal(err)
			}
			if err := spoil(filepath.Join(dir, "a.bin")); err != nil {
				t.Fatal(err)
			}
			if _, ok := Have(npmItem()); ok {
				t.Error("the damage went unnoticed")
			}
			_, said, err := ensure(t, npmItem())
			if err != nil {
				t.Fatal(err)
			}
			says(t, "message", said, "the cache is damaged", "a.bin", "fetching it again")
			whole(t, dir)
			if n := len(calls(t)); n != 2 {
				t.Errorf("npm ran %d times, want 2", n)
			}
		})
	}
}

// A byte that flips without a new time is found on demand.
func TestVerify(t *testing.T) {
	clients(t, "npm")
	archive(t, "toys.tgz", tgzOf(members()))
	dir, _, err := ensure(t, npmItem())
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "a.bin")
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, append([]byte("F"), dataA[1:]...), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, info.ModTime(), info.ModTime()); err != nil {
		t.Fatal(err)
	}
	err = Verify(t.Context(), npmItem())
	if err == nil {
		t.Fatal("no error")
	}
	says(t, "error", err.Error(), "toys", "SHA-256", "delete "+dir)
}

func TestTwoProcesses(t *testing.T) {
	cache := clients(t, "npm")
	archive(t, "toys.tgz", tgzOf(members()))
	t.Setenv("FAKE_MODE", "slow")
	t.Setenv("FAKE_CHILD", "1")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	const n = 3
	out := make(chan string, n)
	for range n {
		go func() {
			text, err := exec.CommandContext(t.Context(), self).CombinedOutput()
			out <- fmt.Sprintf("%serr=%v\n", text, err)
		}()
	}
	waited := 0
	for range n {
		text := <-out
		says(t, "child", text, "err=<nil>")
		waited += strings.Count(text, "another process is fetching it: waiting")
	}
	if runs := len(calls(t)); runs != 1 || waited != n-1 {
		t.Errorf("npm ran %d times and %d processes waited, want 1 and %d", runs, waited, n-1)
	}
	whole(t, filepath.Join(cache, "test", "toys"))
}

func TestKilledInTheMiddle(t *testing.T) {
	cache := clients(t, "npm")
	archive(t, "toys.tgz", tgzOf(members()))
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), "FAKE_MODE=hang", "FAKE_CHILD=1")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	left := filepath.Join(cache, "test", "toys"+tempMark+"*", "npm", "partial")
	for start := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		if found, _ := filepath.Glob(left); len(found) == 1 {
			break
		}
		if time.Since(start) > 15*time.Second {
			t.Fatal("the child never started npm")
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if found, _ := filepath.Glob(left); len(found) != 1 {
		t.Fatal("the killed child cleaned up, so this test shows nothing")
	}
	dir, _, err := ensure(t, npmItem())
	if err != nil {
		t.Fatal(err)
	}
	whole(t, dir)
}

func TestCancelled(t *testing.T) {
	cache := clients(t, "npm")
	t.Setenv("FAKE_MODE", "hang")
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	start := time.Now()
	_, err := Ensure(ctx, npmItem(), nil)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got error %v", err)
	}
	if took := time.Since(start); took > 8*time.Second {
		t.Errorf("it took %v to stop", took)
	}
	if found, _ := filepath.Glob(filepath.Join(cache, "test", "toys"+tempMark+"*")); len(found) > 0 {
		t.Errorf("left behind: %v", found)
	}
}

// A path below a regular file cannot be made, not even by root.
func blocked(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(file, "cache")
}

func TestNamedCacheUnwritable(t *testing.T) {
	clients(t, "npm")
	t.Setenv(EnvCache, blocked(t))
	_, _, err := ensure(t, npmItem())
	if err == nil {
		t.Fatal("no error")
	}
	says(t, "error", err.Error(), "toys", EnvCache+"="+os.Getenv(EnvCache), "make it writable")
	if n := len(calls(t)); n != 0 {
		t.Errorf("npm ran %d times for nothing", n)
	}
}

func TestUserCacheUnwritable(t *testing.T) {
	clients(t, "npm")
	archive(t, "toys.tgz", tgzOf(members()))
	t.Setenv(EnvCache, "")
	t.Setenv("XDG_CACHE_HOME", blocked(t))
	t.Setenv("HOME", blocked(t))
	t.Setenv("LocalAppData", blocked(t))
	temp := t.TempDir()
	var said []string
	f := newFetcher(func(s string) { said = append(said, s) })
	f.temp = func() string { return temp }
	dir, err := f.ensure(t.Context(), npmItem())
	if err != nil {
		t.Fatal(err)
	}
	whole(t, dir)
	says(t, "first message", said[0], "cannot be written", f.fallback(), EnvCache)
	// The next call finds it there without a word.
	said = nil
	if again, err := f.ensure(t.Context(), npmItem()); again != dir || err != nil || len(said) > 0 {
		t.Errorf("second call: %s, %v, %q", again, err, said)
	}
	// A folder that others may write is not to be trusted.
	if err := os.Chmod(f.fallback(), 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := f.ensure(t.Context(), npmItem()); err == nil || !strings.Contains(err.Error(), "belongs to someone else") {
		t.Errorf("shared fallback: error %v", err)
	}
}

// A whole item on a read-only disk is used although its stamp is of no use.
func TestReadOnlyWhole(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root can write everywhere")
	}
	cache := clients(t)
	dir := filepath.Join(cache, "test", "toys")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"a.bin": dataA, "b.bin": dataB} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o444); err != nil {
			t.Fatal(err)
		}
	}
	for _, d := range []string{dir, filepath.Dir(dir)} {
		if err := os.Chmod(d, 0o555); err != nil {
			t.Fatal(err)
		}
		defer os.Chmod(d, 0o755)
	}
	if got, _, err := ensure(t, npmItem()); got != dir || err != nil {
		t.Errorf("got %s, %v", got, err)
	}
}

func TestNoRoom(t *testing.T) {
	cache := clients(t, "npm")
	f := newFetcher(nil)
	f.free = func(string) (int64, bool) { return 1000, true }
	it := npmItem()
	it.Files[0].Size = 250_000_000
	_, err := f.ensure(t.Context(), it)
	if err == nil {
		t.Fatal("no error")
	}
	says(t, "error", err.Error(), "toys: no room", "250.0 MB", filepath.Join(cache, "test"), "1000 bytes are free", EnvCache)
	if n := len(calls(t)); n != 0 {
		t.Errorf("npm ran %d times for nothing", n)
	}
}

// A disk that fills up while writing ends it at once, with the remedy.
func TestDiskFull(t *testing.T) {
	cache := clients(t)
	full := Way{name: "full", get: func(context.Context, *job) error {
		return fmt.Errorf("a.bin: %w", &fs.PathError{Op: "write", Path: "a.bin", Err: syscall.ENOSPC})
	}}
	later := Way{name: "later", get: func(context.Context, *job) error {
		t.Error("it tried another way, which cannot help")
		return errors.New("no")
	}}
	_, _, err := ensure(t, item(full, later))
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("got error %v", err)
	}
	says(t, "error", err.Error(), "no space left in "+filepath.Join(cache, "test"), "make room", EnvCache)
}

func TestBadItems(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*Item)
		want  string
	}{
		"no name":     {func(it *Item) { it.Name = "" }, "needs a name"},
		"outside":     {func(it *Item) { it.Dir = "../x" }, "below the cache"},
		"no files":    {func(it *Item) { it.Files = nil }, "lists no files"},
		"file escape": {func(it *Item) { it.Files[0].Name = "../a" }, "leaves the item's folder"},
		"no pin":      {func(it *Item) { it.Files[0].SHA256 = "" }, "pin both"},
	} {
		it := npmItem()
		c.spoil(&it)
		if _, err := Ensure(t.Context(), it, nil); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v does not say %q", name, err, c.want)
		}
	}
}

func TestReason(t *testing.T) {
	for name, c := range map[string]struct{ output, want string }{
		"pip offline": {"WARNING: Retrying after [Errno -3] Temporary failure in name resolution\nERROR: No matching distribution found for x==1\n",
			"no network: exit status 1: ERROR: No matching distribution found for x==1"},
		"npm offline": {"npm error errno EAI_AGAIN\nnpm error A complete log of this run can be found in: x\n",
			"no network: exit status 1: npm error errno EAI_AGAIN"},
		"apt":             {"Reading package lists...\nE: Unable to locate package x\n", "exit status 1: E: Unable to locate package x"},
		"nothing telling": {"one\ntwo\n", "exit status 1: one two"},
		"silent":          {"", "exit status 1:"},
	} {
		var tail tailBuffer
		fmt.Fprint(&tail, c.output)
		if got := tail.reason(errors.New("exit status 1")); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
	var tail tailBuffer
	fmt.Fprint(&tail, strings.Repeat("x", 3*tailKept))
	if tail.total() != 3*tailKept || len(tail.text()) != tailKept {
		t.Errorf("kept %d of %d bytes, want %d", len(tail.text()), tail.total(), tailKept)
	}
}

func TestProgressIsCalm(t *testing.T) {
	var said []string
	p := newProgress(newFetcher(func(s string) { said = append(said, s) }), "toys", "somewhere", 0)
	for range 10_000 {
		p.add(1000)
	}
	if len(said) > 1 {
		t.Errorf("%d lines in an instant", len(said))
	}
	p.last = p.last.Add(-time.Second)
	p.add(500_000)
	says(t, "line", said[len(said)-1], "toys: somewhere: 10.5 MB", "MB/s")
}
