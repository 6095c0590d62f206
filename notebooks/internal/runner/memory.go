package runner

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// sampler watches a process and everything it started, through /proc.
type sampler struct {
	root   int
	proc   string // "/proc"; tests have their own
	tree   int64  // largest sum of resident memory, in bytes
	cell   int64  // largest resident memory of a program that GoNB compiled from a cell
	seen   map[int]string
	closed chan struct{}
}

const sampleEvery = 100 * time.Millisecond

// startSampler samples until ctx ends.
func startSampler(ctx context.Context, pid int) *sampler {
	s := &sampler{root: pid, proc: "/proc", seen: map[int]string{}, closed: make(chan struct{})}
	go func() {
		defer close(s.closed)
		tick := time.NewTicker(sampleEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				s.sample()
			}
		}
	}()
	return s
}

// finish returns the two peaks in MB, after the context of startSampler has ended, and ends what the kernel left
// running: a cell's program that ignores the kernel's interrupt outlives it.
func (s *sampler) finish() (treeMB, cellMB float64) {
	<-s.closed
	for pid, start := range s.seen {
		if p, ok := s.read(pid); ok && p.start == start {
			if left, err := os.FindProcess(pid); err == nil {
				left.Kill()
			}
		}
	}
	return float64(s.tree) / 1e6, float64(s.cell) / 1e6
}

type process struct {
	parent        int
	start         string // in clock ticks since boot: tells a process from a later one of the same number
	name          string
	resident, max int64
}

func (s *sampler) sample() {
	entries, err := os.ReadDir(s.proc)
	if err != nil {
		return
	}
	all := map[int]process{}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if p, ok := s.read(pid); ok {
			all[pid] = p
		}
	}
	var sum int64
	for pid, p := range all {
		if !s.below(all, pid) {
			continue
		}
		sum += p.resident
		if pid != s.root {
			s.seen[pid] = p.start
		}
		if strings.HasPrefix(p.name, "gonb_") {
			s.cell = max(s.cell, p.max)
		}
	}
	s.tree = max(s.tree, sum)
}

// below reports whether pid is the root or one of its descendants.
func (s *sampler) below(all map[int]process, pid int) bool {
	for range len(all) {
		if pid == s.root {
			return true
		}
		p, ok := all[pid]
		if !ok {
			return false
		}
		pid = p.parent
	}
	return false
}

func (s *sampler) read(pid int) (process, bool) {
	dir := filepath.Join(s.proc, strconv.Itoa(pid))
	stat, err := os.ReadFile(filepath.Join(dir, "stat"))
	if err != nil {
		return process{}, false
	}
	// The second field is the name in parentheses, which may hold anything; the rest is split by spaces.
	open, end := bytes.IndexByte(stat, '('), bytes.LastIndexByte(stat, ')')
	if open < 0 || end < open {
		return process{}, false
	}
	fields := strings.Fields(string(stat[end+1:]))
	if len(fields) < 22 || fields[0] == "Z" {
		return process{}, false
	}
	p := process{name: string(stat[open+1 : end]), start: fields[19]}
	p.parent, _ = strconv.Atoi(fields[1])
	pages, _ := strconv.ParseInt(fields[21], 10, 64)
	p.resident = pages * int64(os.Getpagesize())
	p.max = p.resident
	if strings.HasPrefix(p.name, "gonb_") { // the high-water mark, for the programs it is wanted of
		status, _ := os.ReadFile(filepath.Join(dir, "status"))
		if _, rest, ok := strings.Cut(string(status), "VmHWM:"); ok {
			if f := strings.Fields(rest); len(f) > 0 {
				kb, _ := strconv.ParseInt(f[0], 10, 64)
				p.max = kb * 1024
			}
		}
	}
	return p, true
}
