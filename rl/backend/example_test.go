package backend_test

import (
	"context"
	"fmt"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/rewardlab/rewardlab/rl/backend"
)

func ExampleOpen() {
	// An empty Config opens XLA where there is one.
	e, err := backend.Open(context.Background(), backend.Config{Spec: "go"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer e.Close()
	sum, err := graph.NewExec(e.Backend, func(x *graph.Node) *graph.Node { return graph.ReduceAllSum(x) })
	if err != nil {
		fmt.Println(err)
		return
	}
	out, err := sum.Call([]float32{1, 2, 3})
	fmt.Println(e.Name, out[0].Value(), err)
	// Output: go 6 <nil>
}
