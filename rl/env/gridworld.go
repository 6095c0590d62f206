package env

import (
	"fmt"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"

	"github.com/rewardlab/rewardlab/rl/ops"
)

// GridConfig describes a grid world. Its map is text, one character a cell:
//
//	.        floor (so is a space)
//	@        floor where an episode may start; without any, every '.' is
//	#        wall; so is everything beyond the map
//	G        goal: reward 1, and the end
//	X        pit: reward -1, and the end
//	a b c d  keys: walking onto one takes it
//	A B C D  doors: passable with the key of their letter
//	! |      levers and gates: action 4 on a lever opens or closes every gate
//	*        light switches: action 4 on one turns the light on or off. In the dark only the agent and the switches can be seen
//
// Actions are up (0), right (1), down (2), left (3), and use (4) where the map has a lever or a switch. A move into a wall, a door without its
// key or a closed gate stays in place.
type GridConfig struct {
	Name     string  // "": gridworld
	Map      string  // "": GridMap
	Horizon  int     // 0: twice the number of cells
	Slip     float64 // probability that an action drawn evenly from all happens instead of the chosen one
	StepCost float64 // taken from every reward
	Dense    bool    // adds to every reward the moves by which it came nearer to the goal, as a fraction of the longest way
	OneGoal  bool    // each episode has one of the map's goals, drawn evenly; the others are floor
	Dark     bool    // an episode begins in the dark
}

// GridMap is the map of the zero GridConfig.
const GridMap = `
@....
.##..
.....
..##.
....G`

// KeyDoor is two rooms of 8 by 8 cells with a locked door between them, and its key in the first.
func KeyDoor() GridConfig {
	return GridConfig{Name: "keydoor", Map: `
########
#@@#...#
#@@#...#
#..#...#
#..A...#
#..#...#
#a.#..G#
########`}
}

// FourRooms is Sutton, Precup and Singh's (1999) map, with a goal that moves among the four rooms.
func FourRooms() GridConfig {
	return GridConfig{Name: "fourrooms", OneGoal: true, Map: `
#############
#G....#....G#
#.....#.....#
#...........#
#.....#.....#
#.....#.....#
##.####.....#
#.....###.###
#.....#.....#
#.....#.....#
#...........#
#G....#....G#
#############`}
}

// Chain is a corridor of 21 cells that pays at its far end alone. Who does anything gets there in about one episode of a hundred.
func Chain() GridConfig {
	return GridConfig{Name: "chain", Horizon: 100, Map: "@...................G"}
}

// TMaze is a corridor that forks: one arm pays 1, the other -1, and both end the episode.
func TMaze() GridConfig {
	return GridConfig{Name: "tmaze", Horizon: 50, Map: `
X.......G
####.####
####.####
####.####
####@####`}
}

// LightKey is two rooms with a gate that a lever opens, in the dark at first: the task of MazeBase that Sukhbaatar et al. (2018) learn by
// self-play.
func LightKey() GridConfig {
	return GridConfig{Name: "lightkey", Dark: true, Map: `
########
#@*@#..#
#@@@#..#
#@@@|..#
#@@@#..#
#!@@#.G#
########`}
}

// Grid makes the environment, or says what is wrong with its map.
//
// The state is the agent's cell (row by row from the top left) and the situation: keys, gates, light and goal as one number. The
// observation is [rows, columns, planes] of 0 and 1: a plane for the agent, then one for each symbol of "#GXabcdABCD!|*" that the
// map has. Keys taken, doors unlocked and gates opened leave their planes.
//
// All transitions are worked out here, once, so that a step is one look-up in a table. [GridConfig.Model] shows that table.
func Grid(c GridConfig) (*Sim, error) {
	g, err := parseGrid(c)
	if err != nil {
		return nil, err
	}
	m, err := g.model()
	if err != nil {
		return nil, err
	}
	table := make([]float32, 0, 4*len(m.Next))
	for i, next := range m.Next {
		end := float32(0)
		if m.End[i] {
			end = 1
		}
		table = append(table, float32(next/g.situations), float32(next%g.situations), float32(m.Reward[i]), end)
	}
	starts := make([]float32, len(g.starts))
	for i, cell := range g.starts {
		starts[i] = float32(cell)
	}
	scene, planes := g.scene()
	cells := g.rows * g.columns
	return New(Rules{
		Spec: Spec{
			Name: g.Name, Obs: []int{g.rows, g.columns, planes + 1}, State: 2, Action: Action{N: g.actions}, Horizon: g.Horizon,
			Low: []float64{0}, High: []float64{1},
		},
		ResetDraws: 2,
		StepDraws:  g.draws(),
		Reset: func(u *Node) *Node {
			graph := u.Graph()
			cell := Gather(Const(graph, starts), ExpandAxes(ops.Floored(col(u, 0), Const(graph, float32(len(starts)))), -1))
			goal := float(ops.Floored(col(u, 1), Const(graph, float32(g.choices()))))
			return join(cell, AddScalar(MulScalar(goal, float64(g.situations/g.choices())), float64(g.first())))
		},
		Step: func(u, s, a *Node) (next, reward, terminated *Node) {
			a = float(a)
			if c.Slip > 0 {
				slips := below(col(u, 0), c.Slip)
				a = Where(slips, float(ops.Floored(col(u, 1), Const(u.Graph(), float32(g.actions)))), a)
			}
			i := Add(MulScalar(gridIndex(s, g.situations), float64(g.actions)), a)
			row := Gather(Reshape(Const(s.Graph(), table), len(m.Next), 4), ExpandAxes(ConvertDType(i, dtypes.Int32), -1))
			return cols(row, 0, 2), col(row, 2), above(col(row, 3), 0.5)
		},
		Observe: func(s *Node) *Node {
			n := s.Shape().Dimensions[0]
			agent := OneHot(ConvertDType(col(s, 0), dtypes.Int32), cells, dtypes.Float32)
			things := Gather(Reshape(Const(s.Graph(), scene), g.situations, cells*planes), ConvertDType(cols(s, 1, 2), dtypes.Int32))
			return Reshape(Concatenate([]*Node{ExpandAxes(agent, -1), Reshape(things, n, cells, planes)}, 2), n, g.rows, g.columns, planes+1)
		},
		Frame: g.frame,
	}), nil
}

