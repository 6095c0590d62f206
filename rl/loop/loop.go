package loop

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/distributed"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/support/exceptions"
)

// Body is one iteration. i is the number of the iteration, an int32 scalar that starts at Run's from; s is the state, c the
// constants. It returns the next state and what to keep of this iteration.
type Body[S, C, O any] func(i *graph.Node, s S, c C) (S, O)

// Loop is a body compiled for one engine.
type Loop[S, C, O any] struct {
	name     string
	most     int
	backend  compute.Backend
	devices  int
	mesh     *distributed.DeviceMesh // nil on one device
	exec     *graph.Exec
	stepped  bool // one iteration a call, driven from the host
	compiled time.Duration
	shared   []int // the outputs that share a buffer
}

// New prepares body to be run at most `most` iterations a call; Run compiles it at the first call, Compile earlier.
// name appears in errors.
func New[S, C, O any](b compute.Backend, name string, most int, body Body[S, C, O]) (*Loop[S, C, O], error) {
	return newLoop(b, 1, name, most, func(_ Device, i *graph.Node, s S, c C) (S, O) { return body(i, s, c) })
}

func newLoop[S, C, O any](b compute.Backend, devices int, name string, most int, body Replica[S, C, O]) (*Loop[S, C, O], error) {
	if most < 1 {
		return nil, fmt.Errorf("loop %s: at most %d iterations a call: give a number of at least 1", name, most)
	}
	l := &Loop[S, C, O]{name: name, most: most, backend: b, devices: devices, stepped: Stepped(b)}
	build := l.buildWhile(body)
	if l.stepped {
		build = l.buildStep(body)
	}
	exec, err := graph.NewExec(b, build)
	if err != nil {
		return nil, fmt.Errorf("loop %s: %w", name, err)
	}
	l.exec = exec.WithName(name)
	return l, nil
}

// Stepped says whether loops run one iteration a call on b, driven from the host. The pure-Go engine needs it: it cannot write into
// a slice of a buffer, and its While cannot hold a gradient.
func Stepped(b compute.Backend) bool {
	return !b.Capabilities().Operations[compute.OpTypeDynamicUpdateSlice]
}

// split cuts the arguments of a program: the counter first, then state, then constants.
func split[S, C any](nodes []*graph.Node) (S, C) {
	n := len(Names[S]())
	return unflatten[S](nodes[:n]), unflatten[C](nodes[n : n+len(Names[C]())])
}

// buildStep makes the program of one iteration: (i, state, constants) to (next state, outputs).
func (l *Loop[S, C, O]) buildStep(body Replica[S, C, O]) func([]*graph.Node) []*graph.Node {
	return func(in []*graph.Node) []*graph.Node {
		s, c := split[S, C](in[1:])
		next, out := l.apply(body, Device{}, in[0], s, c)
		return append(next, out...)
	}
}

// apply runs the body and checks what it returns.
func (l *Loop[S, C, O]) apply(body Replica[S, C, O], d Device, i *graph.Node, s S, c C) (next, out []*graph.Node) {
	before := flatten(s)
	ns, o := body(d, i, s, c)
	next = flatten(ns)
	for k, name := range Names[S]() {
		if !next[k].Shape().Equal(before[k].Shape()) {
			panic(fmt.Errorf("state %s went in as %s and came out as %s: a loop's state keeps its shape and type (convert it, or pad to a fixed size)",
				name, before[k].Shape(), next[k].Shape()))
		}
	}
	return next, flatten(o)
}

