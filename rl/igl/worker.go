package igl

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"golang.org/x/sync/errgroup"

	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/loop"
	"github.com/rewardlab/rewardlab/rl/nn"
	"github.com/rewardlab/rewardlab/rl/run"
	"github.com/rewardlab/rewardlab/rl/trainer"
)

// problem is a configuration with its networks: what the graph functions of every method need.
type problem struct {
	*Config
	policy, decoder nn.Net
	contrast        nn.Net     // which contexts belong to each action's good answers; with per-action decoders only
	pack            *nn.Packed // policy, decoder, contrast
}

func newProblem(c *Config, pixels int) *problem {
	side := 0
	for side*side < pixels {
		side++
	}
	net := func(form string, out int) nn.Net {
		switch form {
		case "mlp":
			return nn.MLP(pixels, out, c.Hidden)
		case "conv":
			return nn.Conv(side, out, 8, c.Hidden)
		}
		return nn.Linear(pixels, out)
	}
	p := &problem{Config: c}
	switch {
	case c.Feedback == "grid":
		p.policy, p.decoder = nn.Table(c.gridStates(), moves), net(c.Decoder, 1)
		p.pack = nn.Pack(p.policy, p.decoder)
	case c.Decoder == "per-action":
		p.policy, p.decoder, p.contrast = net(c.Policy, classes), nn.Linear(pixels, classes), nn.Linear(pixels, classes)
		p.pack = nn.Pack(p.policy, p.decoder, p.contrast)
	default:
		p.policy, p.decoder = net(c.Policy, classes), net(c.Decoder, 1)
		p.pack = nn.Pack(p.policy, p.decoder)
	}
	return p
}

// adam moves policy and decoder each at its own step size.
func (p *problem) adam(g *Graph) nn.Adam {
	return nn.Adam{Rate: p.pack.Spread(g, p.LR, p.DecoderLR, p.DecoderLR)}
}

// New uploads the images and compiles the programs for c, which must be resolved and checked. Contexts and answers are drawn from train,
// accuracy is measured on held; the two must not overlap.
func New(ctx context.Context, e *backend.Engine, c *Config, train, held Digits) (*trainer.Worker, error) {
	if err := errors.Join(train.check("training"), held.check("held-out")); err != nil {
		return nil, fmt.Errorf("igl: %w", err)
	}
	if train.pixels() != held.pixels() {
		return nil, fmt.Errorf("igl: training images have %d pixels, held-out images %d: take both from one data set", train.pixels(), held.pixels())
	}
	w := trainer.NewWorker(e.Name, e.Backend)
	began := time.Now()
	defer func() { w.Details.CompileSeconds = time.Since(began).Seconds() }()
	p := newProblem(c, train.pixels())
	d, err := train.deck()
	if err != nil {
		return nil, fmt.Errorf("igl: %w", err)
	}
	w.Closers = append(w.Closers, d.Close)
	exam, err := newExaminer(e.Backend, w, p, held, d.Get("Mean"))
	if err != nil {
		return nil, err
	}
	// Uploading, and compiling the examination, go on while the method compiles.
	var side errgroup.Group
	side.Go(func() error { return d.ToDevice(e.Backend) })
	side.Go(exam.prepare)
	switch {
	case c.Feedback == "grid":
		err = build(ctx, e.Backend, w, p.grid, c, p.onlineStart, always(d), exam.examineGrid)
	case c.Method == "online" || c.Method == "bandit":
		err = build(ctx, e.Backend, w, p.online, c, p.onlineStart, always(d), func(ctx context.Context, _ loop.Values[deck], s loop.Values[onlineState]) (map[string]float64, error) {
			return exam.examine(ctx, s.Get("Theta"))
		})
	default:
		play, ferr := loop.NewFunc(e.Backend, "igl log", func(in logRequest) rounds { return p.uniformPlay(in.Deck, in.Key) })
		if ferr != nil {
			return nil, ferr
		}
		data := func(ctx context.Context, seed int64) (loop.Values[loggedData], error) {
			return logFor(ctx, play, d, seed)
		}
		err = build(ctx, e.Backend, w, p.logged, c, p.loggedStart, data, exam.examineLogged)
	}
	if err := errors.Join(err, side.Wait()); err != nil {
		return nil, errors.Join(fmt.Errorf("igl %s: %w", c.Method, err), w.Close())
	}
	return w, nil
}

// always gives every seed the same constants.
func always[C any](c loop.Values[C]) func(context.Context, int64) (loop.Values[C], error) {
	return func(context.Context, int64) (loop.Values[C], error) { return c, nil }
}

// build compiles one method and tells w how to make its trainers.
func build[S, C, O any](ctx context.Context, b compute.Backend, w *trainer.Worker, body loop.Body[S, C, O], c *Config,
	start func(seed int64) (loop.Values[S], error),
	constants func(ctx context.Context, seed int64) (loop.Values[C], error),
	examine func(context.Context, loop.Values[C], loop.Values[S]) (map[string]float64, error)) error {
	// A tenth of the training a call: each call costs a copy of the images (2 ms for 60,000), and nobody can look, or stop, in between.
	chunk := c.LogEvery * max(1, min(max(c.Iterations/10, 50), 200)/c.LogEvery)
	l, err := loop.New(b, "igl "+c.Method, chunk, body)
	if err != nil {
		return err
	}
	w.Frees(l.Close)
	s, err := start(0)
	if err != nil {
		return err
	}
	defer s.Close()
	data, err := constants(ctx, 0)
	if err != nil {
		return err
	}
	if _, err := l.Compile(s, data); err != nil {
		return err
	}
	w.Make = func(ctx context.Context, seed int64, state []run.Array) (run.Trainer, error) {
		data, err := constants(ctx, seed)
		if err != nil {
			return nil, fmt.Errorf("seed %d: %w", seed, err)
		}
		p := &trainer.Program[S, C, O]{
			Loop: l, Constants: data, Start: start,
			Total: c.Iterations, Chunk: chunk, LogEvery: c.LogEvery, StepsPer: c.roundsPerIteration(),
			Evaluate: func(ctx context.Context, _ int64, s loop.Values[S]) (map[string]float64, error) {
				return examine(ctx, data, s)
			},
		}
		return p.Trainer(ctx, seed, state)
	}
	return nil
}

// roundsPerIteration counts the interactions of one iteration; for learners from a fixed log, the logged rounds that they look at.
func (c *Config) roundsPerIteration() int {
	rounds := c.Exploit + c.Explore
	switch {
	case c.Method == "offline" || c.Method == "ips" || c.Method == "supervised":
		rounds = c.Batch
	case c.Method == "bandit":
		rounds = c.Exploit
	}
	if c.Feedback == "grid" {
		rounds *= c.Horizon
	}
	return rounds
}

// key is a seed stream as gomlx's random state.
func key(seed int64, stream string) (*tensors.Tensor, error) {
	k, err := RNGStateFromSeed(run.Stream(seed, stream))
	if err != nil {
		return nil, fmt.Errorf("random state of stream %s: %w", stream, err)
	}
	return k, nil
}
