package partner

import (
	"testing"

	"github.com/gomlx/gomlx/core/tensors"

	"github.com/rewardlab/rewardlab/rl/backend/backendtest"
	"github.com/rewardlab/rewardlab/rl/hanabi"
	"github.com/rewardlab/rewardlab/rl/nn"
	"github.com/rewardlab/rewardlab/rl/run"
)

// BenchmarkNet compares how fast a net judges positions: as a compiled program, with the transfer of the observations, and in plain Go, which leaves out
// the zeros of observations and of hidden layers.
func BenchmarkNet(b *testing.B) {
	for _, c := range []struct {
		name   string
		config hanabi.Config
		hidden []int
	}{{"small", hanabi.Config{Colors: 4, Ranks: 2, Hand: 2, Hints: 3}, []int{128, 128}}, {"full", hanabi.Config{}, []int{256, 256}}} {
		const n = 128
		r := game(b, c.config)
		v, err := hanabi.NewVector(r, n, 1)
		if err != nil {
			b.Fatal(err)
		}
		obs, legal := make([]float32, n*r.Size()), make([]uint64, n)
		if err := v.Observe(obs, legal); err != nil {
			b.Fatal(err)
		}
		theta := nn.Pack(net(r, c.hidden)).Init(1)
		lean, into := make([]float32, n*r.Moves()), make([]int32, n)
		b.Run(c.name+"/compiled", func(b *testing.B) {
			f, err := newChooser(backendtest.XLA(b), r, c.hidden)
			if err != nil {
				b.Fatal(err)
			}
			defer f.Close()
			device := tensors.FromValue(theta)
			if err := ask(b.Context(), f, device, obs, lean, into); err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if err := ask(b.Context(), f, device, obs, lean, into); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)*n/b.Elapsed().Seconds(), "positions/s")
		})
		b.Run(c.name+"/plain", func(b *testing.B) {
			want := append([]int32(nil), into...)
			for b.Loop() {
				for i := range n {
					into[i] = plainGo(theta, obs[i*r.Size():][:r.Size()], append(c.hidden, r.Moves()))
				}
			}
			for i := range want {
				if into[i] != want[i] {
					b.Fatalf("position %d: move %d, compiled %d", i, into[i], want[i])
				}
			}
			b.ReportMetric(float64(b.N)*n/b.Elapsed().Seconds(), "positions/s")
		})
	}
}

func plainGo(theta, x []float32, widths []int) int32 {
	for layer, out := range widths {
		w, bias := theta[:len(x)*out], theta[len(x)*out:][:out]
		theta = theta[len(x)*out+out:]
		y := append([]float32(nil), bias...)
		for i, v := range x {
			if v == 0 {
				continue
			}
			for k, u := range w[i*out:][:out] {
				y[k] += v * u
			}
		}
		for k := range y {
			if layer < len(widths)-1 && y[k] < 0 {
				y[k] = 0
			}
		}
		x = y
	}
	best := 0
	for k := range x {
		if x[k] > x[best] {
			best = k
		}
	}
	return int32(best)
}

// BenchmarkTrain measures whole trainings of a few hundred iterations: moves and learning.
func BenchmarkTrain(b *testing.B) {
	const small, full = "colors=4 ranks=2 hand=2 hints=3 ", "hidden=256,256 "
	for _, c := range []struct{ name, set string }{{"q_small", small}, {"q_full", full}} {
		b.Run(c.name, func(b *testing.B) {
			cfg := resolved[Q](b, c.set+"iterations=300 warmup=128 updates=2 buffer=50000 eval_games=2 games=2 log_every=100 eval_every=1000")
			w, err := NewQ(backendtest.XLA(b), cfg)
			if err != nil {
				b.Fatal(err)
			}
			defer w.Close()
			step := func(tr run.Trainer) {
				if _, err := tr.Step(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
			for b.Loop() {
				b.StopTimer()
				tr, err := w.Trainer(b.Context(), 1, nil)
				if err != nil {
					b.Fatal(err)
				}
				step(tr) // compiles
				b.StartTimer()
				step(tr)
			}
			b.ReportMetric(float64(b.N)*100*float64(cfg.Envs)/b.Elapsed().Seconds(), "moves/s")
		})
	}
}
