// Package ops is graph mathematics without parameters or state: distributions, standardisation, objectives. Each function says
// its formula, the shapes it takes and where it comes from; tests compare it with numbers worked out by hand.
//
//	key, action := ops.Sample(key, logits)          // [n, k] to [n] int32
//	logp := ops.LogProb(graph.LogSoftmax(logits), action)
//	loss := ops.IGLJoint(logp, decoded, decodedRandom, ops.IGLOptions{})
package ops
