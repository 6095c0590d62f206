package ops

import . "github.com/gomlx/gomlx/core/graph"

// InstructedQTarget is instructQ's target (Hu and Sadigh 2023), [n]: the next action is chosen by the learning net's values own and what an instruction adds
// to them, lambda log p; it is worth what the target net says of it, next. All three are [n, k]. The instruction takes part in the choice, and is no reward.
func InstructedQTarget(ret, discount, next, own, instruction *Node) *Node {
	return DoubleQTarget(ret, discount, next, Add(own, instruction))
}

// Divergence is the mean over rows of KL(pi || p) = sum_a pi(a) (log pi(a) - log p(a)), for logarithms [n, k], by which instructPPO is drawn to the prior p of
// an instruction. Where pi is 0, log p must be finite.
func Divergence(logPi, logP *Node) *Node {
	return ReduceAllMean(ReduceSum(Mul(Exp(logPi), Sub(logPi, logP)), -1))
}