// mustGrid is for the maps written here.
func mustGrid(c GridConfig) *Sim {
	sim, err := Grid(c)
	if err != nil {
		panic(err)
	}
	return sim
}

func gridIndex(s *Node, situations int) *Node {
	return Add(MulScalar(col(s, 0), float64(situations)), col(s, 1))
}

// GridModel is a grid world as a table, for methods that need the dynamics: value iteration, maximum-entropy inverse reinforcement
// learning. State s is cell*Situations + situation; some states cannot be reached. With Slip, the action that happens is the chosen
// one with probability 1 - Slip, plus Slip/Actions for each.
type GridModel struct {
	Rows, Columns, Situations int
	Actions                   int
	Slip                      float64
	Next                      []int     // of state s and action a at s*Actions + a
	Reward                    []float64 // the same
	End                       []bool    // the same: the step ends the episode
	Start                     []float64 // probability of each state at a reset
	Distance                  []int     // fewest moves from each state to the goal; -1: none leads there
}

// Model works out the table.
func (c GridConfig) Model() (*GridModel, error) {
	g, err := parseGrid(c)
	if err != nil {
		return nil, err
	}
	return g.model()
}

// States is how many there are.
func (m *GridModel) States() int { return len(m.Start) }

// Index is the state's number [n] int32, of the environment's state [n, 2] (or more columns, as wrappers add).
func (m *GridModel) Index(state *Node) *Node {
	return ConvertDType(gridIndex(state, m.Situations), dtypes.Int32)
}

func (g *grid) model() (*GridModel, error) {
	states := g.rows * g.columns * g.situations
	m := &GridModel{
		Rows: g.rows, Columns: g.columns, Situations: g.situations, Actions: g.actions, Slip: g.Slip,
		Next: make([]int, states*g.actions), Reward: make([]float64, states*g.actions), End: make([]bool, states*g.actions),
		Start: make([]float64, states), Distance: make([]int, states),
	}
	before := make([][]int, states) // where steps that do not end come from
	var queue []int
	for s := range states {
		m.Distance[s] = -1
		for a := range g.actions {
			cell, situation := g.move(s/g.situations, s%g.situations, a)
			next, i := cell*g.situations+situation, s*g.actions+a
			m.Next[i] = next
			switch {
			case g.isGoal(cell, situation):
				m.Reward[i], m.End[i] = 1, true
				if m.Distance[s] < 0 {
					m.Distance[s], queue = 1, append(queue, s)
				}
			case g.at(cell) == 'X':
				m.Reward[i], m.End[i] = -1, true
			default:
				before[next] = append(before[next], s)
			}
		}
	}
	for len(queue) > 0 {
		s := queue[0]
		queue = queue[1:]
		for _, p := range before[s] {
			if m.Distance[p] < 0 {
				m.Distance[p], queue = m.Distance[s]+1, append(queue, p)
			}
		}
	}
	longest := 0
	for _, cell := range g.starts {
		for k := range g.choices() {
			s := cell*g.situations + g.first() + k*(g.situations/g.choices())
			m.Start[s] += 1 / float64(len(g.starts)*g.choices())
			if len(g.goals) > 0 && m.Distance[s] < 0 {
				return nil, fmt.Errorf("map of %s: no way leads from the start at row %d, column %d to a goal: open one",
					g.Name, cell/g.columns+1, cell%g.columns+1)
			}
			longest = max(longest, m.Distance[s])
		}
	}
	for i := range m.Next {
		if g.Dense {
			left := m.Distance[m.Next[i]]
			switch {
			case m.Reward[i] > 0:
				left = 0
			case m.End[i]: // a pit
				left = -1
			}
			if from := m.Distance[i/g.actions]; from >= 0 && left >= 0 {
				m.Reward[i] += float64(from-left) / float64(longest)
			}
		}
		m.Reward[i] -= g.StepCost
	}
	return m, nil
}
