package run

import (
	"crypto/sha256"
	"encoding/binary"
)

// The streams that every trainer uses. A trainer may name more of its own.
const (
	StreamInit  = "init"  // initial parameters
	StreamTrain = "train" // exploration, environments, minibatches
	StreamEval  = "eval"  // evaluation, apart from training
	StreamData  = "data"  // splits and shuffles of data sets
)

// Stream derives the seed of a named random stream from a run's seed, so that
// evaluation never sees the random numbers of training and seeds 1 and 2 have
// nothing in common. It is the first 63 bits of SHA-256 over a fixed label, the
// seed and the name, hence never negative, and the same on every machine.
func Stream(seed int64, name string) int64 {
	b := []byte("rewardlab stream 1\x00")
	b = binary.LittleEndian.AppendUint64(b, uint64(seed))
	b = append(b, name...)
	sum := sha256.Sum256(b)
	return int64(binary.LittleEndian.Uint64(sum[:8]) >> 1)
}
