package env

import (
	"fmt"
	"image"
	"image/color"
	"math"

	. "github.com/gomlx/gomlx/core/graph"
)

// DrivingConfig are the variants of Driving. The zero value is the published task of 5 steps.
type DrivingConfig struct {
	Weights [5]float64 // of the features; all 0: DrivingWeights()
	Long    bool       // 50 steps, and a car left behind by 0.6 comes back 1.2 ahead
}

// DrivingWeights are the true weights of the published study: lanes, fences, road, cars, speed.
func DrivingWeights() [5]float64 { return [5]float64{0.164, -0.098, 0.872, -0.436, -0.115} }

const (
	roadLane  = 0.13 // width of a lane
	roadFence = 0.26 // where the fences stand, left and right
	driveTime = 0.2  // seconds a step
)

// Driving steers a car along a road of three lanes beside another car (Sadigh et al., "Active preference-based learning of
// reward functions", 2017, and its published code). A car is x, y, heading and speed, moved by [DriveStep]; the actions in [-1, 1]
// are steering over 2, and acceleration. The other car keeps to a lane, ahead, at a steady 0.3 to 0.6. The reward is the weighted
// sum of [DrivingFeatures] after the step, so that a clip's return is the study's w.phi. Always 5 steps.
//
// The state is the driver's car and the other; the observation the driver's x, cos and sin of its heading and its speed, the way
// to the other car, and cos and sin of its heading and its speed.
//
// [DriveStep], [DrivingFeatures] and [DrivingClip] are differentiable in states and controls, for the optimisation of trajectories.
func Driving(c DrivingConfig) *Sim {
	spec := Spec{
		Name: "driving", Obs: []int{9}, State: 8, Action: Action{Dim: 2, Low: -1, High: 1}, Horizon: 5, Fixed: true,
	}
	if c.Long {
		spec.Name, spec.Horizon = "driving-long", 50
	}
	if c.Weights == [5]float64{} {
		c.Weights = DrivingWeights()
	}
	return New(Rules{
		Spec:       spec,
		ResetDraws: 7,
		Reset: func(u *Node) *Node {
			x := col(u, 0)
			lane := SubScalar(Floor(MulScalar(col(u, 4), 3)), 1)
			return join(within(x, -0.15, 0.15), within(col(u, 1), -0.1, 0.2), within(col(u, 2), 0.4*math.Pi, 0.6*math.Pi), col(u, 3),
				MulScalar(MinScalar(lane, 1), roadLane), within(col(u, 5), 0.4, 1), like(x, math.Pi/2), within(col(u, 6), 0.3, 0.6))
		},
		Step: func(_, s, a *Node) (next, reward, terminated *Node) {
			driver, other := cols(s, 0, 4), cols(s, 4, 8)
			driver = DriveStep(driver, join(MulScalar(col(a, 0), 2), col(a, 1)))
			steady := col(other, 3) // the acceleration that friction takes away
			other = DriveStep(other, join(like(steady, 0), steady))
			if c.Long {
				y := col(other, 1)
				lost := above(Sub(col(driver, 1), y), 0.6)
				other = join(col(other, 0), Where(lost, AddScalar(col(driver, 1), 1.2), y), col(other, 2), steady)
			}
			w := Const(s.Graph(), [][]float32{{float32(c.Weights[0]), float32(c.Weights[1]), float32(c.Weights[2]), float32(c.Weights[3]), float32(c.Weights[4])}})
			f := DrivingFeatures(driver, other)
			return Concatenate([]*Node{driver, other}, 1), ReduceSum(Mul(f, BroadcastToShape(w, f.Shape())), 1), none(s)
		},
		Observe: func(s *Node) *Node {
			return join(col(s, 0), Cos(col(s, 2)), Sin(col(s, 2)), col(s, 3),
				Sub(col(s, 4), col(s, 0)), Sub(col(s, 5), col(s, 1)), Cos(col(s, 6)), Sin(col(s, 6)), col(s, 7))
		},
		Frame: drivingFrame,
	})
}

// DriveStep moves cars [..., 4] by controls [..., 2], steering in [-2, 2] and acceleration in [-1, 1], for 0.2 s: an Euler step of
// x' = v cos h, y' = v sin h, h' = v steering, v' = acceleration - v. It does not cut the controls.
func DriveStep(car, control *Node) *Node {
	h, v := last(car, 2), last(car, 3)
	flow := Stack([]*Node{Mul(v, Cos(h)), Mul(v, Sin(h)), Mul(v, last(control, 0)), Sub(last(control, 1), v)}, -1)
	return Add(car, MulScalar(flow, driveTime))
}

