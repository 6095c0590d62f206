//go:build !race

package lm_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/lm"
)

// A table answers from its file. The model, here a tiny one of random weights, is opened when something new is asked.
func ExampleTable() {
	dir, err := os.MkdirTemp("", "lm")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	query := lm.Query{Prompt: "I should select the ball", Continuations: []string{" 1", " 2"}}
	open := func(ctx context.Context) (lm.Scorer, error) {
		fmt.Println("opening the model")
		return lm.Open(ctx, lm.Options{Path: "testdata/tied.gguf", Engine: backend.Config{Spec: "go"}})
	}
	for range 2 {
		table, err := lm.OpenTable(filepath.Join(dir, "scores.json"), open)
		if err != nil {
			fmt.Println(err)
			return
		}
		scores, err := table.Score(context.Background(), query)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%s: %.3f\n", table.Model().Name, lm.Choice(scores[0], 1))
		table.Close()
	}
	// Output:
	// opening the model
	// tied.gguf: [0.017 0.983]
	// tied.gguf: [0.017 0.983]
}
