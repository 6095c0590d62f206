package gail

import (
	"context"
	"errors"
	"fmt"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/rewardlab/rewardlab/rl/bc"
	"github.com/rewardlab/rewardlab/rl/loop"
	"github.com/rewardlab/rewardlab/rl/nn"
	"github.com/rewardlab/rewardlab/rl/ops"
	"github.com/rewardlab/rewardlab/rl/ppo"
	"github.com/rewardlab/rewardlab/rl/rollout"
)

// State is everything that a training carries from one iteration to the next.
type State struct {
	Policy ppo.State
	Critic critic
	Memory memory
}

// critic is what an update of the discriminator changes.
type critic struct {
	Theta *Node
	Adam  nn.Moments
	Key   *Node
}

// memory is what the policy did lately, and how observations are seen.
type memory struct {
	Seen   nn.Running // of observations, [ObsSize]
	Rows   *Node      // [capacity, width], the newest last
	Filled *Node      // scalar: how many there are
}

// expert are the demonstrations, in as many rows as any seed's choice of trajectories may have.
type expert struct {
	Rows  *Node // [most, width]
	Count *Node // scalar float32: the first so many are demonstrations
}

// scene is what came of a trajectory.
type scene struct {
	Memory memory
	Steps  rollout.Steps
}

// remember puts a trajectory at the end of the memory, out of which the oldest falls.
func (d *Discriminator) remember(s scene) memory {
	rows := d.rows(s.Steps)
	n, capacity := rows.Shape().Dimensions[0], s.Memory.Rows.Shape().Dimensions[0]
	m := s.Memory
	if capacity > n {
		rows = Concatenate([]*Node{SliceAxis(m.Rows, 0, AxisRange(n)), rows}, 0)
	}
	m.Rows = rows
	m.Filled = MinScalar(AddScalar(m.Filled, float64(n)), float64(capacity))
	if d.DiscNorm == "running" && d.Frozen == "" {
		m.Seen = m.Seen.Update(Reshape(s.Steps.Obs, n, d.spec.ObsSize()))
	}
	return m
}

// verdict is what the reward of a trajectory is made from.
type verdict struct {
	Theta  *Node // the discriminator's
	Mind   rollout.Mind
	Memory memory
	Expert expert
	Reward *Node // [T, N], the environment's, for the shape alone
}

type judgement struct{ Reward *Node } // [T, N]

// judge gives the last trajectory of the memory its reward.
func (g *gail) judge(v verdict) judgement {
	n, capacity := v.Reward.Shape().Size(), v.Memory.Rows.Shape().Dimensions[0]
	p := g.disc.unpack(SliceAxis(v.Memory.Rows, 0, AxisRange(capacity-n)))
	var r *Node
	switch g.Method {
	case "constant":
		r = OnesLike(v.Reward)
	case "features":
		r = g.disc.featureReward(v, g.disc.look(p, v.Memory.Seen))
	default:
		parts := g.disc.Pack.Split(v.Theta)
		z, gOnly, f := g.disc.logits(parts, g.disc.look(p, v.Memory.Seen), p.Done, g.logProb(v.Mind, p))
		r = g.disc.reward(z, gOnly, f)
	}
	return judgement{Reshape(r, v.Reward.Shape().Dimensions...)}
}

// logProb is log pi(a|s) of the policy as it is now, [n]; nil where no one asks.
func (g *gail) logProb(m rollout.Mind, p pairs) *Node {
	if g.Method != "airl" {
		return nil
	}
	action := p.Action
	if g.disc.spec.Action.Discrete() {
		action = ConvertDType(Squeeze(action, 1), dtypes.Int32)
	}
	obs := Reshape(p.Obs, append([]int{p.Obs.Shape().Dimensions[0]}, g.disc.spec.Obs...)...)
	return StopGradient(g.agent.Act(m, obs).LogProb(action))
}

