package rl

import (
	"context"

	"github.com/rewardlab/rewardlab/rl/instruct"
	"github.com/rewardlab/rewardlab/rl/run"
)

// instructPresets are learners that were told how to play with a person.
func instructPresets() []run.Preset {
	// SmolLM2 hardly ever thinks of stopping: with a lambda of 1 no value outweighs that, and Bob takes balls until the turns are used up.
	none, gentle := 0.0, 0.25
	score := scored("share of Bob's states in which he does what he was told", "eval/human")
	return presets("instructq", instruct.ConfigSource, score, func(_ context.Context, c *instruct.Config, _ run.OpenOptions) (run.Worker, error) {
		return instruct.New(c)
	}, []row[instruct.Config]{
		{"instructq-say-select", "Q-learning that was told to select the number its partner says: a person can play with it", instruct.Config{}},
		{"instructq-say-select-lm", "the same, with what a small language model makes of that sentence in place of a rule", instruct.Config{Prior: "smollm2", Lambda: &gentle}},
		{"instructq-say-select-plain", "the same without the instruction: a perfect score by a code of its own", instruct.Config{Lambda: &none}},
	})
}
