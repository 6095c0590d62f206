package lirpg

import (
	"context"
	"testing"
	"time"

	"github.com/rewardlab/rewardlab/rl/backend/backendtest"
	"github.com/rewardlab/rewardlab/rl/env"
	"github.com/rewardlab/rewardlab/rl/loop"
	"github.com/rewardlab/rewardlab/rl/ppo"
	"github.com/rewardlab/rewardlab/rl/rollout"
	"github.com/rewardlab/rewardlab/rl/run"
	"github.com/rewardlab/rewardlab/rl/trainer"
)

// BenchmarkUpdate takes turns between a plain PPO update and one with an intrinsic reward, on trajectories of the same size, with preparation and
// logging but without the playing: milliseconds of each, and how many of the first the second is.
func BenchmarkUpdate(b *testing.B) {
	ctx, e := b.Context(), backendtest.XLA(b)
	for name, set := range map[string][]string{
		"pendulum":  {"env=pendulum", "envs=16", "steps=100", "epochs=10", "hidden=32"},
		"reacher":   {"env=reacher", "envs=16", "steps=100", "epochs=10"},
		"mujoco-64": {"env=reacher", "envs=32", "steps=64", "epochs=10", "minibatches=32"},
	} {
		b.Run(name, func(b *testing.B) {
			c := &Config{}
			if err := run.Set(c, set...); err != nil {
				b.Fatal(err)
			}
			if err := run.Resolve(c); err != nil {
				b.Fatal(err)
			}
			made, err := env.Find(c.Env)
			if err != nil {
				b.Fatal(err)
			}
			plain, err := ppo.NewLearner(ctx, e, env.Auto(made), &c.Config)
			if err != nil {
				b.Fatal(err)
			}
			defer plain.Close()
			w := trainer.NewWorker(e.Name, e.Backend)
			defer w.Close()
			p, err := newPrograms(ctx, w, e, made, c, nil)
			if err != nil {
				b.Fatal(err)
			}
			var took [2]time.Duration
			s, err := plain.Start(ctx, 1)
			if err != nil {
				b.Fatal(err)
			}
			state, err := p.start(ctx, 1)
			if err != nil {
				b.Fatal(err)
			}
			i := 0
			for b.Loop() {
				var steps loop.Values[rollout.Steps]
				if s, steps, err = plain.Play(ctx, s); err != nil {
					b.Fatal(err)
				}
				log, began := rollout.NewJournal(c.Env), time.Now()
				if s, err = plain.Learn(ctx, i, s, steps, nil, log); err != nil {
					b.Fatal(err)
				}
				took[0] += time.Since(began)
				if state, err = p.timed(ctx, i, state, &took[1]); err != nil {
					b.Fatal(err)
				}
				i++
			}
			ms := func(d time.Duration) float64 { return d.Seconds() * 1000 / float64(i) }
			b.ReportMetric(ms(took[0]), "plain-ms")
			b.ReportMetric(ms(took[1]), "learned-ms")
			b.ReportMetric(ms(took[1])/ms(took[0]), "times")
		})
	}
}

// timed is an iteration; it adds how long it learned.
func (p *programs) timed(ctx context.Context, i int, s loop.Values[State], took *time.Duration) (loop.Values[State], error) {
	s, steps, err := p.play(ctx, s)
	if err != nil {
		return s, err
	}
	began := time.Now()
	s, err = p.learn(ctx, i, s, steps, rollout.NewJournal(p.Env))
	*took += time.Since(began)
	return s, err
}
