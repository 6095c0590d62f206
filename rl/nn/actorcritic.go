package nn

import (
	"cmp"
	"math"
	"math/rand/v2"

	. "github.com/gomlx/gomlx/core/graph"
)

// ActorCritic is a policy net and a value net in one flat vector; with continuous actions also a standard deviation for each component, as
// parameters that do not depend on the observation. Where there is a torso, both nets work on what it gives.
type ActorCritic struct {
	Torso         Net // without parameters: the nets see the observation itself
	Actor, Critic Net
	LogStd        Net // without parameters where actions are discrete
	Pack          *Packed
	Std           float64 // standard deviation that continuous actions begin with; 0: 1
}

// NewActorCritic has tanh layers of the given widths in both nets. out is the number of actions, or with continuous actions of their
// components.
func NewActorCritic(in, out int, continuous bool, hidden ...int) *ActorCritic {
	return newActorCritic(Net{Name: "torso"}, in, out, continuous, hidden)
}

// NewImageActorCritic looks at images through one torso, Image, with a linear policy and a linear value on its features.
func NewImageActorCritic(side, channels, filters, hidden, out int, continuous bool) *ActorCritic {
	return newActorCritic(Image(side, channels, filters, hidden), hidden, out, continuous, nil)
}

func newActorCritic(torso Net, in, out int, continuous bool, hidden []int) *ActorCritic {
	a := &ActorCritic{Torso: torso, Actor: MLP(in, out, hidden...), Critic: MLP(in, 1, hidden...), LogStd: Net{Name: "log_std"}}
	if continuous {
		a.LogStd.Params = []Param{{Name: "log_std", Dims: []int{out}}}
	}
	a.Pack = Pack(a.Torso, a.Actor, a.Critic, a.LogStd)
	return a
}

// Init draws initial parameters on the host, as PPO's implementations do: orthogonal weights with gain sqrt 2 in hidden layers, 0.01 at the
// policy's output, so that it begins near uniform, and 1 at the value's; biases zero,
// standard deviations Std.
func (a *ActorCritic) Init(seed uint64) []float32 {
	r := rand.New(rand.NewPCG(seed, 0x9e3779b97f4a7c15))
	theta := make([]float32, 0, a.Pack.Size())
	for _, net := range []struct {
		Net
		output float64
	}{{a.Torso, math.Sqrt2}, {a.Actor, 0.01}, {a.Critic, 1}, {a.LogStd, 0}} {
		for i, p := range net.Params {
			if len(p.Dims) != 2 {
				theta = append(theta, make([]float32, p.size())...)
				continue
			}
			gain := math.Sqrt2
			if i == len(net.Params)-2 {
				gain = net.output
			}
			theta = append(theta, Orthogonal(r, p.Dims[0], p.Dims[1], gain)...)
		}
	}
	for _, p := range a.LogStd.Params { // they come last
		for i := len(theta) - p.size(); i < len(theta); i++ {
			theta[i] = float32(math.Log(cmp.Or(a.Std, 1)))
		}
	}
	return theta
}

// Orthogonal is a random matrix [in, out], row-major, whose rows or columns, whichever are fewer, are orthogonal and of length gain
// (Saxe et al. 2014).
func Orthogonal(r *rand.Rand, in, out int, gain float64) []float32 {
	few, long := min(in, out), max(in, out)
	// Gram and Schmidt, twice over for round-off.
	q := make([][]float64, few)
	for i := range q {
		v := make([]float64, long)
		for k := range v {
			v[k] = r.NormFloat64()
		}
		for range 2 {
			for _, u := range q[:i] {
				d := dot(u, v)
				for k := range v {
					v[k] -= d * u[k]
				}
			}
		}
		norm := math.Sqrt(dot(v, v))
		for k := range v {
			v[k] /= norm
		}
		q[i] = v
	}
	w := make([]float32, in*out)
	for i := range in {
		for j := range out {
			if in <= out {
				w[i*out+j] = float32(gain * q[i][j])
			} else {
				w[i*out+j] = float32(gain * q[j][i])
			}
		}
	}
	return w
}

func dot(a, b []float64) float64 {
	var s float64
	for i := range a {
		s += a[i] * b[i]
	}
	return s
}

// see is what the actor and the critic look at.
func (a *ActorCritic) see(parts [][]*Node, x *Node) *Node {
	if a.Torso.Apply == nil {
		return x
	}
	return a.Torso.Apply(parts[0], x)
}

// Policy is the actor's output for x [n, in]: logits or means, [n, out]. parts is what Pack.Split gave. Of an ensemble of M, this and what
// follows take x [M, n, in] and have M in front.
func (a *ActorCritic) Policy(parts [][]*Node, x *Node) *Node {
	return a.Actor.Apply(parts[1], a.see(parts, x))
}

// Value is the critic's value of x [n, in], [n].
func (a *ActorCritic) Value(parts [][]*Node, x *Node) *Node {
	return Squeeze(a.Critic.Apply(parts[2], a.see(parts, x)), -1)
}

// Both are Policy and Value, with the torso applied once.
func (a *ActorCritic) Both(parts [][]*Node, x *Node) (policy, value *Node) {
	x = a.see(parts, x)
	return a.Actor.Apply(parts[1], x), Squeeze(a.Critic.Apply(parts[2], x), -1)
}

// Spread is the log standard deviation of each component, [out]; nil where actions are discrete.
func (a *ActorCritic) Spread(parts [][]*Node) *Node {
	if len(parts[3]) == 0 {
		return nil
	}
	return parts[3][0]
}
