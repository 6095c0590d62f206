package nn

import (
	"fmt"

	. "github.com/gomlx/gomlx/core/graph"
)

// An ensemble is m nets of one form as one: every parameter has the members as its first axis, and one batched product serves them all. Apply takes
// x [n, in], which all members see, and gives [m, n, out].

// leaky is max(x, 0.01 x).
func leaky(x *Node) *Node { return Max(x, MulScalar(x, 0.01)) }

func denseEach(m int, name string, in, out int) []Param {
	d := dense(name, in, out)
	for i := range d {
		d[i].Dims = append([]int{m}, d[i].Dims...)
	}
	return d
}

// affineEach is x W + b of every member, for x [n, in] or [m, n, in].
func affineEach(p []*Node, x *Node) *Node {
	equation := "mni,mio->mno"
	if x.Rank() == 2 {
		equation = "ni,mio->mno"
	}
	y := Einsum(equation, x, p[0])
	return Add(y, BroadcastToShape(ExpandAxes(p[1], 1), y.Shape()))
}

// EnsembleMLP is an ensemble of m nets with leaky ReLU layers of the given widths before the linear output.
func EnsembleMLP(m, in, out int, hidden ...int) Net {
	n := Net{Name: "ensemble"}
	width := in
	for i, h := range hidden {
		n.Params = append(n.Params, denseEach(m, fmt.Sprintf("hidden%d", i), width, h)...)
		width = h
	}
	n.Params = append(n.Params, denseEach(m, "out", width, out)...)
	n.Apply = layersEach
	return n
}

func layersEach(p []*Node, x *Node) *Node {
	for len(p) > 2 {
		x = leaky(affineEach(p, x))
		p = p[2:]
	}
	return affineEach(p, x)
}

// EnsembleImage is an ensemble of m nets that look at pictures of side x side cells with some channels, flattened channels last, and at `beside` more
// numbers after them: one layer of 3x3 filters with stride 1, whose features and the numbers beside go through a layer of width hidden to the linear
// output. With pool, features are summed over the places of the filters and divided by their number on a side: what is seen counts wherever it is, and
// there are far fewer parameters.
func EnsembleImage(m, side, channels, beside, out, filters, hidden int, pool bool) Net {
	const k = 3
	o := side - k + 1
	n := Net{Name: "ensemble-image", Params: denseEach(m, "conv", k*k*channels, filters)}
	features := o * o * filters
	if pool {
		features = filters
	}
	n.Params = append(n.Params, denseEach(m, "hidden", features+beside, hidden)...)
	n.Params = append(n.Params, denseEach(m, "out", hidden, out)...)
	n.Apply = func(p []*Node, x *Node) *Node {
		batch, size := x.Shape().Dimensions[0], side*side*channels
		picture := Reshape(Slice(x, AxisRange(), AxisRange(0, size)), batch, side, side, channels)
		patches := make([]*Node, 0, k*k)
		for i := range k {
			for j := range k {
				patches = append(patches, Slice(picture, AxisRange(), AxisRange(i, i+o), AxisRange(j, j+o)))
			}
		}
		h := leaky(affineEach(p, Reshape(Concatenate(patches, -1), batch*o*o, k*k*channels)))
		if pool {
			h = MulScalar(ReduceSum(Reshape(h, m, batch, o*o, filters), 2), 1/float64(o))
		}
		h = Reshape(h, m, batch, features)
		if beside > 0 {
			rest := BroadcastToDims(ExpandAxes(Slice(x, AxisRange(), AxisRange(size)), 0), m, batch, beside)
			h = Concatenate([]*Node{h, rest}, -1)
		}
		return layersEach(p[2:], h)
	}
	return n
}
