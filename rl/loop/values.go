package loop

import (
	"fmt"
	"iter"
	"reflect"
	"slices"
	"strings"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
)

var nodeType = reflect.TypeFor[*graph.Node]()

// leaves calls visit with the path and the value of every *graph.Node field in v, in order of declaration.
// Structs and arrays are walked; anything else is a programming error and panics with the remedy.
func leaves(path string, v reflect.Value, visit func(path string, leaf reflect.Value)) {
	join := func(name string) string {
		if path == "" {
			return name
		}
		return path + "." + name
	}
	switch {
	case v.Type() == nodeType:
		visit(path, v)
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			f := v.Type().Field(i)
			if !f.IsExported() {
				panic(fmt.Errorf("loop: field %s of %s is not exported: loop state needs exported *graph.Node fields", f.Name, v.Type()))
			}
			leaves(join(f.Name), v.Field(i), visit)
		}
	case v.Kind() == reflect.Array:
		for i := range v.Len() {
			leaves(join(fmt.Sprint(i)), v.Index(i), visit)
		}
	default:
		panic(fmt.Errorf("loop: %s is a %s: loop state is made of *graph.Node fields, structs and arrays of them", path, v.Type()))
	}
}

// Names lists the leaves of S, "Adam.M" for field M of field Adam, in order of declaration.
func Names[S any]() []string {
	var names []string
	leaves("", reflect.New(reflect.TypeFor[S]()).Elem(), func(p string, _ reflect.Value) { names = append(names, p) })
	return names
}

func flatten[S any](s S) []*graph.Node {
	var nodes []*graph.Node
	leaves("", reflect.ValueOf(&s).Elem(), func(p string, leaf reflect.Value) {
		n := leaf.Interface().(*graph.Node)
		if n == nil {
			panic(fmt.Errorf("loop: %T.%s is nil: the body must fill every field that it returns", s, p))
		}
		nodes = append(nodes, n)
	})
	return nodes
}

func unflatten[S any](nodes []*graph.Node) S {
	var s S
	i := 0
	leaves("", reflect.ValueOf(&s).Elem(), func(_ string, leaf reflect.Value) {
		leaf.Set(reflect.ValueOf(nodes[i]))
		i++
	})
	return s
}

// Values are the tensors of one S, on the device or on the host: what a loop takes and gives back. The type parameter keeps
// the state of one program from being handed to another.
type Values[S any] struct{ ts []*tensors.Tensor }

// Pack makes Values from one tensor per leaf, in the order of Names.
func Pack[S any](ts ...*tensors.Tensor) (Values[S], error) {
	if names := Names[S](); len(ts) != len(names) {
		return Values[S]{}, fmt.Errorf("loop: %d tensors for %s, which has %d: %s", len(ts), reflect.TypeFor[S](), len(names), strings.Join(names, ", "))
	}
	return Values[S]{ts: slices.Clone(ts)}, nil
}

// Get returns the tensor of the leaf called name ("Theta", "Adam.M"), or nil when there is none.
func (v Values[S]) Get(name string) *tensors.Tensor {
	if i := slices.Index(Names[S](), name); i >= 0 && i < len(v.ts) {
		return v.ts[i]
	}
	return nil
}

// All yields every leaf with its name, in order of declaration.
func (v Values[S]) All() iter.Seq2[string, *tensors.Tensor] {
	return func(yield func(string, *tensors.Tensor) bool) {
		for i, name := range Names[S]() {
			if !yield(name, v.ts[i]) {
				return
			}
		}
	}
}

// Tensors are the leaves in order of declaration, in a slice of the caller's own.
func (v Values[S]) Tensors() []*tensors.Tensor { return slices.Clone(v.ts) }

// ToDevice moves the tensors to the first device of b, where programs find them without another copy.
func (v Values[S]) ToDevice(b compute.Backend) error {
	for name, t := range v.All() {
		if err := t.ToDevice(b, 0); err != nil {
			return fmt.Errorf("%s: to the device: %w", name, err)
		}
	}
	return nil
}

// Empty says whether v holds no tensors.
func (v Values[S]) Empty() bool { return len(v.ts) == 0 }

// Close frees the tensors at once. The garbage collector does not see how large device memory is, so whoever drops Values
// in a loop closes them.
func (v Values[S]) Close() error {
	var first error
	for _, t := range v.ts {
		if t == nil || !t.Ok() {
			continue
		}
		if err := t.FinalizeAll(); err != nil && first == nil {
			first = fmt.Errorf("freeing %s: %w", reflect.TypeFor[S](), err)
		}
	}
	return first
}

// Part is the field of v called name ("Walk", "Learner.Adam"), of type P. It shares v's tensors.
func Part[P, S any](v Values[S], name string) (Values[P], error) {
	var ts []*tensors.Tensor
	for i, leaf := range Names[S]() {
		if i < len(v.ts) && (leaf == name || strings.HasPrefix(leaf, name+".")) {
			ts = append(ts, v.ts[i])
		}
	}
	p, err := Pack[P](ts...)
	if err != nil {
		return p, fmt.Errorf("part %s of %s: %w", name, reflect.TypeFor[S](), err)
	}
	return p, nil
}

// Tensorer is anything that holds tensors in order: Values of any kind, or Leaf.
type Tensorer interface{ Tensors() []*tensors.Tensor }

// Leaf is one tensor as a part of Join.
type Leaf struct{ T *tensors.Tensor }

// Tensors is the one tensor.
func (l Leaf) Tensors() []*tensors.Tensor { return []*tensors.Tensor{l.T} }

// Join makes the Values of S from those of its fields, in order of declaration. It shares their tensors.
func Join[S any](parts ...Tensorer) (Values[S], error) {
	var ts []*tensors.Tensor
	for _, p := range parts {
		ts = append(ts, p.Tensors()...)
	}
	return Pack[S](ts...)
}
