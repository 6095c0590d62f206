package gan

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/loop"
	"github.com/rewardlab/rewardlab/rl/nn"
	"github.com/rewardlab/rewardlab/rl/run"
	"github.com/rewardlab/rewardlab/rl/trainer"
)

// State is everything that a training carries on.
type State struct {
	Match match
	Noise *Node // [Samples, Noise], what the pages of the album are made of
	Album *Node // [Pages, Samples, size], the newest page last
}

// request asks for samples of noise, on a new page of the album.
type request struct{ Theta, Noise, Album *Node }

type page struct{ Album *Node }

// learner is a game with its programs.
type learner struct {
	*game
	data  loop.Values[data]
	loop  *loop.Loop[match, data, score]
	draw  *loop.Func[request, page]
	judge judge
}

// judge says how good samples [EvalSamples, size] are.
type judge interface {
	examine(ctx context.Context, samples []float32) (map[string]float64, error)
}

// New compiles the game for c, which must be resolved and checked. For digits it takes the images, nil otherwise.
func New(ctx context.Context, b *backend.Engine, c *Config, digits *Digits) (*trainer.Worker, error) {
	began := time.Now()
	w := trainer.NewWorker(b.Name, b.Backend)
	p := &learner{}
	if err := p.build(ctx, b.Backend, w, c, digits); err != nil {
		return nil, errors.Join(fmt.Errorf("gan: %w", err), w.Close())
	}
	plan := trainer.Plan[State]{
		Advance: p.advance, Start: func(seed int64) (loop.Values[State], error) { return p.start(ctx, seed) },
		Total: c.Iterations, Chunk: c.chunk(), LogEvery: c.every(), StepsPer: c.Batch,
		Evaluate: p.evaluate,
	}
	w.Make = plan.Trainer
	w.Details.CompileSeconds = time.Since(began).Seconds()
	return w, nil
}

func (p *learner) build(ctx context.Context, b compute.Backend, w *trainer.Worker, c *Config, digits *Digits) error {
	var rows *tensors.Tensor
	if c.Data == "digits" {
		if digits == nil {
			return errors.New("no images: data digits needs some")
		}
		if err := digits.check(); err != nil {
			return err
		}
		p.game = newGame(c, digits.Pixels)
		rows = tensors.FromFlatDataAndDimensions(digits.Images, len(digits.Labels), digits.Pixels)
		classifier, err := newClassifier(ctx, b, digits, c.Lessons)
		if err != nil {
			return err
		}
		w.Frees(classifier.Close)
		p.judge = classifier
	} else {
		p.game = newGame(c, 2)
		centres := blobs(c.Data)
		rows = tensors.FromFlatDataAndDimensions(centres, len(centres)/2, 2)
		p.judge = &counter{centres, c.Spread}
	}
	var err error
	if p.data, err = loop.Pack[data](rows); err != nil {
		return err
	}
	w.Closers = append(w.Closers, p.data.Close)
	if err := p.data.ToDevice(b); err != nil {
		return err
	}
	if p.loop, err = loop.New(b, "gan", c.chunk(), p.round); err != nil {
		return err
	}
	w.Frees(p.loop.Close)
	if p.draw, err = loop.NewFunc(b, "gan: draw", p.turn); err != nil {
		return err
	}
	w.Frees(p.draw.Close)
	s, err := p.start(ctx, 0)
	if err != nil {
		return err
	}
	m, err := loop.Part[match](s, "Match")
	if err != nil {
		return err
	}
	_, err = p.loop.Compile(m, p.data)
	return errors.Join(err, s.Close())
}

// turn adds a page to the album.
func (p *game) turn(q request) page {
	x := p.generate(p.gPack.Split(q.Theta)[0], q.Noise)
	return page{Concatenate([]*Node{SliceAxis(q.Album, 0, AxisRange(1)), ExpandAxes(x, 0)}, 0)}
}

// start is the state of round 0.
func (p *learner) start(ctx context.Context, seed int64) (loop.Values[State], error) {
	var none loop.Values[State]
	key, err := RNGStateFromSeed(run.Stream(seed, run.StreamTrain))
	if err != nil {
		return none, fmt.Errorf("random state: %w", err)
	}
	theta := p.gPack.Init(uint64(run.Stream(seed, run.StreamInit)))
	ts := nn.Start(theta)
	ts = append(ts, nn.Start(p.dPack.Init(uint64(run.Stream(seed, "discriminator"))))...)
	ts = append(ts, tensors.FromValue(theta), key)
	m, err := loop.Pack[match](ts...)
	if err != nil {
		return none, err
	}
	noise := normals(seed, "album", p.Samples, p.Noise)
	return p.turnPage(ctx, m, loop.Leaf{T: noise}, loop.Leaf{T: nn.ZeroTensor(Pages, p.Samples, p.size)})
}

// turnPage is the state with a new page. It frees the album before.
func (p *learner) turnPage(ctx context.Context, m loop.Values[match], noise, album loop.Leaf) (loop.Values[State], error) {
	q, err := loop.Join[request](loop.Leaf{T: m.Get("Average")}, noise, album)
	if err != nil {
		return loop.Values[State]{}, err
	}
	more, err := p.draw.Call(ctx, q)
	if err != nil {
		return loop.Values[State]{}, err
	}
	s, err := loop.Join[State](m, noise, more)
	return s, errors.Join(err, album.T.FinalizeAll())
}

// advance plays n rounds, and then adds a page to the album.
func (p *learner) advance(ctx context.Context, from, n int, s loop.Values[State]) (loop.Values[State], []trainer.Metric, error) {
	m, err := loop.Part[match](s, "Match")
	if err != nil {
		return s, nil, err
	}
	noise, album := loop.Leaf{T: s.Get("Noise")}, loop.Leaf{T: s.Get("Album")}
	m, outs, err := p.loop.Run(ctx, from, n, m, p.data)
	if err != nil {
		return s, nil, err
	}
	metrics, err := trainer.Metrics(outs, n)
	if err := errors.Join(err, outs.Close()); err != nil {
		return s, nil, err
	}
	s, err = p.turnPage(ctx, m, noise, album)
	return s, metrics, err
}

// evaluate judges samples of noise that no training sees, drawn page by page.
func (p *learner) evaluate(ctx context.Context, seed int64, s loop.Values[State]) (map[string]float64, error) {
	var samples []float32
	pages := (p.EvalSamples + p.Samples - 1) / p.Samples
	noise := normals(run.Stream(seed, run.StreamEval), "noise", pages*p.Samples, p.Noise)
	defer func() { _ = noise.FinalizeAll() }()
	z := tensors.MustCopyFlatData[float32](noise)
	one := nn.ZeroTensor(Pages, p.Samples, p.size)
	defer func() { _ = one.FinalizeAll() }()
	for k := range pages {
		part := tensors.FromFlatDataAndDimensions(z[k*p.Samples*p.Noise:(k+1)*p.Samples*p.Noise], p.Samples, p.Noise)
		q, err := loop.Join[request](loop.Leaf{T: s.Get("Match.Average")}, loop.Leaf{T: part}, loop.Leaf{T: one})
		if err != nil {
			return nil, err
		}
		out, err := p.draw.Call(ctx, q)
		if err != nil {
			return nil, err
		}
		all := tensors.MustCopyFlatData[float32](out.Get("Album"))
		samples = append(samples, all[len(all)-p.Samples*p.size:]...)
		if err := errors.Join(out.Close(), part.FinalizeAll()); err != nil {
			return nil, err
		}
	}
	return p.judge.examine(ctx, samples[:p.EvalSamples*p.size])
}
