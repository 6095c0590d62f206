package instruct

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/rewardlab/rewardlab/rl/hanabi"
)

// HintRule is an instruction for Hanabi: which hints are invitations to play.
type HintRule hanabi.Kind

// The instructions.
const (
	PlayOnColor = HintRule(hanabi.HintColor)
	PlayOnRank  = HintRule(hanabi.HintRank)
)

// words are the kind of hint that the instruction is about, and the other.
func (h HintRule) words() (this, other string) {
	if h == PlayOnRank {
		return "rank", "color"
	}
	return "color", "rank"
}

// Text of the instruction.
func (h HintRule) Text() string {
	this, other := h.words()
	return fmt.Sprintf("If my partner tells me the '%s' of some of my cards, I should play those specific cards. If my partner does something else, "+
		"e.g. discards their card or tells me the '%s' of my cards, then I may 'hint %s' to my partner.", this, other, this)
}

// Prompt is what a language model is asked, with yes or no for an answer, about a move after a history.
func (h HintRule) Prompt(r *hanabi.Rules, seen hanabi.History, m hanabi.Move) string {
	return fmt.Sprintf("Instruction: %s\n\nPreviously: %s.\n\nQuestion: Should I%s?\n\nAnswer:", h.Text(), seen.Text(), r.Text(m))
}

// HanabiPrior says of every history and move of a game for two whether an instruction is for it. Histories and moves are numbered as hanabi.Rules
// numbers them.
type HanabiPrior struct {
	rules *hanabi.Rules
	// Bits are [histories, moves]: 1 for, 0 not for.
	bits [][]uint8
}

// HanabiRule is the prior of an instruction written by hand, which is also what large language models answer: after a hint of the right kind play a card
// that it pointed at; after anything else give such a hint.
func HanabiRule(r *hanabi.Rules, h HintRule) (*HanabiPrior, error) {
	histories, err := r.Histories()
	if err != nil {
		return nil, err
	}
	bits := make([][]uint8, len(histories))
	for i, seen := range histories {
		bits[i] = make([]uint8, r.Moves())
		for m := range bits[i] {
			move := r.Move(m)
			yes := move.Kind == hanabi.Kind(h)
			if seen.Kind == hanabi.Kind(h) {
				yes = move.Kind == hanabi.Play && seen.Touched>>move.Pos&1 == 1
			}
			if yes {
				bits[i][m] = 1
			}
		}
	}
	return NewHanabiPrior(r, bits)
}

// NewHanabiPrior takes a table of answers, [histories, moves], 1 for yes and 0 for no.
func NewHanabiPrior(r *hanabi.Rules, bits [][]uint8) (*HanabiPrior, error) {
	histories, err := r.Histories()
	if err != nil {
		return nil, err
	}
	if len(bits) != len(histories) {
		return nil, fmt.Errorf("prior: %d histories, this game has %d: is the table of a game of another size?", len(bits), len(histories))
	}
	p := &HanabiPrior{rules: r, bits: make([][]uint8, len(bits))}
	for i, row := range bits {
		if len(row) != r.Moves() {
			return nil, fmt.Errorf("prior: %d moves after history %d, this game has %d: is the table of a game of another size?", len(row), i, r.Moves())
		}
		for m, b := range row {
			if b > 1 {
				return nil, fmt.Errorf("prior: answer %d to move %d after history %d: 1 is yes, 0 is no", b, m, i)
			}
		}
		p.bits[i] = append([]uint8(nil), row...)
	}
	return p, nil
}

// Bit is the answer for a history and a move.
func (p *HanabiPrior) Bit(history, move int) int { return int(p.bits[history][move]) }

// Ones counts the yeses: 1,230 of 6,420 for a rule in the full game.
func (p *HanabiPrior) Ones() int {
	n := 0
	for _, row := range p.bits {
		for _, b := range row {
			n += int(b)
		}
	}
	return n
}

// Flipped is the prior with a share of its answers turned round.
func (p *HanabiPrior) Flipped(share float64, rng *rand.Rand) (*HanabiPrior, error) {
	if !(share >= 0 && share <= 1) {
		return nil, fmt.Errorf("share %g of a prior's answers: give a number from 0 to 1", share)
	}
	q := &HanabiPrior{rules: p.rules, bits: make([][]uint8, len(p.bits))}
	for i, row := range p.bits {
		q.bits[i] = append([]uint8(nil), row...)
		for m := range row {
			if rng.Float64() < share {
				q.bits[i][m] ^= 1
			}
		}
	}
	return q, nil
}

// Log writes the log-probabilities of all moves, out[moves], where beta is the advantage of a yes: a softmax of beta times the answers over the legal
// moves. Others get minus infinity. There must be a legal move.
func (p *HanabiPrior) Log(history int, legal uint64, beta float64, out []float32) error {
	row := p.bits[history]
	sum := 0.0
	for m, b := range row {
		if legal>>m&1 == 1 {
			sum += math.Exp(beta * float64(b))
		}
	}
	if sum == 0 {
		return fmt.Errorf("prior: no legal move after history %d: the game is over, start another one", history)
	}
	norm := math.Log(sum)
	for m, b := range row {
		out[m] = float32(math.Inf(-1))
		if legal>>m&1 == 1 {
			out[m] = float32(beta*float64(b) - norm)
		}
	}
	return nil
}
