package env

import (
	"image"
	"math"

	. "github.com/gomlx/gomlx/core/graph"
)

// Gap says where the wall of PointMass is open.
type Gap int

const (
	GapRight Gap = iota // the wall reaches from the left rim to x = 0.5
	GapLeft             // from x = -0.5 to the right rim
	NoWall
)

// PointMassConfig are the variants of PointMass. The zero value pays the dense reward, with the gap on the right.
type PointMassConfig struct {
	Gap    Gap  // train with one and test with another: does a learned reward survive the change?
	Random bool // start anywhere below the wall, goal anywhere above it; else both near the middle
	Sparse bool // reward 1 on reaching the goal, which ends the episode
}

const (
	massWall  = 1.0 / 16 // half of the wall's thickness, the body's size included
	massEdge  = 0.5      // where the wall ends
	massSpeed = 0.1      // what a speed of 1 moves in a step
	massReach = 0.1      // so near is there
)

// PointMass is a body on the square [-1, 1]^2, pushed by two forces in [-1, 1] from below a wall to a goal above it: v becomes
// 0.75 v + 0.25 a, and x becomes x + 0.1 v. The wall lies along y = 0; it and the rim take away the speed that runs into them. The
// state, position, velocity and goal, is the observation.
//
// The dense reward is minus the length of the shortest way to the goal round the wall, after the step, for always 100 steps.
func PointMass(c PointMassConfig) *Sim {
	spec := Spec{
		Name: "pointmass", Obs: []int{6}, State: 6, Action: Action{Dim: 2, Low: -1, High: 1}, Horizon: 100, Fixed: !c.Sparse,
		Low: []float64{-1}, High: []float64{1},
	}
	spec.Name += [...]string{GapRight: "", GapLeft: "-left", NoWall: "-open"}[c.Gap]
	if c.Random {
		spec.Name += "-random"
	}
	if c.Sparse {
		spec.Name += "-sparse"
	}
	return New(Rules{
		Spec:       spec,
		ResetDraws: 4,
		Reset: func(u *Node) *Node {
			x, still := within(col(u, 0), -0.1, 0.1), like(col(u, 0), 0)
			if !c.Random {
				return join(x, within(col(u, 1), -0.8, -0.6), still, still, still, like(still, 0.7))
			}
			return join(within(col(u, 0), -0.9, 0.9), within(col(u, 1), -0.9, -0.3), still, still,
				within(col(u, 2), -0.9, 0.9), within(col(u, 3), 0.3, 0.9))
		},
		Step: func(_, s, a *Node) (next, reward, terminated *Node) {
			next = massMove(s, a, c.Gap)
			if !c.Sparse {
				return next, Neg(massWay(next, c.Gap)), none(s)
			}
			there := below(massWay(next, NoWall), massReach)
			return next, float(there), there
		},
		Frame: func(s []float32) *image.RGBA { return massFrame(s, c.Gap) },
		Goal:  massGoal(c),
	})
}

// massGoal is reached within 0.1, through the wall or not. Its examples are near it and slow.
func massGoal(c PointMassConfig) *Goal {
	return &Goal{
		Success: func(obs *Node) *Node { return below(norm(Sub(cols(obs, 0, 2), cols(obs, 4, 6))), massReach) },
		Draws:   6,
		Example: func(u *Node) *Node {
			goal := join(like(col(u, 0), 0), like(col(u, 0), 0.7))
			if c.Random {
				goal = join(within(col(u, 4), -0.9, 0.9), within(col(u, 5), 0.3, 0.9))
			}
			return Concatenate([]*Node{Add(goal, inDisc(cols(u, 0, 2), 0.5*massReach)), within(cols(u, 2, 4), -0.1, 0.1), goal}, 1)
		},
		Channels: 2,
		Paint: func(obs *Node, side int) *Node {
			return spots(side, 1.125, 0.1, cols(obs, 0, 2), cols(obs, 4, 6))
		},
	}
}

// behind says whether x lies in the shadow of the wall.
func behind(x *Node, gap Gap) *Node {
	switch gap {
	case GapRight:
		return below(x, massEdge)
	case GapLeft:
		return above(x, -massEdge)
	}
	return none(x)
}

// massMove moves along x, then along y. So a body beside the end of the wall meets its edge, and one above or below meets its face.
func massMove(s, a *Node, gap Gap) *Node {
	x, y := col(s, 0), col(s, 1)
	v := Add(MulScalar(cols(s, 2, 4), 0.75), MulScalar(a, 0.25))
	moves := MulScalar(v, massSpeed)
	nx := ClipScalar(Add(x, col(moves, 0)), -1, 1)
	if gap != NoWall {
		edge := like(x, massEdge)
		if gap == GapLeft {
			edge = Neg(edge)
		}
		nx = Where(And(below(Abs(y), massWall), behind(nx, gap)), edge, nx)
	}
	ny := ClipScalar(Add(y, col(moves, 1)), -1, 1)
	shadow := behind(nx, gap)
	ny = Where(And(shadow, atLeast(y, massWall)), MaxScalar(ny, massWall), ny)
	ny = Where(And(shadow, Not(above(y, -massWall))), MinScalar(ny, -massWall), ny)
	left := func(from, to *Node, axis int) *Node { // of the speed: none where something stopped the body
		return Where(below(Abs(Sub(Sub(to, from), col(moves, axis))), 1e-6), col(v, axis), like(from, 0))
	}
	return join(nx, ny, left(x, nx, 0), left(y, ny, 1), col(s, 4), col(s, 5))
}

// massWay is the length of the shortest way to the goal, through the end of the wall where the wall cuts the straight one.
func massWay(s *Node, gap Gap) *Node {
	x, y, gx, gy := col(s, 0), col(s, 1), col(s, 4), col(s, 5)
	length := func(dx, dy *Node) *Node { return Sqrt(Add(Square(dx), Square(dy))) }
	straight := length(Sub(gx, x), Sub(gy, y))
	if gap == NoWall {
		return straight
	}
	edge := like(x, massEdge)
	if gap == GapLeft {
		edge = Neg(edge)
	}
	under := MinScalar(y, 0)
	crossing := Sub(x, Mul(Sub(gx, x), Div(under, Sub(gy, under))))
	round := Add(length(Sub(edge, x), y), length(Sub(edge, gx), gy))
	return Where(And(below(y, 0), behind(crossing, gap)), round, straight)
}

func massFrame(s []float32, gap Gap) *image.RGBA {
	c := newCanvas(180, 180, -1.1, -1.1, 1.1, 1.1)
	c.box(-1.1, -1.1, 1.1, 1.1, grey)
	c.box(-1.05, -1.05, 1.05, 1.05, paper)
	x, y, vx, vy := float64(s[0]), float64(s[1]), massSpeed*float64(s[2]), massSpeed*float64(s[3])
	c.disc(float64(s[4]), float64(s[5]), massReach, green)
	c.disc(float64(s[4]), float64(s[5]), massReach*0.6, paper)
	switch gap { // as thick as the wall is without the body
	case GapRight:
		c.box(-1.05, -0.02, massEdge-0.04, 0.02, dark)
	case GapLeft:
		c.box(-massEdge+0.04, -0.02, 1.05, 0.02, dark)
	}
	if math.Hypot(vx, vy) > 0.005 {
		c.line(x, y, x+3*vx, y+3*vy, 0.025, orange)
	}
	c.disc(x, y, 0.045, blue)
	return c.img
}
