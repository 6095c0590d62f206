package rollout_test

import (
	"fmt"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/backend/backendtest"
	"github.com/rewardlab/rewardlab/rl/env"
	"github.com/rewardlab/rewardlab/rl/loop"
	"github.com/rewardlab/rewardlab/rl/rollout"
)

// apart is, for each member, how far an ensemble's batch and books are from those of the member alone: [fields].
type apart struct{ Member [3]*Node }

// An ensemble makes of a trajectory what each of its members would make of its own environments.
func TestEnsembleIsItsMembers(t *testing.T) {
	const members, n, steps = 3, 2, 7
	d := rollout.Discount{Gamma: 0.9, Lambda: 0.8, ScaleReward: true}
	for _, name := range []string{"acrobot", "pendulum", "breakout"} {
		t.Run(name, func(t *testing.T) {
			backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
				world, err := env.Find(name)
				if err != nil {
					t.Fatal(err)
				}
				c := rollout.AgentConfig{Hidden: []int{8}, NormObs: true, Conv: name == "breakout"}
				one := agent(t, world, c)
				c.Members = members
				many := agent(t, world, c)
				p, err := rollout.NewPlayer(e.Backend, many, n, steps)
				if err != nil {
					t.Fatal(err)
				}
				defer p.Close()
				f, err := loop.NewFunc(e.Backend, "assess", func(q request) apart { return compare(many, one, members, q, d) })
				if err != nil {
					t.Fatal(err)
				}
				defer f.Close()

				zero, err := many.MindLike()
				if err != nil {
					t.Fatal(err)
				}
				theta := many.Init(func(k int) uint64 { return uint64(k) })
				ts := zero.Tensors()
				var flat []float32
				for _, x := range theta {
					flat = append(flat, x...)
				}
				ts[0] = tensors.FromFlatDataAndDimensions(flat, members, len(theta[0]))
				mind, err1 := loop.Pack[rollout.Mind](ts...)
				ledger, err2 := loop.Pack[rollout.Ledger](p.LedgerStart()...)
				walk, err3 := p.Start(t.Context(), 5)
				if err1 != nil || err2 != nil || err3 != nil {
					t.Fatal(err1, err2, err3)
				}
				_, s, err := p.Play(t.Context(), walk, mind)
				if err != nil {
					t.Fatal(err)
				}
				q, err := loop.Join[request](mind, ledger, s)
				if err != nil {
					t.Fatal(err)
				}
				r, err := f.Call(t.Context(), q)
				if err != nil {
					t.Fatal(err)
				}
				for k := range members {
					for i, x := range tensors.MustCopyFlatData[float32](r.Get(fmt.Sprintf("Member.%d", k))) {
						if !(x < 1e-4) {
							t.Errorf("member %d, number %d is off by %g", k, i, x)
						}
					}
				}
			})
		})
	}
}

func compare(many, one *rollout.Agent, members int, q request, d rollout.Discount) (out apart) {
	ledger, all, _ := rollout.Assess(many, q.Mind, q.Ledger, q.Steps, q.Steps.Reward, d)
	parts := many.Net.Pack.Split(q.Mind.Theta)
	pi, _ := many.Judge(parts, all.Obs)
	again := pi.LogProb(all.Action)
	rows := all.Value.Shape().Size() / members
	for k := range members {
		row := func(x *Node) *Node { return Squeeze(SliceAxis(x, 0, AxisElem(k)), 0) }
		own := func(x *Node) *Node { // of a trajectory [T, N, ...]
			n := x.Shape().Dimensions[1] / members
			return SliceAxis(x, 1, AxisRange(k*n, (k+1)*n))
		}
		part := func(x *Node) *Node { return SliceAxis(x, 0, AxisRange(k*rows, (k+1)*rows)) } // of a batch
		q1 := q
		q1.Mind.Theta, q1.Mind.Obs.Mean, q1.Mind.Obs.Var = row(q.Mind.Theta), row(q.Mind.Obs.Mean), row(q.Mind.Obs.Var)
		q1.Ledger.Open = own(q.Ledger.Open)
		q1.Ledger.Obs.Mean, q1.Ledger.Obs.Var = row(q.Ledger.Obs.Mean), row(q.Ledger.Obs.Var)
		q1.Ledger.Reward.Mean, q1.Ledger.Reward.Var = row(q.Ledger.Reward.Mean), row(q.Ledger.Reward.Var)
		s := q.Steps
		q1.Steps = rollout.Steps{Obs: own(s.Obs), Final: own(s.Final), Action: own(s.Action), LogProb: own(s.LogProb), Reward: own(s.Reward),
			Terminated: own(s.Terminated), Truncated: own(s.Truncated)}
		l, b, _ := rollout.Assess(one, q1.Mind, q1.Ledger, q1.Steps, q1.Steps.Reward, d)

		off := func(x, y *Node) *Node { return Reshape(ReduceAllMax(Abs(Sub(x, y))), 1) }
		out.Member[k] = Concatenate([]*Node{
			off(row(all.Obs), b.Obs), off(part(all.LogProb), b.LogProb), off(part(all.Value), b.Value), off(part(all.Advantage), b.Advantage),
			off(part(all.Target), b.Target), off(part(again), b.LogProb), off(row(ledger.Obs.Mean), l.Obs.Mean), off(row(ledger.Obs.Var), l.Obs.Var),
			off(row(ledger.Reward.Var), l.Reward.Var), off(own(ledger.Open), l.Open),
		}, 0)
	}
	return out
}

func TestMarksOfAnEnsemble(t *testing.T) {
	m := rollout.Marks{Members: 2, Returns: []float64{1, 3, 5, 11}, Lengths: []float64{1, 1, 1, 1}, Unfinished: []float64{0, 0, 0, 0}}
	v := m.Values()
	// Means 2 and 8; their standard deviation is 6/sqrt 2, the error of their mean 3.
	near(t, "values", []float64{v["eval/member/000"], v["eval/member/001"], v["eval/return"], v["eval/return_hi"]}, 2, 8, 5, 5+1.96*3)
}
