package hanabi_test

import (
	"math/bits"
	"reflect"
	"strings"
	"testing"

	"github.com/rewardlab/rewardlab/rl/hanabi"
)

// TestVector: the games of a vector are games like any other, whatever the number of goroutines, and begin anew when they end.
func TestVector(t *testing.T) {
	r := rules(t, hanabi.Small())
	const n = 7
	play := func(workers int) ([]float32, []hanabi.Steps, int) {
		v, err := hanabi.NewVector(r, n, 5)
		if err != nil {
			t.Fatal(err)
		}
		v.Workers = workers
		obs, legal, moves := make([]float32, n*r.Size()), make([]uint64, n), make([]int, n)
		var all []hanabi.Steps
		ended := 0
		singles := make([]hanabi.Game, n)
		for i := range n {
			singles[i] = *v.Game(i)
		}
		for step := range 200 {
			if err := v.Observe(obs, legal); err != nil {
				t.Fatal(err)
			}
			for i := range n {
				moves[i] = nth(legal[i], (step*31+i)%bits.OnesCount64(legal[i]))
			}
			out := v.NewSteps()
			if err := v.Step(moves, out); err != nil {
				t.Fatal(err)
			}
			for i := range n {
				reward, err := singles[i].Step(moves[i])
				if err != nil || float32(reward) != out.Reward[i] || singles[i].Over() != out.Done[i] || singles[i].Score() != out.Score[i] {
					t.Fatalf("game %d gives %d, over %t; the vector %g, %t (%v)", i, reward, singles[i].Over(), out.Reward[i], out.Done[i], err)
				}
				if out.Done[i] {
					ended++
					if v.Game(i).Turn() != 0 {
						t.Fatal("a game that ended did not begin anew")
					}
					singles[i] = *v.Game(i)
				}
			}
			all = append(all, *out)
		}
		return obs, all, ended
	}
	obs, steps, ended := play(1)
	if ended < n {
		t.Errorf("only %d games ended", ended)
	}
	obs3, steps3, _ := play(3)
	if !reflect.DeepEqual(obs, obs3) || !reflect.DeepEqual(steps, steps3) {
		t.Error("three goroutines play other games than one")
	}
}

func TestVectorErrors(t *testing.T) {
	r := rules(t, hanabi.Config{})
	v, err := hanabi.NewVector(r, 2, 1)
	if err != nil {
		t.Fatal(err)
	}
	before := *v.Game(0)
	if err := v.Step([]int{5, 0}, v.NewSteps()); err == nil || !strings.Contains(err.Error(), "game 1") {
		t.Errorf("a discard with all tokens: error %v", err)
	}
	if !reflect.DeepEqual(*v.Game(0), before) {
		t.Error("the other game moved all the same")
	}
	if err := v.Step([]int{5}, v.NewSteps()); err == nil {
		t.Error("one move for two games was accepted")
	}
	if err := v.Observe(make([]float32, 3), make([]uint64, 2)); err == nil {
		t.Error("too little room for observations was accepted")
	}
	if _, err := hanabi.NewVector(r, 0, 1); err == nil {
		t.Error("no games were accepted")
	}
}

// BenchmarkVector plays at random and starts games anew; steps/s is over all games.
func BenchmarkVector(b *testing.B) {
	for _, c := range []struct {
		name   string
		encode bool
	}{{"moves", false}, {"with_observations", true}} {
		b.Run(c.name, func(b *testing.B) {
			const n = 1024
			r := rules(b, hanabi.Config{})
			v, err := hanabi.NewVector(r, n, 1)
			if err != nil {
				b.Fatal(err)
			}
			obs, legal, moves, out := make([]float32, n*r.Size()), make([]uint64, n), make([]int, n), v.NewSteps()
			var x uint64 = 1
			for b.Loop() {
				if c.encode {
					if err := v.Observe(obs, legal); err != nil {
						b.Fatal(err)
					}
				} else {
					v.Legal(legal)
				}
				for i, l := range legal {
					x = x*6364136223846793005 + 1442695040888963407
					moves[i] = nth(l, int(x>>33)%bits.OnesCount64(l))
				}
				if err := v.Step(moves, out); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)*n/b.Elapsed().Seconds(), "steps/s")
		})
	}
}
