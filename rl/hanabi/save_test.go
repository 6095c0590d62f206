package hanabi_test

import (
	"math/bits"
	"reflect"
	"testing"

	"github.com/rewardlab/rewardlab/rl/hanabi"
)

// TestSave: games that were saved and restored go on as they would have, new deals included.
func TestSave(t *testing.T) {
	r := rules(t, hanabi.Config{Players: 3, Colors: 3, Ranks: 3, Hand: 2})
	const n = 5
	start := func() *hanabi.Vector {
		v, err := hanabi.NewVector(r, n, 9)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	play := func(v *hanabi.Vector, from, to int) (all []hanabi.Steps) {
		legal, moves := make([]uint64, n), make([]int, n)
		for step := from; step < to; step++ {
			v.Legal(legal)
			for i := range n {
				moves[i] = nth(legal[i], (step*17+i)%bits.OnesCount64(legal[i]))
			}
			out := v.NewSteps()
			if err := v.Step(moves, out); err != nil {
				t.Fatal(err)
			}
			all = append(all, *out)
		}
		return all
	}
	v := start()
	play(v, 0, 37)
	saved, err := v.Save()
	if err != nil {
		t.Fatal(err)
	}
	want := play(v, 37, 150)
	again := start()
	if err := again.Restore(saved); err != nil {
		t.Fatal(err)
	}
	if got := play(again, 37, 150); !reflect.DeepEqual(got, want) {
		t.Error("restored games go on otherwise")
	}
	before := start()
	for name, damage := range map[string]func([]byte) []byte{
		"cut":     func(b []byte) []byte { return b[:len(b)-1] },
		"longer":  func(b []byte) []byte { return append(b, 0) },
		"a card":  func(b []byte) []byte { b[1+int(b[0])] = 24; return b },
		"a move":  func(b []byte) []byte { b[len(b)-1] = 99; return b },
		"nothing": func([]byte) []byte { return nil },
	} {
		v := start()
		if err := v.Restore(damage(append([]byte(nil), saved...))); err == nil {
			t.Errorf("%s: the damage was not seen", name)
		}
		if !reflect.DeepEqual(v.Game(0), before.Game(0)) {
			t.Errorf("%s: the games have changed all the same", name)
		}
	}
}
