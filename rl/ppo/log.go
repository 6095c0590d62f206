package ppo

import (
	"fmt"

	"github.com/gomlx/gomlx/core/tensors"

	"github.com/rewardlab/rewardlab/rl/rollout"
	"github.com/rewardlab/rewardlab/rl/trainer"
)

// log collects the numbers of a chunk of iterations.
type log struct {
	*ppo
	names    []string
	values   map[string][]float32
	episodes []float32
}

func newLog(p *ppo) *log { return &log{ppo: p, values: map[string][]float32{}} }

func (l *log) put(name string, value float32) {
	if _, known := l.values[name]; !known {
		l.names = append(l.names, name)
	}
	l.values[name] = append(l.values[name], value)
}

// add takes in iteration i: the statistics of its rollout, and the marks of its minibatches, [rounds, len(losses)].
func (l *log) add(i int, stats, marks *tensors.Tensor) error {
	s, err := tensors.CopyFlatData[float32](stats)
	if err != nil {
		return fmt.Errorf("statistics of the rollout: %w", err)
	}
	m, err := tensors.CopyFlatData[float32](marks)
	if err != nil {
		return fmt.Errorf("losses: %w", err)
	}
	if odd := s[rollout.Odd]; odd != 0 {
		return fmt.Errorf("environment %s, iteration %d: %.0f numbers among its observations and rewards are NaN or infinite: its state has left the range in which its rules hold", l.Env, i, odd)
	}
	ended := s[rollout.Episodes]
	l.episodes = append(l.episodes, ended)
	l.put("charts/episodic_return", s[rollout.Returns]/max(ended, 1))
	l.put("charts/episodic_length", s[rollout.Lengths]/max(ended, 1))
	l.put("charts/learning_rate", float32(l.rateAt(i)))
	for k, name := range losses {
		var sum float32
		for row := range l.rounds() {
			sum += m[row*len(losses)+k]
		}
		l.put("losses/"+name, sum/float32(l.rounds()))
	}
	l.put("losses/explained_variance", s[rollout.ExplainedVariance])
	return nil
}

// metrics are one number an iteration; returns and lengths count by the episodes that ended.
func (l *log) metrics() []trainer.Metric {
	var ms []trainer.Metric
	for _, name := range l.names {
		m := trainer.Metric{Name: name, Values: l.values[name]}
		if name == "charts/episodic_return" || name == "charts/episodic_length" {
			m.Weights = l.episodes
		}
		ms = append(ms, m)
	}
	return ms
}
