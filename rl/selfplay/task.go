package selfplay

import (
	"fmt"
	"math"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"

	"github.com/rewardlab/rewardlab/rl/env"
)

// task is an environment as self-play needs it: what the minds see of it, what of a state is a goal, and when one is reached. Functions of states
// take and give one row for each of n bodies.
type task struct {
	body  env.Env
	limit int                      // moves of an episode
	moves int                      // choices of the body
	act   func(choice *Node) *Node // the body's action of a choice [n] int32; nil: the choice itself

	looks int // numbers a mind sees of the body
	look  func(state *Node) *Node
	goals int // numbers a goal is shown by
	show  func(state *Node) *Node
	there func(state, goal *Node) *Node // [n] bool, of two states
	aim   func(state *Node) *Node       // the state that the target task asks for; nil: Bob is not told
	free  func(state *Node) *Node       // takes the target task out of the world; nil: there is nothing to take out

	// A map, to count goals on: bin gives cells, row by row from the top left.
	rows, wide int
	bin        func(state *Node) *Node // [n] int32

	// Every goal that can be reached, or evenly spread ones, and where to begin: states of the body.
	pairs func() (begin, goal [][]float32, err error)
}

// cells is the size of the map.
func (t *task) cells() int { return t.rows * t.wide }

// taskOf is the task of a resolved c.
func taskOf(c *Config) (*task, error) {
	switch c.Env {
	case "hallway":
		return hallway(), nil
	case "lightkey":
		return lightKey()
	case "mountaincar":
		return mountainCar(), nil
	case "pointmass":
		return pointMass(), nil
	}
	return nil, fmt.Errorf("env is %q: self-play knows hallway, lightkey, mountaincar and pointmass", c.Env)
}

// oneHot shows a column of whole numbers.
func oneHot(x *Node, n int) *Node { return OneHot(whole(x), n, dtypes.Float32) }

func whole(x *Node) *Node { return ConvertDType(x, dtypes.Int32) }

// hallway tells Bob the goal of the target task: the two tasks differ in who sets them.
func hallway() *task {
	const cells = env.HallwayCells
	place := func(s *Node) *Node { return oneHot(column(s, 0), cells) }
	return &task{
		body: env.Hallway(), limit: 30, moves: 2,
		looks: cells, look: place, goals: cells, show: place,
		there: func(s, goal *Node) *Node { return Equal(column(s, 0), column(goal, 0)) },
		aim:   func(s *Node) *Node { return Stack([]*Node{column(s, 1), column(s, 1)}, 1) },
		free:  func(s *Node) *Node { return Stack([]*Node{column(s, 0), like(column(s, 0), -1)}, 1) },
		rows:  1, wide: cells,
		bin: func(s *Node) *Node { return whole(column(s, 0)) },
		pairs: func() (begin, goal [][]float32, err error) {
			for from := range cells {
				for to := range cells {
					if from != to {
						begin = append(begin, []float32{float32(from), float32(to)})
						goal = append(goal, []float32{float32(to), float32(to)})
					}
				}
			}
			return begin, goal, nil
		},
	}
}

// lightKey has whole states as goals: the cell, the gate and the light. Of what the grid world shows, the minds see what changes: the cell, and
// whether it is dark, or the gate closed or open.
func lightKey() (*task, error) {
	grid, err := env.Grid(env.LightKey())
	if err != nil {
		return nil, err
	}
	m, err := env.LightKey().Model()
	if err != nil {
		return nil, err
	}
	cells, spec := m.Rows*m.Columns, grid.Spec()
	return &task{
		body: grid, limit: spec.Horizon, moves: m.Actions,
		looks: cells + 3, look: func(s *Node) *Node {
			situation := column(s, 1) // 0: gate closed, 1: open; in the dark 2 more, and both look alike
			return Concatenate([]*Node{oneHot(column(s, 0), cells), oneHot(MinScalar(situation, 2), 3)}, 1)
		},
		goals: cells + m.Situations,
		show: func(s *Node) *Node {
			return Concatenate([]*Node{oneHot(column(s, 0), cells), oneHot(column(s, 1), m.Situations)}, 1)
		},
		there: func(s, goal *Node) *Node {
			return And(Equal(column(s, 0), column(goal, 0)), Equal(column(s, 1), column(goal, 1)))
		},
		rows: m.Rows, wide: m.Columns,
		bin:   func(s *Node) *Node { return whole(column(s, 0)) },
		pairs: func() (begin, goal [][]float32, err error) { return reachable(m) },
	}, nil
}

// reachable are all states of m that can be reached from its first start, which is left out.
func reachable(m *env.GridModel) (begin, goal [][]float32, err error) {
	row := func(s int) []float32 { return []float32{float32(s / m.Situations), float32(s % m.Situations)} }
	first := -1
	for s, p := range m.Start {
		if p > 0 {
			first = s
			break
		}
	}
	if first < 0 {
		return nil, nil, fmt.Errorf("grid world without a start")
	}
	seen := map[int]bool{first: true}
	for queue := []int{first}; len(queue) > 0; queue = queue[1:] {
		for a := range m.Actions {
			i := queue[0]*m.Actions + a
			to := m.Next[i]
			if seen[to] {
				continue
			}
			seen[to] = true
			begin, goal = append(begin, row(first)), append(goal, row(to))
			if !m.End[i] {
				queue = append(queue, to)
			}
		}
	}
	return begin, goal, nil
}