// featureReward is w phi for x, with features phi = (s, s^2, a) and w the direction from the policy's mean features to the expert's: a linear cost
// in the unit ball (Abbeel and Ng 2004; Ho, Gupta and Ermon 2016).
func (d *Discriminator) featureReward(v verdict, x sight) *Node {
	phi := func(x sight) *Node { return Concatenate([]*Node{x.S, Square(x.S), x.A}, 1) }
	mean := func(rows, count *Node, first bool) *Node {
		n := rows.Shape().Dimensions[0]
		number := ConvertDType(Iota(rows.Graph(), rows.Shape(), 0), dtypes.Float32)
		number = SliceAxis(number, 1, AxisRange(0, 1))
		there := LessThan(number, BroadcastToDims(count, n, 1))
		if !first { // those that count are the last
			there = GreaterOrEqual(number, BroadcastToDims(Sub(Scalar(rows.Graph(), dtypes.Float32, float64(n)), count), n, 1))
		}
		features := phi(d.look(d.unpack(rows), v.Memory.Seen))
		return Div(ReduceSum(Mul(features, ConvertDType(there, dtypes.Float32)), 0), count)
	}
	w := Sub(mean(v.Expert.Rows, v.Expert.Count, true), mean(v.Memory.Rows, v.Memory.Filled, false))
	w = Div(w, Sqrt(AddScalar(ReduceAllSum(Square(w)), 1e-12)))
	return ReduceSum(Mul(phi(x), ExpandLeftToRank(w, 2)), 1)
}

// class is what the discriminator learns from.
type class struct {
	Mind   rollout.Mind
	Memory memory
	Expert expert
}

// marks are the numbers of one update of the discriminator, in the order of markNames.
type marks struct{ Values *Node }

var markNames = [...]string{"loss", "expert_accuracy", "policy_accuracy", "expert_reward", "policy_reward", "entropy", "penalty"}

// teach is one update: cross-entropy on as many steps of the expert, label 1, as of the policy, label 0.
func (g *gail) teach(_ *Node, s critic, c class) (critic, marks) {
	d, n := g.disc, g.DiscBatch
	// Rows are drawn with replacement.
	key, u := ops.Uniform(s.Key, 2, n)
	row := func(k int) *Node { return Squeeze(SliceAxis(u, 0, AxisElem(k)), 0) }
	fromExpert := Gather(c.Expert.Rows, ExpandAxes(ops.Floored(row(0), c.Expert.Count), -1))
	empty := Sub(Scalar(u.Graph(), dtypes.Float32, float64(c.Memory.Rows.Shape().Dimensions[0])), c.Memory.Filled)
	index := Add(ops.Floored(row(1), c.Memory.Filled), ConvertDType(BroadcastToDims(empty, n), dtypes.Int32))
	fromPolicy := Gather(c.Memory.Rows, ExpandAxes(index, -1))

	p := d.unpack(Concatenate([]*Node{fromExpert, fromPolicy}, 0))
	x := d.look(p, c.Memory.Seen)
	if d.Noise > 0 {
		key, x = d.blur(key, x)
	}
	parts := d.Pack.Split(s.Theta)
	z, gOnly, f := d.logits(parts, x, p.Done, g.logProb(c.Mind, p))
	ones := BroadcastToDims(Scalar(z.Graph(), dtypes.Float32, 1), n)
	label := Concatenate([]*Node{ones, ZerosLike(ones)}, 0)
	loss := ops.BinaryCrossEntropy(z, label)
	entropy, penalty, total := ops.BernoulliEntropy(z), ZerosLike(loss), loss
	if d.DiscEntropy > 0 {
		total = Sub(total, MulScalar(entropy, d.DiscEntropy))
	}
	if d.Penalty > 0 {
		key, penalty = d.penalise(key, parts, x, p.Done)
		total = Add(total, MulScalar(penalty, d.Penalty))
	}
	grad := d.Pack.Gradient(total, parts)
	s.Theta, s.Adam = nn.Adam{LR: d.DiscLR}.Step(s.Theta, grad, s.Adam)
	s.Key = key

	half := func(x *Node, k int) *Node { return SliceAxis(x, 0, AxisRange(k*n, (k+1)*n)) }
	share := func(x *Node) *Node { return ReduceAllMean(ConvertDType(x, dtypes.Float32)) }
	zero := ZerosLike(half(z, 0))
	r := d.reward(z, gOnly, f)
	return s, marks{Stack([]*Node{
		loss, share(GreaterThan(half(z, 0), zero)), share(LessThan(half(z, 1), zero)), ReduceAllMean(half(r, 0)), ReduceAllMean(half(r, 1)), entropy, penalty,
	}, 0)}
}

// blur adds noise to what the discriminator sees.
func (d *Discriminator) blur(key *Node, x sight) (*Node, sight) {
	for _, part := range []**Node{&x.S, &x.A, &x.Next} {
		var noise *Node
		key, noise = ops.StandardNormal(key, (*part).Shape().Dimensions...)
		*part = Add(*part, MulScalar(noise, d.Noise))
	}
	return key, x
}

