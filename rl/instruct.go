package rl

import (
	"context"
	"fmt"

	"github.com/rewardlab/rewardlab/rl/instruct"
	"github.com/rewardlab/rewardlab/rl/run"
)

// instructPresets are learners that were told how to play with a person.
func instructPresets() []run.Preset {
	score := run.Score{Name: "share of Bob's states in which he does what he was told", Of: func(_ []run.Row, eval map[string]float64) (float64, error) {
		return evaluated(eval, "eval/human")
	}}
	// SmolLM2 hardly ever thinks of stopping: with a lambda of 1 no value outweighs that, and Bob takes balls until the turns are used up.
	none, gentle := 0.0, 0.25
	presets := []struct {
		name, summary string
		config        instruct.Config
	}{
		{"instructq-say-select", "Q-learning that was told to select the number its partner says: a person can play with it", instruct.Config{}},
		{"instructq-say-select-lm", "the same, with what a small language model makes of that sentence in place of a rule", instruct.Config{Prior: "smollm2", Lambda: &gentle}},
		{"instructq-say-select-plain", "the same without the instruction: a perfect score by a code of its own", instruct.Config{Lambda: &none}},
	}
	out := make([]run.Preset, len(presets))
	for i, p := range presets {
		out[i] = run.Preset{
			Name: p.name, Algorithm: "instructq", Summary: p.summary, Score: score,
			New:          func() any { c := p.config; return &c },
			ConfigSource: instruct.ConfigSource,
			Open: func(_ context.Context, cfg any, _ run.OpenOptions) (run.Worker, error) {
				c, ok := cfg.(*instruct.Config)
				if !ok {
					return nil, fmt.Errorf("instructq: a configuration of type %T: give an *instruct.Config", cfg)
				}
				return instruct.New(c)
			},
		}
	}
	return out
}