// buildWhile makes the program of many iterations: (from, to, state, constants) to (state, stacked outputs).
//
// gomlx's control flow dictates the form: main holds nothing but parameters, Consts, the While and its outputs; everything that
// the body uses, the limit and the constants included, comes in as loop state; outputs are written into buffers with
// DynamicUpdateSlice at i - from.
func (l *Loop[S, C, O]) buildWhile(body Replica[S, C, O]) func([]*graph.Node) []*graph.Node {
	return func(in []*graph.Node) []*graph.Node {
		g := in[0].Graph()
		nS, nC := len(Names[S]()), len(Names[C]())
		outShapes := l.outShapes(in, body)
		init := append([]*graph.Node{in[0], in[0], in[1]}, in[2:2+nS]...)
		l.shared = nil
		for k, sh := range outShapes {
			if sh.Equal(shapes.Make(dtypes.Float32)) {
				l.shared = append(l.shared, k)
			}
		}
		buffer := func(sh shapes.Shape) {
			zero := graph.ConvertDType(graph.Const(g, int32(0)), sh.DType)
			init = append(init, graph.BroadcastToDims(zero, append([]int{l.most}, sh.Dimensions...)...))
		}
		if len(l.shared) > 0 {
			buffer(shapes.Make(dtypes.Float32, len(l.shared)))
		}
		for k, sh := range outShapes {
			if !slices.Contains(l.shared, k) {
				buffer(sh)
			}
		}
		nO := len(init) - 3 - nS
		init = append(init, in[2+nS:]...)
		parameters := func(g *graph.Graph) []*graph.Node {
			ps := make([]*graph.Node, len(init))
			for k, n := range init {
				ps[k] = graph.Parameter(g, fmt.Sprintf("p%d", k), n.Shape())
			}
			return ps
		}
		cond := graph.NewClosure(g, func(g *graph.Graph) []*graph.Node {
			p := parameters(g)
			return []*graph.Node{graph.LessThan(p[0], p[2])}
		})
		step := graph.NewClosure(g, func(g *graph.Graph) []*graph.Node {
			p := parameters(g)
			i, from := p[0], p[1]
			state, buffers, constants := p[3:3+nS], p[3+nS:3+nS+nO], p[3+nS+nO:]
			next, out := l.apply(body, l.place(constants[nC:]), i, unflatten[S](state), unflatten[C](constants[:nC]))
			res := append([]*graph.Node{graph.Add(i, graph.Const(g, int32(1))), from, p[2]}, next...)
			at := graph.Sub(i, from)
			for k, o := range l.share(out) {
				start := make([]*graph.Node, buffers[k].Rank())
				start[0] = at
				for d := 1; d < len(start); d++ {
					start[d] = graph.Const(g, int32(0))
				}
				res = append(res, graph.DynamicUpdateSlice(buffers[k], graph.ExpandAxes(o, 0), start))
			}
			return append(res, constants...)
		})
		return graph.While(cond, step, init...)[3 : 3+nS+nO]
	}
}

// share puts the scalars among the outputs, a loop's metrics as a rule, into one vector before the others: one write an iteration, not one each.
func (l *Loop[S, C, O]) share(out []*graph.Node) []*graph.Node {
	if len(l.shared) == 0 {
		return out
	}
	var scalars, rest []*graph.Node
	for k, o := range out {
		if slices.Contains(l.shared, k) {
			scalars = append(scalars, graph.ExpandAxes(o, 0))
		} else {
			rest = append(rest, o)
		}
	}
	return append([]*graph.Node{graph.Concatenate(scalars, 0)}, rest...)
}

// unshare takes apart what share put together, on the host. It frees the shared buffer.
func (l *Loop[S, C, O]) unshare(outs []*tensors.Tensor) ([]*tensors.Tensor, error) {
	if len(l.shared) == 0 {
		return outs, nil
	}
	width := len(l.shared)
	res := make([]*tensors.Tensor, 0, len(outs)-1+width)
	rest := outs[1:]
	err := tensors.ConstFlatData(outs[0], func(x []float32) {
		for k := range len(rest) + width {
			column := slices.Index(l.shared, k)
			if column < 0 {
				res, rest = append(res, rest[0]), rest[1:]
				continue
			}
			values := make([]float32, l.most)
			for i := range values {
				values[i] = x[i*width+column]
			}
			res = append(res, tensors.FromValue(values))
		}
	})
	return res, errors.Join(err, outs[0].FinalizeAll())
}

