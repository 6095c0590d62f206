package trainer

import (
	"context"
	"encoding/binary"
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

// Program is a training program: S its state, C its constants, O the metrics of one iteration. Every field of O is a float32 scalar
// node with a metric tag, `metric:"losses/loss"`.
type Program[S, C, O any] struct {
	Loop      *loop.Loop[S, C, O]
	Constants loop.Values[C]
	Total     int // iterations of a whole training
	Chunk     int // iterations between two looks from the host; LogEvery divides it
	LogEvery  int // a row holds the means over so many iterations
	StepsPer  int // interactions with the environment in one iteration

	// Start makes the state of iteration 0.
	Start func(seed int64) (loop.Values[S], error)
	// Evaluate gives held-out numbers of a state, which it leaves alone.
	Evaluate func(ctx context.Context, seed int64, s loop.Values[S]) (map[string]float64, error)
}

// metricNames reads the tags of O.
func metricNames[O any]() []string {
	var names []string
	for f := range reflect.TypeFor[O]().Fields() {
		names = append(names, f.Tag.Get("metric"))
	}
	return names
}

// iterationArray is the one entry of a checkpoint that is not a leaf of S.
const iterationArray = "iteration"

// Trainer makes the trainer of one seed: from the start when state is nil, else where state was taken.
func (p *Program[S, C, O]) Trainer(ctx context.Context, seed int64, state []run.Array) (*Trainer[S, C, O], error) {
	t := &Trainer[S, C, O]{program: p, seed: seed}
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

// Trainer trains one seed. It implements run.Trainer.
type Trainer[S, C, O any] struct {
	program   *Program[S, C, O]
	seed      int64
	state     loop.Values[S]
	iteration int
}

// Step trains for one chunk and returns a row for every LogEvery iterations.
func (t *Trainer[S, C, O]) Step(ctx context.Context) (run.Report, error) {
	p := t.program
	n := min(p.Chunk, p.Total-t.iteration)
	if n <= 0 {
		return t.report(nil), nil
	}
	state, outs, err := p.Loop.Run(ctx, t.iteration, n, t.state, p.Constants)
	t.state = state
	if err != nil {
		return run.Report{}, err
	}
	rows, err := p.rows(t.iteration, n, outs)
	if err != nil {
		return run.Report{}, err
	}
	t.iteration += n
	return t.report(rows), outs.Close()
}

func (t *Trainer[S, C, O]) report(rows []run.Row) run.Report {
	return run.Report{Rows: rows, Iteration: t.iteration, Total: t.program.Total, Steps: int64(t.iteration) * int64(t.program.StepsPer)}
}

// rows averages the stacked outputs of n iterations that began at from.
func (p *Program[S, C, O]) rows(from, n int, outs loop.Values[O]) ([]run.Row, error) {
	rows := make([]run.Row, 0, (n+p.LogEvery-1)/p.LogEvery)
	for at := 0; at < n; at += p.LogEvery {
		done := from + min(at+p.LogEvery, n)
		rows = append(rows, run.Row{Iteration: done, Steps: int64(done) * int64(p.StepsPer), Values: map[string]float64{}})
	}
	names := metricNames[O]()
	k := 0
	for leaf, t := range outs.All() {
		err := tensors.ConstFlatData(t, func(x []float32) {
			for r := range rows {
				part := x[r*p.LogEvery : min((r+1)*p.LogEvery, n)]
				var sum float64
				for _, v := range part {
					sum += float64(v)
				}
				rows[r].Values[names[k]] = sum / float64(len(part))
			}
		})
		if err != nil {
			return nil, fmt.Errorf("metric %s: %w", leaf, err)
		}
		k++
	}
	return rows, nil
}

// State returns every leaf of the state by name, and the iteration.
func (t *Trainer[S, C, O]) State() ([]run.Array, error) {
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

func (t *Trainer[S, C, O]) restore(state []run.Array) error {
	byName := map[string]run.Array{}
	for _, a := range state {
		byName[a.Name] = a
	}
	fresh, err := t.program.Start(t.seed) // tells the shapes that this configuration needs
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

// Evaluate gives held-out numbers of the current state.
func (t *Trainer[S, C, O]) Evaluate(ctx context.Context) (map[string]float64, error) {
	return t.program.Evaluate(ctx, t.seed, t.state)
}

// Close frees the state.
func (t *Trainer[S, C, O]) Close() error { return t.state.Close() }

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
