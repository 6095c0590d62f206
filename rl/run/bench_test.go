package run

import (
	"fmt"
	"path/filepath"
	"testing"
)

// BenchmarkOverhead is what a run costs beside its training: 1,000 iterations of
// rows in chunks of 50, a checkpoint and an evaluation.
func BenchmarkOverhead(b *testing.B) {
	cfg := &fakeConfig{Iterations: 1000, Chunk: 50}
	job := fakeJob(b, cfg, 1)
	dir := b.TempDir()
	i := 0
	training := 0.0
	for b.Loop() {
		training += mustTrain(b, filepath.Join(dir, fmt.Sprint(i)), job).TrainSeconds
		i++
	}
	n := float64(b.N)
	b.ReportMetric((b.Elapsed().Seconds()-training)/n*1e3, "ms-beside-training/op")
}
