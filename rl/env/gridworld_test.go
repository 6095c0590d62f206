package env

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/backend/backendtest"
)

// maze is a grid world as one would play it on paper: a sheet from which keys, doors and gates disappear.
type maze struct {
	sheet [][]byte // as drawn at first
	row   int
	col   int
	keys  map[byte]bool
	open  bool
	dark  bool
	goal  int // which of several, if only one counts; -1: all count
}

// worldOf reads a state: cell, then a number of which the lowest bits are the keys in their order, gates open, and dark.
func worldOf(c GridConfig, s []float64) *maze {
	w := &maze{keys: map[byte]bool{}, goal: -1}
	for line := range strings.Lines(strings.TrimSpace(c.Map)) {
		w.sheet = append(w.sheet, []byte(strings.TrimSpace(line)))
	}
	columns := len(w.sheet[0])
	w.row, w.col = int(s[0])/columns, int(s[0])%columns
	rest := int(s[1])
	bit := func() bool { b := rest&1 == 1; rest >>= 1; return b }
	for _, key := range []byte("abcd") {
		if strings.IndexByte(c.Map, key) >= 0 {
			w.keys[key] = bit()
		}
	}
	if strings.Contains(c.Map, "|") {
		w.open = bit()
	}
	if strings.Contains(c.Map, "*") {
		w.dark = bit()
	}
	if c.OneGoal {
		w.goal = rest
	}
	return w
}

func (w *maze) state(c GridConfig) []float64 {
	number, weight := 0, 1
	put := func(b bool) {
		if b {
			number += weight
		}
		weight *= 2
	}
	for _, key := range []byte("abcd") {
		if strings.IndexByte(c.Map, key) >= 0 {
			put(w.keys[key])
		}
	}
	if strings.Contains(c.Map, "|") {
		put(w.open)
	}
	if strings.Contains(c.Map, "*") {
		put(w.dark)
	}
	if w.goal >= 0 {
		number += weight * w.goal
	}
	return []float64{float64(w.row*len(w.sheet[0]) + w.col), float64(number)}
}

func (w *maze) wins() bool {
	if w.goal < 0 {
		return w.sheet[w.row][w.col] == 'G'
	}
	seen := 0
	for r, line := range w.sheet {
		for k, x := range line {
			if x == 'G' {
				if seen == w.goal {
					return r == w.row && k == w.col
				}
				seen++
			}
		}
	}
	return false
}

func (w *maze) act(a int) (reward float64, end bool) {
	if a == 4 {
		if w.sheet[w.row][w.col] == '!' {
			w.open = !w.open
		}
		if w.sheet[w.row][w.col] == '*' {
			w.dark = !w.dark
		}
	} else {
		r, k := w.row+[]int{-1, 0, 1, 0}[a], w.col+[]int{0, 1, 0, -1}[a]
		if r >= 0 && r < len(w.sheet) && k >= 0 && k < len(w.sheet[0]) {
			x := w.sheet[r][k]
			shut := x == '#' || x == '|' && !w.open || x >= 'A' && x <= 'D' && !w.keys[x+32]
			if !shut {
				w.row, w.col = r, k
				if x >= 'a' && x <= 'd' {
					w.keys[x] = true
				}
			}
		}
	}
	if w.wins() {
		return 1, true
	}
	if w.sheet[w.row][w.col] == 'X' {
		return -1, true
	}
	return 0, false
}

// moves is how many the shortest way to the goal takes, -1 if there is none. It tries them all, one more at a time.
func moves(c GridConfig, s []float64, actions int) int {
	seen := map[[2]float64]bool{}
	front := [][]float64{s}
	for k := 1; len(front) > 0; k++ {
		var following [][]float64
		for _, s := range front {
			for a := range actions {
				w := worldOf(c, s)
				reward, end := w.act(a)
				if reward == 1 {
					return k
				}
				if next := w.state(c); !end && !seen[[2]float64(next)] {
					seen[[2]float64(next)] = true
					following = append(following, next)
				}
			}
		}
		front = following
	}
	return -1
}

func (w *maze) look(c GridConfig) []float64 {
	var out []float64
	goals := 0
	for r, line := range w.sheet {
		for k, x := range line {
			out = append(out, bit(r == w.row && k == w.col))
			hidden := w.dark && x != '*' || w.keys[x] || w.keys[x+32] || x == '|' && w.open
			if x == 'G' {
				hidden = hidden || w.goal >= 0 && goals != w.goal
				goals++
			}
			for _, symbol := range []byte("#GXabcdABCD!|*") {
				if strings.IndexByte(c.Map, symbol) >= 0 {
					out = append(out, bit(x == symbol && !hidden))
				}
			}
		}
	}
	return out
}

