package active

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"golang.org/x/sync/errgroup"

	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/loop"
	"github.com/rewardlab/rewardlab/rl/nn"
	"github.com/rewardlab/rewardlab/rl/run"
	"github.com/rewardlab/rewardlab/rl/trainer"
)

// learner is the compiled programs.
type learner struct {
	active
	sample *loop.Loop[walkers, known, accepted]
	ascend *loop.Loop[climbers, aim, accepted]
	look   *loop.Func[looked, judged]
}

type looked struct{ Z, W *Node }

// New compiles the programs for c, which must be resolved and checked. Closing the worker frees them; the engine stays open.
func New(ctx context.Context, b *backend.Engine, c *Config) (*trainer.Worker, error) {
	began := time.Now()
	w := trainer.NewWorker(b.Name, b.Backend)
	l := &learner{active: active{c}}
	w.Frees(l.close)
	if err := l.build(b); err != nil {
		return nil, errors.Join(fmt.Errorf("active: %w", err), w.Close())
	}
	w.Make = func(ctx context.Context, seed int64, state []run.Array) (run.Trainer, error) {
		plan := trainer.Plan[State]{
			Advance: func(ctx context.Context, from, n int, s loop.Values[State]) (loop.Values[State], []trainer.Metric, error) {
				return l.advance(ctx, seed, from, n, s)
			},
			Start: l.start, Total: c.Queries / c.Batch, Chunk: 1, LogEvery: 1, StepsPer: c.Batch,
			Evaluate: l.evaluate,
		}
		return plan.Trainer(ctx, seed, state)
	}
	w.Details.CompileSeconds = time.Since(began).Seconds()
	return w, nil
}

func (l *learner) build(b *backend.Engine) error {
	var err1, err2, err3 error
	l.sample, err1 = loop.New(b.Backend, "active: posterior", 2*l.Moves, l.active.sample)
	l.ascend, err2 = loop.New(b.Backend, "active: ascent", l.Ascent, l.active.ascend)
	l.look, err3 = loop.NewFunc(b.Backend, "active: queries", func(in looked) judged { return l.active.look(in.Z, in.W) })
	if err := errors.Join(err1, err2, err3); err != nil {
		return err
	}
	s, err := l.start(0)
	if err != nil {
		return err
	}
	z, some := nn.ZeroTensor(l.Starts, size), nn.ZeroTensor(l.Starts, features)
	var side errgroup.Group
	side.Go(func() error {
		who, what, err := l.apart(s)
		if err == nil {
			_, err = l.sample.Compile(who, what)
		}
		return err
	})
	side.Go(func() error {
		c, err1 := loop.Pack[climbers](append([]*tensors.Tensor{z}, nn.Start(make([]float32, l.Starts*size))[1:]...)...)
		a, err2 := loop.Pack[aim](s.Get("W"), some, some)
		_, err3 := l.ascend.Compile(c, a)
		return errors.Join(err1, err2, err3)
	})
	side.Go(func() error {
		in, err1 := loop.Pack[looked](z, s.Get("W"))
		_, err2 := l.look.Compile(in)
		return errors.Join(err1, err2)
	})
	return errors.Join(side.Wait(), s.Close())
}

func (l *learner) close() {
	l.sample.Close()
	l.ascend.Close()
	l.look.Close()
}

// start is the prior: points drawn uniformly from the ball, and no answers.
func (l *learner) start(seed int64) (loop.Values[State], error) {
	key, err := RNGStateFromSeed(run.Stream(seed, "posterior"))
	if err != nil {
		return loop.Values[State]{}, fmt.Errorf("random state: %w", err)
	}
	r := rand.New(rand.NewPCG(uint64(run.Stream(seed, run.StreamInit)), 1))
	w := make([]float32, 0, l.Samples*features)
	for range l.Samples {
		w = append(w, ball(r)...)
	}
	return loop.Pack[State](tensors.FromFlatDataAndDimensions(w, l.Samples, features), nn.ZeroTensor(l.Queries, features), nn.ZeroTensor(l.Queries),
		tensors.FromValue(int32(0)), nn.ZeroTensor(2, horizon+1, 8), key)
}

// ball is a point drawn uniformly from the unit ball.
func ball(r *rand.Rand) []float32 {
	for {
		x := make([]float32, features)
		var norm float64
		for i := range x {
			x[i] = float32(2*r.Float64() - 1)
			norm += float64(x[i]) * float64(x[i])
		}
		if norm <= 1 {
			return x
		}
	}
}

