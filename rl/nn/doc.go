// Package nn holds the networks and the optimiser that trainers share.
//
// A Net says which parameters it has and how to apply them. Pack lays the parameters of several nets out in one flat vector, so
// that a step of Adam is a few kernels over one vector and not dozens over small tensors:
//
//	policy, decoder := nn.Linear(784, 10), nn.Linear(784, 1)
//	pack := nn.Pack(policy, decoder)
//	theta := pack.Init(seed) // [pack.Size()] on the host, PyTorch's default distribution
//
//	// in a graph:
//	p := pack.Split(thetaNode)
//	logits := policy.Apply(p[0], x) // [n, 10]
//	grad := pack.Gradient(loss, p)  // [pack.Size()]
//	thetaNode, adam = nn.Adam{LR: 5e-4}.Step(thetaNode, grad, adam)
package nn
