package lm

import (
	"testing"
	"time"

	"github.com/rewardlab/rewardlab/datasets"
	"github.com/rewardlab/rewardlab/rl/backend/backendtest"
)

// smollm2 is the real model, where it has been fetched.
func smollm2(t testing.TB) string {
	t.Helper()
	path, ok := datasets.HaveSmolLM2()
	if !ok {
		t.Skip("SmolLM2 is not in the cache: open it once, such as by a notebook, to have it tested")
	}
	return path
}

// village is a prompt of 60 tokens with six continuations of 36 in all.
var village = Query{
	Prompt: "You are in a small village shop in 1875. The shopkeeper has 12 apples, 3 loaves and a lantern. You have 5 coins; it's raining outside, and the " +
		"road to the mill isn't safe after dark. You decide to",
	Continuations: []string{" buy the lantern for 3 coins", " steal an apple and run away", " wait until the rain stops", " ask the shopkeeper about the mill",
		" walk to the mill in the dark", " go home and sleep"},
}

func BenchmarkScore(b *testing.B) {
	path := smollm2(b)
	start := time.Now()
	m := load(b, backendtest.XLA(b), path)
	b.Logf("loaded in %v", time.Since(start))
	prompt, _ := m.Tokens(village.Prompt)
	n := 0
	for _, c := range village.Continuations {
		ids, _ := m.Tokens(c)
		n += len(ids)
	}
	start = time.Now()
	if _, err := m.Score(b.Context(), village); err != nil {
		b.Fatal(err)
	}
	b.Logf("%d tokens with %d after them: compiled and run in %v", len(prompt), n, time.Since(start))
	for b.Loop() {
		if _, err := m.Score(b.Context(), village); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkScoreByServer asks llama.cpp's server the same, on as many threads as Go uses.
func BenchmarkScoreByServer(b *testing.B) {
	s := realServer(b, smollm2(b))
	for b.Loop() {
		if _, err := s.Score(b.Context(), village); err != nil {
			b.Fatal(err)
		}
	}
}
