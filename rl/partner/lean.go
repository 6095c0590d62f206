package partner

import (
	"math"
	"math/rand/v2"

	"github.com/rewardlab/rewardlab/rl/hanabi"
	"github.com/rewardlab/rewardlab/rl/instruct"
)

// never is added to the value of what may not be done.
const never = -1e9

// priors are those of the first and of the second instruction. Every seed has mistakes of its own.
func (c *Told) priors(r *hanabi.Rules, stream int64) ([2]*instruct.HanabiPrior, error) {
	var out [2]*instruct.HanabiPrior
	rng := rand.New(rand.NewPCG(uint64(stream), 0))
	for i, name := range []string{c.Instruction, c.Then} {
		p, err := ruled(r, name)
		if err == nil && i == 0 && c.Table != "" {
			p, err = instruct.ReadHanabiPrior(r, c.Table)
		} else if err == nil && c.Noise > 0 {
			p, err = p.Flipped(c.Noise, rng)
		}
		if err != nil {
			return out, err
		}
		out[i] = p
	}
	return out, nil
}

// ruled is the prior of the instruction called name, uniform for none.
func ruled(r *hanabi.Rules, name string) (*instruct.HanabiPrior, error) {
	if h, ok := rule(name); ok {
		return instruct.HanabiRule(r, h)
	}
	histories, err := r.Histories()
	if err != nil {
		return nil, err
	}
	bits := make([][]uint8, len(histories))
	for i := range bits {
		bits[i] = make([]uint8, r.Moves())
	}
	return instruct.NewHanabiPrior(r, bits)
}

// leaning is what a prior adds to the values of moves.
type leaning struct {
	prior *instruct.HanabiPrior
	scale float64 // lambda times beta
}

// write puts scale times the logits of the prior into out[moves], which is scale times its log-probabilities but for a number that all moves share, and
// never where a move is not legal.
func (l leaning) write(history int, legal uint64, out []float32) error {
	if l.scale == 0 {
		for m := range out {
			out[m] = never
			if legal>>m&1 == 1 {
				out[m] = 0
			}
		}
		return nil
	}
	some := false
	for m, x := range l.prior.Logits(history) {
		out[m] = never
		if legal>>m&1 == 1 && !math.IsInf(x, -1) {
			out[m] = float32(l.scale * x)
			some = true
		}
	}
	if !some {
		return l.prior.NoMass(history, legal)
	}
	return nil
}

// lambda is the share of the weight that is left in an iteration.
func (c *Told) lambda(weight float64, iteration, total int) float64 {
	done := 1.0
	if c.AnnealFor > 0 {
		done = min(float64(iteration)/float64(total)/c.AnnealFor, 1)
	}
	return weight * (1 + done*(*c.LambdaEnd-1))
}
