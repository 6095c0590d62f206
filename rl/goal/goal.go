package goal

import (
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"

	"github.com/rewardlab/rewardlab/rl/loop"
	"github.com/rewardlab/rewardlab/rl/nn"
	"github.com/rewardlab/rewardlab/rl/ops"
	"github.com/rewardlab/rewardlab/rl/rollout"
)

// judge is a classifier that learns, with what it learns from.
type judge struct {
	Fit  fit
	Data data
}

// fit is what a step of the classifier changes.
type fit struct {
	Theta *Node
	Adam  nn.Moments
	Key   *Node
}

// data are the two classes. A row is an observation and the action that was taken there (0 for the examples).
type data struct {
	Success *Node // [Examples, row]
	Pile    pile
}

// pile holds the negatives, the newest first.
type pile struct {
	Rows   *Node // [Replay, row]
	Filled *Node // int32 scalar: how many rows are in use
}

// lesson is what the classifier learns from in one iteration. The policy's density is part of VICE's logit.
type lesson struct {
	Data data
	Mind rollout.Mind
}

// filing is a trajectory that joins the negatives.
type filing struct {
	Pile  pile
	Steps rollout.Steps
}

// verdict is a trajectory's reward.
type verdict struct{ Reward, Stats *Node }

// trial is a trajectory to be judged.
type trial struct {
	Theta *Node
	Data  data
	Steps rollout.Steps
}

// marks are the numbers of one step of the classifier.
type marks struct {
	Loss, Right, Wrong *Node // cross-entropy; share of examples and of negatives that it gets right
}

// flat is x [T, N, ...] as rows [T*N, width].
func flat(x *Node) *Node {
	rows := x.Shape().Dimensions[0] * x.Shape().Dimensions[1]
	return ConvertDType(Reshape(x, rows, x.Shape().Size()/rows), dtypes.Float32)
}

// file puts every Thin-th visited state on the pile, those of successes too. States count by where a step led; VICE, which judges pairs, takes the state
// that was acted on.
func (k *classifier) file(f filing) pile {
	obs := f.Steps.Final
	if k.Method == "vice" {
		obs = f.Steps.Obs
	}
	thin := func(x *Node) *Node { // [T, N, ...] to rows
		dims := x.Shape().Dimensions
		x = Reshape(x, append([]int{dims[0] / k.Thin, k.Thin}, dims[1:]...)...)
		return flat(Squeeze(SliceAxis(x, 1, AxisElem(k.Thin-1)), 1)) // the last of each Thin, so the end of the trajectory too
	}
	rows := Concatenate([]*Node{thin(obs), thin(f.Steps.Action)}, 1)
	n := rows.Shape().Dimensions[0]
	all := Concatenate([]*Node{rows, SliceAxis(f.Pile.Rows, 0, AxisRange(0, k.Replay-n))}, 0)
	g := rows.Graph()
	return pile{all, Min(Add(f.Pile.Filled, Const(g, int32(n))), Const(g, int32(k.Replay)))}
}

// batch draws what one step of the classifier learns from.
func (k *classifier) batch(key *Node, d data) (newKey, rows, labels *Node) {
	if k.Unbalanced {
		return ops.Pooled(key, d.Success, d.Pile.Rows, d.Pile.Filled, k.Half)
	}
	return ops.Balanced(key, d.Success, d.Pile.Rows, d.Pile.Filled, k.Half)
}

