package instruct

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"

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
	// Bits are [histories, moves]: 1 for, 0 not for. Nil: weights were given.
	bits [][]uint8
	// Logits are [histories, moves]: the bits, or logarithms of weights.
	logits [][]float64
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
	p := &HanabiPrior{rules: r}
	for i, row := range bits {
		if len(row) != r.Moves() {
			return nil, fmt.Errorf("prior: %d moves after history %d, this game has %d: is the table of a game of another size?", len(row), i, r.Moves())
		}
		for m, b := range row {
			if b > 1 {
				return nil, fmt.Errorf("prior: answer %d to move %d after history %d: 1 is yes, 0 is no", b, m, i)
			}
		}
		p.add(row)
	}
	return p, nil
}

// add takes the answers after one more history.
func (p *HanabiPrior) add(row []uint8) {
	logits := make([]float64, len(row))
	for m, b := range row {
		logits[m] = float64(b)
	}
	p.bits, p.logits = append(p.bits, append([]uint8(nil), row...)), append(p.logits, logits)
}

// NewHanabiWeights takes weights of moves, [histories, moves], such as the probabilities that a language model gives them. A weight of 0 forbids a move.
func NewHanabiWeights(r *hanabi.Rules, weights [][]float64) (*HanabiPrior, error) {
	histories, err := r.Histories()
	if err != nil {
		return nil, err
	}
	if len(weights) != len(histories) {
		return nil, fmt.Errorf("prior: %d histories, this game has %d: is the table of a game of another size?", len(weights), len(histories))
	}
	p := &HanabiPrior{rules: r}
	for i, row := range weights {
		if len(row) != r.Moves() {
			return nil, fmt.Errorf("prior: %d moves after history %d, this game has %d: is the table of a game of another size?", len(row), i, r.Moves())
		}
		logits, sum := make([]float64, len(row)), 0.0
		for m, w := range row {
			if !(w >= 0) || math.IsInf(w, 1) {
				return nil, fmt.Errorf("prior: weight %g of move %d after history %d: give finite numbers, 0 or more", w, m, i)
			}
			logits[m] = math.Log(w)
			sum += w
		}
		if sum == 0 {
			return nil, fmt.Errorf("prior: no move has any weight after history %d (%s): give at least one", i, histories[i].Text())
		}
		p.logits = append(p.logits, logits)
	}
	return p, nil
}

// ReadHanabiPrior reads weights from a file: JSON, [histories, moves].
func ReadHanabiPrior(r *hanabi.Rules, path string) (*HanabiPrior, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("prior: %w", err)
	}
	var weights [][]float64
	if err := json.Unmarshal(data, &weights); err != nil {
		return nil, fmt.Errorf("prior %s: %w: it should be JSON, for each history a row of the weights of all moves", path, err)
	}
	p, err := NewHanabiWeights(r, weights)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return p, nil
}

// Logits after a history, of every move: an answer as 0 or 1, or the logarithm of a weight. They belong to p.
func (p *HanabiPrior) Logits(history int) []float64 { return p.logits[history] }

// Rules of the game that p is for.
func (p *HanabiPrior) Rules() *hanabi.Rules { return p.rules }

// NoMass is the error for a position in which p allows no legal move, or nil.
func (p *HanabiPrior) NoMass(history int, legal uint64) error {
	if legal == 0 {
		return fmt.Errorf("prior: no legal move after history %d: the game is over, start another one", history)
	}
	for m, x := range p.logits[history] {
		if legal>>m&1 == 1 && !math.IsInf(x, -1) {
			return nil
		}
	}
	what := fmt.Sprint("number ", history)
	if histories, err := p.rules.Histories(); err == nil {
		what = histories[history].Text()
	}
	return fmt.Errorf("prior: no legal move has any weight after history %d (%s): give one of the moves that are possible then a weight above 0", history, what)
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
	if p.bits == nil {
		return nil, errors.New("prior: weights cannot be turned round as answers can: make the prior of answers")
	}
	if !(share >= 0 && share <= 1) {
		return nil, fmt.Errorf("share %g of a prior's answers: give a number from 0 to 1", share)
	}
	q := &HanabiPrior{rules: p.rules}
	for _, row := range p.bits {
		turned := append([]uint8(nil), row...)
		for m := range turned {
			if rng.Float64() < share {
				turned[m] ^= 1
			}
		}
		q.add(turned)
	}
	return q, nil
}

// Log writes the log-probabilities of all moves, out[moves]: a softmax of beta times the logits over the legal moves, so that beta is the advantage of a
// yes. Others get minus infinity. There must be a legal move.
func (p *HanabiPrior) Log(history int, legal uint64, beta float64, out []float32) error {
	row := p.logits[history]
	sum, most := 0.0, math.Inf(-1)
	for m, x := range row {
		if legal>>m&1 == 1 {
			most = max(most, beta*x)
		}
	}
	if math.IsInf(most, -1) {
		return p.NoMass(history, legal)
	}
	for m, x := range row {
		if legal>>m&1 == 1 {
			sum += math.Exp(beta*x - most)
		}
	}
	norm := most + math.Log(sum)
	for m, x := range row {
		out[m] = float32(math.Inf(-1))
		if legal>>m&1 == 1 {
			out[m] = float32(beta*x - norm)
		}
	}
	return nil
}
