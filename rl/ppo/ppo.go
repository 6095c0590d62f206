package ppo

import (
	"context"
	"errors"
	"fmt"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/rewardlab/rewardlab/rl/loop"
	"github.com/rewardlab/rewardlab/rl/nn"
	"github.com/rewardlab/rewardlab/rl/ops"
	"github.com/rewardlab/rewardlab/rl/rollout"
)

// State is everything that a training carries from one iteration to the next.
type State struct {
	Learner learner
	Walk    rollout.Walk
	Ledger  rollout.Ledger
	Key     *Node // of the shuffles
}

// learner is what the update changes.
type learner struct {
	Theta *Node
	Adam  nn.Moments
}

// question is what prepare looks at, lesson what it makes of it.
type question struct {
	Theta  *Node
	Ledger rollout.Ledger
	Key    *Node
	Steps  rollout.Steps
	Reward *Node // [T, N], to learn from
}

type answer struct {
	Ledger rollout.Ledger
	Key    *Node
	Lesson lesson
	Stats  *Node
}

// lesson is what the update learns from.
type lesson struct {
	Rows  *Node // [T*N, ...], rollout.Agent.Rows
	Order *Node // [Epochs*Minibatches, size] int32: the rows of each minibatch
}

// marks are the numbers of one minibatch, in the order of losses.
type marks struct{ Values *Node }

var losses = [...]string{"policy_loss", "value_loss", "entropy", "old_approx_kl", "approx_kl", "clipfrac", "grad_norm"}

// ppo is a configuration with its agent.
type ppo struct {
	*Config
	agent *rollout.Agent
}

// prepare keeps the books, estimates advantages and shuffles the rows once for every epoch.
func (p *ppo) prepare(q question) answer {
	d := rollout.Discount{Gamma: p.Gamma, Lambda: p.Lambda, ScaleReward: p.NormReward}
	mind := rollout.Mind{Theta: q.Theta, Obs: q.Ledger.Obs}
	ledger, batch, stats := rollout.Assess(p.agent, mind, q.Ledger, q.Steps, q.Reward, d)
	key, order := ops.Shuffle(q.Key, p.Epochs, p.Batch())
	return answer{ledger, key, lesson{p.agent.Rows(batch), Reshape(order, p.rounds(), p.Batch()/p.Minibatches)}, stats}
}

// update is one minibatch, of which every device takes its share. i counts the minibatches of the whole training.
func (p *ppo) update(d loop.Device, i *Node, s learner, l lesson) (learner, marks) {
	g := i.Graph()
	round := Mod(i, Const(g, int32(p.rounds())))
	rows := Squeeze(Gather(l.Order, Reshape(round, 1, 1)), 0)
	b := p.agent.Unpack(Gather(l.Rows, ExpandAxes(rows, -1)))
	advantage := d.Share(p.standardise(b.Advantage)) // by mean and deviation of the whole minibatch
	b = rollout.Batch{Obs: d.Share(b.Obs), Action: d.Share(b.Action), LogProb: d.Share(b.LogProb), Value: d.Share(b.Value), Target: d.Share(b.Target)}

	parts := p.agent.Net.Pack.Split(s.Theta)
	pi, value := p.agent.Judge(parts, b.Obs)
	logp, entropy := pi.LogProb(b.Action), ReduceAllMean(pi.Entropy())
	policyLoss := ops.PPOLoss(logp, b.LogProb, advantage, p.Clip)
	valueLoss := ops.ValueLoss(value, b.Target)
	if !p.FreeValue {
		valueLoss = ops.ClippedValueLoss(value, b.Value, b.Target, p.Clip)
	}
	loss := Add(policyLoss, Sub(MulScalar(valueLoss, p.ValueWeight), MulScalar(entropy, p.Entropy)))

	oldKL, kl := ops.ApproxKL(logp, b.LogProb)
	sum := MulScalar(loss, p.Ensemble) // members share no parameters: each gets the gradient of its own mean
	means := d.Mean(p.agent.Net.Pack.Gradient(sum, parts), policyLoss, valueLoss, entropy, oldKL, kl, ops.ClipFraction(logp, b.LogProb, p.Clip))
	grad, norm := nn.ClipNorm(means[0], p.MaxNorm)
	s.Theta, s.Adam = nn.Adam{Rate: p.rate(i), Eps: 1e-5}.Step(s.Theta, grad, s.Adam)
	return s, marks{nn.Join(append(means[1:], ReduceAllMean(norm)))}
}

