package goal

import (
	"fmt"

	"github.com/gomlx/gomlx/core/tensors"

	"github.com/rewardlab/rewardlab/datasets"
	"github.com/rewardlab/rewardlab/rl/env"
)

// fits says whether d can be demonstrations of c in spec.
func (c *Config) fits(d *datasets.Demos, spec env.Spec) error {
	switch {
	case c.Demos == 0:
		return nil
	case d == nil:
		return fmt.Errorf("goal: demos is %d, and no demonstrations were given: open them, or set demos to 0", c.Demos)
	case d.ObsSize() != spec.ObsSize() || d.Actions != spec.Action.N || d.ActionDim != spec.Action.Dim:
		return fmt.Errorf("goal: the demonstrations observe %d numbers and have %d choices or %d numbers as actions, %s has %d, %d and %d: take those of this environment",
			d.ObsSize(), d.Actions, d.ActionDim, spec.Name, spec.ObsSize(), spec.Action.N, spec.Action.Dim)
	case len(d.Trajectories) < c.Demos:
		return fmt.Errorf("goal: demos is %d, the file has %d: ask for fewer", c.Demos, len(d.Trajectories))
	}
	return nil
}

// fromDemos are examples [Examples, row]: the last states of each of Demos demonstrations, the very last ones first. With SeedNegatives the states
// before them go into heap, the first ones last, as if they had been visited; used is how many.
func (w *court) fromDemos(seed int64, heap *tensors.Tensor) (examples *tensors.Tensor, used int, err error) {
	d, err := w.demos.Pick(w.Demos, seed)
	if err != nil {
		return nil, 0, err
	}
	width, cols := d.ObsSize(), d.Columns()
	rows := make([][]float32, 0, w.Examples)
	state := func(t datasets.Trajectory, i int) []float32 { // what step i led to, and its action
		row := append(make([]float32, 0, w.row()), t.Obs[(i+1)*width:(i+2)*width]...)
		return append(row, t.Action[i*cols:(i+1)*cols]...)
	}
	each := (w.Examples + w.Demos - 1) / w.Demos
	var others [][]float32
	for back := range each {
		for _, t := range d.Trajectories {
			steps := len(t.Action) / cols
			if steps < each {
				return nil, 0, fmt.Errorf("demonstrations: one of %d steps cannot give its last %d: ask for fewer examples", steps, each)
			}
			if len(rows) < w.Examples {
				rows = append(rows, state(t, steps-1-back))
			}
		}
	}
	if !w.SeedNegatives {
		return tensors.FromValue(rows), 0, nil
	}
	for _, t := range d.Trajectories {
		for i := range len(t.Action)/cols - each {
			others = append(others, state(t, i))
		}
	}
	used = min(len(others), w.Replay)
	err = tensors.MutableFlatData(heap, func(x []float32) {
		for i, row := range others[:used] {
			copy(x[i*w.row():], row)
		}
	})
	return tensors.FromValue(rows), used, err
}
