package env

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"slices"
	"strings"
)

// grid is a parsed map. A situation packs bits: one for each key held, one for open gates, one for darkness; above them the number of the goal.
type grid struct {
	GridConfig
	rows, columns int
	cells         string
	starts, goals []int
	keys          string // the letters of the map, in order
	gates, lamps  bool   // whether the map has any
	actions       int
	situations    int
}

const (
	gridSymbols = ".@#GXabcdABCD!|*"
	gridPlanes  = "#GXabcdABCD!|*"
	gridLimit   = 1 << 20 // entries of the tables: far beyond it compiling gets slow
)

func parseGrid(c GridConfig) (*grid, error) {
	g := &grid{GridConfig: c, actions: 4}
	if g.Name == "" {
		g.Name = "gridworld"
	}
	if g.Map == "" {
		g.Map = GridMap
	}
	lines := strings.Split(strings.Trim(strings.ReplaceAll(g.Map, "\r", ""), "\n"), "\n")
	g.rows, g.columns = len(lines), len(lines[0])
	for row, line := range lines {
		if len(line) != g.columns {
			return nil, fmt.Errorf("map of %s: row %d has %d cells and row 1 has %d: give all rows one length", g.Name, row+1, len(line), g.columns)
		}
		for i, symbol := range line {
			if !strings.ContainsRune(gridSymbols+" ", symbol) {
				return nil, fmt.Errorf("map of %s: row %d, column %d is %q: use one of %q", g.Name, row+1, i+1, symbol, gridSymbols)
			}
		}
	}
	g.cells = strings.ReplaceAll(strings.Join(lines, ""), " ", ".")
	if g.Horizon == 0 {
		g.Horizon = 2 * len(g.cells)
	}
	return g, g.count()
}

// count fills in what follows from the cells, and checks it.
func (g *grid) count() error {
	g.starts, g.goals = g.all('@'), g.all('G')
	if len(g.starts) == 0 {
		g.starts = g.all('.')
	}
	for _, key := range "abcd" {
		if strings.ContainsRune(g.cells, key) {
			g.keys += string(key)
		} else if door := key - 'a' + 'A'; strings.ContainsRune(g.cells, door) {
			return fmt.Errorf("map of %s: door %c has no key: put a %c somewhere", g.Name, door, key)
		}
	}
	g.gates, g.lamps = strings.Contains(g.cells, "|"), strings.Contains(g.cells, "*")
	switch {
	case len(g.starts) == 0:
		return fmt.Errorf("map of %s: nowhere to start: put an @ somewhere", g.Name)
	case len(g.goals) == 0 && (g.Dense || g.OneGoal):
		return fmt.Errorf("map of %s: Dense and OneGoal need a goal: put a G somewhere", g.Name)
	case g.Dark && !g.lamps:
		return fmt.Errorf("map of %s: it is dark for ever: put a switch * somewhere", g.Name)
	case g.gates != strings.Contains(g.cells, "!"):
		return fmt.Errorf("map of %s: gates | need a lever !, and a lever gates: put in both", g.Name)
	case !(g.Slip >= 0 && g.Slip <= 1):
		return fmt.Errorf("grid world %s slips with probability %g: give 0 to 1", g.Name, g.Slip)
	case g.Horizon < 1:
		return fmt.Errorf("grid world %s has a time limit of %d steps: give at least 1, or 0 for twice the number of cells", g.Name, g.Horizon)
	}
	if g.gates || g.lamps {
		g.actions = 5
	}
	g.situations = 1 << len(g.keys)
	if g.gates {
		g.situations *= 2
	}
	if g.lamps {
		g.situations *= 2
	}
	g.situations *= g.choices()
	if size := len(g.cells) * g.situations * max(4*g.actions, len(gridPlanes)); size > 4*gridLimit {
		return fmt.Errorf("map of %s: its tables have about %d entries: fewer keys, goals or cells keep them below %d", g.Name, size, 4*gridLimit)
	}
	return nil
}

