package lm

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/backend/backendtest"
)

// reference is a case of testdata/reference.py: the tokens, and what a forward pass in numpy gives.
type reference struct {
	Prompt        string
	Tokens        []int32
	Continuations []string
	Scores        [][]float64
}

func readJSON[T any](t testing.TB, name string) T {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	var v T
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return v
}

// engine is the pure-Go engine, but under the race detector XLA: that switches on pointer checks too, which the pure-Go engine's products of matrices do
// not pass.
func engine(t testing.TB) *backend.Engine {
	if raceDetector {
		return backendtest.XLA(t)
	}
	return backendtest.Go(t)
}

func load(t testing.TB, e *backend.Engine, path string) *Local {
	t.Helper()
	m, err := Load(t.Context(), e.Backend, path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m
}

// agree scores all cases at once, so that they share a row, and compares every token.
func agree(t *testing.T, m *Local, cases []reference, within float64) {
	t.Helper()
	var queries []Query
	for _, c := range cases {
		queries = append(queries, Query{Prompt: c.Prompt, Continuations: c.Continuations})
	}
	got, err := m.TokenScores(t.Context(), queries...)
	if err != nil {
		t.Fatal(err)
	}
	worst := 0.0
	for i, c := range cases {
		if tokens, err := m.Tokens(c.Prompt); err != nil || !slices.Equal(tokens, c.Tokens) {
			t.Errorf("%.40q is cut into %d, want %d (%v)", c.Prompt, tokens, c.Tokens, err)
		}
		for k, want := range c.Scores {
			if len(got[i][k]) != len(want) {
				t.Errorf("%.40q, %q: %d tokens, want %d", c.Prompt, c.Continuations[k], len(got[i][k]), len(want))
				continue
			}
			for j := range want {
				worst = max(worst, math.Abs(got[i][k][j]-want[j]))
				if math.Abs(got[i][k][j]-want[j]) > within {
					t.Errorf("%.40q, %q, token %d: %.6f, want %.6f", c.Prompt, c.Continuations[k], j, got[i][k][j], want[j])
				}
			}
		}
	}
	t.Logf("largest difference of a token: %.1e", worst)
}

// TestTinyAgreesWithNumpy: two files of random weights that between them have most of what a llama's file can have: quantised and half-precision weights,
// an output layer of its own or the embedding's, a first token, both ways to cut digits, a base of the rotation or none.
func TestTinyAgreesWithNumpy(t *testing.T) {
	cases := readJSON[map[string][]reference](t, "tiny.json")
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		if raceDetector && !e.IsXLA() {
			t.Skip("see engine")
		}
		for name, cs := range cases {
			t.Run(name, func(t *testing.T) { agree(t, load(t, e, filepath.Join("testdata", name)), cs, 1e-4) })
		}
	})
}

// TestRowsDoNotMatter: what shares a row with a query must not change its scores.
func TestRowsDoNotMatter(t *testing.T) {
	m := load(t, engine(t), "testdata/tied.gguf")
	var queries []Query
	for i := range 40 {
		queries = append(queries, Query{Prompt: fmt.Sprint("I should select the ball ", i, ". So"), Continuations: []string{" the ball", " the same", " " + fmt.Sprint(i)}})
	}
	all, err := m.Score(t.Context(), queries...)
	if err != nil {
		t.Fatal(err)
	}
	for i, q := range queries {
		if i%7 != 0 {
			continue
		}
		for k, c := range q.Continuations {
			q.Continuations = []string{c}
			alone, err := m.Score(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			if math.Abs(alone[0][0]-all[i][k]) > 1e-4 {
				t.Errorf("query %d, %q: %.6f alone, %.6f among others", i, c, alone[0][0], all[i][k])
			}
			q = queries[i]
		}
	}
}

// TestSmolLM2AgreesWithNumpy is the same for the real model.
func TestSmolLM2AgreesWithNumpy(t *testing.T) {
	if testing.Short() {
		t.Skip("with a real model")
	}
	agree(t, load(t, backendtest.XLA(t), smollm2(t)), readJSON[[]reference](t, "smollm2.json"), 1e-4)
}
