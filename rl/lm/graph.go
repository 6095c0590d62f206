package lm

import (
	"math"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
)

// pass is the forward pass of a llama over one row of S places, in three programs: embed, then block for every layer but the last, then last. All
// layers in one program would give the same, but XLA would compile thirty times what it here compiles once, and a first question would wait for it.
type pass struct{ llama }

// place is what every layer is told about the row: cosines and sines of the positions [S, head/2], and the mask [S, S].
type place struct{ cos, sin, mask *Node }

// embed looks tokens [S] up in the table [vocab, width].
func (p pass) embed(tokens, table *Node) *Node { return float(Gather(table, ExpandAxes(tokens, -1))) }

// block is one layer: x [S, width] in and out.
func (p pass) block(x *Node, at place, w map[string]*Node) *Node {
	return p.feedForward(Add(x, linear(p.attention(x, at, w), w["attn_output"])), w)
}

// last is the last layer and what follows, by the last norm's weights and the output layer head [vocab, width]: log-probabilities [N] for the scored
// rows [R] and, for each score, its row and token [N].
func (p pass) last(x *Node, at place, w map[string]*Node, norm, head, rows, row, token *Node) *Node {
	scored := func(x *Node) *Node { return Gather(x, ExpandAxes(rows, -1)) } // nothing looks at the other places any more
	x = p.feedForward(Add(scored(x), linear(scored(p.attention(x, at, w)), w["attn_output"])), w)
	// The vocabulary is much of a small model's work: only rows that are scored meet it, and what is not asked for is not written out.
	logits := linear(p.norm(x, norm), head)
	top := ReduceAndKeep(logits, ReduceMax, -1)
	total := Add(Log(ReduceSum(Exp(Sub(logits, top)), -1)), Squeeze(top, -1))
	return Sub(Gather(logits, Stack([]*Node{row, token}, -1)), Gather(total, ExpandAxes(row, -1)))
}

// attention is the layer's, before it is mixed.
func (p pass) attention(x *Node, at place, w map[string]*Node) *Node {
	h := p.norm(x, w["attn_norm"])
	q, k := p.turn(linear(h, w["attn_q"]), p.heads, at), p.turn(linear(h, w["attn_k"]), p.kvHeads, at)
	return p.attend(q, k, linear(h, w["attn_v"]), at.mask)
}

// feedForward is the layer's SwiGLU, added to x.
func (p pass) feedForward(x *Node, w map[string]*Node) *Node {
	h := p.norm(x, w["ffn_norm"])
	gate := linear(h, w["ffn_gate"])
	return Add(x, linear(Mul(Mul(gate, Sigmoid(gate)), linear(h, w["ffn_up"])), w["ffn_down"]))
}

// float is for weights that were stored with fewer bits.
func float(w *Node) *Node { return ConvertDType(w, dtypes.Float32) }

// linear multiplies by weights [out, in].
func linear(x, w *Node) *Node { return DotGeneral(x, []int{1}, nil, w, []int{1}, nil) }

// norm is RMSNorm.
func (p pass) norm(x, w *Node) *Node {
	mean := ReduceAndKeep(Square(x), ReduceMean, -1)
	return Mul(Div(x, Sqrt(AddScalar(mean, p.eps))), ExpandLeftToRank(w, 2))
}

// turn is the rotary position embedding, which turns the first half of a head's numbers with the second: halved has put them there.
func (p pass) turn(x *Node, heads int, at place) *Node {
	n, half := x.Shape().Dimensions[0], p.head/2
	y := Reshape(x, n, heads, p.head)
	a, b := Slice(y, AxisRange(), AxisRange(), AxisRange(0, half)), Slice(y, AxisRange(), AxisRange(), AxisRange(half))
	c, s := Reshape(at.cos, n, 1, half), Reshape(at.sin, n, 1, half)
	return Reshape(Concatenate([]*Node{Sub(Mul(a, c), Mul(b, s)), Add(Mul(a, s), Mul(b, c))}, -1), n, heads*p.head)
}

// attend is attention, in which heads/kvHeads queries share a key.
func (p pass) attend(q, k, v, mask *Node) *Node {
	n := q.Shape().Dimensions[0]
	q = Reshape(q, n, p.kvHeads, p.heads/p.kvHeads, p.head)
	k, v = Reshape(k, n, p.kvHeads, p.head), Reshape(v, n, p.kvHeads, p.head)
	scores := MulScalar(Einsum("skgd,tkd->kgst", q, k), 1/math.Sqrt(float64(p.head)))
	seen := BroadcastToDims(Reshape(mask, 1, 1, n, n), scores.Shape().Dimensions...)
	scores = Softmax(Where(seen, scores, Scalar(q.Graph(), q.DType(), -1e30)), -1)
	return Reshape(Einsum("kgst,tkd->skgd", scores, v), n, p.heads*p.head)
}
