package trainer

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/rewardlab/rewardlab/rl/loop"
	"github.com/rewardlab/rewardlab/rl/run"
)

// Metric is one number of each of n iterations.
type Metric struct {
	Name   string
	Values []float32
	// Weights say how much each iteration counts in the mean that a row holds, such as the number of episodes that ended in it. Where they are
	// all zero the row leaves the metric out. Nil: one each.
	Weights []float32
}

// Plan is a training whose state S is advanced by whatever Advance calls: one program or several.
type Plan[S any] struct {
	// Advance does n iterations, numbered from `from`, and returns the state after them and their metrics. It consumes s, as Loop.Run does.
	Advance func(ctx context.Context, from, n int, s loop.Values[S]) (loop.Values[S], []Metric, error)

	Total    int // iterations of a whole training
	Chunk    int // iterations between two looks from the host; LogEvery divides it
	LogEvery int // a row holds the means over so many iterations
	StepsPer int // interactions with the environment in one iteration

	// Start makes the state of iteration 0.
	Start func(seed int64) (loop.Values[S], error)
	// Evaluate gives held-out numbers of a state, which it leaves alone.
	Evaluate func(ctx context.Context, seed int64, s loop.Values[S]) (map[string]float64, error)
}

// Every is how many of all iterations one row averages over: given, or where that is 0 what makes about so many rows.
func Every(given, iterations, rows int) int {
	if given > 0 {
		return min(given, iterations)
	}
	return max(1, iterations/rows)
}

// Chunk is how many of all iterations are done between two looks from the host: whole rows, about 20,000 steps, and never the whole training.
func Chunk(every, iterations, stepsPer int) int {
	return every * max(1, min(20000/stepsPer, iterations/2)/every)
}

// Trainer makes the trainer of one seed, a *Trainer[S]: from the start when state is nil, else from where state was taken. It is what Worker.Make
// wants.
func (p *Plan[S]) Trainer(_ context.Context, seed int64, state []run.Array) (run.Trainer, error) {
	t := &Trainer[S]{plan: p, seed: seed}
	var err error
	if state == nil {
		t.state, err = p.Start(seed)
	} else {
		err = t.restore(state)
	}
	if err != nil {
		return nil, fmt.Errorf("seed %d: %w", seed, err)
	}
	return t, nil
}

// Program is a Plan of one loop: S its state, C its constants, O the metrics of one iteration. Every field of O is a float32 scalar node with
// a metric tag, `metric:"losses/loss"`.
type Program[S, C, O any] struct {
	Loop      *loop.Loop[S, C, O]
	Constants loop.Values[C]

	Total, Chunk, LogEvery, StepsPer int // as in Plan

	Start    func(seed int64) (loop.Values[S], error)
	Evaluate func(ctx context.Context, seed int64, s loop.Values[S]) (map[string]float64, error)
}

// Trainer is Plan's.
func (p *Program[S, C, O]) Trainer(ctx context.Context, seed int64, state []run.Array) (run.Trainer, error) {
	plan := &Plan[S]{
		Advance: func(ctx context.Context, from, n int, s loop.Values[S]) (loop.Values[S], []Metric, error) {
			s, outs, err := p.Loop.Run(ctx, from, n, s, p.Constants)
			if err != nil {
				return s, nil, err
			}
			metrics, err := Metrics(outs, n)
			return s, metrics, errors.Join(err, outs.Close())
		},
		Total: p.Total, Chunk: p.Chunk, LogEvery: p.LogEvery, StepsPer: p.StepsPer, Start: p.Start, Evaluate: p.Evaluate,
	}
	return plan.Trainer(ctx, seed, state)
}

// Metrics reads the stacked scalars of n iterations; the fields of O have metric tags.
func Metrics[O any](outs loop.Values[O], n int) ([]Metric, error) {
	var metrics []Metric
	for f := range reflect.TypeFor[O]().Fields() {
		metrics = append(metrics, Metric{Name: f.Tag.Get("metric")})
	}
	k := 0
	for leaf, t := range outs.All() {
		if err := tensors.ConstFlatData(t, func(x []float32) { metrics[k].Values = slices.Clone(x[:n]) }); err != nil {
			return nil, fmt.Errorf("metric %s: %w", leaf, err)
		}
		k++
	}
	return metrics, nil
}

// iterationArray is the one entry of a checkpoint that is not a leaf of S.
const iterationArray = "iteration"

// Trainer trains one seed. It implements run.Trainer.
type Trainer[S any] struct {
	plan      *Plan[S]
	seed      int64
	state     loop.Values[S]
	iteration int
}

// Step trains for one chunk and returns a row for every LogEvery iterations.
func (t *Trainer[S]) Step(ctx context.Context) (run.Report, error) {
	p := t.plan
	n := min(p.Chunk, p.Total-t.iteration)
	if n <= 0 {
		return t.report(nil), nil
	}
	state, metrics, err := p.Advance(ctx, t.iteration, n, t.state)
	t.state = state
	if err != nil {
		return run.Report{}, err
	}
	rows := p.rows(t.iteration, n, metrics)
	t.iteration += n
	return t.report(rows), nil
}

