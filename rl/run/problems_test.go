package run

import (
	"errors"
	"math"
	"testing"
)

func TestProblems(t *testing.T) {
	var p Problems
	p.AtLeast("envs", 1, 1)
	p.Layers("hidden", []int{1})
	p.Positive("lr", 1e-9)
	p.Between("noise", 0, 0, 0.9)
	p.Between("noise", 0.9, 0, 0.9)
	if p != nil {
		t.Fatalf("all is well, found %v", errors.Join(p...))
	}
	p.Bad("%s is odd", "side")
	p.AtLeast("envs", 0, 1)
	p.Layers("hidden", []int{0, 3, -2})
	p.Positive("lr", 0)
	p.Positive("clip", math.NaN())
	p.Between("noise", -0.1, 0, 0.9)
	p.Between("noise", 1, 0, 0.9)
	want := []string{
		"side is odd", "envs is 0: give at least 1", "hidden has a layer of 0 units: give at least 1", "hidden has a layer of -2 units: give at least 1",
		"lr is 0: give a positive number", "clip is NaN: give a positive number", "noise is -0.1: give a number from 0 to 0.9", "noise is 1: give a number from 0 to 0.9",
	}
	if len(p) != len(want) {
		t.Fatalf("%d problems, want %d: %v", len(p), len(want), errors.Join(p...))
	}
	for i, w := range want {
		if p[i].Error() != w {
			t.Errorf("problem %d is %q, want %q", i, p[i], w)
		}
	}
}