// outShapes builds the body once in a graph that is thrown away: the buffers must exist before the While that fills them.
func (l *Loop[S, C, O]) outShapes(in []*graph.Node, body Replica[S, C, O]) []shapes.Shape {
	g := graph.NewGraph(l.backend, l.name+" (shapes)")
	defer g.Finalize()
	if l.mesh != nil {
		if err := g.SetSPMD(l.mesh); err != nil {
			panic(err)
		}
	}
	i := graph.Parameter(g, "i", in[0].Shape())
	args := make([]*graph.Node, 0, len(in)-2)
	for k, n := range in[2:] {
		args = append(args, graph.Parameter(g, fmt.Sprintf("p%d", k), n.Shape()))
	}
	s, c := split[S, C](args)
	_, out := l.apply(body, l.place(args[len(Names[S]())+len(Names[C]()):]), i, s, c)
	sh := make([]shapes.Shape, len(out))
	for k, o := range out {
		sh[k] = o.Shape()
	}
	return sh
}

// Compile compiles for the shapes of s and c, if that has not been done, and returns how long it took.
func (l *Loop[S, C, O]) Compile(s Values[S], c Values[C]) (time.Duration, error) {
	if l.compiled > 0 {
		return l.compiled, nil
	}
	counters := 2
	if l.stepped {
		counters = 1
	}
	in := make([]shapes.Shape, 0, counters+len(s.ts)+len(c.ts))
	for range counters {
		in = append(in, shapes.Make(dtypes.Int32))
	}
	for _, t := range append(append([]*tensors.Tensor{}, s.ts...), c.ts...) {
		in = append(in, t.Shape())
	}
	start := time.Now()
	if _, err := l.exec.Compile(l.everywhere(in)...); err != nil {
		return 0, fmt.Errorf("compiling loop %s: %w%s", l.name, err, advice(err))
	}
	l.compiled = time.Since(start)
	return l.compiled, nil
}

// Run does n iterations, numbered from `from`, and returns the state after them and the outputs of each, stacked along a new
// first axis: [n, ...] on the pure-Go engine, [most, ...] with the first n filled on XLA. It consumes s: its tensors are freed
// and only the returned state may be used afterwards, unless Run fails before the first iteration. A cancelled ctx stops it
// before it starts; once started it finishes, so that the state stays on a boundary from which a run can resume.
func (l *Loop[S, C, O]) Run(ctx context.Context, from, n int, s Values[S], c Values[C]) (Values[S], Values[O], error) {
	if n < 1 || n > l.most {
		return s, Values[O]{}, fmt.Errorf("loop %s: %d iterations asked for: give 1 to %d, its size when it was made", l.name, n, l.most)
	}
	if err := ctx.Err(); err != nil {
		return s, Values[O]{}, err
	}
	if _, err := l.Compile(s, c); err != nil {
		return s, Values[O]{}, err
	}
	if l.stepped {
		return l.runSteps(from, n, s, c)
	}
	res, err := l.call(s, c, int32(from), int32(from+n))
	if err != nil {
		return s, Values[O]{}, err
	}
	outs, err := l.unshare(res[len(s.ts):])
	if err != nil {
		err = fmt.Errorf("loop %s: reading its outputs: %w", l.name, err)
	}
	return Values[S]{ts: res[:len(s.ts)]}, Values[O]{ts: outs}, errors.Join(err, s.Close())
}

func (l *Loop[S, C, O]) call(s Values[S], c Values[C], counters ...any) ([]*tensors.Tensor, error) {
	in := append(make([]any, 0, len(counters)+len(s.ts)+len(c.ts)), counters...)
	for _, t := range s.ts {
		in = append(in, t)
	}
	for _, t := range c.ts {
		in = append(in, t)
	}
	call := l.exec.Call
	if l.devices > 1 {
		call = l.callAll
	}
	res, err := call(in...)
	if err != nil {
		return nil, fmt.Errorf("running loop %s: %w", l.name, err)
	}
	return res, nil
}

