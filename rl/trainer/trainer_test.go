package trainer_test

import (
	"testing"

	"github.com/rewardlab/rewardlab/rl/trainer"
)

func TestEveryAndChunk(t *testing.T) {
	for _, c := range []struct{ given, iterations, stepsPer, every, chunk int }{
		{0, 1000, 512, 5, 35},   // 20,000 steps are 39 iterations, 7 whole rows
		{0, 1000, 10, 5, 500},   // never the whole training
		{0, 50, 512, 1, 25},     // less than 200 iterations: a row each
		{40, 1000, 512, 40, 40}, // a row is longer than 20,000 steps
		{40, 30, 512, 30, 30},   // or than the training
	} {
		every := trainer.Every(c.given, c.iterations, 200)
		if chunk := trainer.Chunk(every, c.iterations, c.stepsPer); every != c.every || chunk != c.chunk {
			t.Errorf("%+v: every %d, chunk %d", c, every, chunk)
		}
	}
}
