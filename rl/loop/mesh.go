package loop

import (
	"errors"
	"fmt"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/distributed"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
)

// Device is the place of a body among the devices that run it side by side. The zero value is a device alone.
type Device struct {
	count int
	rank  *graph.Node // int32 scalar, 0 on the first; nil on a device alone
}

// Replica is one iteration on one of several devices. Every device is given the same i, s and c, works on its Share of what it reads, and takes
// the Mean over the devices of what it found before it changes the state, so that the state stays the same everywhere.
type Replica[S, C, O any] func(d Device, i *graph.Node, s S, c C) (S, O)

// Share is the part of x that is d's: of as many equal parts of the first axis as there are devices, the one at d's place.
func (d Device) Share(x *graph.Node) *graph.Node {
	if d.rank == nil {
		return x
	}
	g, dims := x.Graph(), x.Shape().Clone().Dimensions
	if dims[0]%d.count != 0 {
		panic(fmt.Errorf("%d rows do not make %d equal shares, one for each device: change one of the two", dims[0], d.count))
	}
	dims[0] /= d.count
	start := make([]*graph.Node, len(dims))
	start[0] = graph.Mul(d.rank, graph.Const(g, int32(dims[0])))
	for k := 1; k < len(start); k++ {
		start[k] = graph.Const(g, int32(0))
	}
	return graph.DynamicSlice(x, start, dims)
}

// Mean is the mean over the devices of each of xs, which are float32, in one all-reduce. A mean over equal shares thus becomes the mean over
// everything, and so does its gradient.
func (d Device) Mean(xs ...*graph.Node) []*graph.Node {
	if d.rank == nil {
		return xs
	}
	// One flat vector: the devices meet once, not once for each of xs.
	flat := make([]*graph.Node, len(xs))
	for k, x := range xs {
		flat[k] = graph.Reshape(x, x.Shape().Size())
	}
	sum := graph.Concatenate(flat, 0)
	sum = sum.Graph().Distributed().AllReduceOne(sum, compute.ReduceOpSum)
	mean := graph.DivScalar(sum, float64(d.count))
	out, at := make([]*graph.Node, len(xs)), 0
	for k, x := range xs {
		n := x.Shape().Size()
		out[k] = graph.Reshape(graph.Slice(mean, graph.AxisRange(at, at+n)), x.Shape().Dimensions...)
		at += n
	}
	return out
}

// NewOver is New on the first `devices` devices of b at once: one program, run by all of them side by side. State, constants and outputs
// live on the first device, as those of New; Run copies state and constants to the others. With one device it is New.
func NewOver[S, C, O any](b compute.Backend, devices int, name string, most int, body Replica[S, C, O]) (*Loop[S, C, O], error) {
	if devices < 1 {
		return nil, fmt.Errorf("loop %s: %d devices asked for: give at least 1", name, devices)
	}
	if has := b.NumDevices(); devices > has {
		return nil, fmt.Errorf("loop %s: %d devices asked for, engine %s has %d: give %d at most, or open an engine with more (rl doctor shows it; the pure-Go engine has one)",
			name, devices, b.Name(), has, has)
	}
	if devices > 1 && Stepped(b) {
		return nil, fmt.Errorf("loop %s: %d devices asked for, engine %s steps its loops from the host, on 1: use XLA, or give 1", name, devices, b.Name())
	}
	l, err := newLoop(b, devices, name, most, body)
	if err != nil || devices == 1 {
		return l, err
	}
	mesh, err := distributed.NewDeviceMesh([]int{devices}, []string{"device"})
	if err != nil {
		return nil, fmt.Errorf("loop %s: %w", name, err)
	}
	l.mesh = mesh
	l.exec.SPMD(mesh)
	return l, nil
}

// place is the Device of a body whose arguments end with rest: the rank where there are several devices, else nothing.
func (l *Loop[S, C, O]) place(rest []*graph.Node) Device {
	if l.devices == 1 {
		return Device{}
	}
	return Device{l.devices, rest[0]}
}

// everywhere repeats the shapes of one device's arguments for all, with the rank behind.
func (l *Loop[S, C, O]) everywhere(in []shapes.Shape) []shapes.Shape {
	if l.devices == 1 {
		return in
	}
	var all []shapes.Shape
	for range l.devices {
		all = append(append(all, in...), shapes.Make(dtypes.Int32))
	}
	return all
}

// callAll runs the program on all devices, with copies of the arguments and each device's rank. It returns the first device's results; the
// others' are the same and are freed.
func (l *Loop[S, C, O]) callAll(in ...any) (res []*tensors.Tensor, err error) {
	var copies []*tensors.Tensor
	defer func() {
		for _, t := range copies {
			err = errors.Join(err, t.FinalizeAll())
		}
	}()
	all := append(append(make([]any, 0, l.devices*(len(in)+1)), in...), int32(0))
	for d := 1; d < l.devices; d++ {
		for _, x := range in {
			if t, ok := x.(*tensors.Tensor); ok {
				c, err := t.OnDeviceClone(l.backend, compute.DeviceNum(d))
				if err != nil {
					return nil, fmt.Errorf("copying to device %d: %w", d, err)
				}
				copies = append(copies, c)
				x = c
			}
			all = append(all, x)
		}
		all = append(all, int32(d))
	}
	every, err := l.exec.Call(all...)
	if err != nil {
		return nil, err
	}
	n := len(every) / l.devices
	for _, t := range every[n:] {
		err = errors.Join(err, t.FinalizeAll())
	}
	return every[:n], err
}
