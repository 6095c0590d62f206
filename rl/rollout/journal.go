package rollout

import (
	"context"
	"fmt"

	"github.com/gomlx/gomlx/core/tensors"

	"github.com/rewardlab/rewardlab/rl/loop"
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

// LearningRate adds the step size of iteration i of so many: rate itself, or what is left of it where it falls in a straight line to 0.
func (l *Journal) LearningRate(rate float64, constant bool, i, iterations int) {
	if !constant {
		rate *= 1 - float64(i)/float64(iterations)
	}
	l.Put("charts/learning_rate", float32(rate))
}

// Means adds the mean of every column of marks [updates, len(names)].
func (l *Journal) Means(prefix string, names []string, marks *tensors.Tensor) error {
	m, err := tensors.CopyFlatData[float32](marks)
	if err != nil {
		return err
	}
	rows := len(m) / len(names)
	for k, name := range names {
		var sum float32
		for row := range rows {
			sum += m[row*len(names)+k]
		}
		l.Put(prefix+name, sum/float32(rows))
	}
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

// Advance makes the Advance of a trainer.Plan of its one iteration, which consumes a state and returns the next. env is as for NewJournal.
func Advance[S any](env string, iterate func(ctx context.Context, i int, s loop.Values[S], log *Journal) (loop.Values[S], error)) func(ctx context.Context, from, n int, s loop.Values[S]) (loop.Values[S], []trainer.Metric, error) {
	return func(ctx context.Context, from, n int, s loop.Values[S]) (loop.Values[S], []trainer.Metric, error) {
		log := NewJournal(env)
		for i := from; i < from+n; i++ {
			var err error
			if s, err = iterate(ctx, i, s, log); err != nil {
				return s, nil, err
			}
		}
		return s, log.Metrics(), nil
	}
}
