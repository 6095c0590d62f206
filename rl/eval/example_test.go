package eval_test

import (
	"fmt"
	"log"

	"github.com/rewardlab/rewardlab/rl/eval"
)

func ExampleBootstrap_Summarize() {
	acc := []float64{0.71, 0.73, 0.72, 0.69, 0.74} // one score per seed
	s, err := eval.Bootstrap{}.Summarize(eval.Of("IGL", acc))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("IQM ", s.IQM)
	fmt.Println("mean", s.Mean, "over", s.N, "seeds")
	// Output:
	// IQM  0.7200 [0.6967, 0.7367]
	// mean 0.7180 [0.7020, 0.7320] over 5 seeds
}

func ExampleBootstrap_ProbabilityOfImprovement() {
	igl := eval.Of("IGL", []float64{0.71, 0.73, 0.72, 0.69, 0.74})
	ips := eval.Of("IPS", []float64{0.70, 0.72, 0.65, 0.60})
	p, err := eval.Bootstrap{}.ProbabilityOfImprovement(igl, ips)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("P(IGL > IPS) = %.3f\n", p.Point)
	// Output:
	// P(IGL > IPS) = 0.825
}
