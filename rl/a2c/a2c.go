package a2c

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

// state is everything that a training carries from one iteration to the next.
type state struct {
	Learner learner
	Walk    rollout.Walk
	Ledger  rollout.Ledger
}

// learner is what the update changes.
type learner struct {
	Theta *Node
	Adam  nn.Moments
}

type question struct {
	Learner learner
	Ledger  rollout.Ledger
	Steps   rollout.Steps
	Done    *Node // iterations so far, float32
}

type answer struct {
	Learner learner
	Ledger  rollout.Ledger
	Stats   *Node // rollout's
	Values  *Node // of losses
}

var losses = [...]string{"policy_loss", "value_loss", "entropy", "grad_norm"}

// a2c is a configuration with its agent.
type a2c struct {
	*Config
	agent *rollout.Agent
}

// learn keeps the books and takes one step along
//
//	grad mean [ log pi(a|s) A - value_weight (V(s) - target)^2 / 2 + entropy H(pi(.|s)) ]
func (a *a2c) learn(q question) answer {
	s := q.Learner
	mind := rollout.Mind{Theta: s.Theta, Obs: q.Ledger.Obs}
	ledger, b, stats := rollout.Assess(a.agent, mind, q.Ledger, q.Steps, q.Steps.Reward,
		rollout.Discount{Gamma: a.Gamma, Lambda: a.Lambda, ScaleReward: a.NormReward})
	b.Advantage, b.Target = StopGradient(b.Advantage), StopGradient(b.Target)

	parts := a.agent.Net.Pack.Split(s.Theta)
	pi, value := a.agent.Judge(parts, b.Obs)
	advantage := b.Advantage
	if a.NormAdvantage {
		advantage = ops.Standardise(advantage)
	}
	policyLoss := ops.A2CLoss(pi.LogProb(b.Action), advantage)
	valueLoss, entropy := ops.ValueLoss(value, b.Target), ReduceAllMean(pi.Entropy())
	loss := Add(policyLoss, Sub(MulScalar(valueLoss, a.ValueWeight), MulScalar(entropy, a.Entropy)))

	grad, norm := nn.ClipNorm(a.agent.Net.Pack.Gradient(loss, parts), a.MaxNorm)
	s.Theta, s.Adam = nn.Adam{Rate: a.rate(q.Done), Eps: 1e-5}.Step(s.Theta, grad, s.Adam)
	return answer{s, ledger, stats, nn.Join([]*Node{policyLoss, valueLoss, entropy, norm})}
}

// rate is the step size after so many iterations.
func (a *a2c) rate(done *Node) *Node {
	if a.ConstantLR {
		return Scalar(done.Graph(), dtypes.Float32, a.LR)
	}
	return nn.Anneal(DivScalar(done, float64(a.iterations())), a.LR, 0)
}

// programs are the two of an iteration.
type programs struct {
	*a2c
	player *rollout.Player
	learn  *loop.Func[question, answer]
}

// iterate plays and learns, and frees what is not needed any more.
func (p *programs) iterate(ctx context.Context, i int, s loop.Values[state], log *rollout.Journal) (loop.Values[state], error) {
	learn, err1 := loop.Part[learner](s, "Learner")
	walk, err2 := loop.Part[rollout.Walk](s, "Walk")
	ledger, err3 := loop.Part[rollout.Ledger](s, "Ledger")
	mind, err4 := rollout.MindIn(s, "")
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return s, err
	}
	walk, steps, err := p.player.Play(ctx, walk, mind)
	if err != nil {
		return s, err
	}
	q, err := loop.Join[question](learn, ledger, steps, loop.Leaf{T: tensors.FromValue(float32(i))})
	if err != nil {
		return s, err
	}
	a, err := p.learn.Call(ctx, q)
	if err != nil {
		return s, errors.Join(err, steps.Close())
	}
	newLearner, err1 := loop.Part[learner](a, "Learner")
	newLedger, err2 := loop.Part[rollout.Ledger](a, "Ledger")
	s, err3 = loop.Join[state](newLearner, walk, newLedger)
	return s, errors.Join(err1, err2, err3, log.Rollout(i, a.Get("Stats")), p.logLosses(i, log, a.Get("Values")),
		q.Close(), a.Get("Stats").FinalizeAll(), a.Get("Values").FinalizeAll())
}

func (p *programs) logLosses(i int, log *rollout.Journal, values *tensors.Tensor) error {
	log.LearningRate(p.LR, p.ConstantLR, i, p.iterations())
	if err := log.Means("losses/", losses[:], values); err != nil {
		return fmt.Errorf("losses: %w", err)
	}
	return nil
}
