package main

import (
	"context"
	_ "embed"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/rewardlab/rewardlab/rl/run"
)

//go:embed fake_test.go
var fakeSource string

type fakeConfig struct {
	// Size of a step. Larger is faster.
	LR float64 `json:"lr" default:"5e-4"`
	// How long to train.
	Iterations int    `json:"iterations" default:"20"`
	Method     string `json:"method" default:"up" enum:"up|down"`
	NaNAt      int    `json:"nan_at"` // iteration of a NaN; 0: none
}

func (c *fakeConfig) Check() []error {
	var out []error
	if c.LR < 0 {
		out = append(out, fmt.Errorf("lr: %g is negative", c.LR))
	}
	if c.Iterations < 0 {
		out = append(out, fmt.Errorf("iterations: %d is negative", c.Iterations))
	}
	return out
}

// counter is a trainer that counts.
type counter struct {
	cfg    fakeConfig
	seed   int64
	n      int
	onStep func(n int)
}

func (c *counter) Step(context.Context) (run.Report, error) {
	c.n++
	if c.onStep != nil {
		c.onStep(c.n)
	}
	v := c.cfg.LR * float64(c.n) * float64(c.seed)
	if c.n == c.cfg.NaNAt {
		v -= v
		v /= v
	}
	return run.Report{
		Rows:      []run.Row{{Iteration: c.n, Steps: int64(10 * c.n), Values: map[string]float64{"height": v, "losses/a": 1 / float64(c.n)}}},
		Iteration: c.n, Total: c.cfg.Iterations, Steps: int64(10 * c.n),
	}, nil
}

func (c *counter) State() ([]run.Array, error) {
	return []run.Array{{Name: "n", DType: "uint64", Data: binary.LittleEndian.AppendUint64(nil, uint64(c.n))}}, nil
}

func (c *counter) Evaluate(context.Context) (map[string]float64, error) {
	return map[string]float64{"final": float64(c.n)}, nil
}

type counters struct {
	cfg    fakeConfig
	onStep func(n int)
}

func (w counters) Trainer(_ context.Context, seed int64, state []run.Array) (run.Trainer, error) {
	c := &counter{cfg: w.cfg, seed: seed, onStep: w.onStep}
	for _, a := range state {
		c.n = int(binary.LittleEndian.Uint64(a.Data))
	}
	return c, nil
}

func (counters) Info() run.Info { return run.Info{Engine: "abacus", CompileSeconds: 0.125} }
func (counters) Close() error   { return nil }

func fakePresets(onStep func(n int)) []run.Preset {
	count := run.Preset{
		Name: "count-up", Algorithm: "count", Summary: "counts to twenty",
		Score: run.Score{Name: "last height", Of: func(rows []run.Row, _ map[string]float64) (float64, error) {
			return rows[len(rows)-1].Values["height"], nil
		}},
		New:          func() any { return &fakeConfig{LR: 0.5} },
		ConfigSource: fakeSource,
		Open: func(_ context.Context, cfg any, opt run.OpenOptions) (run.Worker, error) {
			opt.Log(fmt.Sprintf("opening %d of %d", opt.Worker, opt.Workers))
			return counters{*cfg.(*fakeConfig), onStep}, nil
		},
	}
	broken := count
	broken.Name, broken.Summary = "broken", "never opens"
	broken.Open = func(context.Context, any, run.OpenOptions) (run.Worker, error) {
		return nil, errors.New("no plugin: install one")
	}
	return []run.Preset{count, broken}
}
