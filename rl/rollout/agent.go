package rollout

import (
	"errors"
	"fmt"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"

	"github.com/rewardlab/rewardlab/rl/env"
	"github.com/rewardlab/rewardlab/rl/nn"
	"github.com/rewardlab/rewardlab/rl/ops"
)

// AgentConfig says how an agent looks at the world.
type AgentConfig struct {
	Hidden  []int // widths of the tanh layers of both nets; with Conv, the one width of the torso's features
	Conv    bool  // look at [side, side, channels] observations through a convolution that actor and critic share
	NormObs bool  // observations less their running mean, by their running standard deviation, cut at 10
}

// Agent is an actor-critic for one environment.
type Agent struct {
	Vector *env.Vector
	Net    *nn.ActorCritic

	spec   env.Spec
	config AgentConfig
}

// Mind is what an agent acts with: the nets' parameters, and the statistics of observations [ObsSize].
type Mind struct {
	Theta *Node
	Obs   nn.Running
}

// Filters of the convolution, as in MinAtar's own experiments.
const filters = 16

// NewAgent fits nets to the observations and actions of v.
func NewAgent(v *env.Vector, c AgentConfig) (*Agent, error) {
	spec := v.Spec()
	a := &Agent{Vector: v, spec: spec, config: c}
	out := spec.Action.N
	if !spec.Action.Discrete() {
		out = spec.Action.Dim
	}
	for _, h := range c.Hidden {
		if h < 1 {
			return nil, fmt.Errorf("agent: a hidden layer of %d units: give at least 1", h)
		}
	}
	if !c.Conv {
		a.Net = nn.NewActorCritic(spec.ObsSize(), out, !spec.Action.Discrete(), c.Hidden...)
		return a, nil
	}
	if len(spec.Obs) != 3 || spec.Obs[0] != spec.Obs[1] || spec.Obs[0] < 3 {
		return nil, fmt.Errorf("agent: observations of %s are %v, a convolution needs [side, side, channels]: use torso mlp", spec.Name, spec.Obs)
	}
	if len(c.Hidden) != 1 {
		return nil, errors.New("agent: a convolution has one hidden layer: give hidden one width")
	}
	a.Net = nn.NewImageActorCritic(spec.Obs[0], spec.Obs[2], filters, c.Hidden[0], out, !spec.Action.Discrete())
	return a, nil
}

// Distribution is a policy at n observations.
type Distribution interface {
	Sample(key *Node) (newKey, action *Node)
	Mode() *Node
	LogProb(action *Node) *Node // [n]
	Entropy() *Node             // [n]
}

// view flattens observations [n, Obs...] and normalises them: [n, ObsSize].
func (a *Agent) view(stats nn.Running, obs *Node) *Node {
	x := Reshape(obs, obs.Shape().Dimensions[0], a.spec.ObsSize())
	if a.config.NormObs {
		x = stats.Normalise(x, 10)
	}
	return x
}

// policy makes a distribution of the actor's output.
func (a *Agent) policy(parts [][]*Node, out *Node) Distribution {
	if a.spec.Action.Discrete() {
		return ops.NewCategorical(out)
	}
	return ops.NewNormal(out, a.Net.Spread(parts))
}

// Act is the policy at observations as the environment shows them, [n, Obs...].
func (a *Agent) Act(m Mind, obs *Node) Distribution {
	return a.Policy(a.Net.Pack.Split(m.Theta), m.Obs, obs)
}

// Policy is Act with the parameters that Net.Pack.Split gave, for those who take gradients.
func (a *Agent) Policy(parts [][]*Node, stats nn.Running, obs *Node) Distribution {
	return a.policy(parts, a.Net.Policy(parts, a.view(stats, obs)))
}

// Actions turns rows of numbers, as Columns and demonstrations have them, into actions: [n] int32 or [n, Dim].
func (a *Agent) Actions(rows *Node) *Node { return a.fromRow(rows) }

// Columns turns actions into rows of float32 numbers, [n, 1] or [n, Dim].
func (a *Agent) Columns(actions *Node) *Node { return a.toRow(actions) }

// Judge is policy and value [n] at observations as a Batch holds them, [n, ObsSize]. parts is what Net.Pack.Split gave.
func (a *Agent) Judge(parts [][]*Node, x *Node) (Distribution, *Node) {
	out, value := a.Net.Both(parts, x)
	return a.policy(parts, out), value
}

// columns is how many numbers an action takes in a row of a Batch.
func (a *Agent) columns() int { return max(a.spec.Action.Dim, 1) }

// toRow makes float32 columns [n, columns] of actions, fromRow turns them back.
func (a *Agent) toRow(action *Node) *Node {
	return ConvertDType(Reshape(action, action.Shape().Size()/a.columns(), a.columns()), dtypes.Float32)
}

func (a *Agent) fromRow(x *Node) *Node {
	if a.spec.Action.Discrete() {
		return ConvertDType(Squeeze(x, 1), dtypes.Int32)
	}
	return x
}