// learner is the classifier's step; a's policy is part of VICE's logit.
func (k *classifier) learner(a *rollout.Agent) loop.Body[fit, lesson, marks] {
	return func(i *Node, s fit, l lesson) (fit, marks) {
		key, rows, labels := k.batch(s.Key, l.Data)
		obs := SliceAxis(rows, 1, AxisRange(0, k.spec.ObsSize()))
		x, logpi := k.look(obs), ZerosLike(labels)
		if k.Method == "vice" {
			key, logpi = k.density(key, a, l.Mind, rows, labels)
		}
		if k.Mixup {
			width := x.Shape().Dimensions[1]
			key, x, labels = ops.Mixup(key, Concatenate([]*Node{x, ExpandAxes(logpi, -1)}, 1), labels)
			x, logpi = SliceAxis(x, 1, AxisRange(0, width)), Squeeze(SliceAxis(x, 1, AxisRange(width)), 1)
		}
		parts := k.pack.Split(s.Theta)
		h := k.features(parts, x)
		if k.Dropout > 0 {
			key, h = ops.Dropout(key, h, k.Dropout)
		}
		z := ops.EventLogit(k.out(parts, h), logpi) // logpi is 0 but for VICE
		loss := ops.BinaryCrossEntropy(z, labels)
		theta, adam := nn.Adam{LR: k.JudgeLR, Rate: k.rate(i)}.Step(s.Theta, k.pack.Gradient(loss, parts), s.Adam)
		if k.Decay > 0 {
			theta = Sub(theta, MulScalar(s.Theta, k.JudgeLR*k.Decay))
		}
		isGood, says := above(labels, 0.5), above(z, 0)
		share := func(of, hit *Node) *Node { return Div(ReduceAllSum(Mul(of, hit)), AddScalar(ReduceAllSum(of), 1e-6)) }
		return fit{theta, adam, key}, marks{loss, share(isGood, says), share(OneMinus(isGood), OneMinus(says))}
	}
}

// rate is the step size in step i of all that follow the first fit; nil: JudgeLR.
func (k *classifier) rate(i *Node) *Node {
	if !k.JudgeAnneal {
		return nil
	}
	done := DivScalar(ConvertDType(i, dtypes.Float32), float64(k.Iterations()*k.Updates))
	return nn.Anneal(MinScalar(done, 1), k.JudgeLR, 0)
}

// density is log pi(a|s) [n] of the policy as it is now: for negatives of the action that was taken, for examples, whose labels are 1, of one
// that the policy would take there.
func (k *classifier) density(key *Node, a *rollout.Agent, m rollout.Mind, rows, labels *Node) (newKey, logpi *Node) {
	width, n := k.spec.ObsSize(), labels.Shape().Size()
	obs := Reshape(SliceAxis(rows, 1, AxisRange(0, width)), append([]int{n}, k.spec.Obs...)...)
	pi := a.Act(m, obs)
	taken := SliceAxis(rows, 1, AxisRange(width))
	if k.spec.Action.Discrete() {
		taken = ConvertDType(Squeeze(taken, 1), dtypes.Int32)
	}
	key, drawn := pi.Sample(key)
	good := above(labels, 0.5)
	return key, Add(Mul(good, pi.LogProb(drawn)), Mul(OneMinus(good), pi.LogProb(taken)))
}

// above is 1 where x is above v, else 0.
func above(x *Node, v float64) *Node {
	return ConvertDType(GreaterThan(x, BroadcastToDims(Scalar(x.Graph(), x.DType(), v), x.Shape().Dimensions...)), dtypes.Float32)
}

// The statistics of a verdict.
const (
	score     = iota // mean sigmoid(f) of the visited states
	endScore         // the same summed over the ends of episodes
	successes        // ends at which the task was done
	ends             // ends
	likes            // mean sigmoid(f) of the success examples
	stats
)

// verdict judges a trajectory: reward [T, N] for where each step led.
func (k *classifier) verdict(t trial) verdict {
	parts := k.pack.Split(t.Theta)
	over := ConvertDType(Or(t.Steps.Terminated, t.Steps.Truncated), dtypes.Float32)
	if k.phases {
		over = Concatenate([]*Node{SliceAxis(over, 0, AxisRange(0, k.Steps-1)), OnesLike(SliceAxis(over, 0, AxisRange(k.Steps-1)))}, 0)
	}
	f := Reshape(k.logit(parts, flat(t.Steps.Final)), over.Shape().Dimensions...)
	p := Sigmoid(f)
	done := ConvertDType(k.goal.Success(Reshape(t.Steps.Final, append([]int{over.Shape().Size()}, k.spec.Obs...)...)), dtypes.Float32)
	liked := Sigmoid(k.logit(parts, SliceAxis(t.Data.Success, 1, AxisRange(0, k.spec.ObsSize()))))
	numbers := [stats]*Node{
		score: ReduceAllMean(p), endScore: ReduceAllSum(Mul(p, over)), successes: ReduceAllSum(Mul(Reshape(done, over.Shape().Dimensions...), over)),
		ends: ReduceAllSum(over), likes: ReduceAllMean(liked),
	}
	return verdict{k.pay(f), Stack(numbers[:], 0)}
}
