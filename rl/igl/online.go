package igl

import (
	. "github.com/gomlx/gomlx/core/graph"

	"github.com/rewardlab/rewardlab/rl/loop"
	"github.com/rewardlab/rewardlab/rl/nn"
	"github.com/rewardlab/rewardlab/rl/ops"
	"github.com/rewardlab/rewardlab/rl/run"
)

// onlineState is everything that the online methods carry from one iteration to the next.
type onlineState struct {
	Theta *Node // policy and decoder, flat
	Adam  nn.Moments
	Key   *Node
}

// onlineMetrics are the numbers of one iteration.
type onlineMetrics struct {
	Reward  *Node `metric:"reward/true"`           // latent reward where the policy acted, sampled actions
	Decoded *Node `metric:"reward/decoded"`        // decoded reward there
	Random  *Node `metric:"reward/decoded_random"` // decoded reward where a uniform policy acted
	Entropy *Node `metric:"losses/entropy"`        // of the policy, nats
	Loss    *Node `metric:"losses/loss"`           // what Adam descends
}

// online is one iteration of the joint gradient method, and of the bandit that sees the true reward.
func (p *problem) online(i *Node, s onlineState, d deck) (onlineState, onlineMetrics) {
	c := p.Config
	parts := p.pack.Split(s.Theta)
	policy, decoder := parts[0], parts[1]

	// Exploit rounds: x, a ~ pi(.|x), y. Explore rounds: fresh x', a' uniform, y'.
	key, context := d.contexts(s.Key, c.Exploit+c.Explore)
	label := d.label(context)
	x := d.pixels(Slice(context, AxisRange(0, c.Exploit)))
	logPi := LogSoftmax(p.policy.Apply(policy, x), -1)
	key, acted := ops.Sample(key, logPi)
	key, random := ops.Below(key, c.Explore, classes)
	action := Concatenate([]*Node{acted, random}, 0)
	reward := c.reward(action, label)
	key, answer := c.answer(d, key, i, action, reward)

	// r = psi(y)
	decoded := Sigmoid(Squeeze(p.decoder.Apply(decoder, c.view(d, answer)), -1))
	return p.improve(s, key, parts, episode{logp: ops.LogProb(logPi, acted), reward: reward, decoded: decoded, entropy: ops.Entropy(logPi)})
}

// episode is what was played in an iteration: log pi of the Exploit rounds [Exploit], and latent and decoded reward of all
// rounds [Exploit+Explore], exploit rounds first.
type episode struct{ logp, reward, decoded, entropy *Node }

// improve takes the step of Adam that the method makes of an iteration's play.
func (p *problem) improve(s onlineState, key *Node, parts [][]*Node, e episode) (onlineState, onlineMetrics) {
	c := p.Config
	exploit := func(v *Node) *Node { return Slice(v, AxisRange(0, c.Exploit)) }
	explore := func(v *Node) *Node { return Slice(v, AxisRange(c.Exploit)) }
	loss := ops.IGLJoint(e.logp, exploit(e.decoded), explore(e.decoded),
		ops.IGLOptions{Detach: c.Detach, NoAnchor: c.NoAnchor, RandomIsGood: c.RandomIsGood})
	if c.Method == "bandit" {
		loss = Neg(ReduceAllMean(Mul(e.logp, ops.Standardise(exploit(e.reward)))))
	}
	s.Theta, s.Adam = p.adam(loss.Graph()).Step(s.Theta, p.pack.Gradient(loss, parts), s.Adam)
	s.Key = key
	return s, onlineMetrics{
		Reward:  ReduceAllMean(exploit(e.reward)),
		Decoded: ReduceAllMean(exploit(e.decoded)),
		Random:  ReduceAllMean(explore(e.decoded)),
		Entropy: e.entropy,
		Loss:    loss,
	}
}

// onlineStart is the state of iteration 0.
func (p *problem) onlineStart(seed int64) (loop.Values[onlineState], error) {
	k, err := key(seed, run.StreamTrain)
	if err != nil {
		return loop.Values[onlineState]{}, err
	}
	theta := p.pack.Init(uint64(run.Stream(seed, run.StreamInit)))
	return loop.Pack[onlineState](append(nn.Start(theta), k)...)
}
