package instruct

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
)

// Instruction is what Bob was told to do with the number that he hears.
type Instruction int

// The instructions.
const (
	Same Instruction = iota // select it
	Next                    // select the number after it, and after the last the first
)

// instructionNamed reads a configuration.
func instructionNamed(name string) Instruction {
	if name == "next" {
		return Next
	}
	return Same
}

// Ball that follows the instruction after a word.
func (i Instruction) Ball(word int) int { return (word + int(i)) % Balls }

// Text of the instruction, as a person would put it.
func (i Instruction) Text() string {
	if i == Next {
		return "I should select the number after my partner's number, and the first after the last."
	}
	return "I should select the same number as my partner."
}

// Prompt is what a language model is asked about Bob's action after a word, or Nothing.
func (i Instruction) Prompt(word int) string {
	middle := ""
	if word != Nothing {
		middle = fmt.Sprintf(" My partner selected %d.", word+1)
	}
	return i.Text() + middle + " So I should select"
}

// Candidates are the continuations of a prompt, one an action: balls count from 1, and 0 stops the game. Each begins with its space.
func Candidates() [Balls + 1]string {
	return [Balls + 1]string{" 1", " 2", " 3", " 4", " 5", " 0"}
}

// Prior is how likely an instruction makes Bob's actions. Rows are Alice's last word, columns the five balls and Quit.
type Prior struct {
	// Log has log-probabilities, of which the greatest of each row was subtracted: choices do not depend on it, and with a uniform prior all
	// numbers are exactly 0, so that it changes nothing, not even by rounding.
	Log [Balls][Balls + 1]float64
}

// least is the smallest share of the likeliest action's probability that an action is left with: a prior leans, it does not forbid.
const least = 1e-9

// NewPrior makes a prior from weights, which need not sum to 1: rows are Alice's words, columns the five balls and Quit.
func NewPrior(weights [][]float64) (*Prior, error) {
	if len(weights) != Balls {
		return nil, fmt.Errorf("prior: %d rows: Say-Select has %d words: is the table of another game?", len(weights), Balls)
	}
	var p Prior
	for word, row := range weights {
		if len(row) != Balls+1 {
			return nil, fmt.Errorf("prior: %d actions after word %d: Say-Select has %d: is the table of another game?", len(row), word, Balls+1)
		}
		most := 0.0
		for a, w := range row {
			if !(w >= 0) || math.IsInf(w, 0) {
				return nil, fmt.Errorf("prior: weight %g of action %d after word %d: give finite numbers, 0 or more", w, a, word)
			}
			most = max(most, w)
		}
		if most == 0 {
			return nil, fmt.Errorf("prior: no weight on any action after word %d: give one of them some, or all the same for no opinion", word)
		}
		for a, w := range row {
			p.Log[word][a] = math.Log(max(w/most, least))
		}
	}
	return &p, nil
}

// Rule is the prior of an instruction written by hand: the action asked for weighs weight, the others 1. The share noise of the answers is turned
// round by rng, from asked for to not or the other way.
func Rule(i Instruction, weight, noise float64, rng *rand.Rand) (*Prior, error) {
	weights := make([][]float64, Balls)
	for word := range weights {
		weights[word] = make([]float64, Balls+1)
		for a := range weights[word] {
			asked := a == i.Ball(word)
			if noise > 0 && rng.Float64() < noise {
				asked = !asked
			}
			weights[word][a] = 1
			if asked {
				weights[word][a] = weight
			}
		}
	}
	return NewPrior(weights)
}

// ReadPrior reads a prior from a file: JSON, for each of Alice's five words six weights, of the balls and of Quit.
func ReadPrior(path string) (*Prior, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("prior: %w", err)
	}
	var weights [][]float64
	if err := json.Unmarshal(data, &weights); err != nil {
		return nil, fmt.Errorf("prior %s: %w: it should be JSON such as [[3, 1, 1, 1, 1, 1], ...], five rows", path, err)
	}
	p, err := NewPrior(weights)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return p, nil
}

// Probabilities are p's, [words, actions], each row with a sum of 1.
func (p *Prior) Probabilities() [Balls][Balls + 1]float64 {
	var out [Balls][Balls + 1]float64
	for word, row := range p.Log {
		sum := 0.0
		for a, x := range row {
			out[word][a] = math.Exp(x)
			sum += out[word][a]
		}
		for a := range row {
			out[word][a] /= sum
		}
	}
	return out
}

// Flip turns round the share of p's opinions: what was likeliest in its row becomes as unlikely as the unlikeliest, and the other way.
func (p *Prior) Flip(share float64, rng *rand.Rand) *Prior {
	out := *p
	for word := range out.Log {
		row := &out.Log[word]
		least := slices.Min(row[:])
		for a := range row {
			if rng.Float64() < share {
				row[a] = least - row[a]
			}
		}
		most := slices.Max(row[:])
		for a := range row {
			row[a] -= most
		}
	}
	return &out
}

// Average is the mean of the probabilities of several priors, such as of several wordings of one instruction.
func Average(priors ...*Prior) (*Prior, error) {
	if len(priors) == 0 {
		return nil, errors.New("prior: an average of none: give at least one")
	}
	weights := make([][]float64, Balls)
	for word := range weights {
		weights[word] = make([]float64, Balls+1)
	}
	for _, p := range priors {
		for word, row := range p.Probabilities() {
			for a, x := range row {
				weights[word][a] += x
			}
		}
	}
	return NewPrior(weights)
}
