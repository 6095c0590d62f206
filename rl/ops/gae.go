package ops

import (
	"fmt"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
)

// Backward solves y_t = x_t + c_t y_{t+1}, y_T = 0, along the first axis of x and c, both [T, ...], in log2(T) steps: after step k every y_t
// holds its first 2^k terms, and c_t the product of as many coefficients.
func Backward(x, c *Node) *Node {
	return scan(x, c, func(v *Node, k int) *Node {
		return Concatenate([]*Node{SliceAxis(v, 0, AxisRange(k)), ZerosLike(SliceAxis(v, 0, AxisRange(0, k)))}, 0)
	})
}

// Forward solves y_t = x_t + c_t y_{t-1}, y_{-1} = 0, in the same way. A value from before goes into x_0.
func Forward(x, c *Node) *Node {
	return scan(x, c, func(v *Node, k int) *Node {
		t := v.Shape().Dimensions[0]
		return Concatenate([]*Node{ZerosLike(SliceAxis(v, 0, AxisRange(0, k))), SliceAxis(v, 0, AxisRange(0, t-k))}, 0)
	})
}

func scan(x, c *Node, shift func(v *Node, k int) *Node) *Node {
	steps := x.Shape().Dimensions[0]
	for k := 1; k < steps; k *= 2 {
		x = Add(x, Mul(c, shift(x, k)))
		if 2*k < steps {
			c = Mul(c, shift(c, k))
		}
	}
	return x
}

// Path is what T steps of N environments brought, each [T, N]. The two ways in which an episode ends differ: after Terminated there is nothing
// more to expect, at Truncated a time limit cut an episode that would have gone on, and the value of where it stood counts.
type Path struct {
	Reward     *Node
	Value      *Node // of the observation that was acted on
	Next       *Node // value of the observation that the step led to, before a reset: of FinalObs where an episode ended
	Terminated *Node // bool
	Truncated  *Node // bool
}

func (p Path) check() {
	for name, x := range map[string]*Node{"Value": p.Value, "Next": p.Next, "Terminated": p.Terminated, "Truncated": p.Truncated} {
		if x != nil && !x.Shape().EqualDimensions(p.Reward.Shape()) {
			panic(fmt.Errorf("path: %s is %s, Reward %s: all are [T, N]", name, x.Shape(), p.Reward.Shape()))
		}
	}
}

// alive is 1 where the flag is not set.
func alive(flag *Node) *Node { return OneMinus(ConvertDType(flag, dtypes.Float32)) }

// GAE is generalised advantage estimation (Schulman et al. 2016):
//
//	delta_t = r_t + gamma (1 - terminated_t) V(next_t) - V_t
//	A_t     = delta_t + gamma lambda (1 - terminated_t) (1 - truncated_t) A_{t+1},   A_T = 0
//
// It returns A and the targets A + V for the value, both [T, N]. Take no gradient of them.
func GAE(p Path, gamma, lambda float64) (advantage, target *Node) {
	p.check()
	goesOn := alive(p.Terminated)
	delta := Sub(Add(p.Reward, MulScalar(Mul(goesOn, p.Next), gamma)), p.Value)
	advantage = Backward(delta, MulScalar(Mul(goesOn, alive(p.Truncated)), gamma*lambda))
	return advantage, Add(advantage, p.Value)
}

// DiscountedReturns is G_t = r_t + gamma G_{t+1}, [T, N], with 0 for G_{t+1} after a termination, and with the value of where the episode
// stood after a truncation and at the end of the path. Path.Value is not used.
func DiscountedReturns(p Path, gamma float64) *Node {
	p.check()
	steps := p.Reward.Shape().Dimensions[0]
	goesOn, uncut := alive(p.Terminated), alive(p.Truncated)
	last := SliceAxis(ZerosLike(uncut), 0, AxisRange(steps-1))
	if steps > 1 {
		last = Concatenate([]*Node{SliceAxis(uncut, 0, AxisRange(0, steps-1)), last}, 0)
	}
	x := Add(p.Reward, MulScalar(Mul(Mul(goesOn, OneMinus(last)), p.Next), gamma))
	return Backward(x, MulScalar(Mul(goesOn, last), gamma))
}
