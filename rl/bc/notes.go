package bc

import (
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/rewardlab/rewardlab/rl/trainer"
)

// notes are the numbers of iterations of which some may do nothing.
type notes struct{ metrics []trainer.Metric }

func newNotes(names ...string) *notes {
	n := &notes{}
	for _, name := range names {
		n.metrics = append(n.metrics, trainer.Metric{Name: name})
	}
	return n
}

// put adds an iteration, one number for each name.
func (n *notes) put(values ...float32) {
	for i := range n.metrics {
		m := &n.metrics[i]
		m.Values, m.Weights = append(m.Values, values[i]), append(m.Weights, 1)
	}
}

// skip adds an iteration that did nothing: its row leaves the numbers out.
func (n *notes) skip() {
	for i := range n.metrics {
		m := &n.metrics[i]
		m.Values, m.Weights = append(m.Values, 0), append(m.Weights, 0)
	}
}

// mean is that of a vector.
func mean(t *tensors.Tensor) float32 {
	var sum float32
	xs := tensors.MustCopyFlatData[float32](t)
	for _, v := range xs {
		sum += v
	}
	return sum / float32(len(xs))
}
