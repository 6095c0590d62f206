package env

import (
	"image"
	"image/color"
	"image/draw"
	"math"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
)

// The arcade games are written from the rules of MinAtar (Young and Tian 2019): a field of side x side cells, row 0 at the top, seen as
// one plane of zeros and ones for each kind of thing.
const side = 10

// ArcadeConfig is what the arcade games share. The zero value is MinAtar's default.
type ArcadeConfig struct {
	Sticky  float64 // probability that the last action is played again instead of the chosen one; 0: 0.1, negative: never
	Steady  bool    // the difficulty does not grow with time (only in games where it does)
	Horizon int     // time limit in steps; 0: 2,500, which is that of MinAtar's Freeway (its other games have none)
}

func (c ArcadeConfig) sticky() float64 {
	if c.Sticky == 0 {
		return 0.1
	}
	return max(c.Sticky, 0)
}

// play is the action played, [n] float32: the last one [n] where u [n] falls below the probability of sticking, else the chosen one.
func (c ArcadeConfig) play(u, last, action *Node) *Node {
	return Where(below(u, c.sticky()), last, float(action))
}

// spec is what the games' specs have in common.
func (c ArcadeConfig) spec(name string, channels, state, actions int) Spec {
	horizon := c.Horizon
	if horizon == 0 {
		horizon = 2500
	}
	return Spec{
		Name: name, Obs: []int{side, side, channels}, Low: []float64{0}, High: []float64{1},
		State: state, Action: Action{N: actions}, Horizon: horizon,
	}
}

// numbers is 0, 1, ... along an axis of the shape, float32.
func numbers(g *Graph, axis int, dims ...int) *Node {
	return Iota(g, shapes.Make(dtypes.Float32, dims...), axis)
}

// point is a plane [n, side, side] with one thing in it, at row and col [n]; empty where either is outside the field.
func point(row, col *Node) *Node {
	return points(ExpandAxes(row, -1), ExpandAxes(col, -1))
}

// points is a plane [n, side, side] with k things in it, at row and col [n, k]; those outside the field are not drawn.
func points(row, col *Node) *Node {
	n, k := row.Shape().Dimensions[0], row.Shape().Dimensions[1]
	outside := Or(Or(below(row, 0), above(row, side-1)), Or(below(col, 0), above(col, side-1)))
	cell := Where(outside, like(row, -1), Add(MulScalar(row, side), col))
	at := numbers(row.Graph(), 1, n, side*side)
	plane := none(row)
	plane = spread(plane, at)
	for i := range k {
		one := SliceAxis(cell, 1, AxisRange(i, i+1))
		plane = Or(plane, Equal(at, BroadcastToDims(one, n, side*side)))
	}
	return Reshape(plane, n, side, side)
}

// lanes is a plane [n, side, side] with k things in it, thing i in row first+i and in column col[i], col [n, k]; those outside the field
// are not drawn.
func lanes(first int, col *Node) *Node {
	n, k := col.Shape().Dimensions[0], col.Shape().Dimensions[1]
	var rows []*Node
	blank := func(count int) {
		if count > 0 {
			rows = append(rows, BroadcastToDims(Const(col.Graph(), float32(-1)), n, count))
		}
	}
	blank(first)
	rows = append(rows, col)
	blank(side - first - k)
	x := BroadcastToDims(ExpandAxes(Concatenate(rows, 1), -1), n, side, side)
	return Equal(x, numbers(col.Graph(), 2, n, side, side))
}

// planes is the observation [n, side, side, C] of zeros and ones, from C planes [n, side, side] of booleans.
func planes(p ...*Node) *Node {
	return float(Stack(p, -1))
}

// board draws a field of cells.
type board struct{ img *image.RGBA }

const cellPixels = 16

func newBoard() board {
	b := board{image.NewRGBA(image.Rect(0, 0, side*cellPixels, side*cellPixels))}
	draw.Draw(b.img, b.img.Bounds(), image.NewUniform(dark), image.Point{}, draw.Src)
	for row := range side {
		for col := range side {
			b.fill(float32(row), float32(col), color.RGBA{50, 55, 64, 255})
		}
	}
	return b
}

// fill paints one cell; nothing where it is outside the field.
func (b board) fill(row, col float32, c color.Color) {
	if !(row >= 0 && row < side && col >= 0 && col < side) {
		return
	}
	y, x := int(math.Floor(float64(row)))*cellPixels, int(math.Floor(float64(col)))*cellPixels
	draw.Draw(b.img, image.Rect(x+1, y+1, x+cellPixels-1, y+cellPixels-1), image.NewUniform(c), image.Point{}, draw.Src)
}

// freeOne picks one of the free places of each row, all with the same chance, by u [n]. free and the answer are [n, k]; a row without a
// free place gets none.
func freeOne(u, free *Node) *Node {
	n, k := free.Shape().Dimensions[0], free.Shape().Dimensions[1]
	before := make([][]float32, k) // before[i][j]: i comes before j; the last column counts all
	for i := range before {
		before[i] = make([]float32, k+1)
		for j := i + 1; j <= k; j++ {
			before[i][j] = 1
		}
	}
	counts := MatMul(float(free), Const(free.Graph(), before))
	total := col(counts, k)
	chosen := Min(Floor(Mul(u, total)), AddScalar(total, -1)) // rounding up in float32 must not pass the last
	rank := SliceAxis(counts, 1, AxisRange(0, k))
	return And(free, Equal(rank, BroadcastToDims(ExpandAxes(chosen, -1), n, k)))
}

// settle gives back x. XLA writes the cheap operations that lead to x into each kernel that reads it, and so repeats them for each
// element that x is spread over: decisions for one environment would be taken a hundred times. It does not do so with a
// reduction, so here is one that changes nothing: the larger of x and x-1.
func settle(x *Node) *Node {
	twice := BroadcastToDims(ExpandAxes(x, 0), append([]int{2}, x.Shape().Dimensions...)...)
	return ReduceMax(Sub(twice, Iota(x.Graph(), twice.Shape(), 0)), 0)
}
