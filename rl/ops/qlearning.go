package ops

import (
	"fmt"
	"math"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
)

// Pick is q[i, action[i]] for values q [n, k] and actions [n]: [n].
func Pick(q, action *Node) *Node { return LogProb(q, action) }

// NStep reads stretches of T steps from as many places, reward, terminated and truncated [n, T], up to the first step that ended an
// episode, or else to the last:
//
//	return   = r_0 + gamma r_1 + ... + gamma^k r_k
//	discount = gamma^(k+1), or 0 where step k terminated the episode: nothing comes after it
//
// both [n], so that return + discount Q(final observation of step k) is what to learn. At a truncation the discount stays: the episode would
// have gone on. last [n, T] is 1 at step k and 0 elsewhere.
func NStep(reward, terminated, truncated *Node, gamma float64) (ret, discount, last *Node) {
	if reward.Rank() != 2 || !terminated.Shape().EqualDimensions(reward.Shape()) || !truncated.Shape().EqualDimensions(reward.Shape()) {
		panic(fmt.Errorf("n-step return: reward is %s, terminated %s, truncated %s: all are [n, T]", reward.Shape(), terminated.Shape(), truncated.Shape()))
	}
	at := func(x *Node, k int) *Node {
		return ConvertDType(Squeeze(SliceAxis(x, 1, AxisElem(k)), 1), dtypes.Float32)
	}
	steps := reward.Shape().Dimensions[1]
	open := OnesLike(at(reward, 0)) // 1 until the episode has ended
	ret, discount = ZerosLike(open), ZerosLike(open)
	marks := make([]*Node, steps)
	for k := range steps {
		ret = Add(ret, MulScalar(Mul(open, at(reward, k)), math.Pow(gamma, float64(k))))
		dead := at(terminated, k)
		over := Max(dead, at(truncated, k))
		marks[k] = Mul(open, over)
		if k == steps-1 {
			marks[k] = open
		}
		discount = Add(discount, MulScalar(Mul(marks[k], OneMinus(dead)), math.Pow(gamma, float64(k+1))))
		open = Mul(open, OneMinus(over))
	}
	return ret, discount, Stack(marks, 1)
}

// QTarget is what Q-learning moves Q(s, a) towards, return + discount max_a' Q(s', a'), for next [n, k], the values of the
// observation that the step led to (Watkins 1989). It takes no gradient.
func QTarget(ret, discount, next *Node) *Node {
	return StopGradient(Add(ret, Mul(discount, ReduceMax(next, -1))))
}

// DoubleQTarget lets one set of values choose the action and another judge it, return + discount next[argmax selector], both
// [n, k]: the maximum over noisy values is too high on average, this is not (van Hasselt 2010; van Hasselt, Guez and Silver 2016).
func DoubleQTarget(ret, discount, next, selector *Node) *Node {
	return StopGradient(Add(ret, Mul(discount, Pick(next, ArgMax(selector, -1)))))
}

// TDLoss is the mean of the squared temporal-difference error (target - q)^2 over [n].
func TDLoss(q, target *Node) *Node { return ReduceAllMean(Square(Sub(StopGradient(target), q))) }

// HuberTDLoss is the mean of d^2/2 where the error d = target - q is within [-1, 1], and of |d| - 1/2 beyond: the clipped error of Mnih et
// al. (2015), whose gradient no outlier can make large.
func HuberTDLoss(q, target *Node) *Node {
	d := Abs(Sub(StopGradient(target), q))
	small := MinScalar(d, 1)
	return ReduceAllMean(Mul(small, Sub(d, MulScalar(small, 0.5))))
}

// EpsilonGreedy takes the best action of q [n, k], or with probability epsilon, a scalar, any of them: [n] int32.
func EpsilonGreedy(key, q, epsilon *Node) (newKey, action *Node) {
	n, k := q.Shape().Dimensions[0], q.Shape().Dimensions[1]
	key, u := Uniform(key, 2, n)
	row := func(i int) *Node { return Squeeze(SliceAxis(u, 0, AxisElem(i)), 0) }
	explore := LessThan(row(0), BroadcastToDims(epsilon, n))
	return key, Where(explore, Floored(row(1), Const(q.Graph(), float32(k))), ArgMax(q, -1))
}

// Write puts rows [n, ...] into buffer [size, ...] from row `at` on, an int32 scalar with at + n <= size. A compiled loop that carries the
// buffer as state writes in place as long as nothing else reads the buffer of before. What is overwritten must be finite numbers.
func Write(buffer, rows, at *Node) *Node {
	g := buffer.Graph()
	if g.Backend().Capabilities().Operations[compute.OpTypeDynamicUpdateSlice] {
		start := make([]*Node, buffer.Rank())
		start[0] = at
		for d := 1; d < len(start); d++ {
			start[d] = Const(g, int32(0))
		}
		return DynamicUpdateSlice(buffer, rows, start)
	}
	// The pure-Go engine adds rows but cannot replace them: x - x is exactly 0, and 0 + y exactly y.
	n := rows.Shape().Dimensions[0]
	index := ExpandAxes(Add(Iota(g, shapes.Make(dtypes.Int32, n), 0), at), -1)
	old := Gather(buffer, index)
	return ScatterSum(ScatterSum(buffer, index, Neg(old), true, true), index, rows, true, true)
}
