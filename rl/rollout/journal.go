package rollout

import (
	"fmt"

	"github.com/gomlx/gomlx/core/tensors"

	"github.com/rewardlab/rewardlab/rl/trainer"
)

// Journal collects the numbers of a chunk of iterations, under CleanRL's names.
type Journal struct {
	env     string
	names   []string
	values  map[string][]float32
	weights map[string][]float32 // of the names that have any
}

// NewJournal is an empty journal of a training in the environment called env.
func NewJournal(env string) *Journal {
	return &Journal{env: env, values: map[string][]float32{}, weights: map[string][]float32{}}
}

// Put adds one number of one iteration. Every iteration puts the same names.
func (l *Journal) Put(name string, value float32) {
	if _, known := l.values[name]; !known {
		l.names = append(l.names, name)
	}
	l.values[name] = append(l.values[name], value)
}

// PutWeighted adds one number of one iteration that counts by its weight in the mean that a row holds, 0 for not at all.
func (l *Journal) PutWeighted(name string, value, weight float32) {
	l.Put(name, value)
	l.weights[name] = append(l.weights[name], weight)
}

const episodicReturn, episodicLength = "charts/episodic_return", "charts/episodic_length"

// Rollout adds Assess's statistics of iteration i. Numbers that are not finite are an error: with them nothing can be learned any more.
func (l *Journal) Rollout(i int, stats *tensors.Tensor) error {
	s, err := tensors.CopyFlatData[float32](stats)
	if err != nil {
		return fmt.Errorf("statistics of the rollout: %w", err)
	}
	if odd := s[Odd]; odd != 0 {
		return fmt.Errorf("environment %s, iteration %d: %.0f of its observations and rewards are NaN or infinite: its state has left the range in which its rules hold, or an action was NaN; mend its Step, or try a smaller learning rate", l.env, i, odd)
	}
	ended := s[Episodes]
	l.PutWeighted(episodicReturn, s[Returns]/max(ended, 1), ended)
	l.PutWeighted(episodicLength, s[Lengths]/max(ended, 1), ended)
	l.Put("losses/explained_variance", s[ExplainedVariance])
	return nil
}

// Metrics are one number an iteration; returns and lengths count by the episodes that ended in it.
func (l *Journal) Metrics() []trainer.Metric {
	ms := make([]trainer.Metric, 0, len(l.names))
	for _, name := range l.names {
		ms = append(ms, trainer.Metric{Name: name, Values: l.values[name], Weights: l.weights[name]})
	}
	return ms
}
