package instruct_test

import (
	"testing"

	"github.com/rewardlab/rewardlab/rl/instruct"
)

// BenchmarkTrain is one seed of the preset, whole.
func BenchmarkTrain(b *testing.B) {
	for b.Loop() {
		if _, err := instruct.Train(b.Context(), instruct.Config{}, 1); err != nil {
			b.Fatal(err)
		}
	}
}