func (l *Loop[S, C, O]) runSteps(from, n int, s Values[S], c Values[C]) (Values[S], Values[O], error) {
	outs := make([][]byte, len(Names[O]()))
	var sh []shapes.Shape
	for i := range n {
		res, err := l.call(s, c, int32(from+i))
		if err != nil {
			return s, Values[O]{}, err
		}
		if err := s.Close(); err != nil {
			return Values[S]{}, Values[O]{}, err
		}
		s = Values[S]{ts: res[:len(s.ts)]}
		sh = sh[:0]
		for k, t := range res[len(s.ts):] {
			sh = append(sh, t.Shape())
			if err := t.ConstBytes(func(b []byte) { outs[k] = append(outs[k], b...) }); err != nil {
				return s, Values[O]{}, fmt.Errorf("loop %s: reading output %s: %w", l.name, Names[O]()[k], err)
			}
			if err := t.FinalizeAll(); err != nil {
				return s, Values[O]{}, fmt.Errorf("loop %s: freeing output %s: %w", l.name, Names[O]()[k], err)
			}
		}
	}
	stacked := make([]*tensors.Tensor, len(outs))
	for k := range outs {
		stacked[k] = tensors.FromShape(shapes.Make(sh[k].DType, append([]int{n}, sh[k].Dimensions...)...))
		if err := stacked[k].MutableBytes(func(b []byte) { copy(b, outs[k]) }); err != nil {
			return s, Values[O]{}, fmt.Errorf("loop %s: stacking output %s: %w", l.name, Names[O]()[k], err)
		}
	}
	return s, Values[O]{ts: stacked}, nil
}

// Close frees the compiled program. A nil Loop, one that New could not make, has nothing to free.
func (l *Loop[S, C, O]) Close() {
	if l != nil {
		l.exec.Finalize()
	}
}

// advice adds, to an error of gomlx's graph building, which rule of this package was broken.
func advice(err error) string {
	switch text := err.Error(); {
	case strings.Contains(text, "different function scope"), strings.Contains(text, "not part of the function"),
		strings.Contains(text, "incompatible functions"), strings.Contains(text, "closure of the current function"),
		strings.Contains(text, "finalized already"), strings.Contains(text, "different graph"):
		return "\n(a loop body may use only its own arguments and constants: hand the node in through the constants struct, and keep a second loop out of the body)"
	case strings.Contains(text, "no gradient is defined"):
		return "\n(the gradient must be taken inside the body, not of the loop)"
	}
	return ""
}

// Func is a program without a loop: I to O once, typed like a Loop. Evaluation and preparation steps are Funcs.
type Func[I, O any] struct {
	name     string
	exec     *graph.Exec
	compiled time.Duration
}

// NewFunc prepares fn; Call compiles it at the first call.
func NewFunc[I, O any](b compute.Backend, name string, fn func(I) O) (*Func[I, O], error) {
	exec, err := graph.NewExec(b, func(in []*graph.Node) []*graph.Node { return flatten(fn(unflatten[I](in))) })
	if err != nil {
		return nil, fmt.Errorf("program %s: %w", name, err)
	}
	return &Func[I, O]{name: name, exec: exec.WithName(name)}, nil
}

// Compile compiles for the shapes of in and returns how long it took.
func (f *Func[I, O]) Compile(in Values[I]) (time.Duration, error) {
	if f.compiled > 0 {
		return f.compiled, nil
	}
	sh := make([]shapes.Shape, len(in.ts))
	for k, t := range in.ts {
		sh[k] = t.Shape()
	}
	start := time.Now()
	if _, err := f.exec.Compile(sh...); err != nil {
		return 0, fmt.Errorf("compiling %s: %w", f.name, err)
	}
	f.compiled = time.Since(start)
	return f.compiled, nil
}

// Call runs the program. It leaves in alone; the caller closes what it gets.
func (f *Func[I, O]) Call(ctx context.Context, in Values[I]) (out Values[O], err error) {
	if err := ctx.Err(); err != nil {
		return Values[O]{}, err
	}
	if len(in.ts) != len(Names[I]()) {
		return Values[O]{}, fmt.Errorf("program %s: %d tensors for %s: use Pack", f.name, len(in.ts), reflect.TypeFor[I]())
	}
	if _, err := f.Compile(in); err != nil {
		return Values[O]{}, err
	}
	var res []*tensors.Tensor
	if panicked := exceptions.TryCatch[error](func() { res, err = f.exec.Call(in.ts) }); panicked != nil {
		err = panicked
	}
	if err != nil {
		return Values[O]{}, fmt.Errorf("running %s: %w", f.name, err)
	}
	return Values[O]{ts: res}, nil
}

// Close frees the compiled program. A nil Func has nothing to free.
func (f *Func[I, O]) Close() {
	if f != nil {
		f.exec.Finalize()
	}
}
