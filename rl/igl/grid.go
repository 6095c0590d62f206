package igl

import (
	"context"
	"fmt"
	"math"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/rewardlab/rewardlab/rl/loop"
	"github.com/rewardlab/rewardlab/rl/ops"
)

// The sequential form: a square grid, a goal in one of its corners, a start anywhere else. The agent sees goal and cell, moves up, down,
// left or right for Horizon steps, and at the end of the episode gets one image: of a "1" if it came to the goal, of a "0" if not.
// An episode takes the place of a round: log pi(a|x) becomes the sum of log pi(a_t|s_t) up to the goal, and random behaviour
// succeeds with the base rate of a random walk. The policy is a table, goal and cell to four logits.

// moves: up, down, left, right.
const moves = 4

// corners are the possible goals.
const corners = 4

// gridStates is the number of states: state = goal * side * side + row * side + column.
func (c *Config) gridStates() int { return corners * c.GridSide * c.GridSide }

// corner is the cell of goal number k.
func (c *Config) corner(k int) int {
	n := c.GridSide
	return []int{0, n - 1, n * (n - 1), n*n - 1}[k]
}

// transitions is the grid as a table: the next cell for cell and move, [side*side*moves]. Walking into the wall leaves the cell as it is.
func (c *Config) transitions() []int32 {
	n := c.GridSide
	next := make([]int32, 0, n*n*moves)
	for cell := range n * n {
		row, col := cell/n, cell%n
		for _, d := range [moves][2]int{{-1, 0}, {1, 0}, {0, -1}, {0, 1}} {
			r, k := min(max(row+d[0], 0), n-1), min(max(col+d[1], 0), n-1)
			next = append(next, int32(r*n+k))
		}
	}
	return next
}

// startCells lists, for every goal, the cells that are not the goal: [corners*(side*side-1)].
func (c *Config) startCells() []int32 {
	var cells []int32
	for k := range corners {
		for cell := range c.GridSide * c.GridSide {
			if cell != c.corner(k) {
				cells = append(cells, int32(cell))
			}
		}
	}
	return cells
}

// grid is one iteration of the joint method on episodes: the first Exploit of them by the policy, the rest by uniform moves.
func (p *problem) grid(i *Node, s onlineState, d deck) (onlineState, onlineMetrics) {
	c := p.Config
	g := i.Graph()
	n, cells := c.Exploit+c.Explore, c.GridSide*c.GridSide
	parts := p.pack.Split(s.Theta)
	look := func(table []int32, index *Node) *Node { return Gather(Const(g, table), ExpandAxes(index, -1)) }
	var goals [corners]int32
	for k := range goals {
		goals[k] = int32(c.corner(k))
	}

	key, goal := ops.Below(s.Key, n, corners)
	key, start := ops.Below(key, n, cells-1)
	cell := look(c.startCells(), Add(MulScalar(goal, float64(cells-1)), start))
	target := look(goals[:], goal)
	logp := Zeros(g, shapes.Make(dtypes.Float32, n)) // sum of log pi over the moves before the goal
	open := OnesLike(logp)                           // 1 until the goal is reached
	random := ConvertDType(GreaterOrEqual(Iota(g, cell.Shape(), 0), Scalar(g, dtypes.Int32, float64(c.Exploit))), dtypes.Float32)
	entropy := ScalarZero(g, dtypes.Float32)
	for range c.Horizon {
		logits := p.policy.Apply(parts[0], Add(MulScalar(goal, float64(cells)), cell))
		logPi := LogSoftmax(logits, -1)
		var move *Node
		key, move = ops.Sample(key, Mul(logits, ExpandAxes(OneMinus(random), -1))) // zero logits are uniform
		logp = Add(logp, Mul(ops.LogProb(logPi, move), open))
		entropy = Add(entropy, DivScalar(ops.Entropy(logPi), float64(c.Horizon)))
		next := look(c.transitions(), Add(MulScalar(cell, moves), move))
		cell = Where(GreaterThan(open, ScalarZero(g, dtypes.Float32)), next, cell)
		open = Mul(open, ConvertDType(NotEqual(cell, target), dtypes.Float32))
	}
	reward := OneMinus(open)
	key, answer := c.answer(d, key, i, cell, reward)
	decoded := Sigmoid(Squeeze(p.decoder.Apply(parts[1], c.view(d, answer)), -1))
	return p.improve(s, key, parts, episode{logp: Slice(logp, AxisRange(0, c.Exploit)), reward: reward, decoded: decoded, entropy: entropy})
}

// walk is how a policy does on the grid, exactly: dynamic programming over the steps left.
type walk struct{ sampled, greedy, uniform float64 }

// evaluateGrid works out the probability of reaching the goal within the horizon, averaged over goals and starts, for the policy given
// by logits [states*moves], for its greedy version, and for uniform moves.
func (c *Config) evaluateGrid(logits []float32) walk {
	next, cells := c.transitions(), c.GridSide*c.GridSide
	success := func(pi func(state int) [moves]float64) float64 {
		var sum float64
		for k := range corners {
			v := make([]float64, cells) // probability of success with t steps left
			v[c.corner(k)] = 1
			for range c.Horizon {
				now := make([]float64, cells)
				for cell := range cells {
					for a, prob := range pi(k*cells + cell) {
						now[cell] += prob * v[next[cell*moves+a]]
					}
				}
				now[c.corner(k)] = 1
				v = now
			}
			for cell, value := range v {
				if cell != c.corner(k) {
					sum += value
				}
			}
		}
		return sum / float64(corners*(cells-1))
	}
	row := func(state int) []float32 { return logits[state*moves : (state+1)*moves] }
	return walk{
		sampled: success(func(s int) [moves]float64 { return softmax(row(s)) }),
		greedy: success(func(s int) (pi [moves]float64) {
			best := 0
			for a, z := range row(s) {
				if z > row(s)[best] {
					best = a
				}
			}
			pi[best] = 1
			return pi
		}),
		uniform: success(func(int) [moves]float64 { return [moves]float64{0.25, 0.25, 0.25, 0.25} }),
	}
}

// examineGrid gives the success of the policy and of a random walk, and what the decoder makes of held-out images.
func (x *examiner) examineGrid(ctx context.Context, _ loop.Values[deck], s loop.Values[onlineState]) (map[string]float64, error) {
	values, err := x.examine(ctx, s.Get("Theta"))
	if err != nil {
		return nil, err
	}
	theta, err := tensors.CopyFlatData[float32](s.Get("Theta"))
	if err != nil {
		return nil, fmt.Errorf("examination: policy: %w", err)
	}
	c := x.problem.Config
	w := c.evaluateGrid(theta[:c.gridStates()*moves])
	values["heldout/sampled"], values["heldout/greedy"], values["heldout/random_walk"] = w.sampled, w.greedy, w.uniform
	return values, nil
}

func softmax(logits []float32) (p [moves]float64) {
	top := logits[0]
	for _, z := range logits {
		top = max(top, z)
	}
	var sum float64
	for a, z := range logits {
		p[a] = math.Exp(float64(z - top))
		sum += p[a]
	}
	for a := range p {
		p[a] /= sum
	}
	return p
}
