package plots

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestProgressInNotebook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &screen{}
		p := NewProgress("IGL <joint>", 2000, ProgressOptions{Unit: "iterations", Display: s, Every: time.Nanosecond})
		var seeds sync.WaitGroup
		for range 2 {
			seeds.Go(func() {
				for range 750 {
					time.Sleep(4 * time.Millisecond) // 3 s in all, 250/s each
					p.Add(1)
				}
			})
		}
		seeds.Wait()
		p.Note("accuracy 0.71")
		time.Sleep(200 * time.Millisecond)
		p.Add(0)
		text := s.last(t).Data[mimeText].(string)
		// 1,500 done in 3.2 s; the 500 left take about a second at the pace so far.
		if !strings.HasPrefix(text, "IGL <joint>: 1,500 of 2,000 iterations, 469/s, 1.1 s left, accuracy 0.71") {
			t.Errorf("shown: %q", text)
		}
		for i := 1; i < len(s.at); i++ {
			if d := s.at[i].Sub(s.at[i-1]); d < 100*time.Millisecond || s.got[i].ID != s.got[0].ID {
				t.Errorf("message %d came after %v with id %q", i, d, s.got[i].ID)
			}
		}
		p.Add(500)
		if err := errors.Join(p.Close(), p.Close()); err != nil {
			t.Fatal(err)
		}
		m := s.last(t)
		if got := m.Data[mimeText]; got != "IGL <joint>: 2,000 of 2,000 iterations, in 3.2 s, 625/s, accuracy 0.71" {
			t.Errorf("at the end: %q", got)
		}
		html := m.Data[mimeHTML].(string)
		if !strings.Contains(html, "width: 100.0%") || !strings.Contains(html, "IGL &lt;joint&gt;") || s.syncs != 1 {
			t.Errorf("html = %s, %d syncs", html, s.syncs)
		}
		if n := len(s.got); n > 33 {
			t.Errorf("%d messages in 3.2 s", n)
		}
	})
}

func TestProgressInTerminal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out strings.Builder
		p := NewProgress("training", 100, ProgressOptions{Out: &out})
		p.terminal, p.width = true, func() int { return 60 }
		for range 40 {
			time.Sleep(50 * time.Millisecond)
			p.Add(1)
		}
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
		text := out.String()
		if strings.Count(text, "\n") != 1 || !strings.HasSuffix(text, "\n") || strings.Count(text, "\r") < 10 {
			t.Errorf("want one line, overwritten: %q", text)
		}
		for _, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\r\x1b[K") {
			if len(line) > 59 {
				t.Errorf("%d columns do not fit in 60: %q", len(line), line)
			}
		}
		if !strings.Contains(text, "training [=========               ] stopped at 40 of 100") {
			t.Errorf("at the end: %q", text[strings.LastIndex(text, "\r"):])
		}
	})
}

func TestProgressInLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out strings.Builder
		p := NewProgress("training", 0, ProgressOptions{Out: &out})
		for range 350 {
			time.Sleep(100 * time.Millisecond) // 35 s in all
			p.Add(3)
		}
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		if len(lines) != 4 || lines[0] != "training: 300 steps, 30/s" || lines[3] != "training: 1,050 steps, in 35 s, 30/s" {
			t.Errorf("log = %q", lines)
		}
	})
}

func TestNumbersInProgress(t *testing.T) {
	for d, want := range map[time.Duration]string{
		900 * time.Millisecond: "0.9 s", 59 * time.Second: "59 s", 61 * time.Second: "1 min 01 s",
		3*time.Hour + 5*time.Minute: "3 h 05 min", 72 * time.Hour: "3 days",
	} {
		if got := duration(d); got != want {
			t.Errorf("duration(%v) = %q, want %q", d, got, want)
		}
	}
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1000: "-1,000"} {
		if got := commas(n); got != want {
			t.Errorf("commas(%d) = %q, want %q", n, got, want)
		}
	}
	for r, want := range map[float64]string{0.1: "10 s each", 1.5: "1.5/s", 231: "231/s", 9999: "9,999/s", 153_000: "153k/s"} {
		if got := rate(r); got != want {
			t.Errorf("rate(%v) = %q, want %q", r, got, want)
		}
	}
}