func (l *learner) apart(s loop.Values[State]) (loop.Values[walkers], loop.Values[known], error) {
	who, err1 := loop.Pack[walkers](s.Get("W"), s.Get("Key"))
	what, err2 := loop.Pack[known](s.Get("Phi"), s.Get("Answer"), s.Get("Count"))
	return who, what, errors.Join(err1, err2)
}

// advance asks n batches of queries.
func (l *learner) advance(ctx context.Context, seed int64, from, n int, s loop.Values[State]) (loop.Values[State], []trainer.Metric, error) {
	names := []string{"alignment/mean", "alignment/of_mean", "query/score", "query/bits", "answers/total", "posterior/accepted"}
	metrics := make([]trainer.Metric, len(names))
	for i := range metrics {
		metrics[i].Name = names[i]
	}
	for i := from; i < from+n; i++ {
		var values []float32
		var err error
		if s, values, err = l.ask(ctx, seed, i, s); err != nil {
			return s, nil, fmt.Errorf("active: %w", err)
		}
		for k, v := range values {
			metrics[k].Values = append(metrics[k].Values, v)
		}
	}
	return s, metrics, nil
}

// batch is queries as they come to the host.
type batch struct {
	phi         [][]float32
	score, bits []float32
	paths       []float32 // [Starts, 2, 6, 8]
}

// ask makes a batch of queries, has them answered and moves the posterior. The numbers are advance's.
func (l *learner) ask(ctx context.Context, seed int64, i int, s loop.Values[State]) (loop.Values[State], []float32, error) {
	r := rand.New(rand.NewPCG(uint64(run.Stream(seed, run.StreamTrain)), uint64(i)))
	made, err := l.design(ctx, r, s.Get("W"))
	if err != nil {
		return s, nil, err
	}
	var picked []int
	if l.Method == "random" || l.Method == "optimal" {
		for k := range l.Batch {
			picked = append(picked, k)
		}
	} else {
		picked = unalike(made.score, made.phi, l.Batch)
	}
	phi, err1 := tensors.CopyFlatData[float32](s.Get("Phi"))
	answer, err2 := tensors.CopyFlatData[float32](s.Get("Answer"))
	last, err3 := tensors.CopyFlatData[float32](s.Get("Last"))
	if err := errors.Join(err1, err2, err3); err != nil {
		return s, nil, err
	}
	count := int(tensors.ToScalar[int32](s.Get("Count")))
	truth := l.truth(seed)
	best := picked[0]
	for _, q := range picked {
		if float64(made.bits[q]) < l.Cost {
			continue // it is not worth the question
		}
		copy(phi[count*features:], made.phi[q])
		answer[count] = l.answer(r, truth, made.phi[q])
		copy(last, made.paths[q*len(last):(q+1)*len(last)])
		count++
	}
	for _, name := range []string{"Phi", "Answer", "Count", "Last"} {
		if err := s.Get(name).FinalizeAll(); err != nil {
			return s, nil, err
		}
	}
	s, err = loop.Pack[State](s.Get("W"), tensors.FromFlatDataAndDimensions(phi, l.Queries, features), tensors.FromValue(answer),
		tensors.FromValue(int32(count)), tensors.FromFlatDataAndDimensions(last, 2, horizon+1, 8), s.Get("Key"))
	if err != nil {
		return s, nil, err
	}
	rate, err := l.move(ctx, &s)
	if err != nil {
		return s, nil, err
	}
	mean, ofMean, err := l.alignment(s, truth)
	return s, []float32{float32(mean), float32(ofMean), made.score[best], made.bits[best], float32(count), rate}, err
}

