package datasets_test

import (
	"context"
	"fmt"

	"github.com/rewardlab/rewardlab/datasets"
)

func Example() {
	d, err := datasets.Open(context.Background(), "synthetic", datasets.Options{Train: 500, Held: 100})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(d.Train.Len(), d.Held.Len(), d.Train.H, d.Train.W, d.Train.Classes)
	fmt.Println(len(d.Train.Mean()), len(d.Train.Image(0)))
	// Output:
	// 500 100 28 28 10
	// 784 784
}
