package ops

import (
	. "github.com/gomlx/gomlx/core/graph"
)

// IGLOptions are the variants of IGLJoint. The zero value is the method.
type IGLOptions struct {
	Detach       bool // cut the gradient through the advantage; the decoder then only learns to push down
	NoAnchor     bool // leave out the term on random behaviour
	RandomIsGood bool // the prior that random behaviour mostly succeeds: the anchor's sign flips
}

// IGLJoint is the online joint loss of interaction-grounded learning:
//
//	A    = (r - mean r) / std r,             r = psi(y) where the policy acted
//	loss = -mean(log pi(a|x) A) + mean psi(y')                 y' where a uniform policy acted
//
// logp and decoded are [n], decodedRandom is [m]. A is not detached: through it the decoder is pulled to agree with log pi, which
// orders feedback; the second term sets the level and, because random behaviour mostly fails, the sign.
func IGLJoint(logp, decoded, decodedRandom *Node, o IGLOptions) *Node {
	adv := Standardise(decoded)
	if o.Detach {
		adv = StopGradient(adv)
	}
	loss := Neg(ReduceAllMean(Mul(logp, adv)))
	switch {
	case o.NoAnchor:
	case o.RandomIsGood:
		loss = Sub(loss, ReduceAllMean(decodedRandom))
	default:
		loss = Add(loss, ReduceAllMean(decodedRandom))
	}
	return loss
}

// IGLValue is the offline objective of interaction-grounded learning (Xie et al., ICML 2021), to be ascended in both pi and psi:
//
//	L = mean[ (K pi(a|x) - 1) psi(y) ]          logged a uniform over K actions
//
// the value of pi minus that of the uniform policy, both in decoded reward. logp and decoded are [n].
func IGLValue(logp, decoded *Node, k int) *Node {
	return ReduceAllMean(Mul(SubScalar(MulScalar(Exp(logp), float64(k)), 1), decoded))
}

// IGLPerAction finds decoders for feedback that also depends on the action: one decoder psi_a and one match f_a an action. Within each
// action, psi_a must agree with some preference f_a among contexts, and the weights are centred, so that a decoder that merely
// recognises the action earns nothing:
//
//	L = mean_i[ (f_{a_i}(x_i) / mean_x f_{a_i}(x) - 1) psi_{a_i}(y_i) ]
//
// For a deterministic f_a that picks the contexts where a succeeds, and base rate b of success, an action contributes 1 - b; for the
// mirror, b. match is [n, k] in (0, 1), logged [n] the logged actions, decoded [n] psi of the logged action. The inner mean is over
// the same n contexts for every action: uniform logging makes them a sample for each.
func IGLPerAction(match, logged, decoded *Node) *Node {
	hot := OneHot(logged, match.Shape().Dimensions[1], match.DType())
	mean := AddScalar(ReduceMean(match, 0), 1e-3)
	w := SubScalar(ReduceSum(Mul(hot, Div(match, ExpandLeftToRank(mean, 2))), -1), 1)
	return ReduceAllMean(Mul(w, decoded))
}
