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
	Hidden  []int   // widths of the tanh layers of both nets; with Conv, the one width of the torso's features
	Conv    bool    // look at [side, side, channels] observations through a convolution that actor and critic share
	NormObs bool    // observations less their running mean, by their running standard deviation, cut at 10
	Members int     // so many agents at once, each with parameters and statistics of its own; 0: one
	Std     float64 // standard deviation that continuous actions begin with, in their own unit; 0: 1
}

// Agent is an actor-critic for one environment, or an ensemble of M of them, which share nothing but the programs they run in. An ensemble's
// environments are those of its first member, then those of its second, and so on.
type Agent struct {
	Vector *env.Vector
	Net    *nn.ActorCritic

	spec   env.Spec
	config AgentConfig
}

// Mind is what an agent acts with: the nets' parameters, and the statistics of observations [ObsSize]. An ensemble has [M, ...] of both.
type Mind struct {
	Theta *Node
	Obs   nn.Running
}

// Filters of the convolution, as in MinAtar's own experiments.
const filters = 16

// NewAgent fits nets to the observations and actions of v.
func NewAgent(v *env.Vector, c AgentConfig) (*Agent, error) {
	spec := v.Spec()
	if c.Members < 0 {
		return nil, fmt.Errorf("agent: an ensemble of %d members: give at least 1", c.Members)
	}
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
		a.Net.Std = c.Std
		return a, nil
	}
	if len(spec.Obs) != 3 || spec.Obs[0] != spec.Obs[1] || spec.Obs[0] < 3 {
		return nil, fmt.Errorf("agent: observations of %s are %v, a convolution needs [side, side, channels]: use torso mlp", spec.Name, spec.Obs)
	}
	if len(c.Hidden) != 1 {
		return nil, errors.New("agent: a convolution has one hidden layer: give hidden one width")
	}
	a.Net = nn.NewImageActorCritic(spec.Obs[0], spec.Obs[2], filters, c.Hidden[0], out, !spec.Action.Discrete())
	a.Net.Std = c.Std
	return a, nil
}

// Distribution is a policy at n observations.
type Distribution interface {
	Sample(key *Node) (newKey, action *Node)
	Mode() *Node
	LogProb(action *Node) *Node // [n]
	Entropy() *Node             // [n]
}

// Init draws the parameters that a training begins with: of one agent by the seed that stream gives for member 0, of an ensemble for each member.
func (a *Agent) Init(stream func(member int) uint64) [][]float32 {
	theta := make([][]float32, a.members())
	for k := range theta {
		theta[k] = a.Net.Init(stream(k))
	}
	return theta
}

// members is how many agents this is.
func (a *Agent) members() int { return max(a.config.Members, 1) }

// dims are those of something that every member has, d: [d], and of an ensemble [M, d].
func (a *Agent) dims(d int) []int {
	if a.members() == 1 {
		return []int{d}
	}
	return []int{a.members(), d}
}

// view flattens observations [times*n, Obs...] and normalises them: [times*n, ObsSize], byMember.
func (a *Agent) view(stats nn.Running, obs *Node, times int) *Node {
	x := a.byMember(Reshape(obs, obs.Shape().Dimensions[0], a.spec.ObsSize()), times)
	if a.config.NormObs {
		x = stats.Normalise(x, 10)
	}
	return x
}

// byMember makes [M, times*n, ...] of x [times*M*n, ...], an ensemble's environments at so many times one after the other. Of a single agent it
// is x.
func (a *Agent) byMember(x *Node, times int) *Node {
	m, dims := a.members(), x.Shape().Dimensions
	if m == 1 {
		return x
	}
	n := dims[0] / (times * m)
	x = Reshape(x, append([]int{times, m, n}, dims[1:]...)...)
	if times > 1 {
		axes := []int{1, 0, 2}
		for k := range dims[1:] {
			axes = append(axes, 3+k)
		}
		x = TransposeAllAxes(x, axes...)
	}
	return Reshape(x, append([]int{m, times * n}, dims[1:]...)...)
}

// inTime is the inverse of byMember.
func (a *Agent) inTime(x *Node, times int) *Node {
	if a.members() == 1 {
		return x
	}
	m, rows, rest := a.members(), x.Shape().Dimensions[1], x.Shape().Dimensions[2:]
	x = Reshape(x, append([]int{m, times, rows / times}, rest...)...)
	axes := []int{1, 0, 2}
	for k := range rest {
		axes = append(axes, 3+k)
	}
	return Reshape(TransposeAllAxes(x, axes...), append([]int{m * rows}, rest...)...)
}

// rows puts an ensemble's members one after the other: [M*n, ...] of x [M, n, ...].
func (a *Agent) rows(x *Node) *Node {
	if a.members() == 1 {
		return x
	}
	dims := x.Shape().Dimensions
	return Reshape(x, append([]int{dims[0] * dims[1]}, dims[2:]...)...)
}

// policy makes a distribution of the actor's output.
func (a *Agent) policy(parts [][]*Node, out *Node) Distribution {
	if a.spec.Action.Discrete() {
		return ops.NewCategorical(a.rows(out))
	}
	spread := a.Net.Spread(parts)
	if a.members() == 1 {
		return ops.NewNormal(out, spread)
	}
	return ops.Normal{Mean: a.rows(out), LogStd: a.rows(BroadcastToShape(ExpandAxes(spread, 1), out.Shape()))}
}

// Act is the policy at observations as the environment shows them, [n, Obs...].
func (a *Agent) Act(m Mind, obs *Node) Distribution {
	return a.Policy(a.Net.Pack.Split(m.Theta), m.Obs, obs)
}

// Policy is Act with the parameters that Net.Pack.Split gave, for those who take gradients.
func (a *Agent) Policy(parts [][]*Node, stats nn.Running, obs *Node) Distribution {
	return a.policy(parts, a.Net.Policy(parts, a.view(stats, obs, 1)))
}

// Actions turns rows of numbers, as Columns and demonstrations have them, into actions: [n] int32 or [n, Dim].
func (a *Agent) Actions(rows *Node) *Node { return a.fromRow(rows) }

// Columns turns actions into rows of float32 numbers, [n, 1] or [n, Dim].
func (a *Agent) Columns(actions *Node) *Node { return a.toRow(actions) }

// Judge is policy and value [n] at observations as a Batch holds them, [n, ObsSize]; of an ensemble [M, n, ObsSize], and policy and value are at
// M*n rows. parts is what Net.Pack.Split gave.
func (a *Agent) Judge(parts [][]*Node, x *Node) (Distribution, *Node) {
	out, value := a.Net.Both(parts, x)
	return a.policy(parts, out), a.rows(value)
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
