package main

import (
	"encoding/json"
	"math"
	"strings"
	"sync"
	"testing"
)

// The height at the end is lr times iterations times seed; a second sweep trains only what is new.
func TestSweep(t *testing.T) {
	folder := t.TempDir()
	steps := 0
	var lock sync.Mutex // seeds train side by side
	count := func(int) {
		lock.Lock()
		defer lock.Unlock()
		steps++
	}
	args := func(more string) []string {
		return append(strings.Fields("sweep count-up -quiet -json -seeds 3 -set iterations=10 -run"), append([]string{folder}, strings.Fields(more)...)...)
	}
	sweep := func(more string) (points []point) {
		t.Helper()
		got := shell(t, t.Context(), count, args(more)...)
		if got.code != exitOK {
			t.Fatalf("%+v", got)
		}
		var out struct{ Points []point }
		if err := json.Unmarshal([]byte(got.out), &out); err != nil {
			t.Fatalf("%v: %s", err, got.out)
		}
		return out.Points
	}
	points := sweep("-vary lr=1,2 -vary method=up,down")
	if len(points) != 4 || strings.Join(points[2].Set, " ") != "lr=2 method=up" || math.Abs(points[2].Score.Mean-40) > 1e-9 {
		t.Errorf("points %+v", points)
	}
	if steps != 4*3*10 {
		t.Errorf("%d steps, want 120", steps)
	}
	if more := sweep("-vary lr=1,2,3 -vary method=up,down"); len(more) != 6 || steps != 6*3*10 {
		t.Errorf("%d points and %d steps in all, want 6 and 180: what was complete was trained again", len(more), steps)
	}
}

func TestSweepMistakes(t *testing.T) {
	for name, tc := range map[string]struct{ args, want string }{
		"no preset":      {"sweep -vary lr=1", "needs one preset"},
		"no values":      {"sweep count-up -vary lr", "key=value,value"},
		"unknown key":    {"sweep count-up -vary lrr=1,2", "lr"},
		"a bad value":    {"sweep count-up -vary lr=1,-2", "-2 is negative"},
		"unknown preset": {"diagnose count-upp", "count-up"},
	} {
		t.Run(name, func(t *testing.T) {
			got := shell(t, t.Context(), nil, strings.Fields(tc.args)...)
			if got.code != exitUsage || !strings.Contains(got.errout, tc.want) {
				t.Errorf("%+v, want %q", got, tc.want)
			}
		})
	}
}

// A preset that learns no reward cannot be diagnosed.
func TestDiagnoseOfWhatHasNoReward(t *testing.T) {
	got := shell(t, t.Context(), nil, "diagnose", "count-up", "-run", t.TempDir())
	if got.code != exitFailed || !strings.Contains(got.errout, "learn a reward") {
		t.Errorf("%+v", got)
	}
}
