package rl

import (
	"go/format"
	"slices"
	"strings"
	"testing"

	"github.com/rewardlab/rewardlab/rl/ops"
	"github.com/rewardlab/rewardlab/rl/run"
)

// twoSeeds is a run whose second seed has not been evaluated.
func twoSeeds() *run.Run {
	row := func(seed int64, iteration int, v float64) run.Row {
		return run.Row{Seed: seed, Iteration: iteration, Values: map[string]float64{"reward/true": v}}
	}
	return &run.Run{
		Folder:   "runs/x",
		Manifest: run.Manifest{Seeds: []int64{7, 3}},
		Rows:     []run.Row{row(7, 10, 0.5), row(7, 20, 0.75), row(3, 10, 0.25), row(3, 20, 1)},
		Eval:     map[int64]map[string]float64{7: {"heldout/greedy": 0.9, "heldout/sampled": 0.8}},
	}
}

func TestCurve(t *testing.T) {
	s, err := Curve("IGL", twoSeeds(), "reward/true")
	if err != nil {
		t.Fatal(err)
	}
	if s.Name != "IGL" || !slices.Equal(s.X, []float64{10, 20}) || len(s.Runs) != 2 || !slices.Equal(s.Runs[1], []float64{0.25, 1}) {
		t.Errorf("%+v", s)
	}
	if _, err := Curve("IGL", twoSeeds(), "reward"); err == nil || !strings.Contains(err.Error(), `no metric "reward": it has reward/true`) {
		t.Errorf("error %v", err)
	}
	if _, err := Curve("IGL", &run.Run{}, "reward"); err == nil || !strings.Contains(err.Error(), "none yet") {
		t.Errorf("error %v", err)
	}
}

func TestHeldOutAndBar(t *testing.T) {
	r := twoSeeds()
	if _, err := Bar("IGL", r, "heldout/greedy"); err == nil || !strings.Contains(err.Error(), "seed 3") {
		t.Errorf("a seed without evaluation: error %v", err)
	}
	if _, err := Bar("IGL", r, ""); err == nil || !strings.Contains(err.Error(), "no score yet") {
		t.Errorf("no score: error %v", err)
	}
	r.Eval[3] = map[string]float64{"heldout/greedy": 0.7}
	r.Result = &run.Result{Score: run.Scored{PerSeed: []float64{0.75, 1}}}
	for key, want := range map[string][]float64{"heldout/greedy": {0.9, 0.7}, "": {0.75, 1}} {
		b, err := Bar("IGL", r, key)
		if err != nil || b.Name != "IGL" || !slices.Equal(b.Scores, want) {
			t.Errorf("%q: %+v, %v", key, b, err)
		}
	}
	if _, err := HeldOut(r, "heldout/gredy"); err == nil || !strings.Contains(err.Error(), "it has heldout/greedy, heldout/sampled") {
		t.Errorf("error %v", err)
	}
}

func TestSource(t *testing.T) {
	text, err := Source(ops.Standardise)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(text, "// Standardise is ") || !strings.HasSuffix(text, "\n}") || strings.Count(text, "func ") != 1 {
		t.Errorf("not one function with its comment:\n%s", text)
	}
	if _, err := format.Source([]byte(text)); err != nil {
		t.Errorf("it does not parse: %v", err)
	}
	for name, f := range map[string]any{"a number": 3, "nil": nil, "a nil function": (func())(nil), "a literal": func() {}, "a method": twoSeeds().Keys} {
		if _, err := Source(f); err == nil || !strings.Contains(err.Error(), "give") {
			t.Errorf("%s: error %v", name, err)
		}
	}
}