func (g *grid) at(cell int) byte { return g.cells[cell] }

func (g *grid) all(symbol byte) []int {
	var out []int
	for cell := range len(g.cells) {
		if g.cells[cell] == symbol {
			out = append(out, cell)
		}
	}
	return out
}

// choices is how many goals an episode may have.
func (g *grid) choices() int {
	if g.OneGoal {
		return len(g.goals)
	}
	return 1
}

func (g *grid) gateBit() int { return 1 << len(g.keys) }

func (g *grid) darkBit() int {
	if g.gates {
		return g.gateBit() << 1
	}
	return g.gateBit()
}

// first is the situation at a reset, but for the goal.
func (g *grid) first() int {
	if g.Dark {
		return g.darkBit()
	}
	return 0
}

func (g *grid) draws() int {
	if g.Slip > 0 {
		return 2
	}
	return 0
}

// holds says whether the key, a to d, has been taken.
func (g *grid) holds(situation int, key byte) bool {
	k := strings.IndexByte(g.keys, key)
	return k >= 0 && situation>>k&1 == 1
}

func (g *grid) gateOpen(situation int) bool { return g.gates && situation&g.gateBit() != 0 }
func (g *grid) dark(situation int) bool     { return g.lamps && situation&g.darkBit() != 0 }

// isGoal says whether a cell is this episode's goal, or one of its goals.
func (g *grid) isGoal(cell, situation int) bool {
	if !g.OneGoal {
		return g.at(cell) == 'G'
	}
	return g.goals[situation/(g.situations/len(g.goals))] == cell
}

// move is one step without slipping.
func (g *grid) move(cell, situation, action int) (nextCell, nextSituation int) {
	if action == 4 {
		switch g.at(cell) {
		case '!':
			situation ^= g.gateBit()
		case '*':
			situation ^= g.darkBit()
		}
		return cell, situation
	}
	row, column := cell/g.columns, cell%g.columns
	switch action {
	case 0:
		row--
	case 1:
		column++
	case 2:
		row++
	case 3:
		column--
	}
	if row < 0 || row >= g.rows || column < 0 || column >= g.columns {
		return cell, situation
	}
	to := row*g.columns + column
	switch symbol := g.at(to); {
	case symbol == '#',
		symbol == '|' && !g.gateOpen(situation),
		'A' <= symbol && symbol <= 'D' && !g.holds(situation, symbol-'A'+'a'):
		return cell, situation
	case 'a' <= symbol && symbol <= 'd':
		situation |= 1 << strings.IndexByte(g.keys, symbol)
	}
	return to, situation
}

// seen is what a cell shows besides the agent, '.' where there is nothing or nothing can be seen.
func (g *grid) seen(cell, situation int) byte {
	symbol := g.at(cell)
	switch {
	case g.dark(situation) && symbol != '*':
		return '.'
	case symbol == '@',
		symbol == 'G' && !g.isGoal(cell, situation),
		symbol == '|' && g.gateOpen(situation),
		'a' <= symbol && symbol <= 'd' && g.holds(situation, symbol),
		'A' <= symbol && symbol <= 'D' && g.holds(situation, symbol-'A'+'a'):
		return '.'
	}
	return symbol
}

// scene is what every situation shows, [situations, cells, planes], with a plane for each symbol of the map.
func (g *grid) scene() (scene []float32, planes int) {
	var symbols []byte
	for _, symbol := range []byte(gridPlanes) {
		if strings.IndexByte(g.cells, symbol) >= 0 {
			symbols = append(symbols, symbol)
		}
	}
	if len(symbols) == 0 {
		symbols = []byte{'#'} // an empty room still has its plane of no walls
	}
	scene = make([]float32, g.situations*len(g.cells)*len(symbols))
	for situation := range g.situations {
		for cell := range len(g.cells) {
			if k := slices.Index(symbols, g.seen(cell, situation)); k >= 0 {
				scene[(situation*len(g.cells)+cell)*len(symbols)+k] = 1
			}
		}
	}
	return scene, len(symbols)
}