// standardise gives the advantages of each member mean 0 and deviation 1.
func (p *ppo) standardise(x *Node) *Node {
	if p.Ensemble == 1 {
		return ops.Standardise(x)
	}
	return Reshape(ops.Standardise(Reshape(x, p.Ensemble, -1)), -1)
}

// rate is the step size in minibatch i: it falls from update to update.
func (p *ppo) rate(i *Node) *Node {
	if p.ConstantLR {
		return Scalar(i.Graph(), dtypes.Float32, p.LR)
	}
	done := ConvertDType(Div(i, Const(i.Graph(), int32(p.rounds()))), dtypes.Float32) // updates so far
	return nn.Anneal(DivScalar(done, float64(p.Iterations())), p.LR, 0)
}

// Learner is PPO as compiled programs. An iteration is Play, whatever judges the trajectory, and Learn.
type Learner struct {
	*ppo
	player  *rollout.Player
	prepare *loop.Func[question, answer]
	update  *loop.Loop[learner, lesson, marks]
}

// Play collects a trajectory [Steps, Envs, ...]. It consumes s; the one that it returns shares all but the environments with it.
func (p *Learner) Play(ctx context.Context, s loop.Values[State]) (loop.Values[State], loop.Values[rollout.Steps], error) {
	var none loop.Values[rollout.Steps]
	learn, err1 := loop.Part[learner](s, "Learner")
	walk, err2 := loop.Part[rollout.Walk](s, "Walk")
	ledger, err3 := loop.Part[rollout.Ledger](s, "Ledger")
	mind, err4 := rollout.MindIn(s, "")
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return s, none, err
	}
	walk, steps, err := p.player.Play(ctx, walk, mind)
	if err != nil {
		return s, none, err
	}
	s, err = loop.Join[State](learn, walk, ledger, loop.Leaf{T: s.Get("Key")})
	return s, steps, err
}

// Learn updates the agent in iteration i by the trajectory that Play gave with s, and logs what it saw. The agent learns for reward [Steps,
// Envs]; nil: for the reward of the environment, by which the returns of episodes are logged in any case. Learn consumes s, steps and reward.
func (p *Learner) Learn(ctx context.Context, i int, s loop.Values[State], steps loop.Values[rollout.Steps], reward *tensors.Tensor, log *rollout.Journal) (loop.Values[State], error) {
	learn, err1 := loop.Part[learner](s, "Learner")
	walk, err2 := loop.Part[rollout.Walk](s, "Walk")
	ledger, err3 := loop.Part[rollout.Ledger](s, "Ledger")
	key, theta := loop.Leaf{T: s.Get("Key")}, loop.Leaf{T: s.Get("Learner.Theta")}
	if reward == nil {
		reward = steps.Get("Reward")
	} else {
		defer func() { _ = reward.FinalizeAll() }()
	}
	q, err4 := loop.Join[question](theta, ledger, key, steps, loop.Leaf{T: reward})
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return s, err
	}
	a, err := p.prepare.Call(ctx, q)
	if err != nil {
		return s, err
	}
	taught, err := loop.Part[lesson](a, "Lesson")
	if err != nil {
		return s, err
	}
	learn, marks, err := p.update.Run(ctx, i*p.rounds(), p.rounds(), learn, taught)
	if err != nil {
		return s, err
	}
	newLedger, err := loop.Part[rollout.Ledger](a, "Ledger")
	if err != nil {
		return s, err
	}
	s, err = loop.Join[State](learn, walk, newLedger, loop.Leaf{T: a.Get("Key")})
	return s, errors.Join(err, log.Rollout(i, a.Get("Stats")), p.logLosses(i, log, marks.Get("Values")),
		ledger.Close(), key.T.FinalizeAll(), steps.Close(), taught.Close(), a.Get("Stats").FinalizeAll(), marks.Close())
}

// iterate is one iteration for the reward of the environment.
func (p *Learner) iterate(ctx context.Context, i int, s loop.Values[State], log *rollout.Journal) (loop.Values[State], error) {
	s, steps, err := p.Play(ctx, s)
	if err != nil {
		return s, err
	}
	return p.Learn(ctx, i, s, steps, nil, log)
}

// logLosses adds the means of the minibatches' marks, [rounds, len(losses)].
func (p *ppo) logLosses(i int, log *rollout.Journal, marks *tensors.Tensor) error {
	log.LearningRate(p.LR, p.ConstantLR, i, p.Iterations())
	if err := log.Means("losses/", losses[:], marks); err != nil {
		return fmt.Errorf("losses: %w", err)
	}
	return nil
}
