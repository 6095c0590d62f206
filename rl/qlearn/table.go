package qlearn

import (
	"context"
	"fmt"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/env"
	"github.com/rewardlab/rewardlab/rl/nn"
	"github.com/rewardlab/rewardlab/rl/ops"
	"github.com/rewardlab/rewardlab/rl/trainer"
)

// tableState is everything that training a table carries from one iteration to the next.
type tableState struct {
	Play  play
	Theta *Node // [tables * cells * actions], zero at first
}

// table is a configuration with its cells and environment.
type table struct {
	*Table
	cells
	vector  *env.Vector
	actions int
	tables  int // 2 for double Q-learning
}

// NewTable compiles the training of a table in environment en for c, which must be resolved and checked.
func NewTable(ctx context.Context, b *backend.Engine, en env.Env, c *Table) (*trainer.Worker, error) {
	m, err := c.method(en)
	if err != nil {
		return nil, err
	}
	return build(ctx, b, m)
}

func (c *Table) method(en env.Env) (method[tableState], error) {
	if err := discrete(en.Spec()); err != nil {
		return method[tableState]{}, fmt.Errorf("q: %w", err)
	}
	en, x, err := c.cellsOf(en)
	if err != nil {
		return method[tableState]{}, fmt.Errorf("q: %w", err)
	}
	t := &table{Table: c, cells: x, vector: env.Auto(en), actions: en.Spec().Action.N, tables: 1}
	if c.Double {
		t.tables = 2
	}
	return method[tableState]{
		name: "q on " + en.Spec().Name, vector: t.vector, envs: c.Envs, iterations: c.Iterations, logEvery: c.LogEvery,
		body:   t.iterate,
		start:  func(int64) []*tensors.Tensor { return []*tensors.Tensor{nn.ZeroTensor(t.tables * t.count * t.actions)} },
		greedy: func(theta, obs *Node) *Node { return ArgMax(ReduceSum(t.values(theta, t.index(obs)), 0), -1) },
	}, nil
}

// values are Q of every table for rows [n, tilings]: [tables, n, actions]. Tilings add up.
func (t *table) values(theta, row *Node) *Node {
	n := row.Shape().Dimensions[0]
	byTable := Reshape(theta, t.tables, t.count, t.actions)
	one := func(k int) *Node {
		found := Gather(Squeeze(SliceAxis(byTable, 0, AxisElem(k)), 0), Reshape(row, n*t.tilings, 1))
		return ReduceSum(Reshape(found, n, t.tilings, t.actions), 1)
	}
	qs := make([]*Node, t.tables)
	for k := range qs {
		qs[k] = one(k)
	}
	return Stack(qs, 0)
}

// iterate is one step of every environment, and Watkins's update for each: Q(s, a) += lr (target - Q(s, a)).
func (t *table) iterate(i *Node, s tableState, _ none) (tableState, metrics) {
	c := t.Table
	g := i.Graph()
	done := progress(i, c.Iterations)
	epsilon := c.epsilon(done)
	row := t.index(t.vector.Observe(s.Play.Env))
	q := t.values(s.Theta, row)
	key, action := ops.EpsilonGreedy(s.Play.Key, ReduceSum(q, 0), epsilon)
	var which *Node // the table that learns from each environment's step, [n] int32
	if t.tables == 2 {
		key, which = ops.Below(key, c.Envs, 2)
	} else {
		which = ZerosLike(action)
	}
	s.Play.Key = key
	next, out, m := s.Play.step(t.vector, action)
	s.Play = next

	column := func(x *Node) *Node { return ExpandAxes(x, -1) }
	ret, discount, _ := ops.NStep(column(out.Reward), column(out.Terminated), column(out.Truncated), c.Gamma)
	after := t.values(s.Theta, t.index(out.FinalObs))
	// Of two tables, `which` is corrected and chooses, the other judges; a single one does it all.
	of := func(x *Node, k int) *Node { return Squeeze(SliceAxis(x, 0, AxisElem(k)), 0) }
	mine, target := of(q, 0), ops.QTarget(ret, discount, of(after, 0))
	if t.tables == 2 {
		second := GreaterThan(which, ZerosLike(which))
		wide := BroadcastToDims(column(second), c.Envs, t.actions)
		mine = Where(wide, of(q, 1), of(q, 0))
		chooser, judge := Where(wide, of(after, 1), of(after, 0)), Where(wide, of(after, 0), of(after, 1))
		target = ops.DoubleQTarget(ret, discount, judge, chooser)
	}
	value := ops.Pick(mine, action)
	delta := Sub(target, value) // [n]

	rate := DivScalar(nn.Anneal(done, c.LR, c.LR*c.LREnd), float64(t.tilings))
	entry := Add(MulScalar(Add(row, column(MulScalar(which, t.count))), t.actions), column(action)) // [n, tilings]
	s.Theta = ScatterSum(s.Theta, Reshape(entry, c.Envs*t.tilings, 1), Reshape(Mul(once(entry, delta), rate), c.Envs*t.tilings), false, false)

	m.Epsilon, m.Learned = epsilon, Const(g, float32(1))
	m.Loss, m.Q = ops.TDLoss(value, target), ReduceAllMean(value)
	return s, m
}

// once spreads the corrections delta [n] over entries [n, tilings]. Where several environments correct one entry, the first carries the
// mean and the others nothing: a step is never longer than its rate, and the order in which an engine adds them cannot matter.
func once(entry, delta *Node) *Node {
	n, tilings := entry.Shape().Dimensions[0], entry.Shape().Dimensions[1]
	dims := []int{n, n, tilings}
	same := ConvertDType(Equal(BroadcastToDims(ExpandAxes(entry, 1), dims...), BroadcastToDims(ExpandAxes(entry, 0), dims...)), dtypes.Float32)
	mean := Div(ReduceSum(Mul(same, Reshape(delta, 1, n, 1)), 1), ReduceSum(same, 1))
	square := shapes.Make(dtypes.Int32, n, n)
	earlier := ConvertDType(LessThan(Iota(entry.Graph(), square, 1), Iota(entry.Graph(), square, 0)), dtypes.Float32)
	before := ReduceSum(Mul(same, ExpandAxes(earlier, -1)), 1)
	return Mul(mean, ConvertDType(Equal(before, ZerosLike(before)), dtypes.Float32))
}