// design makes queries for the samples w.
func (l *learner) design(ctx context.Context, r *rand.Rand, w *tensors.Tensor) (*batch, error) {
	z := make([]float32, l.Starts*size)
	for i := range z { // uniform within the bounds
		z[i] = float32(math.Atanh(0.999 * (2*r.Float64() - 1)))
	}
	c, err := loop.Pack[climbers](append([]*tensors.Tensor{tensors.FromFlatDataAndDimensions(z, l.Starts, size)}, nn.Start(make([]float32, len(z)))[1:]...)...)
	if err != nil {
		return nil, err
	}
	if l.Method == "optimised" || l.Method == "optimal" {
		samples, err := tensors.CopyFlatData[float32](w)
		if err != nil {
			return nil, err
		}
		draw := func() *tensors.Tensor {
			var x []float32
			for range l.Starts {
				k := r.IntN(l.Samples)
				x = append(x, samples[k*features:(k+1)*features]...)
			}
			return tensors.FromFlatDataAndDimensions(x, l.Starts, features)
		}
		one, two := draw(), draw()
		a, err := loop.Pack[aim](w, one, two)
		if err != nil {
			return nil, err
		}
		var marks loop.Values[accepted]
		if c, marks, err = l.ascend.Run(ctx, 0, l.Ascent, c, a); err != nil {
			return nil, err
		}
		if err := errors.Join(marks.Close(), one.FinalizeAll(), two.FinalizeAll()); err != nil {
			return nil, err
		}
	}
	in, err := loop.Pack[looked](c.Get("Z"), w)
	if err != nil {
		return nil, err
	}
	out, err := l.look.Call(ctx, in)
	if err != nil {
		return nil, err
	}
	flat := func(name string) []float32 {
		x, copyErr := tensors.CopyFlatData[float32](out.Get(name))
		err = errors.Join(err, copyErr)
		return x
	}
	b := &batch{score: flat("Score"), bits: flat("Bits"), paths: flat("Paths")}
	phi := flat("Phi")
	for i := 0; i+features <= len(phi); i += features {
		b.phi = append(b.phi, phi[i:i+features])
	}
	return b, errors.Join(err, out.Close(), c.Close())
}

// move moves the samples, and returns how many proposals were taken.
func (l *learner) move(ctx context.Context, s *loop.Values[State]) (float32, error) {
	who, what, err := l.apart(*s)
	if err != nil {
		return 0, err
	}
	who, marks, err := l.sample.Run(ctx, 0, 2*l.Moves, who, what)
	if err != nil {
		return 0, err
	}
	rates, err := tensors.CopyFlatData[float32](marks.Get("Rate"))
	if err != nil {
		return 0, err
	}
	var sum float32
	for _, x := range rates[:2*l.Moves] {
		sum += x / float32(2*l.Moves)
	}
	*s, err = loop.Pack[State](who.Get("W"), s.Get("Phi"), s.Get("Answer"), s.Get("Count"), s.Get("Last"), who.Get("Key"))
	return sum, errors.Join(err, marks.Close())
}

// alignment is the mean cosine between the samples and the truth, and the cosine of the samples' mean.
func (l *learner) alignment(s loop.Values[State], truth [features]float64) (mean, ofMean float64, err error) {
	w, err := tensors.CopyFlatData[float32](s.Get("W"))
	if err != nil {
		return 0, 0, err
	}
	middle := make([]float32, features)
	for i := 0; i < len(w); i += features {
		mean += cosine(w[i:i+features], truth) / float64(l.Samples)
		for k := range middle {
			middle[k] += w[i+k] / float32(l.Samples)
		}
	}
	return mean, cosine(middle, truth), nil
}

// evaluate tests the posterior's mean on random queries that nobody was asked.
func (l *learner) evaluate(ctx context.Context, seed int64, s loop.Values[State]) (map[string]float64, error) {
	truth := l.truth(seed)
	mean, ofMean, err := l.alignment(s, truth)
	if err != nil {
		return nil, err
	}
	w, err := tensors.CopyFlatData[float32](s.Get("W"))
	if err != nil {
		return nil, err
	}
	r := rand.New(rand.NewPCG(uint64(run.Stream(seed, run.StreamEval)), 1))
	plain := *l
	c := *l.Config
	c.Method = "random"
	plain.Config = &c
	right, all := 0.0, 0.0
	for all < 500 {
		b, err := plain.design(ctx, r, s.Get("W"))
		if err != nil {
			return nil, err
		}
		for _, phi := range b.phi {
			var guess, want float64
			for k, x := range phi {
				for i := k; i < len(w); i += features {
					guess += float64(w[i]) * float64(x)
				}
				want += truth[k] * float64(x)
			}
			all++
			if guess*want > 0 {
				right++
			}
		}
	}
	return map[string]float64{
		"eval/alignment": mean, "eval/alignment_of_mean": ofMean, "eval/accuracy": right / all,
		"eval/answers": float64(tensors.ToScalar[int32](s.Get("Count"))),
	}, nil
}
