package hanabi

import (
	"cmp"
	"errors"
	"fmt"
)

// The largest game that fits a [Game].
const (
	maxPlayers = 5
	maxColors  = 5
	maxRanks   = 5
	maxHand    = 8
	maxCards   = maxColors * 10 // three 1s, one of the highest rank, two of the others
)

// Config says which Hanabi is played. A zero field means its default, which is the full game for two.
type Config struct {
	// Players at the table, 2 to 5.
	Players int `json:"players" default:"2"`
	// Colours of cards, 1 to 5: red, yellow, green, white, blue.
	Colors int `json:"colors" default:"5"`
	// Ranks of cards, 1 to 5.
	Ranks int `json:"ranks" default:"5"`
	// Cards in a hand, 1 to 8; 0: five for two or three players, four for more.
	Hand int `json:"hand"`
	// Hint tokens, 1 to 20.
	Hints int `json:"hints" default:"8"`
	// Life tokens, 1 to 10.
	Lives int `json:"lives" default:"3"`
	// Keep the points when all lives are lost. Otherwise the game then scores 0, as the Learning Environment has it.
	KeepPoints bool `json:"keep_points"`
}

// Small is the Learning Environment's small game: two colours, two cards in hand, three hints, one life.
func Small() Config { return Config{Colors: 2, Hand: 2, Hints: 3, Lives: 1} }

// VerySmall is its very small game, with one colour only.
func VerySmall() Config { return Config{Colors: 1, Hand: 2, Hints: 3, Lives: 1} }

// Kind is what a move does.
type Kind uint8

// The kinds of moves. None is no move at all, as before the first one.
const (
	None Kind = iota
	Play
	Discard
	HintColor
	HintRank
)

// Move is one move.
type Move struct {
	Kind Kind
	// Pos is the position in hand of the card that is played or discarded, from 0, the oldest.
	Pos int
	// Target is who gets the hint, counted from the player who moves: 1 is the next player.
	Target int
	// Value is the colour or the rank that is hinted, from 0.
	Value int
}

// Rules are a game's sizes and moves. They do not change, and any number of games may share them.
type Rules struct {
	Config
	moves    []Move
	copies   [maxRanks]int // cards of each rank in one colour
	deckSize int
	sections [5]int // lengths of the parts of an observation
}

// New checks c, with its defaults filled in.
func New(c Config) (*Rules, error) {
	c.Players = cmp.Or(c.Players, 2)
	c.Colors = cmp.Or(c.Colors, maxColors)
	c.Ranks = cmp.Or(c.Ranks, maxRanks)
	c.Hints = cmp.Or(c.Hints, 8)
	c.Lives = cmp.Or(c.Lives, 3)
	if c.Hand == 0 {
		c.Hand = 5
		if c.Players > 3 {
			c.Hand = 4
		}
	}
	var errs []error
	for _, f := range []struct {
		name            string
		value, min, max int
	}{
		{"players", c.Players, 2, maxPlayers}, {"colors", c.Colors, 1, maxColors}, {"ranks", c.Ranks, 1, maxRanks},
		{"hand", c.Hand, 1, maxHand}, {"hints", c.Hints, 1, 20}, {"lives", c.Lives, 1, 10},
	} {
		if f.value < f.min || f.value > f.max {
			errs = append(errs, fmt.Errorf("%s is %d: give %d to %d", f.name, f.value, f.min, f.max))
		}
	}
	if len(errs) > 0 {
		return nil, fmt.Errorf("hanabi: %w", errors.Join(errs...))
	}
	r := &Rules{Config: c}
	for rank := range c.Ranks {
		switch rank {
		case 0:
			r.copies[rank] = 3
		case c.Ranks - 1:
			r.copies[rank] = 1
		default:
			r.copies[rank] = 2
		}
		r.deckSize += c.Colors * r.copies[rank]
	}
	if c.Players*c.Hand > r.deckSize {
		return nil, fmt.Errorf("hanabi: %d players with %d cards each need more than the %d cards of the deck: give fewer cards or more colors", c.Players, c.Hand, r.deckSize)
	}
	for _, kind := range []Kind{Discard, Play} {
		for pos := range c.Hand {
			r.moves = append(r.moves, Move{Kind: kind, Pos: pos})
		}
	}
	for _, hint := range []struct {
		kind   Kind
		values int
	}{{HintColor, c.Colors}, {HintRank, c.Ranks}} {
		for target := 1; target < c.Players; target++ {
			for v := range hint.values {
				r.moves = append(r.moves, Move{Kind: hint.kind, Target: target, Value: v})
			}
		}
	}
	kinds := c.Colors * c.Ranks
	r.sections = [5]int{
		(c.Players-1)*c.Hand*kinds + c.Players,
		r.deckSize - c.Players*c.Hand + kinds + c.Hints + c.Lives,
		r.deckSize,
		2*c.Players + 4 + c.Colors + c.Ranks + 2*c.Hand + kinds + 2,
		c.Players * c.Hand * (kinds + c.Colors + c.Ranks),
	}
	return r, nil
}

// Moves is the number of moves, legal or not: 20 in the full game for two. Discards come first, then plays, colour hints, rank hints.
func (r *Rules) Moves() int { return len(r.moves) }

// Move is move number m, which must be below Moves.
func (r *Rules) Move(m int) Move { return r.moves[m] }

// Number is the number of move m, or -1 if there is no such move in this game.
func (r *Rules) Number(m Move) int {
	for i, other := range r.moves {
		if other == m {
			return i
		}
	}
	return -1
}

// Size is how many numbers an observation has: 658 in the full game for two.
func (r *Rules) Size() int {
	n := 0
	for _, s := range r.sections {
		n += s
	}
	return n
}

// Private is how many numbers at the start of an observation show the other hands, which not everybody sees; the rest is public. 125 of 658.
func (r *Rules) Private() int { return (r.Players - 1) * r.Hand * r.Colors * r.Ranks }

// MaxScore is the score of a perfect game.
func (r *Rules) MaxScore() int { return r.Colors * r.Ranks }

// DeckSize is the number of cards in the game.
func (r *Rules) DeckSize() int { return r.deckSize }
