package fetch

import (
	"fmt"
	"strings"
	"time"
)

const sayEvery = 500 * time.Millisecond

// progress turns byte counts into lines, at most one every sayEvery.
type progress struct {
	f           *fetcher
	item, what  string
	start, last time.Time
	base, got   int64
}

func newProgress(f *fetcher, item, what string, base int64) *progress {
	now := time.Now()
	return &progress{f: f, item: item, what: what, start: now, last: now, base: base}
}

func (p *progress) add(n int64) { p.at(p.base + p.got + n) }

func (p *progress) at(total int64) {
	p.got = max(total-p.base, 0)
	now := time.Now()
	if now.Sub(p.last) < sayEvery {
		return
	}
	p.last = now
	seconds := now.Sub(p.start).Seconds()
	if p.got == 0 {
		p.f.say(fmt.Sprintf("%s: %s: %.1f s", p.item, p.what, seconds))
		return
	}
	p.f.say(fmt.Sprintf("%s: %s: %s, %.1f MB/s", p.item, p.what, megabytes(p.got), float64(p.got)/1e6/seconds))
}

func megabytes(n int64) string {
	if n < 100_000 {
		return fmt.Sprintf("%d bytes", n)
	}
	return fmt.Sprintf("%.1f MB", float64(n)/1e6)
}

func firstLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	return s
}