func gridReference(c GridConfig) reference {
	if c.Map == "" {
		c.Map = GridMap
	}
	actions, situations := 4, 1
	for _, symbol := range "abcd|*" {
		if strings.ContainsRune(c.Map, symbol) {
			situations *= 2
		}
	}
	if strings.ContainsAny(c.Map, "!*") {
		actions = 5
	}
	var starts []float64
	lines := strings.Fields(c.Map)
	for _, mark := range "@." {
		for k, x := range strings.Join(lines, "") {
			if x == mark && (mark == '@' || !strings.Contains(c.Map, "@")) {
				starts = append(starts, float64(k))
			}
		}
	}
	goals := strings.Count(c.Map, "G")
	longest := 0
	if c.Dense {
		for _, s := range starts {
			longest = max(longest, moves(c, []float64{s, 0}, actions))
		}
	}
	return reference{
		reset: func(u []float64) []float64 {
			w := worldOf(c, []float64{starts[int(u[0]*float64(len(starts)))], 0})
			w.dark = c.Dark
			if c.OneGoal {
				w.goal = int(u[1] * float64(goals))
			}
			return w.state(c)
		},
		step: func(u, s, a []float64) move {
			action, m := int(a[0]), move{}
			if c.Slip > 0 && u[0] < c.Slip {
				action = int(u[1] * float64(actions))
			}
			w := worldOf(c, s)
			m.reward, m.terminated = w.act(action)
			m.next = w.state(c)
			if c.Dense {
				from, to := moves(c, s, actions), moves(c, m.next, actions)
				if m.reward == 1 {
					to = 0
				} else if m.terminated {
					to = -1
				}
				if from >= 0 && to >= 0 {
					m.reward += float64(from-to) / float64(longest)
				}
			}
			m.reward -= c.StepCost
			return m
		},
		observe: func(s []float64) []float64 { return worldOf(c, s).look(c) },
		anywhere: func(r *rand.Rand) []float64 {
			all := strings.Join(lines, "")
			cell := r.IntN(len(all))
			for all[cell] == '#' {
				cell = r.IntN(len(all))
			}
			situation := r.IntN(situations)
			if c.OneGoal {
				situation += situations * r.IntN(goals)
			}
			return []float64{float64(cell), float64(situation)}
		},
		tolerance: 1e-6,
	}
}

// everything is a map with all there is.
const everything = `
@.a#.b.#G.
.X.A.#.B..
.*.#!#.#|#
..##.c.C.G`

func TestGridVariants(t *testing.T) {
	for _, c := range []GridConfig{
		{Name: "everything", Map: everything, Slip: 0.2, StepCost: 0.01, OneGoal: true},
		{Name: "everything-dense", Map: everything, Dense: true, Dark: true},
	} {
		t.Run(c.Name, func(t *testing.T) {
			sim, err := Grid(c)
			if err != nil {
				t.Fatal(err)
			}
			backendtest.Each(t, func(t *testing.T, e *backend.Engine) { compare(t, e, sim, gridReference(c)) })
		})
	}
}

func TestGridMistakes(t *testing.T) {
	tests := []struct {
		name, want string
		config     GridConfig
	}{
		{"ragged", "row 2 has 1 cells and row 1 has 2", GridConfig{Map: "@.\nG"}},
		{"odd symbol", `row 1, column 2 is '?'`, GridConfig{Map: "@?G"}},
		{"no start", "put an @", GridConfig{Map: "#G#"}},
		{"door without key", "put a b", GridConfig{Map: "@BG"}},
		{"gate without lever", "lever", GridConfig{Map: "@|G"}},
		{"walled in", "row 1, column 1", GridConfig{Map: "@#G"}},
		{"key behind its door", "no way leads", GridConfig{Map: "@AaG"}},
		{"dark without a switch", "switch", GridConfig{Map: "@.G", Dark: true}},
		{"dense without a goal", "put a G", GridConfig{Map: "@..", Dense: true}},
		{"probability", "0 to 1", GridConfig{Slip: math.NaN()}},
		{"horizon", "time limit of -3", GridConfig{Horizon: -3}},
		{"too big", "fewer keys", GridConfig{Map: "@abcdG" + strings.Repeat(".", 40000)}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := Grid(tt.config); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one that says %q", err, tt.want)
			}
		})
	}
}