// DrivingFeatures are the five features [..., 5] of one moment, of a driver and another car [..., 4]:
//
//	lanes   sum over the lanes, at x = -0.13, 0, 0.13, of exp(-d^2 / (2 0.5^2 0.13^2/4))
//	fences  the same over the fences, at x = -0.26 and 0.26
//	road    the cosine between heading and road
//	cars    exp(-(along/0.07)^2/2 - (across/0.03)^2/2), the driver's place in the other car's frame
//	speed   (v - 1)^2
func DrivingFeatures(driver, other *Node) *Node {
	x := last(driver, 0)
	bump := func(at ...float64) *Node {
		var sum *Node
		for _, line := range at {
			b := Exp(MulScalar(Square(AddScalar(x, -line)), -1/(2*0.25*roadLane*roadLane/4)))
			if sum == nil {
				sum = b
			} else {
				sum = Add(sum, b)
			}
		}
		return sum
	}
	dx, dy := Sub(x, last(other, 0)), Sub(last(driver, 1), last(other, 1))
	cos, sin := Cos(last(other, 2)), Sin(last(other, 2))
	along, across := Add(Mul(dx, cos), Mul(dy, sin)), Sub(Mul(dy, cos), Mul(dx, sin))
	near := Exp(Neg(Add(MulScalar(Square(along), 0.5/(0.07*0.07)), MulScalar(Square(across), 0.5/(0.03*0.03)))))
	return Stack([]*Node{
		bump(-roadLane, 0, roadLane), bump(-roadFence, roadFence), Sin(last(driver, 2)), near, Square(AddScalar(last(driver, 3), -1)),
	}, -1)
}

// DrivingClip drives both cars [n, 4] through their controls [n, T, 2]. phi [n, 5] is the sum of the features of the T states that
// follow; drivers and others [n, T, 4] are these states. It writes out T steps one by one: meant for clips of 5, not for episodes.
func DrivingClip(driver, other, controls, otherControls *Node) (phi, drivers, others *Node) {
	if controls.Rank() != 3 || !controls.Shape().Equal(otherControls.Shape()) {
		panic(fmt.Errorf("controls are %s and %s: both must be [n, T, 2]", controls.Shape(), otherControls.Shape()))
	}
	at := func(x *Node, t int) *Node { return Squeeze(SliceAxis(x, 1, AxisRange(t, t+1)), 1) }
	var a, b []*Node
	for t := range controls.Shape().Dimensions[1] {
		driver, other = DriveStep(driver, at(controls, t)), DriveStep(other, at(otherControls, t))
		a, b = append(a, driver), append(b, other)
	}
	drivers, others = Stack(a, 1), Stack(b, 1)
	return ReduceSum(DrivingFeatures(drivers, others), 1), drivers, others
}

// last is element i of the last axis.
func last(x *Node, i int) *Node { return Squeeze(SliceAxis(x, -1, AxisRange(i, i+1)), -1) }

func drivingFrame(s []float32) *image.RGBA {
	y0 := float64(s[1]) - 0.4
	c := newCanvas(120, 240, -0.4, y0, 0.4, y0+1.6)
	c.box(-0.4, y0, 0.4, y0+1.6, grass)
	c.box(-1.5*roadLane, y0, 1.5*roadLane, y0+1.6, grey)
	for k := math.Floor(y0 / 0.2); k*0.2 < y0+1.6; k++ {
		for _, x := range []float64{-roadLane / 2, roadLane / 2} {
			c.line(x, k*0.2, x, k*0.2+0.1, 0.012, paper)
		}
	}
	for _, x := range []float64{-roadFence, roadFence} {
		c.line(x, y0, x, y0+1.6, 0.02, dark)
	}
	carFrame(c, s[4:8], orange)
	carFrame(c, s[:4], blue)
	return c.img
}

var grass = color.RGBA{200, 216, 180, 255}

func carFrame(c *canvas, s []float32, paint color.RGBA) {
	sin, cos := math.Sincos(float64(s[2]))
	along := func(back, front, width float64, col color.RGBA) {
		x, y := float64(s[0]), float64(s[1])
		c.line(x+back*cos, y+back*sin, x+front*cos, y+front*sin, width, col)
	}
	along(-0.08, 0.08, 0.08, paint)
	along(0.005, 0.03, 0.064, paper) // windscreen
	along(-0.06, -0.045, 0.064, paper)
}
