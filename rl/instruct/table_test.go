package instruct_test

import (
	"flag"
	"testing"
	"time"

	"github.com/rewardlab/rewardlab/rl/instruct"
)

var tablePrior = flag.String("table.prior", "", "of which only the rows with this prior")

var tableSeeds = flag.Int("table.seeds", 0, "train so many seeds of every row of the table of lambdas, with all episodes, and print it")

// TestTable prints what the strength of the prior does. Of 20 seeds each, a run takes minutes, so it is asked for by its flag.
func TestTable(t *testing.T) {
	if *tableSeeds == 0 {
		t.Skip("give -table.seeds=20 to train the table")
	}
	seeds := make([]int64, *tableSeeds)
	for i := range seeds {
		seeds[i] = int64(i + 1)
	}
	t.Log("prior weight lambda | best | perfect | naming identical (mean words) | strict | human states | quits on a repeat | with a person | s a seed")
	for _, row := range []struct {
		prior          string
		weight, lambda float64
	}{{"rule", 1, 0}, {"rule", 3, 0.05}, {"rule", 3, 0.1}, {"rule", 3, 0.25}, {"rule", 3, 0.5}, {"rule", 3, 1}, {"rule", 10, 0.25},
		{"smollm2", 1, 0.05}, {"smollm2", 1, 0.1}, {"smollm2", 1, 0.25}, {"smollm2", 1, 0.5}, {"smollm2", 1, 1}} {
		if *tablePrior != "" && row.prior != *tablePrior {
			continue
		}
		start := time.Now()
		pairs, err := instruct.TrainSeeds(t.Context(), instruct.Config{Prior: row.prior, Weight: row.weight, Lambda: &row.lambda}, seeds)
		if err != nil {
			t.Fatal(err)
		}
		var best, words, human, person float64
		var perfect, naming, strict, quits, repeats int
		for _, p := range pairs {
			e := instruct.Examine(p, p, instruct.Same)
			best += e.Score / float64(len(pairs))
			words += float64(e.Naming) / float64(len(pairs))
			human += e.HumanShare() / float64(len(pairs))
			person += instruct.Examine(p, instruct.Person(instruct.Same), instruct.Same).Score / float64(len(pairs))
			quits, repeats = quits+e.Quits, repeats+e.Repeats
			perfect += one(e.Score == 1)
			naming += one(e.Naming == instruct.Balls)
			strict += one(e.Strict())
		}
		n := len(pairs)
		t.Logf("%-7s %4g %5g | %.3f | %d/%d | %d/%d (%.1f) | %d/%d | %.3f | %.0f%% | %.3f | %.2f", row.prior, row.weight, row.lambda, best, perfect, n, naming, n, words, strict, n, human,
			100*float64(repeats)/float64(quits), person, time.Since(start).Seconds()/float64(n))
	}
}

func one(b bool) int {
	if b {
		return 1
	}
	return 0
}
