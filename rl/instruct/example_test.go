package instruct_test

import (
	"context"
	"fmt"

	"github.com/rewardlab/rewardlab/rl/instruct"
)

func Example() {
	pairs, err := instruct.TrainSeeds(context.Background(), instruct.Config{Episodes: 12_000}, []int64{1, 2})
	if err != nil {
		fmt.Println(err)
		return
	}
	for i, p := range pairs {
		e := instruct.Examine(p, instruct.Person(instruct.Same), instruct.Same)
		fmt.Printf("seed %d: Alice and a person reach more than 0.8: %t\n", i+1, e.Score > 0.8)
	}
	// Output:
	// seed 1: Alice and a person reach more than 0.8: true
	// seed 2: Alice and a person reach more than 0.8: true
}
