package nn

import (
	"math/rand/v2"
	"slices"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
)

// Packed is the layout of several nets in one flat vector: net after net, parameter after parameter, row-major.
type Packed struct {
	nets []Net
	size int
}

// Pack lays nets out in order.
func Pack(nets ...Net) *Packed {
	p := &Packed{nets: nets}
	for _, n := range nets {
		for _, q := range n.Params {
			p.size += q.size()
		}
	}
	return p
}

// Size is the length of the flat vector.
func (p *Packed) Size() int { return p.size }

// Offset is where net number k begins in the flat vector.
func (p *Packed) Offset(k int) int { return Pack(p.nets[:k]...).size }

// Init draws initial parameters on the host, so that one seed gives the same ones on every engine.
func (p *Packed) Init(seed uint64) []float32 {
	r := rand.New(rand.NewPCG(seed, 0x9e3779b97f4a7c15))
	theta := make([]float32, 0, p.size)
	for _, n := range p.nets {
		for _, q := range n.Params {
			for range q.size() {
				theta = append(theta, float32((2*r.Float64()-1)*q.Bound))
			}
		}
	}
	return theta
}

// Split cuts theta [Size] into the parameters of each net. From [M, Size], an ensemble, each parameter gets M in front.
func (p *Packed) Split(theta *Node) [][]*Node {
	out := make([][]*Node, len(p.nets))
	off := 0
	for k, n := range p.nets {
		for _, q := range n.Params {
			part := SliceAxis(theta, -1, AxisRange(off, off+q.size()))
			out[k] = append(out[k], Reshape(part, slices.Concat(theta.Shape().Dimensions[:theta.Rank()-1], q.Dims)...))
			off += q.size()
		}
	}
	return out
}

// Part is the stretch of theta that belongs to net k.
func (p *Packed) Part(theta *Node, k int) *Node {
	return Slice(theta, AxisRange(p.Offset(k), p.Offset(k+1)))
}

// Replace is theta with part in the place of net k.
func (p *Packed) Replace(theta *Node, k int, part *Node) *Node {
	rows := make([]*Node, len(p.nets))
	for i := range p.nets {
		rows[i] = p.Part(theta, i)
	}
	rows[k] = part
	return Concatenate(rows, 0)
}

// Gradient is the gradient of loss, a scalar, with respect to the parameters that Split gave, as one flat vector [Size].
// A net that the loss does not use gets zeros. For an ensemble it is [M, Size].
func (p *Packed) Gradient(loss *Node, parts [][]*Node) *Node {
	var flat []*Node
	for _, ps := range parts {
		flat = append(flat, ps...)
	}
	grads := Gradient(loss, flat...)
	if grads[0].Shape().Size() == p.firstSize() {
		return Join(grads)
	}
	members := grads[0].Shape().Dimensions[0]
	for i, n := range grads {
		grads[i] = Reshape(n, members, n.Shape().Size()/members)
	}
	return Concatenate(grads, 1)
}

// firstSize is the size of the first parameter of all.
func (p *Packed) firstSize() int {
	for _, n := range p.nets {
		if len(n.Params) > 0 {
			return n.Params[0].size()
		}
	}
	return 0
}

// Join flattens nodes and puts them one after the other.
func Join(nodes []*Node) *Node {
	rows := make([]*Node, len(nodes))
	for i, n := range nodes {
		rows[i] = Reshape(n, n.Shape().Size())
	}
	return Concatenate(rows, 0)
}

// OutputSigns is, for the parameters of net k, -1 at its output layer and 1 elsewhere: times the parameters, it turns every output z
// into -z, and sigmoid(z) into 1 - sigmoid(z).
func (p *Packed) OutputSigns(k int) []float32 {
	signs := make([]float32, p.Offset(k+1)-p.Offset(k))
	params := p.nets[k].Params
	output := params[len(params)-2].size() + params[len(params)-1].size()
	for i := range signs {
		signs[i] = 1
		if i >= len(signs)-output {
			signs[i] = -1
		}
	}
	return signs
}

// Spread gives every parameter the value of its net: one value a net to a vector [Size].
func (p *Packed) Spread(g *Graph, values ...float64) *Node {
	rows := make([]*Node, len(p.nets))
	for k := range p.nets {
		rows[k] = BroadcastToDims(Scalar(g, dtypes.Float32, values[k]), p.Offset(k+1)-p.Offset(k))
	}
	return Concatenate(rows, 0)
}
