package env

import (
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"

	"github.com/rewardlab/rewardlab/rl/ops"
)

// uniforms is [n, k] of uniform numbers in [0, 1), multiples of 2^-24; nil for k = 0.
//
// The engine's own generator (Philox) costs some 12 ns a number on a CPU, more than the rules of a game. So it draws only two salts of 24
// bits a step, and the numbers are a hash of their position and the salts: twice the 32-bit mixer of Wellons ("lowbias32"), with a salt
// before each.
func uniforms(key *Node, n, k int) (newKey, u *Node) {
	if k == 0 {
		return key, nil
	}
	key, salts := ops.Uniform(key, 2)
	salts = ConvertDType(MulScalar(salts, 1<<24), dtypes.Uint32)
	g := key.Graph()
	all := func(x *Node) *Node { return BroadcastToDims(x, n*k) }
	salt := func(i int) *Node { return all(Squeeze(SliceAxis(salts, 0, AxisElem(i)), 0)) }
	mix := func(x *Node) *Node {
		x = BitwiseXor(x, BitwiseShiftRightLogicalScalar(x, uint32(16)))
		x = Mul(x, all(Const(g, uint32(0x7feb352d))))
		x = BitwiseXor(x, BitwiseShiftRightLogicalScalar(x, uint32(15)))
		x = Mul(x, all(Const(g, uint32(0x846ca68b))))
		return BitwiseXor(x, BitwiseShiftRightLogicalScalar(x, uint32(16)))
	}
	x := mix(BitwiseXor(Iota(g, shapes.Make(dtypes.Uint32, n*k), 0), salt(0)))
	x = mix(Add(x, salt(1)))
	x = ConvertDType(ConvertDType(BitwiseShiftRightLogicalScalar(x, uint32(8)), dtypes.Int32), dtypes.Float32)
	return key, Reshape(MulScalar(x, 1.0/(1<<24)), n, k)
}
