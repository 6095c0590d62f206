package prefs

import (
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"

	"github.com/rewardlab/rewardlab/rl/env"
	"github.com/rewardlab/rewardlab/rl/nn"
	"github.com/rewardlab/rewardlab/rl/rollout"
)

// model is the ensemble of reward nets, and what it looks at. A row is what it may see of one step: observation, action, next observation.
type model struct {
	spec env.Spec
	sees string
	conv bool
	net  nn.Net
	pack *nn.Packed
}

// filters of the convolution of reward models: fewer than the policy's, since they learn from a few hundred clips.
const filters = 8

func newModel(spec env.Spec, c *Config) model {
	m := model{spec: spec, sees: c.Sees, conv: pictures(spec)}
	views, actions := 1, 0
	switch c.Sees {
	case "state-action":
		actions = m.actions()
	case "transition":
		views, actions = 2, m.actions()
	}
	if m.conv {
		m.net = nn.EnsembleImage(c.Members, spec.Obs[0], views*spec.Obs[2], actions, 1, filters, c.RewardHidden[0], c.RewardPool)
	} else {
		m.net = nn.EnsembleMLP(c.Members, views*spec.ObsSize()+actions, 1, c.RewardHidden...)
	}
	m.pack = nn.Pack(m.net)
	return m
}

// pictures says whether observations are cells [side, side, channels], to be looked at through a convolution.
func pictures(spec env.Spec) bool {
	return len(spec.Obs) == 3 && spec.Obs[0] == spec.Obs[1] && spec.Obs[0] >= 3
}

// actions is how many numbers an action takes in a row: one for each choice, or its components.
func (m model) actions() int { return max(m.spec.Action.N, m.spec.Action.Dim) }

// width is the length of a row.
func (m model) width() int { return 2*m.spec.ObsSize() + m.actions() }

// rows are the steps of a trajectory, [T, N, width]. Continuous actions are cut as the environment cuts them, and scaled to [-1, 1].
func (m model) rows(s rollout.Steps) *Node {
	dims := s.Reward.Shape().Dimensions
	n := dims[0] * dims[1]
	action := m.spec.Action.Clip(Reshape(s.Action, append([]int{n}, s.Action.Shape().Dimensions[2:]...)...))
	if a := m.spec.Action; a.Discrete() {
		action = OneHot(action, a.N, dtypes.Float32)
	} else {
		action = AddScalar(MulScalar(AddScalar(action, -a.Low), 2/(a.High-a.Low)), -1)
	}
	size := m.spec.ObsSize()
	return Reshape(Concatenate([]*Node{Reshape(s.Obs, n, size), action, Reshape(s.Final, n, size)}, 1), dims[0], dims[1], m.width())
}

// look takes the observations [T, N, Obs...] into the statistics that inputs are normalised by. Pictures stay as they are.
func (m model) look(seen nn.Running, obs *Node) nn.Running {
	if m.conv {
		return seen
	}
	size := m.spec.ObsSize()
	return seen.Update(compress(Reshape(obs, obs.Shape().Size()/size, size)))
}

// compress is sign(x) log(1 + |x|). Where nothing ends an episode a cart drives off for good, and what is near the middle, where rewards are, must not
// shrink to nothing beside it.
func compress(x *Node) *Node { return Mul(Sign(x), Log1P(Abs(x))) }

// apply is the raw reward of each member for rows [n, width]: [Members, n].
func (m model) apply(parts [][]*Node, seen nn.Running, rows *Node) *Node {
	size, actions := m.spec.ObsSize(), m.actions()
	cut := func(from, n int) *Node { return SliceAxis(rows, 1, AxisRange(from, from+n)) }
	look := func(from int) *Node {
		x := cut(from, size)
		if !m.conv {
			x = seen.Normalise(compress(x), 10)
		}
		return x
	}
	var x *Node
	switch m.sees {
	case "state":
		x = look(0)
	case "next":
		x = look(size + actions)
	case "transition":
		before, after := look(0), look(size+actions)
		if m.conv { // side by side in the channels
			n, shape := rows.Shape().Dimensions[0], m.spec.Obs
			picture := func(x *Node) *Node { return Reshape(x, n, shape[0]*shape[1], shape[2]) }
			before, after = Reshape(Concatenate([]*Node{picture(before), picture(after)}, -1), n, 2*size), nil
		}
		parts := []*Node{before}
		if after != nil {
			parts = append(parts, after)
		}
		x = Concatenate(append(parts, cut(size, actions)), 1)
	default:
		x = Concatenate([]*Node{look(0), cut(size, actions)}, 1)
	}
	return Squeeze(m.net.Apply(parts[0], x), -1)
}
