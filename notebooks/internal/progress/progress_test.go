package progress

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"time"
)

// buffer is a bytes.Buffer that the clock's goroutine and the test may share.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func TestPlainLog(t *testing.T) {
	var out buffer
	at := time.Unix(0, 0)
	l := &Log{w: &out, every: time.Hour, now: func() time.Time { return at }}
	s := l.Step("Python packages")
	s.Note("3/70 %s", "tornado")
	at = at.Add(12 * time.Second)
	s.beat()
	at = at.Add(500 * time.Millisecond)
	s.Done("70 packages")
	s.Fail() // after Done: nothing
	want := "  Python packages ...\n  Python packages   12 s  3/70 tornado\n✓ Python packages 12.5 s  70 packages\n"
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
}

func TestTerminalRedrawsOneLine(t *testing.T) {
	var out buffer
	l := &Log{w: &out, tty: true, every: time.Millisecond, now: time.Now}
	s := l.Step("module")
	s.Note("%s", strings.Repeat("x", 300))
	for deadline := time.Now().Add(5 * time.Second); strings.Count(out.String(), "module") < 3; {
		if time.Now().After(deadline) {
			t.Fatalf("the line was not redrawn: %q", out.String())
		}
		time.Sleep(time.Millisecond)
	}
	s.Fail()
	if n := strings.Count(out.String(), "\n"); n != 1 {
		t.Errorf("%d lines, want the closing one only", n)
	}
	for line := range strings.SplitSeq(out.String(), "\r\x1b[K") {
		if n := len([]rune(line)); n > 101 {
			t.Errorf("a redrawn line is %d characters wide", n)
		}
	}
}
