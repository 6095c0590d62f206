package lm

import (
	"math"

	. "github.com/gomlx/gomlx/core/graph"
)

// pass is the forward pass of a llama over one row of places. In come tokens [S], cosines and sines of the positions [S, head/2], the mask [S, S], the
// scored rows [R] and, for each score, its row and token [N]; out come log-probabilities [N].
type pass struct {
	llama
	weight func(name string) *Node
}

func (p pass) scores(tokens, cos, sin, mask, rows, at, targets *Node) *Node {
	x := Gather(p.weight("token_embd.weight"), ExpandAxes(tokens, -1))
	scored := func(x *Node) *Node { return Gather(x, ExpandAxes(rows, -1)) }
	for i := range p.layers {
		w := func(name string) *Node { return p.weight(layer(i, name)) }
		h := p.norm(x, w("attn_norm"))
		q, k, v := p.turn(linear(h, w("attn_q")), p.heads, cos, sin), p.turn(linear(h, w("attn_k")), p.kvHeads, cos, sin), linear(h, w("attn_v"))
		heard := p.attend(q, k, v, mask)
		if i == p.layers-1 { // nothing looks at the other places any more
			heard, x = scored(heard), scored(x)
		}
		x = Add(x, linear(heard, w("attn_output")))
		h = p.norm(x, w("ffn_norm"))
		gate := linear(h, w("ffn_gate"))
		x = Add(x, linear(Mul(Mul(gate, Sigmoid(gate)), linear(h, w("ffn_up"))), w("ffn_down")))
	}
	head := p.weight("token_embd.weight")
	if !p.tied {
		head = p.weight("output.weight")
	}
	// The vocabulary is much of a small model's work: only rows that are scored meet it, and what is not asked for is not written out.
	logits := linear(p.norm(x, p.weight("output_norm.weight")), head)
	top := ReduceAndKeep(logits, ReduceMax, -1)
	total := Add(Log(ReduceSum(Exp(Sub(logits, top)), -1)), Squeeze(top, -1))
	return Sub(Gather(logits, Stack([]*Node{at, targets}, -1)), Gather(total, ExpandAxes(at, -1)))
}

// linear multiplies by weights [out, in].
func linear(x, w *Node) *Node { return DotGeneral(x, []int{1}, nil, w, []int{1}, nil) }

// norm is RMSNorm.
func (p pass) norm(x, w *Node) *Node {
	mean := ReduceAndKeep(Square(x), ReduceMean, -1)
	return Mul(Div(x, Sqrt(AddScalar(mean, p.eps))), ExpandLeftToRank(w, 2))
}

// turn is the rotary position embedding, which turns the first half of a head's numbers with the second: halved has put them there.
func (p pass) turn(x *Node, heads int, cos, sin *Node) *Node {
	n, half := x.Shape().Dimensions[0], p.head/2
	y := Reshape(x, n, heads, p.head)
	a, b := Slice(y, AxisRange(), AxisRange(), AxisRange(0, half)), Slice(y, AxisRange(), AxisRange(), AxisRange(half))
	c, s := Reshape(cos, n, 1, half), Reshape(sin, n, 1, half)
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
