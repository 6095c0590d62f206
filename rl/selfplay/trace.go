package selfplay

import (
	"math"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/rewardlab/rewardlab/rl/loop"
)

// with makes a trace of what f makes of every node of t and o.
func (t trace) with(o trace, f func(a, b *Node) *Node) trace {
	u, v := t.Turn, o.Turn
	return trace{f(t.Obs, o.Obs), f(t.Action, o.Action), f(t.LogProb, o.LogProb), turn{
		f(u.Alice, v.Alice), f(u.Reward, v.Reward), f(u.End, v.End), f(u.Over, v.Over), f(u.Prize, v.Prize),
		f(u.Task, v.Task), f(u.Solved, v.Solved), f(u.Set, v.Set), f(u.Moves, v.Moves), f(u.Tried, v.Tried), f(u.Reached, v.Reached), f(u.Bin, v.Bin)}}
}

// then is t [L, N, ...] with o [T, N, ...] after it.
func (t trace) then(o trace) trace {
	return t.with(o, func(a, b *Node) *Node { return Concatenate([]*Node{a, b}, 0) })
}

// last are the last n steps.
func (t trace) last(n int) trace {
	return t.with(t, func(a, _ *Node) *Node {
		steps := a.Shape().Dimensions[0]
		return SliceAxis(a, 0, AxisRange(steps-n, steps))
	})
}

// blank is a trace of so many steps of n games in which every step is an episode of its own, long over: nobody learns from it.
func (p *pair) blank(steps, n int) []*tensors.Tensor {
	ts := make([]*tensors.Tensor, 0, 15)
	for _, name := range loop.Names[trace]() {
		x := tensors.FromShape(shapes.Make(dtypes.Float32, steps, n))
		switch name {
		case "Obs":
			x = tensors.FromShape(shapes.Make(dtypes.Float32, steps, n, p.game.sees()))
		case "Action", "Turn.Bin":
			x = tensors.FromShape(shapes.Make(dtypes.Int32, steps, n))
		case "Turn.Over":
			tensors.MustMutableFlatData(x, func(v []float32) {
				for i := range v {
					v[i] = 1
				}
			})
		}
		ts = append(ts, x)
	}
	return ts
}

// logOdds is what must be added to the logit of one action for it to have probability p beside n others.
func logOdds(p float64, n int) float64 { return math.Log(p * float64(n) / (1 - p)) }
