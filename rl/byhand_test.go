package rl_test

import (
	"context"
	"errors"
	"image"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rewardlab/rewardlab/datasets"
	"github.com/rewardlab/rewardlab/rl"
	"github.com/rewardlab/rewardlab/rl/backend"
)

// witness is a person who looks at what is shown.
type witness struct {
	rl.Presses
	texts []string
}

func (w *witness) Show(frame image.Image, text string) error {
	if frame == nil {
		return errors.New("no picture")
	}
	w.texts = append(w.texts, text)
	return nil
}

func TestRecordByHand(t *testing.T) {
	t.Setenv(backend.EnvSpec, "go")
	// To the right for a while, then up: round the wall. Buttons are left, up, down, right, let go.
	person := &witness{Presses: rl.Presses{Buttons: []int{3, 3, 3, 1, 1, 1, 0, 1, 4, 4}}}
	d, err := rl.RecordByHand(t.Context(), "pointmass", rl.HandOptions{Episodes: 2, Hold: 10, Seed: 1, Pad: person})
	if err != nil {
		t.Fatal(err)
	}
	s := d.Stats()
	if s.Trajectories != 2 || s.Steps != 200 || d.Env != "pointmass" || d.RandomEpisodes != 100 || !(s.Mean > d.Random) {
		t.Errorf("%+v, %+v", s, d)
	}
	first := d.Trajectories[0]
	if x := first.Obs[6*30]; x < 0.4 { // after 30 steps to the right, from near the middle
		t.Errorf("30 steps to the right led to x = %v", x)
	}
	if first.Action[0] != 1 || first.Action[1] != 0 || first.Action[2*35] != 0 || first.Action[2*35+1] != 1 {
		t.Errorf("the first action is %v, the 36th %v", first.Action[:2], first.Action[70:72])
	}
	if n := len(person.texts); n != 21 || person.texts[0] != "press a button" || !strings.Contains(person.texts[20], "episode 2 of 2, step 100") {
		t.Errorf("%d pictures: %q", n, person.texts)
	}
	path := filepath.Join(t.TempDir(), "mine.npz")
	if err := d.Write(path); err != nil {
		t.Fatal(err)
	}
	if back, err := datasets.ReadDemos(path); err != nil || back.Len() != 200 {
		t.Errorf("%v", err)
	}
}

func TestRecordByHandErrors(t *testing.T) {
	t.Setenv(backend.EnvSpec, "go")
	for name, tc := range map[string]struct {
		env  string
		o    rl.HandOptions
		want string
	}{
		"unknown environment": {"pointmas", rl.HandOptions{}, `did you mean "pointmass"`},
		"nothing to press":    {"acrobot", rl.HandOptions{}, "have buttons"},
		"no notebook":         {"pointmass", rl.HandOptions{}, "notebook"},
		"no such button":      {"pointmass", rl.HandOptions{Pad: &rl.Presses{Buttons: []int{7}}}, "button 7"},
		"no presses":          {"pointmass", rl.HandOptions{Pad: &rl.Presses{}}, "none are given"},
		"no episodes":         {"pointmass", rl.HandOptions{Episodes: -1}, "at least 1"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := rl.RecordByHand(t.Context(), tc.env, tc.o); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want one that says %q", err, tc.want)
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := rl.RecordByHand(ctx, "pointmass", rl.HandOptions{Pad: &rl.Presses{Buttons: []int{1}}}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v of a cell that was stopped", err)
	}
}
