package ppo

import (
	"math/rand/v2"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/backend/backendtest"
	"github.com/rewardlab/rewardlab/rl/env"
	"github.com/rewardlab/rewardlab/rl/loop"
	"github.com/rewardlab/rewardlab/rl/nn"
	"github.com/rewardlab/rewardlab/rl/rollout"
	"github.com/rewardlab/rewardlab/rl/trainer/trainertest"
)

type pupil struct {
	Learner learner
	Lesson  lesson
}

type moved struct{ Off, By *Node } // [members]

// A minibatch moves each member of an ensemble as it would move the member alone.
func TestEnsembleMovesAsItsMembers(t *testing.T) {
	const members = 3
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		set := []string{"env=pendulum", "hidden=5", "envs=2", "steps=8", "total=160", "minibatches=2", "max_norm=0.05"}
		one := &ppo{Config: trainertest.Resolved(t, &Config{}, set...)}
		many := &ppo{Config: trainertest.Resolved(t, &Config{}, append(set, "ensemble=3")...)}
		world, err := env.Find("pendulum")
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range []*ppo{one, many} {
			if p.agent, err = rollout.NewAgent(env.Auto(world), p.Config.Agent()); err != nil {
				t.Fatal(err)
			}
		}
		f, err := loop.NewFunc(e.Backend, "update", func(p pupil) moved {
			i := Const(p.Lesson.Rows.Graph(), int32(1))
			all, _ := many.update(loop.Device{}, i, p.Learner, p.Lesson)
			var off, by []*Node
			for k := range members {
				row := func(x *Node) *Node { return Squeeze(SliceAxis(x, 0, AxisElem(k)), 0) }
				s := learner{row(p.Learner.Theta), nn.Moments{M: row(p.Learner.Adam.M), V: row(p.Learner.Adam.V), T: p.Learner.Adam.T}}
				size := one.agent.RowSize()
				next, _ := one.update(loop.Device{}, i, s, lesson{SliceAxis(p.Lesson.Rows, 1, AxisRange(k*size, (k+1)*size)), p.Lesson.Order})
				off = append(off, ReduceAllMax(Abs(Sub(row(all.Theta), next.Theta))))
				by = append(by, ReduceAllMax(Abs(Sub(s.Theta, next.Theta))))
			}
			return moved{Stack(off, 0), Stack(by, 0)}
		})
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()

		r := rand.New(rand.NewPCG(1, 2))
		rows := nn.ZeroTensor(16, many.agent.RowSize())
		tensors.MustMutableFlatData(rows, func(x []float32) {
			for i := range x {
				x[i] = float32(r.NormFloat64()) / 2
			}
		})
		order := make([][]int32, many.rounds())
		for i := range order {
			for range 8 {
				order[i] = append(order[i], r.Int32N(16))
			}
		}
		ts := append(nn.Start(many.agent.Init(func(k int) uint64 { return uint64(k) })...), rows, tensors.FromValue(order))
		in, err := loop.Pack[pupil](ts...)
		if err != nil {
			t.Fatal(err)
		}
		out, err := f.Call(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		off, by := tensors.MustCopyFlatData[float32](out.Get("Off")), tensors.MustCopyFlatData[float32](out.Get("By"))
		for k := range members {
			if !(by[k] > 1e-4 && off[k] < 1e-3*by[k]) {
				t.Errorf("member %d moves by %g, and in the ensemble %g elsewhere", k, by[k], off[k])
			}
		}
	})
}
