package gail

import (
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"

	"github.com/rewardlab/rewardlab/rl/env"
	"github.com/rewardlab/rewardlab/rl/nn"
	"github.com/rewardlab/rewardlab/rl/ops"
	"github.com/rewardlab/rewardlab/rl/rollout"
)

// Form makes a reward of a logit z, with D = sigmoid(z) the probability that a step is the expert's. These three rise with z; they differ in sign,
// and so in what they say about living longer.
type Form func(z *Node) *Node

// NotPolicy is -log(1 - D), never negative: every further step is worth something.
func NotPolicy(z *Node) *Node { return Softplus(z) }

// LogD is log D, never positive: every further step costs something.
func LogD(z *Node) *Node { return ops.LogSigmoid(z) }

// Logit is log D - log(1 - D) = z, of either sign.
func Logit(z *Node) *Node { return z }

// named is the form that a configuration names, nil for those that are not of z.
func named(form string) Form {
	return map[string]Form{"softplus": NotPolicy, "logd": LogD, "logit": Logit}[form]
}

// pairs are steps as rows: [n, ...] each.
type pairs struct {
	Obs    *Node // [n, ObsSize]
	Action *Node // [n, columns], choices as numbers
	Next   *Node // [n, ObsSize], what the step led to
	Done   *Node // [n, 1], 1 where the episode came to its own end
}

// sight is what the discriminator looks at.
type sight struct{ S, A, Next *Node }

// Discriminator tells steps of the expert from steps of the policy.
type Discriminator struct {
	*Config
	Pack *nn.Packed
	Of   Form // the reward of a logit; nil: AIRL's f or g

	spec    env.Spec
	columns int
	logit   nn.Net // of GAIL; of AIRL the reward g
	shaping nn.Net // of AIRL, the potential h; without parameters where there is none
}

// NewDiscriminator makes the nets for an environment.
func NewDiscriminator(spec env.Spec, c *Config) *Discriminator {
	d := &Discriminator{Config: c, spec: spec, columns: max(spec.Action.Dim, 1), Of: named(c.Form)}
	in := spec.ObsSize()
	switch c.Sees {
	case "sa":
		in += max(spec.Action.N, spec.Action.Dim)
	case "ss":
		in += spec.ObsSize()
	}
	net := nn.MLP
	if c.Method == "airl" {
		net = nn.ReLU // a reward and a potential have no natural bounds
	}
	d.logit = net(in, 1, c.DiscHidden...)
	if c.Method == "airl" && !c.Unshaped {
		d.shaping = net(spec.ObsSize(), 1, c.DiscHidden...)
	}
	if c.Spectral {
		d.logit = nn.Spectral(d.logit)
		if d.shaping.Apply != nil {
			d.shaping = nn.Spectral(d.shaping)
		}
	}
	d.Pack = nn.Pack(d.logit, d.shaping)
	return d
}

// Init draws initial parameters. Output layers begin at zero: D is 1/2 everywhere, and the first reward says nothing.
func (d *Discriminator) Init(seed uint64) []float32 {
	theta := d.Pack.Init(seed)
	for k, net := range []nn.Net{d.logit, d.shaping} {
		if net.Apply == nil || d.Spectral { // a spectral norm of 0 has no direction to learn in
			continue
		}
		end := d.Pack.Offset(k + 1)
		last := 1 + net.Params[len(net.Params)-2].Dims[0]
		clear(theta[end-last : end])
	}
	return theta
}

// width is how many numbers a row has.
func (d *Discriminator) width() int { return 2*d.spec.ObsSize() + d.columns + 1 }

// rows are the steps of a trajectory, [T*N, width].
func (d *Discriminator) rows(s rollout.Steps) *Node {
	n := s.Reward.Shape().Size()
	flat := func(x *Node, cols int) *Node { return ConvertDType(Reshape(x, n, cols), dtypes.Float32) }
	return Concatenate([]*Node{flat(s.Obs, d.spec.ObsSize()), flat(s.Action, d.columns), flat(s.Final, d.spec.ObsSize()), flat(s.Terminated, 1)}, 1)
}

// unpack takes rows apart.
func (d *Discriminator) unpack(rows *Node) pairs {
	at := 0
	take := func(n int) *Node {
		at += n
		return SliceAxis(rows, 1, AxisRange(at-n, at))
	}
	return pairs{take(d.spec.ObsSize()), take(d.columns), take(d.spec.ObsSize()), take(1)}
}

// look shows pairs as the nets see them: observations by their mean and deviation, choices one-hot, vectors cut to their range and scaled to
// [-1, 1]. The environment cuts them too: a policy that draws beyond the edge acts as an expert at the edge.
func (d *Discriminator) look(p pairs, seen nn.Running) sight {
	view := func(x *Node) *Node {
		if d.DiscNorm == "none" {
			return x
		}
		return seen.Normalise(x, 10)
	}
	a := d.spec.Action
	action := p.Action
	if a.Discrete() {
		action = OneHot(ConvertDType(Squeeze(action, 1), dtypes.Int32), a.N, dtypes.Float32)
	} else {
		action = AddScalar(MulScalar(ClipScalar(action, a.Low, a.High), 2/(a.High-a.Low)), -(a.High+a.Low)/(a.High-a.Low))
	}
	return sight{view(p.Obs), action, view(p.Next)}
}

// inputs are the parts of x that the nets use, so that the gradient by them can be taken.
func (d *Discriminator) inputs(x sight) []*Node {
	in := []*Node{x.S}
	if d.Sees == "sa" {
		in = append(in, x.A)
	}
	if d.Sees == "ss" || d.shaping.Apply != nil {
		in = append(in, x.Next)
	}
	return in
}

// score is the part of the logit that the nets make, [n]: all of it in GAIL; g, and f = g(s, a) + gamma h(s') - h(s), in AIRL (Fu, Luo and
// Levine 2018). Where an episode came to its own end h(s') is 0.
func (d *Discriminator) score(parts [][]*Node, x sight, done *Node) (g, f *Node) {
	in := x.S
	switch d.Sees {
	case "sa":
		in = Concatenate([]*Node{x.S, x.A}, 1)
	case "ss":
		in = Concatenate([]*Node{x.S, x.Next}, 1)
	}
	g = Squeeze(d.logit.Apply(parts[0], in), 1)
	if d.shaping.Apply == nil {
		return g, g
	}
	h := func(s *Node) *Node { return Squeeze(d.shaping.Apply(parts[1], s), 1) }
	goesOn := OneMinus(Squeeze(done, 1))
	return g, Sub(Add(g, MulScalar(Mul(goesOn, h(x.Next)), d.Gamma)), h(x.S))
}

// logits are z for pairs [n], with what the reward is made of. logp is the policy's log-probability of the action, which AIRL subtracts.
func (d *Discriminator) logits(parts [][]*Node, x sight, done, logp *Node) (z, g, f *Node) {
	g, f = d.score(parts, x, done)
	if d.Method == "airl" {
		return Sub(f, logp), g, f
	}
	return f, g, f
}

// reward is what the policy gets, [n].
func (d *Discriminator) reward(z, g, f *Node) *Node {
	switch {
	case d.Of != nil:
		return d.Of(z)
	case d.Form == "g":
		return g
	}
	return f
}
