package goal

import (
	. "github.com/gomlx/gomlx/core/graph"

	"github.com/rewardlab/rewardlab/rl/env"
	"github.com/rewardlab/rewardlab/rl/nn"
	"github.com/rewardlab/rewardlab/rl/ops"
)

// powerRounds of the estimate of a matrix's largest singular value: within a few percent, from a fixed start.
const powerRounds = 6

// classifier gives observations a logit of success, f.
type classifier struct {
	*Config
	goal *env.Goal
	spec env.Spec
	body nn.Net // observation or image to features
	head nn.Net // features to the logit
	pack *nn.Packed

	phases bool // every trajectory is an episode, for the statistics
}

func newClassifier(c *Config, goal *env.Goal, spec env.Spec) *classifier {
	k := &classifier{Config: c, goal: goal, spec: spec}
	last, in := c.Judge[len(c.Judge)-1], spec.ObsSize()
	if c.View == "image" {
		in = c.Side * c.Side * goal.Channels
	}
	k.body = nn.MLP(in, last, c.Judge[:len(c.Judge)-1]...)
	k.head = nn.Linear(last, 1)
	k.pack = nn.Pack(k.body, k.head)
	return k
}

// look is what the classifier sees of observations [n, ObsSize].
func (k *classifier) look(obs *Node) *Node {
	if k.View == "image" {
		return k.goal.Paint(Reshape(obs, append([]int{obs.Shape().Dimensions[0]}, k.spec.Obs...)...), k.Side)
	}
	return obs
}

// features are those of the last hidden layer, for what look gave.
func (k *classifier) features(parts [][]*Node, x *Node) *Node {
	return Tanh(k.body.Apply(k.bound(parts[0]), x))
}

func (k *classifier) out(parts [][]*Node, features *Node) *Node {
	return Squeeze(k.head.Apply(k.bound(parts[1]), features), 1)
}

// logit is f [n] of observations [n, ObsSize], for the policy's reward. parts is what pack.Split gave.
func (k *classifier) logit(parts [][]*Node, obs *Node) *Node {
	return k.out(parts, k.features(parts, k.look(obs)))
}

// bound scales each matrix whose largest singular value is above Spectral down to it.
func (k *classifier) bound(params []*Node) []*Node {
	if k.Spectral == 0 {
		return params
	}
	out := make([]*Node, len(params))
	for i, p := range params {
		out[i] = p
		if p.Rank() == 2 {
			limit := Scalar(p.Graph(), p.DType(), k.Spectral)
			out[i] = Mul(p, MinScalar(Div(limit, AddScalar(nn.SpectralNorm(p, powerRounds), 1e-6)), 1))
		}
	}
	return out
}

// pay turns logits into the policy's reward.
func (k *classifier) pay(f *Node) *Node {
	switch k.Reward {
	case "probability":
		return Sigmoid(f)
	case "log":
		return ops.LogSigmoid(f)
	case "softplus":
		return Softplus(f)
	}
	return f
}
