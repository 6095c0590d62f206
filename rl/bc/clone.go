package bc

import (
	"context"
	"errors"
	"fmt"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/rewardlab/rewardlab/datasets"
	"github.com/rewardlab/rewardlab/rl/loop"
	"github.com/rewardlab/rewardlab/rl/nn"
	"github.com/rewardlab/rewardlab/rl/ops"
	"github.com/rewardlab/rewardlab/rl/rollout"
	"github.com/rewardlab/rewardlab/rl/run"
	"github.com/rewardlab/rewardlab/rl/trainer"
)

// State is everything that behavioural cloning carries from one check to the next.
type State struct {
	Policy policy // the best so far
	Learn  learner
	Best   *Node // its negative log-likelihood on held-out pairs
	Stale  *Node // checks since then
}

// policy is where rollout.MindIn looks for an actor-critic.
type policy struct {
	Learner struct{ Theta *Node }
	Ledger  struct{ Obs nn.Running } // of the demonstrations, and never changed
}

func (p policy) mind() rollout.Mind { return rollout.Mind{Theta: p.Learner.Theta, Obs: p.Ledger.Obs} }

// learner is what a minibatch changes.
type learner struct {
	Theta *Node
	Adam  nn.Moments
	Key   *Node
}

// pairs are M rows of what an expert saw and did, of which some are not used: every seed's pairs have the shape that was compiled for.
type pairs struct {
	Obs    *Node // [M, Obs...]
	Action *Node // [M, columns]
}

// lesson is what the update needs beside its own state: it learns from rows [First, First+Count).
type lesson struct {
	Pairs pairs
	First *Node // int32 scalar
	Count *Node // float32 scalar
	Stats nn.Running
}

// split is how a seed's pairs are used in cloning: rows [0, Train) to learn from, [Train, All) to choose by.
type split struct{ Train, All *Node } // float32 scalars

// marks are the numbers of one minibatch.
type marks struct{ Loss, Entropy, Norm *Node }

// fitting is a configuration with its agent.
type fitting struct {
	*Fitting
	agent *rollout.Agent
}

// update is one minibatch, drawn with replacement.
func (c *fitting) update(i *Node, s learner, l lesson) (learner, marks) {
	key, u := ops.Uniform(s.Key, c.Batch)
	rows := ExpandAxes(Add(ops.Floored(u, l.Count), BroadcastToDims(l.First, c.Batch)), -1)
	obs, action := Gather(l.Pairs.Obs, rows), c.agent.Actions(Gather(l.Pairs.Action, rows))
	parts := c.agent.Net.Pack.Split(s.Theta)
	loss, entropy := c.loss(c.agent.Policy(parts, l.Stats, obs), action, s.Theta)
	grad, norm := nn.ClipNorm(c.agent.Net.Pack.Gradient(loss, parts), c.MaxNorm)
	s.Theta, s.Adam = nn.Adam{LR: c.LR}.Step(s.Theta, grad, s.Adam)
	s.Key = key
	return s, marks{loss, entropy, norm}
}

// loss is -mean log pi(a|s) - w_H mean H(pi(.|s)) + w_2/2 |theta|^2.
func (c *fitting) loss(pi rollout.Distribution, action, theta *Node) (loss, entropy *Node) {
	entropy = ReduceAllMean(pi.Entropy())
	loss = Sub(Neg(ReduceAllMean(pi.LogProb(action))), MulScalar(entropy, c.Entropy))
	if c.L2 > 0 {
		loss = Add(loss, MulScalar(ReduceAllSum(Square(theta)), c.L2/2))
	}
	return loss, entropy
}

// check is what the judge looks at, verdict what it makes of it.
type check struct {
	Policy      policy
	Theta       *Node // of the learner
	Best, Stale *Node
	Pairs       pairs
	Split       split
}

type verdict struct {
	Policy      policy
	Best, Stale *Node
	NLL         *Node // of the learner on held-out pairs
	Miss        *Node // its mode's: the share of choices that are not the expert's, or the mean squared error of a component
}

// judge measures the learner on the held-out pairs and keeps it if it is the best so far.
func (c *fitting) judge(q check) verdict {
	pi := c.agent.Act(rollout.Mind{Theta: q.Theta, Obs: q.Policy.Ledger.Obs}, q.Pairs.Obs)
	row := Iota(q.Theta.Graph(), pi.LogProb(c.agent.Actions(q.Pairs.Action)).Shape(), 0)
	all := func(x *Node) *Node { return BroadcastToDims(x, row.Shape().Dimensions...) }
	held := And(GreaterOrEqual(row, all(q.Split.Train)), LessThan(row, all(q.Split.All)))
	mean := func(x *Node) *Node {
		return Div(ReduceAllSum(Where(held, x, ZerosLike(x))), Sub(q.Split.All, q.Split.Train))
	}
	nll := mean(Neg(pi.LogProb(c.agent.Actions(q.Pairs.Action))))
	better := LessThan(nll, q.Best)
	v := verdict{Policy: q.Policy, NLL: nll, Miss: mean(c.miss(q.Pairs.Action, pi.Mode()))}
	v.Policy.Learner.Theta = Where(better, q.Theta, q.Policy.Learner.Theta)
	v.Best = Where(better, nll, q.Best)
	v.Stale = Where(better, ZerosLike(q.Stale), AddScalar(q.Stale, 1))
	return v
}

// Cloner is behavioural cloning as compiled programs.
type Cloner struct {
	*Config
	fit    fitting
	demos  *datasets.Demos
	rows   int // M
	update *loop.Loop[learner, lesson, marks]
	judge  *loop.Func[check, verdict]
}