func FuzzGrid(f *testing.F) {
	for _, c := range []GridConfig{{Map: GridMap}, KeyDoor(), FourRooms(), LightKey(), {Map: everything}, {Map: "@?\nG"}, {Map: " "}} {
		f.Add(c.Map, c.OneGoal, c.Dark)
	}
	f.Fuzz(func(t *testing.T, text string, one, dark bool) {
		m, err := GridConfig{Map: text, OneGoal: one, Dark: dark}.Model()
		if err != nil {
			return
		}
		sum := 0.0
		for _, p := range m.Start {
			sum += p
		}
		if math.Abs(sum-1) > 1e-9 || len(m.Next) != m.States()*m.Actions {
			t.Errorf("starts add up to %g; %d transitions of %d states", sum, len(m.Next), m.States())
		}
		for i, next := range m.Next {
			if next < 0 || next >= m.States() {
				t.Fatalf("transition %d leads to state %d of %d", i, next, m.States())
			}
		}
	})
}

// The model's distances, and its numbering of states, by hand: from the start of a corridor with a door, the key is one step back.
func TestGridModel(t *testing.T) {
	c := GridConfig{Map: "a@AG"}
	m, err := c.Model()
	if err != nil {
		t.Fatal(err)
	}
	// States: cell*2 + key. Left, then three times right.
	if m.Situations != 2 || m.States() != 8 || !slices.Equal(m.Start, []float64{0, 0, 1, 0, 0, 0, 0, 0}) {
		t.Fatalf("%d situations, starts %v", m.Situations, m.Start)
	}
	if got := m.Distance[2]; got != 4 {
		t.Errorf("%d moves from the start, want 4", got)
	}
	if left, right := m.Next[2*4+3], m.Next[2*4+1]; left != 1 || right != 2 {
		t.Errorf("left leads to %d and right to %d, want 1 (with the key) and 2 (the door is shut)", left, right)
	}
	if i := 5*4 + 1; m.Next[i] != 7 || m.Reward[i] != 1 || !m.End[i] {
		t.Errorf("from the door right: state %d, reward %g, end %v", m.Next[i], m.Reward[i], m.End[i])
	}
	e := backendtest.Go(t)
	exec, err := NewExec(e.Backend, m.Index)
	if err != nil {
		t.Fatal(err)
	}
	defer exec.Finalize()
	out, err := exec.Call([][]float32{{2, 1, 0}, {0, 0, 9}})
	if err != nil {
		t.Fatal(err)
	}
	if got := out[0].Value().([]int32); !slices.Equal(got, []int32{5, 0}) {
		t.Errorf("numbers %v, want 5 0", got)
	}
}

// The shortest ways of the maps in the table, counted on paper from the first start of each.
func TestGridDistances(t *testing.T) {
	tests := []struct {
		config GridConfig
		start  int // the cell
		want   []int
	}{
		{GridConfig{}, 0, []int{8}},
		{KeyDoor(), 8 + 1, []int{5 + 4 + 5}},                            // to the key, the door, the goal
		{FourRooms(), 13 + 2, []int{1, 2 + 9 + 2, 10 + 1, 10 + 9}},      // to each goal in turn, by the doorways
		{LightKey(), 8 + 1, []int{4 + 1 + 5 + 4}},                       // to the lever, pull it, to the gate, to the goal
		{Chain(), 0, []int{20}},                                         // from end to end
		{TMaze(), 4*9 + 4, []int{4 + 4}},                                // up to the fork, to the right
		{GridConfig{Map: "@.X.G\n....."}, 0, []int{6}},                  // round the pit
		{GridConfig{Map: "@.X.G"}, 0, nil},                              // the pit is the only way
		{GridConfig{Map: "@.a#G\n.##A#\n.....", OneGoal: true}, 0, nil}, // the goal has walls on every side
	}
	for _, tt := range tests {
		m, err := tt.config.Model()
		if (err != nil) != (tt.want == nil) {
			t.Errorf("%q: error %v", tt.config.Map, err)
		}
		for goal, want := range tt.want {
			per := m.Situations / len(tt.want)
			first := 0
			for m.Start[tt.start*m.Situations+first] == 0 {
				first++
			}
			if got := m.Distance[tt.start*m.Situations+first+goal*per]; got != want {
				t.Errorf("%s: %d moves to goal %d, want %d", tt.config.Name, got, goal, want)
			}
		}
	}
}
