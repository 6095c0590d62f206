package prefs

import (
	"fmt"

	"github.com/gomlx/gomlx/core/tensors"

	"github.com/rewardlab/rewardlab/rl/rollout"
	"github.com/rewardlab/rewardlab/rl/trainer"
)

// diary is the policy's journal, and numbers that not every iteration has.
type diary struct {
	*rollout.Journal
	now  int // iterations so far
	rare map[string]*trainer.Metric
}

// The numbers of rounds: what the models got right of the new answers before they learned from them; what they get right of held-out random pairs after
// it, with the most that the annotator's noise allows; their loss while learning.
var rareNames = []string{"pairs/foreseen", "pairs/accuracy", "pairs/ceiling", "reward/loss"}

func newDiary(j *rollout.Journal) *diary {
	d := &diary{Journal: j, rare: map[string]*trainer.Metric{}}
	for _, name := range rareNames {
		d.rare[name] = &trainer.Metric{Name: name}
	}
	return d
}

// begin makes room for one more iteration.
func (d *diary) begin() {
	d.now++
	for _, m := range d.rare {
		m.Values, m.Weights = append(m.Values, 0), append(m.Weights, 0)
	}
}

// mark notes a number of this iteration that counts with a weight.
func (d *diary) mark(name string, value, weight float32) {
	m := d.rare[name]
	m.Values[d.now-1], m.Weights[d.now-1] = value, weight
}

func (d *diary) metrics() []trainer.Metric {
	ms := d.Metrics()
	for _, name := range rareNames {
		ms = append(ms, *d.rare[name])
	}
	return ms
}

// read copies statistics from the device and frees them.
func read(what string, t *tensors.Tensor) ([]float32, error) {
	x, err := tensors.CopyFlatData[float32](t)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	return x, t.FinalizeAll()
}

// share notes a share and the number of cases that it is of.
func (d *diary) share(name string, t *tensors.Tensor) error {
	x, err := read(name, t)
	if err != nil {
		return err
	}
	d.mark(name, x[0], x[1])
	return nil
}

func (d *diary) grades(t *tensors.Tensor) error {
	x, err := read("held-out pairs", t)
	if err != nil {
		return err
	}
	d.mark("pairs/accuracy", x[0], x[2])
	d.mark("pairs/ceiling", x[1], x[2])
	return nil
}

func (d *diary) losses(t *tensors.Tensor, n int) error {
	x, err := tensors.CopyFlatData[float32](t)
	if err != nil {
		return fmt.Errorf("losses of the reward models: %w", err)
	}
	late := x[n-(n+3)/4 : n] // of the last quarter
	var sum float32
	for _, v := range late {
		sum += v
	}
	d.mark("reward/loss", sum/float32(len(late)), 1)
	return nil
}

func (d *diary) paid(t *tensors.Tensor) error {
	x, err := read("rewards", t)
	if err != nil {
		return err
	}
	d.Put("reward/proxy", x[proxyMean])
	d.Put("reward/correlation", x[correlation])
	d.Put("policy/kl", x[divergence])
	return nil
}