// penalise is the gradient penalty at points between a step of the expert and one of the policy. The policy's part of AIRL's logit has none.
func (d *Discriminator) penalise(key *Node, parts [][]*Node, x sight, done *Node) (*Node, *Node) {
	n := d.DiscBatch
	key, u := ops.Uniform(key, n, 1)
	between := func(x *Node) *Node {
		e, p := SliceAxis(x, 0, AxisRange(0, n)), SliceAxis(x, 0, AxisRange(n))
		return Add(Mul(e, u), Mul(p, OneMinus(u))) // without StopGradient, which would be where the gradient of z ends
	}
	mid := sight{between(x.S), between(x.A), between(x.Next)}
	_, f := d.score(parts, mid, SliceAxis(done, 0, AxisRange(0, n)))
	return key, ops.GradientPenalty(f, 1, d.inputs(mid)...)
}

// gail is adversarial imitation as compiled programs, beside those of PPO.
type gail struct {
	policy *ppo.Learner
	*Config
	agent *rollout.Agent // as policy's
	disc  *Discriminator
	rows  int // of the demonstrations, with room for any seed's choice

	remember *loop.Func[scene, memory]
	judged   *loop.Func[verdict, judgement]
	taught   *loop.Loop[critic, class, marks]
	cloner   *bc.Cloner // nil: begin with a policy that knows nothing
}

// iterate is one iteration: play, judge, teach the discriminator, update the policy. It consumes s.
func (g *gail) iterate(ctx context.Context, i int, s loop.Values[State], demos loop.Values[expert], log *rollout.Journal) (loop.Values[State], error) {
	policy, err1 := loop.Part[ppo.State](s, "Policy")
	crit, err2 := loop.Part[critic](s, "Critic")
	mem, err3 := loop.Part[memory](s, "Memory")
	if err := errors.Join(err1, err2, err3); err != nil {
		return s, err
	}
	policy, steps, err := g.policy.Play(ctx, policy)
	if err != nil {
		return s, err
	}
	var reward *tensors.Tensor // nil: the environment's
	if g.Method != "true" {
		if crit, mem, reward, err = g.assess(ctx, i, policy, crit, mem, steps, demos, log); err != nil {
			return s, err
		}
	}
	if policy, err = g.policy.Learn(ctx, i, policy, steps, reward, log); err != nil {
		return s, err
	}
	return loop.Join[State](policy, crit, mem)
}

// assess remembers a trajectory, gives it its reward, and teaches the discriminator. It consumes crit and mem.
func (g *gail) assess(ctx context.Context, i int, policy loop.Values[ppo.State], crit loop.Values[critic], mem loop.Values[memory], steps loop.Values[rollout.Steps], demos loop.Values[expert], log *rollout.Journal) (loop.Values[critic], loop.Values[memory], *tensors.Tensor, error) {
	none := func(err error) (loop.Values[critic], loop.Values[memory], *tensors.Tensor, error) {
		return crit, mem, nil, err
	}
	mind, err := rollout.MindIn(policy, "")
	if err != nil {
		return none(err)
	}
	seen, err := loop.Join[scene](mem, steps)
	if err != nil {
		return none(err)
	}
	fresh, err := g.remember.Call(ctx, seen)
	if err != nil {
		return none(err)
	}
	if err := mem.Close(); err != nil {
		return none(err)
	}
	mem = fresh
	lesson, err := loop.Join[class](mind, mem, demos)
	if err != nil {
		return none(err)
	}
	var reward *tensors.Tensor
	teach := g.learned() && g.Frozen == ""
	for _, teaching := range []bool{g.JudgeAfter, !g.JudgeAfter} {
		if !teaching {
			v, err := loop.Join[verdict](loop.Leaf{T: crit.Get("Theta")}, mind, mem, demos, loop.Leaf{T: steps.Get("Reward")})
			if err != nil {
				return none(err)
			}
			j, err := g.judged.Call(ctx, v)
			if err != nil {
				return none(err)
			}
			reward = j.Get("Reward")
		} else if teach {
			var m loop.Values[marks]
			if crit, m, err = g.taught.Run(ctx, i*g.DiscUpdates, g.DiscUpdates, crit, lesson); err != nil {
				return none(err)
			}
			if err := errors.Join(g.logMarks(log, m.Get("Values")), m.Close()); err != nil {
				return none(err)
			}
		}
	}
	return crit, mem, reward, nil
}

// logMarks adds the means over the updates of an iteration, [updates, len(markNames)].
func (g *gail) logMarks(log *rollout.Journal, values *tensors.Tensor) error {
	if err := log.Means("reward/", markNames[:], values); err != nil {
		return fmt.Errorf("discriminator: %w", err)
	}
	return nil
}