// The scales of MountainCar's position and speed, and how near in units of these is there.
const (
	carMiddle, carLength = -0.3, 0.9
	carSpeed             = 0.07
	carNear              = 0.15
)

// mountainCar has position and speed as goals.
func mountainCar() *task {
	look := func(s *Node) *Node {
		return Stack([]*Node{MulScalar(AddScalar(column(s, 0), -carMiddle), 1/carLength), MulScalar(column(s, 1), 1/carSpeed)}, 1)
	}
	return &task{
		body: env.MountainCar(), limit: 500, moves: 3,
		looks: 2, look: look, goals: 2, show: look,
		there: func(s, goal *Node) *Node {
			return Not(atLeast(ReduceSum(Square(Sub(look(s), look(goal))), -1), carNear*carNear))
		},
		rows: 15, wide: 20,
		bin: func(s *Node) *Node {
			x := look(s)
			return Add(MulScalar(cell(Neg(column(x, 1)), 15), 20), cell(column(x, 0), 20))
		},
		pairs: carStates,
	}
}

// cell is which of n equal parts of [-1, 1] x lies in, int32.
func cell(x *Node, n int) *Node {
	return whole(ClipScalar(Floor(MulScalar(AddScalar(x, 1), float64(n)/2)), 0, float64(n-1)))
}

// carStates explores on the host from rest at -0.5, keeping one state for each cell of a grid of 20 positions and 20 speeds.
func carStates() (begin, goal [][]float32, err error) {
	start := [2]float64{-0.5, 0}
	place := func(s [2]float64) [2]int {
		return [2]int{int(10 * ((s[0]-carMiddle)/carLength + 1)), int(10 * (s[1]/carSpeed + 1))}
	}
	seen := map[[2]int]bool{place(start): true}
	for queue := [][2]float64{start}; len(queue) > 0; queue = queue[1:] {
		for a := range 3 {
			p, v := queue[0][0], queue[0][1]
			v = min(max(v+0.001*float64(a-1)-0.0025*math.Cos(3*p), -carSpeed), carSpeed)
			p = min(max(p+v, -1.2), 0.6)
			if p == -1.2 && v < 0 {
				v = 0
			}
			to := [2]float64{p, v}
			// Small speeds stay within one cell for many steps: a step that leaves the cell is tried from every state in it that a finer grid tells apart.
			if fine := [2]int{int(200 * (p + 2)), int(5000 * (v + 1))}; !seen[fine] {
				seen[fine] = true
				if p < 0.5 {
					queue = append(queue, to)
				}
			} else {
				continue
			}
			if at := place(to); !seen[at] {
				seen[at] = true
				begin, goal = append(begin, []float32{-0.5, 0}), append(goal, []float32{float32(p), float32(v)})
			}
		}
	}
	return begin, goal, nil
}

// massNear is how near to a place of the point mass is there.
const massNear = 0.1

// pointMass is pushed by one of nine forces. Its goals are places: the speed does not count.
func pointMass() *task {
	const side = 16
	place := func(s *Node) *Node { return columns(s, 0, 2) }
	return &task{
		body: env.PointMass(env.PointMassConfig{Sparse: true}), limit: 100, moves: 9,
		act: func(choice *Node) *Node {
			down := Floor(MulScalar(AddScalar(float(choice), 0.5), 1.0/3))
			return Stack([]*Node{AddScalar(Sub(float(choice), MulScalar(down, 3)), -1), AddScalar(down, -1)}, 1)
		},
		looks: 4, look: func(s *Node) *Node { return columns(s, 0, 4) }, goals: 2, show: place,
		there: func(s, goal *Node) *Node {
			return Not(atLeast(ReduceSum(Square(Sub(place(s), place(goal))), -1), massNear*massNear))
		},
		free: func(s *Node) *Node { return Concatenate([]*Node{columns(s, 0, 4), like(columns(s, 4, 6), 9)}, 1) },
		rows: side, wide: side,
		bin: func(s *Node) *Node {
			return Add(MulScalar(cell(Neg(column(s, 1)), side), side), cell(column(s, 0), side))
		},
		pairs: func() (begin, goal [][]float32, err error) {
			for i := range side * side {
				x, y := (float32(i%side)+0.5)*2/side-1, 1-(float32(i/side)+0.5)*2/side
				if x < 0.5 && y > -1.0/16-0.01 && y < 1.0/16+0.01 {
					continue // in the wall
				}
				begin = append(begin, []float32{0, -0.7, 0, 0, 9, 9})
				goal = append(goal, []float32{x, y, 0, 0, 9, 9})
			}
			return begin, goal, nil
		},
	}
}
