package nn

import (
	"fmt"
	"math"
	"slices"

	. "github.com/gomlx/gomlx/core/graph"
)

// Param is one tensor of a net. Initial values are uniform in [-Bound, Bound].
type Param struct {
	Name  string
	Dims  []int
	Bound float64
}

func (p Param) size() int {
	n := 1
	for _, d := range p.Dims {
		n *= d
	}
	return n
}

// Net is a function with parameters: Apply takes nodes of the shapes in Params and x [n, in], and gives [n, out].
// But for Table, the last two parameters are the weights [k, out] and the bias [out] of the output layer.
//
// Linear, MLP, ReLU and Image also work for an ensemble of M nets at once: parameters with an axis of M in front, x [M, n, in], [M, n, out].
type Net struct {
	Name   string
	Params []Param
	Apply  func(p []*Node, x *Node) *Node
}

// dense is a fully connected layer with PyTorch's default initialisation, U(-1/sqrt(in), 1/sqrt(in)) for weights and bias.
func dense(name string, in, out int) []Param {
	b := 1 / math.Sqrt(float64(in))
	return []Param{{name + ".weight", []int{in, out}, b}, {name + ".bias", []int{out}, b}}
}

// affine is x W + b; with an axis of members in front of all three, that of each member.
func affine(p []*Node, x *Node) *Node {
	if p[0].Rank() == 3 {
		return affineEach(p, x)
	}
	return Add(MatMul(x, p[0]), ExpandLeftToRank(p[1], 2))
}

// Linear is x W + b.
func Linear(in, out int) Net {
	return Net{Name: "linear", Params: dense("out", in, out), Apply: affine}
}

// MLP has tanh layers of the given widths before the linear output.
func MLP(in, out int, hidden ...int) Net {
	n := Net{Name: "mlp"}
	width := in
	for i, h := range hidden {
		n.Params = append(n.Params, dense(fmt.Sprintf("hidden%d", i), width, h)...)
		width = h
	}
	n.Params = append(n.Params, dense("out", width, out)...)
	n.Apply = func(p []*Node, x *Node) *Node {
		for len(p) > 2 {
			x = Tanh(affine(p, x))
			p = p[2:]
		}
		return affine(p, x)
	}
	return n
}

// Conv is a small convolutional net for grey images of side x side pixels, flattened: one layer of `filters` 5x5 filters with
// stride 2 and ReLU, then a tanh layer of width hidden, then the linear output.
//
// The convolution is a gather of patches and one matrix product: unlike gomlx's ConvGeneral it can be differentiated twice, and
// on a CPU it is no slower at this size.
func Conv(side, out, filters, hidden int) Net {
	const k, stride = 5, 2
	o := (side-k)/stride + 1
	patches := make([]int32, 0, o*o*k*k)
	for r := range o {
		for c := range o {
			for i := range k {
				for j := range k {
					patches = append(patches, int32((r*stride+i)*side+c*stride+j))
				}
			}
		}
	}
	n := Net{Name: "conv", Params: dense("conv", k*k, filters)}
	n.Params = append(n.Params, dense("hidden", o*o*filters, hidden)...)
	n.Params = append(n.Params, dense("out", hidden, out)...)
	n.Apply = func(p []*Node, x *Node) *Node {
		batch := x.Shape().Dimensions[0]
		index := Reshape(Const(x.Graph(), patches), o*o*k*k, 1)
		// Gather collects rows, so pixels go first: [side*side, batch] to [o*o*k*k, batch].
		cols := Gather(Transpose(x, 0, 1), index)
		cols = Reshape(TransposeAllAxes(Reshape(cols, o*o, k*k, batch), 2, 0, 1), batch*o*o, k*k)
		h := affine(p, cols)
		h = Reshape(Max(h, ZerosLike(h)), batch, o*o*filters)
		return affine(p[4:], Tanh(affine(p[2:], h)))
	}
	return n
}

// Image turns pictures of side x side cells with some channels, flattened channels last, into hidden features: one layer of 3x3 filters with
// stride 1 and ReLU, then a ReLU layer (the net of MinAtar: Young and Tian 2019). The convolution is a matrix product of patches.
func Image(side, channels, filters, hidden int) Net {
	const k = 3
	o := side - k + 1
	n := Net{Name: "image", Params: dense("conv", k*k*channels, filters)}
	n.Params = append(n.Params, dense("features", o*o*filters, hidden)...)
	n.Apply = func(p []*Node, x *Node) *Node {
		front := x.Shape().Dimensions[:x.Rank()-1] // [n] or [M, n]
		batch := front[len(front)-1]
		like := func(y *Node, rows, columns int) *Node {
			return Reshape(y, append(slices.Clone(front[:len(front)-1]), rows, columns)...)
		}
		x = Reshape(x, -1, side, side, channels)
		patches := make([]*Node, 0, k*k)
		for i := range k {
			for j := range k {
				patches = append(patches, Slice(x, AxisRange(), AxisRange(i, i+o), AxisRange(j, j+o)))
			}
		}
		relu := func(y *Node) *Node { return Max(y, ZerosLike(y)) }
		h := relu(affine(p, like(Concatenate(patches, -1), batch*o*o, k*k*channels)))
		return relu(affine(p[2:], like(h, batch, o*o*filters)))
	}
	return n
}

// Table has one row of outputs for every input 0 .. rows-1, zero at first: Apply takes x [n] int32 and gives [n, out].
func Table(rows, out int) Net {
	return Net{
		Name:   "table",
		Params: []Param{{"out.table", []int{rows, out}, 0}},
		Apply:  func(p []*Node, x *Node) *Node { return Gather(p[0], ExpandAxes(x, -1)) },
	}
}
