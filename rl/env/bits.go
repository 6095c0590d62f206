package env

import (
	"image/color"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
)

// Where a game has many things in its field, a row of cells is one whole number, bit c for column c: to move all things of a row is one
// shift, and the state stays small. Whole numbers are int32 here, and below 2^24, so that the float32 of the state holds them.

const fullRow = 1<<side - 1

func whole(x *Node) *Node { return ConvertDType(x, dtypes.Int32) }

// wholes is 0, 1, ... along an axis of the shape, int32.
func wholes(g *Graph, axis int, dims ...int) *Node {
	return Iota(g, shapes.Make(dtypes.Int32, dims...), axis)
}

// bitAt is the word with bit x set.
func bitAt(x *Node) *Node { return BitwiseShiftLeft(like(x, 1), x) }

func shl(w *Node, by int) *Node         { return BitwiseShiftLeft(w, like(w, float64(by))) }
func shr(w *Node, by int) *Node         { return BitwiseShiftRightLogical(w, like(w, float64(by))) }
func keep(w *Node, bits int) *Node      { return BitwiseAnd(w, like(w, float64(bits))) }
func only(cond, w *Node) *Node          { return Where(cond, w, like(w, 0)) }
func overlap(a, b *Node) *Node          { return NotEqual(BitwiseAnd(a, b), like(a, 0)) }
func present(w *Node) *Node             { return NotEqual(w, like(w, 0)) }
func column(x *Node) *Node              { return ExpandAxes(x, -1) }
func across(x *Node, dims ...int) *Node { return BroadcastToDims(column(x), dims...) }

// lit is the observation [n, side, side, C] of words [n, side, C].
func lit(w *Node) *Node {
	n, channels := w.Shape().Dimensions[0], w.Shape().Dimensions[2]
	w = settle(w)
	dims := []int{n, side, side, channels}
	w = BroadcastToDims(ExpandAxes(w, 2), dims...)
	return float(overlap(w, bitAt(wholes(w.Graph(), 2, dims...))))
}

// paint fills the cells of a word.
func (b board) paint(row int, word float32, c color.Color) {
	for col := range side {
		if int(word)>>col&1 == 1 {
			b.fill(float32(row), float32(col), c)
		}
	}
}
