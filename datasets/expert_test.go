package datasets

import (
	"strings"
	"testing"
)

// The demonstrations that come with the module are better than chance by far, and as small as they should be.
func TestExperts(t *testing.T) {
	if len(Experts()) < 6 {
		t.Errorf("experts in %v only", Experts())
	}
	for _, name := range Experts() {
		d, err := Expert(name)
		if err != nil {
			t.Fatal(err)
		}
		s := d.Stats()
		if d.Env != name || d.Warning() != "" || d.RandomEpisodes < 50 || d.Source == "" || s.Mean < d.Random+10*s.Std/float64(s.Trajectories) {
			t.Errorf("%s: %s, %+v, random %g", name, d.Source, s, d.Random)
		}
		b, err := expertFiles.ReadFile("demos/" + name + ".npz")
		if err != nil || len(b) > 200_000 {
			t.Errorf("%s: %d bytes, %v", name, len(b), err)
		}
		t.Logf("%-18s %3d episodes, %6d steps, mean return %8.2f (random %8.2f), %3d kB, sha256 %s", name, s.Trajectories, s.Steps, s.Mean, d.Random, len(b)/1000, d.SHA256)
	}
	if _, err := Expert("../demos"); err == nil || !strings.Contains(err.Error(), "rl demos record") {
		t.Errorf("error %v", err)
	}
}

func TestRound(t *testing.T) {
	d := &Demos{Obs: []int{1}, ActionDim: 1, Trajectories: []Trajectory{{Obs: []float32{1.0009765625, -0.1, 0}, Action: []float32{1 + 1.0/8, 3}}}}
	d.Round(4)
	got := d.Trajectories[0]
	// Four bits of mantissa: steps of 1/16 between 1 and 2, and of 1/256 between 1/16 and 1/8.
	for i, want := range []float32{1, -26.0 / 256, 0} {
		if got.Obs[i] != want {
			t.Errorf("observation %d became %v, want %v", i, got.Obs[i], want)
		}
	}
	if got.Action[0] != 1.125 || got.Action[1] != 3 {
		t.Errorf("actions became %v", got.Action)
	}
}
