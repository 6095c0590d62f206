package igl

import (
	"fmt"

	"github.com/rewardlab/rewardlab/rl/run"
)

// Weights are what linear nets have learned, on the host, one row of pixels for each output: to look at, and to guess with.
type Weights struct {
	Policy     [][]float64 // [10][pixels]
	PolicyBias []float64   // [10]
	Decoder    [][]float64 // [1][pixels], with per-action decoders [10][pixels]
}

// WeightsOf reads the weights out of a run's state (run.Run.State). It works for linear policies and decoders; of two candidates it
// takes the one with the larger held-out value.
func WeightsOf(c *Config, state []run.Array) (Weights, error) {
	if c.Policy != "linear" || (c.Decoder != "linear" && c.Decoder != "per-action") || c.Feedback == "grid" {
		return Weights{}, fmt.Errorf("policy %s and decoder %s have no weights with the shape of an image: use linear ones", c.Policy, c.Decoder)
	}
	theta, err := chosen(c, state)
	if err != nil {
		return Weights{}, err
	}
	decoders, nets := 1, 1
	if c.Decoder == "per-action" {
		decoders, nets = classes, 2
	}
	// len(theta) = pixels*classes + classes + nets*(pixels*decoders + decoders)
	pixels := (len(theta) - classes - nets*decoders) / (classes + nets*decoders)
	p := newProblem(c, pixels)
	if p.pack.Size() != len(theta) {
		return Weights{}, fmt.Errorf("the checkpoint holds %d parameters, which no linear nets of this configuration have", len(theta))
	}
	from := p.pack.Offset(1)
	w := Weights{Policy: columns(theta, pixels, classes), Decoder: columns(theta[from:], pixels, decoders)}
	for _, b := range theta[pixels*classes : from] {
		w.PolicyBias = append(w.PolicyBias, float64(b))
	}
	return w, nil
}

// chosen is the flat parameter vector that the run acts with.
func chosen(c *Config, state []run.Array) ([]float32, error) {
	name := "Theta"
	if c.Method != "online" && c.Method != "bandit" {
		name = "Incumbent.Theta"
		if c.challenged() {
			var value [2]float64
			for i, who := range []string{"Incumbent", "Challenger"} {
				quality := who + ".Value"
				if c.RandomIsGood {
					quality = who + ".Base"
				}
				a, err := run.Find(state, quality)
				if err != nil {
					return nil, err
				}
				x, err := a.Float32s()
				if err != nil {
					return nil, err
				}
				for _, v := range x {
					value[i] += float64(v)
				}
			}
			if value[1] > value[0] {
				name = "Challenger.Theta"
			}
		}
	}
	a, err := run.Find(state, name)
	if err != nil {
		return nil, err
	}
	return a.Float32s()
}

// columns turns weights [rows, n], row-major, into n rows.
func columns(w []float32, rows, n int) [][]float64 {
	out := make([][]float64, n)
	for k := range out {
		out[k] = make([]float64, rows)
		for i := range rows {
			out[k][i] = float64(w[i*n+k])
		}
	}
	return out
}

// Guess is the most likely digit of an image [pixels], 0 to 255.
func (w Weights) Guess(image []uint8) int {
	best, top := 0, 0.0
	for k, row := range w.Policy {
		z := w.PolicyBias[k]
		for i, v := range row {
			z += v * float64(image[i]) / 255
		}
		if k == 0 || z > top {
			best, top = k, z
		}
	}
	return best
}
