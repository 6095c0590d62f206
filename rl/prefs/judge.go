package prefs

import (
	"fmt"
	"math"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/rewardlab/rewardlab/rl/env"
)

// judged is e with what the annotator judges by in place of its reward. Clips, scores and the learner that is compared with all go by it.
func judged(e env.Env, judge string) (env.Env, error) {
	name := e.Spec().Name
	fits := map[string]string{"spin": "pendulum", "eight": "pointmass-open"}
	if want, special := fits[judge]; special && name != want {
		return nil, fmt.Errorf("judge %s looks at %s, the environment is %s: set env=%s", judge, want, name, want)
	}
	switch judge {
	case "spin":
		return env.WithReward(e, func(obs, action, next, reward *Node) *Node { return spin(next) }), nil
	case "eight":
		return env.WithReward(e, func(obs, action, next, reward *Node) *Node { return eight(next) }), nil
	}
	return e, nil
}

// spin is 1 where the pendulum turns clockwise at 6 radians a second or more, less below that, and -1 where it turns the other way as fast.
func spin(obs *Node) *Node {
	speed := Squeeze(SliceAxis(obs, 1, AxisElem(2)), 1)
	return ClipScalar(MulScalar(speed, 1.0/6), -1, 1)
}

// The eight lies across the square: x = 0.6 sin p, y = 0.3 sin 2p, drawn once in eightSteps steps.
const (
	eightWide, eightHigh = 0.6, 0.3
	eightSteps           = 60
	eightPoints          = 64
)

// eight is minus how far the mass is from the nearest point of an eight that is drawn in eightSteps steps: far in place, and in the velocity that belongs
// to the place, so that standing still on the line is no eight.
func eight(obs *Node) *Node {
	points := make([][]float32, eightPoints)
	for k := range points {
		p := 2 * math.Pi * float64(k) / eightPoints
		rate := 2 * math.Pi / eightSteps / 0.1 // a speed of 1 moves 0.1 in a step
		points[k] = []float32{float32(eightWide * math.Sin(p)), float32(eightHigh * math.Sin(2*p)),
			float32(eightWide * math.Cos(p) * rate), float32(2 * eightHigh * math.Cos(2*p) * rate)}
	}
	n := obs.Shape().Dimensions[0]
	at := BroadcastToDims(ExpandAxes(SliceAxis(obs, 1, AxisRange(0, 4)), 1), n, eightPoints, 4)
	curve := BroadcastToDims(ExpandAxes(Const(obs.Graph(), points), 0), n, eightPoints, 4)
	weight := BroadcastToDims(Reshape(Const(obs.Graph(), []float32{1, 1, 0.5, 0.5}), 1, 1, 4), n, eightPoints, 4)
	d := ReduceMin(ReduceSum(Mul(weight, Square(Sub(at, curve))), -1), -1)
	return Neg(Sqrt(d))
}
