package ops_test

import (
	"math"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/backend/backendtest"
	"github.com/rewardlab/rewardlab/rl/ops"
)

// The learning net prefers the second action by 1, the instruction the first by 3; it is worth 10: 0.5 + 0.8 * 10. Without the instruction: 0.5 + 0.8 * 20.
func TestInstructedQTarget(t *testing.T) {
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		got := tensors.MustCopyFlatData[float32](MustExecOnce(e.Backend, ops.InstructedQTarget, []float32{0.5, 0.5}, []float32{0.8, 0.8},
			[][]float32{{10, 20}, {10, 20}}, [][]float32{{1, 2}, {1, 2}}, [][]float32{{3, 0}, {0, 0}}))
		if math.Abs(float64(got[0])-8.5) > 1e-5 || math.Abs(float64(got[1])-16.5) > 1e-5 {
			t.Errorf("targets %v, want 8.5 and 16.5", got)
		}
	})
}

// KL((1/4, 3/4) || (1/2, 1/2)) = ln 2 - 0.5623 = 0.1308; of itself 0. The mean of both is half of it.
func TestDivergence(t *testing.T) {
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		l := func(p float64) float32 { return float32(math.Log(p)) }
		got := tensors.MustCopyFlatData[float32](MustExecOnce(e.Backend, ops.Divergence,
			[][]float32{{l(0.25), l(0.75), -1e9}, {l(0.25), l(0.75), -1e9}}, [][]float32{{l(0.5), l(0.5), 0}, {l(0.25), l(0.75), 0}}))[0]
		if want := (math.Log(2) + 0.25*math.Log(0.25) + 0.75*math.Log(0.75)) / 2; math.Abs(float64(got)-want) > 1e-6 {
			t.Errorf("divergence %g, want %g", got, want)
		}
	})
}