func (g *grid) frame(s []float32) *image.RGBA {
	short, long := min(g.rows, g.columns), max(g.rows, g.columns)
	size := max(1, min(max(32, 60/short), max(8, 240/long), 400/long)) // pixels a cell
	margin := max(0, (60/size-g.rows+2)/2)                             // rows of wall above and below a corridor: without them the picture would be too low for a film
	c := newCanvas(g.columns*size, (g.rows+2*margin)*size, 0, float64(-margin), float64(g.columns), float64(g.rows+margin))
	img := c.img
	situation := int(s[1])
	if g.dark(situation) {
		draw.Draw(img, img.Bounds(), image.NewUniform(dark), image.Point{}, draw.Src)
	}
	for cell := range len(g.cells) {
		g.cellFrame(c, cell, situation)
	}
	c.box(0, float64(-margin), float64(g.columns), 0, dark)
	c.box(0, float64(g.rows), float64(g.columns), float64(g.rows+margin), dark)
	agent := int(s[0])
	x, y := float64(agent%g.columns)+0.5, float64(g.rows-1-agent/g.columns)+0.5
	c.disc(x, y, 0.34, blue)
	for i, key := range []byte(g.keys) { // the keys it holds, as dots on it
		if g.holds(situation, key) {
			c.disc(x-0.15+0.2*float64(i), y, 0.12, keyColour(key))
		}
	}
	return img
}

func (g *grid) cellFrame(c *canvas, cell, situation int) {
	x, y := float64(cell%g.columns), float64(g.rows-1-cell/g.columns)
	shown := g.seen(cell, situation)
	if !g.dark(situation) && shown != '#' {
		c.line(x, y, x+1, y, 0.04, grey)
		c.line(x, y, x, y+1, 0.04, grey)
	}
	switch symbol := g.at(cell); {
	case shown == '#':
		c.box(x, y, x+1, y+1, dark)
	case shown == 'G':
		c.box(x+0.08, y+0.08, x+0.92, y+0.92, green)
	case shown == 'X':
		c.box(x+0.08, y+0.08, x+0.92, y+0.92, red)
	case 'a' <= shown && shown <= 'd':
		c.disc(x+0.3, y+0.5, 0.2, keyColour(shown))
		c.line(x+0.4, y+0.5, x+0.9, y+0.5, 0.12, keyColour(shown))
		c.line(x+0.8, y+0.5, x+0.8, y+0.3, 0.12, keyColour(shown))
		c.disc(x+0.3, y+0.5, 0.08, paper)
	case 'A' <= shown && shown <= 'D':
		c.box(x, y, x+1, y+1, keyColour(shown-'A'+'a'))
		c.disc(x+0.72, y+0.5, 0.1, dark)
	case shown == '|':
		for k := range 3 {
			at := x + 0.2 + 0.3*float64(k)
			c.line(at, y, at, y+1, 0.14, red)
		}
	case shown == '!':
		c.box(x+0.2, y+0.1, x+0.8, y+0.3, dark)
		tilt := -0.25
		if g.gateOpen(situation) {
			tilt = 0.25
		}
		c.line(x+0.5, y+0.3, x+0.5+tilt, y+0.8, 0.12, red)
	case shown == '*':
		c.disc(x+0.5, y+0.55, 0.26, yellow)
		c.box(x+0.38, y+0.12, x+0.62, y+0.36, grey)
	case !g.dark(situation) && ('A' <= symbol && symbol <= 'D'): // unlocked: its posts
		c.box(x, y, x+0.12, y+1, keyColour(symbol-'A'+'a'))
		c.box(x+0.88, y, x+1, y+1, keyColour(symbol-'A'+'a'))
	case !g.dark(situation) && symbol == '|':
		c.box(x, y, x+0.12, y+1, red)
		c.box(x+0.88, y, x+1, y+1, red)
	}
}

func keyColour(key byte) color.RGBA {
	return [...]color.RGBA{orange, violet, yellow, green}[key-'a']
}