func (t *Trainer[S]) report(rows []run.Row) run.Report {
	return run.Report{Rows: rows, Iteration: t.iteration, Total: t.plan.Total, Steps: int64(t.iteration) * int64(t.plan.StepsPer)}
}

// rows averages the metrics of n iterations that began at from.
func (p *Plan[S]) rows(from, n int, metrics []Metric) []run.Row {
	rows := make([]run.Row, 0, (n+p.LogEvery-1)/p.LogEvery)
	for at := 0; at < n; at += p.LogEvery {
		to := min(at+p.LogEvery, n)
		row := run.Row{Iteration: from + to, Steps: int64(from+to) * int64(p.StepsPer), Values: map[string]float64{}}
		for _, m := range metrics {
			var sum, weight float64
			for i := at; i < to; i++ {
				w := 1.0
				if m.Weights != nil {
					w = float64(m.Weights[i])
				}
				if w > 0 {
					sum += w * float64(m.Values[i])
					weight += w
				}
			}
			if weight > 0 {
				row.Values[m.Name] = sum / weight
			}
		}
		rows = append(rows, row)
	}
	return rows
}

// State returns every leaf of the state by name, and the iteration.
func (t *Trainer[S]) State() ([]run.Array, error) {
	arrays := []run.Array{{Name: iterationArray, DType: "int64", Data: binary.LittleEndian.AppendUint64(nil, uint64(t.iteration))}}
	for name, x := range t.state.All() {
		a := run.Array{Name: name, DType: dtypeName(x.DType()), Dims: slices.Clone(x.Shape().Dimensions)}
		if err := x.ConstBytes(func(b []byte) { a.Data = slices.Clone(b) }); err != nil {
			return nil, fmt.Errorf("state %s: %w", name, err)
		}
		arrays = append(arrays, a)
	}
	return arrays, nil
}

func (t *Trainer[S]) restore(state []run.Array) error {
	byName := map[string]run.Array{}
	for _, a := range state {
		byName[a.Name] = a
	}
	fresh, err := t.plan.Start(t.seed) // tells the shapes that this configuration needs
	if err != nil {
		return err
	}
	defer fresh.Close()
	var ts []*tensors.Tensor
	for name, want := range fresh.All() {
		a, ok := byName[name]
		if !ok {
			return fmt.Errorf("the checkpoint has no %q: it is of another program; start a new run", name)
		}
		if a.DType != dtypeName(want.DType()) || !slices.Equal(a.Dims, want.Shape().Dimensions) {
			return fmt.Errorf("the checkpoint's %s is %s%v, this configuration needs %s: resume with the sizes it was trained with, or start a new run", name, a.DType, a.Dims, want.Shape())
		}
		x := tensors.FromShape(shapes.Make(want.DType(), a.Dims...))
		err := x.MutableBytes(func(b []byte) {
			if len(b) == len(a.Data) {
				copy(b, a.Data)
			}
		})
		if err != nil || x.ByteSize() != int64(len(a.Data)) {
			return fmt.Errorf("the checkpoint's %s has %d bytes, %s needs %d: %w", name, len(a.Data), want.Shape(), x.ByteSize(), err)
		}
		ts = append(ts, x)
	}
	it, ok := byName[iterationArray]
	if !ok || len(it.Data) != 8 {
		return fmt.Errorf("the checkpoint has no iteration: it is damaged; start a new run")
	}
	n := binary.LittleEndian.Uint64(it.Data)
	if n > math.MaxInt32 {
		return fmt.Errorf("the checkpoint says iteration %d: it is damaged; start a new run", n)
	}
	t.iteration = int(n)
	t.state, err = loop.Pack[S](ts...)
	return err
}

// Recall takes parameters from a checkpoint: for each leaf of P the name of an array of float32.
func Recall[P any](state []run.Array, names ...string) (loop.Values[P], error) {
	ts := make([]*tensors.Tensor, len(names))
	for i, name := range names {
		a, err := run.Find(state, name)
		if err != nil {
			return loop.Values[P]{}, err
		}
		x, err := a.Float32s()
		if err != nil {
			return loop.Values[P]{}, err
		}
		size := 1
		for _, d := range a.Dims {
			size *= d
		}
		if size != len(x) {
			return loop.Values[P]{}, fmt.Errorf("array %s has %d numbers and the shape %v: the checkpoint is damaged", name, len(x), a.Dims)
		}
		ts[i] = tensors.FromFlatDataAndDimensions(x, a.Dims...)
	}
	return loop.Pack[P](ts...)
}

// Evaluate gives held-out numbers of the current state.
func (t *Trainer[S]) Evaluate(ctx context.Context) (map[string]float64, error) {
	return t.plan.Evaluate(ctx, t.seed, t.state)
}

// Close frees the state.
func (t *Trainer[S]) Close() error { return t.state.Close() }

func dtypeName(d dtypes.DType) string {
	switch d {
	case dtypes.Float32:
		return "float32"
	case dtypes.Float64:
		return "float64"
	case dtypes.Int32:
		return "int32"
	case dtypes.Int64:
		return "int64"
	case dtypes.Uint8:
		return "uint8"
	case dtypes.Uint32:
		return "uint32"
	case dtypes.Uint64:
		return "uint64"
	case dtypes.Bool:
		return "bool"
	}
	return d.String()
}