// NewCloner prepares the cloning of d by agent. c must be resolved and checked.
func NewCloner(b compute.Backend, agent *rollout.Agent, c *Config, d *datasets.Demos) (*Cloner, error) {
	spec := agent.Vector.Spec()
	if err := fits(d, spec); err != nil {
		return nil, err
	}
	if n := len(d.Trajectories); c.Trajectories > n {
		return nil, fmt.Errorf("bc: trajectories is %d, the demonstrations in %s have %d: choose 1 to %d, or 0 for all", c.Trajectories, spec.Name, n, n)
	}
	p := &Cloner{Config: c, fit: fitting{&c.Fitting, agent}, demos: d, rows: c.most(d)}
	var err error
	if p.update, err = loop.New(b, "bc: update", c.Updates, p.fit.update); err != nil {
		return nil, err
	}
	if p.judge, err = loop.NewFunc(b, "bc: judge", p.fit.judge); err != nil {
		p.update.Close()
		return nil, err
	}
	return p, nil
}

// Close frees the programs.
func (p *Cloner) Close() {
	p.update.Close()
	p.judge.Close()
}

// start is the state before the first minibatch.
func (p *Cloner) start(seed int64, m loop.Values[material]) (loop.Values[State], error) {
	var none loop.Values[State]
	theta := p.fit.agent.Net.Init(uint64(run.Stream(seed, run.StreamInit)))
	key, err := RNGStateFromSeed(run.Stream(seed, run.StreamTrain))
	if err != nil {
		return none, fmt.Errorf("random state: %w", err)
	}
	ts := []*tensors.Tensor{tensors.FromValue(theta)}
	for _, leaf := range []string{"Mean", "Var", "Count"} {
		own, err := m.Get("Lesson.Stats." + leaf).LocalClone()
		if err != nil {
			return none, err
		}
		ts = append(ts, own)
	}
	ts = append(append(ts, nn.Start(theta)...), key, tensors.FromValue(float32(1e30)), nn.ZeroTensor())
	return loop.Pack[State](ts...)
}

// advance does n checks, each after Updates minibatches. Once the held-out pairs have been disappointed too often, nothing changes any more.
func (p *Cloner) advance(ctx context.Context, from, n int, s loop.Values[State], m loop.Values[material]) (loop.Values[State], []trainer.Metric, error) {
	log := newNotes("losses/train", "losses/entropy", "losses/grad_norm", "losses/held_out", "charts/miss")
	best, stopped := trainer.Metric{Name: "losses/best"}, trainer.Metric{Name: "charts/stopped"}
	for i := from; i < from+n; i++ {
		over := p.Patience > 0 && int(tensors.ToScalar[float32](s.Get("Stale"))) >= p.Patience
		if over {
			log.skip()
			stopped.Values = append(stopped.Values, 1)
		} else {
			var err error
			if s, err = p.step(ctx, i, s, m, log); err != nil {
				return s, nil, err
			}
			stopped.Values = append(stopped.Values, 0)
		}
		best.Values = append(best.Values, tensors.ToScalar[float32](s.Get("Best")))
	}
	return s, append(log.metrics, best, stopped), nil
}

func (p *Cloner) step(ctx context.Context, i int, s loop.Values[State], m loop.Values[material], log *notes) (loop.Values[State], error) {
	kept, err1 := loop.Part[policy](s, "Policy")
	learn, err2 := loop.Part[learner](s, "Learn")
	l, err3 := loop.Part[lesson](m, "Lesson")
	data, err4 := loop.Part[pairs](m, "Lesson.Pairs")
	parts, err5 := loop.Part[split](m, "Split")
	best, stale := loop.Leaf{T: s.Get("Best")}, loop.Leaf{T: s.Get("Stale")}
	if err := errors.Join(err1, err2, err3, err4, err5); err != nil {
		return s, err
	}
	learn, seen, err := p.update.Run(ctx, i*p.Updates, p.Updates, learn, l)
	if err != nil {
		return s, err
	}
	q, err := loop.Join[check](kept, loop.Leaf{T: learn.Get("Theta")}, best, stale, data, parts)
	if err != nil {
		return s, err
	}
	v, err := p.judge.Call(ctx, q)
	if err != nil {
		return s, err
	}
	next, err := loop.Part[policy](v, "Policy")
	if err != nil {
		return s, err
	}
	s, err = loop.Join[State](next, learn, loop.Leaf{T: v.Get("Best")}, loop.Leaf{T: v.Get("Stale")})
	one := func(leaf string) float32 { return tensors.ToScalar[float32](v.Get(leaf)) }
	log.put(mean(seen.Get("Loss")), mean(seen.Get("Entropy")), mean(seen.Get("Norm")), one("NLL"), one("Miss"))
	return s, errors.Join(err, kept.Close(), best.T.FinalizeAll(), stale.T.FinalizeAll(), seen.Close(),
		v.Get("NLL").FinalizeAll(), v.Get("Miss").FinalizeAll())
}

// Fit clones to the end and returns what did best on held-out pairs, for those who go on from there.
func (p *Cloner) Fit(ctx context.Context, seed int64) (loop.Values[rollout.Mind], error) {
	var none loop.Values[rollout.Mind]
	m, err := p.material(seed)
	if err != nil {
		return none, err
	}
	defer m.Close()
	s, err := p.start(seed, m)
	if err != nil {
		return none, err
	}
	if s, _, err = p.advance(ctx, 0, p.Iterations, s, m); err != nil {
		return none, errors.Join(err, s.Close())
	}
	best, err := rollout.MindIn(s, "Policy.")
	if err != nil {
		return none, errors.Join(err, s.Close())
	}
	learn, err := loop.Part[learner](s, "Learn")
	return best, errors.Join(err, learn.Close(), s.Get("Best").FinalizeAll(), s.Get("Stale").FinalizeAll())
}
