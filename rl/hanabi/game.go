package hanabi

import (
	"errors"
	"fmt"
	"math/bits"
	"math/rand/v2"
)

// Card is one card: a colour and a rank, both from 0.
type Card struct{ Color, Rank uint8 }

// held is a card in a hand with what its holder was told: the colours and ranks that it may have, a bit each, and the bit hinted where a hint named
// the value itself rather than excluding others.
type held struct {
	Card
	colors, ranks uint8
}

const hinted = 0x80

// Last is a move that was made, and what came of it.
type Last struct {
	Move
	Player int
	// Card was played or discarded.
	Card Card
	// Scored says that a play succeeded, Token that it completed a colour and gave a hint token back, or that a discard did.
	Scored, Token bool
	// Touched has a bit for every card that a hint pointed at, the lowest for position 0.
	Touched uint8
}

// End says why a game is over.
type End uint8

// How games end.
const (
	Playing End = iota
	OutOfLives
	OutOfCards
	Complete
)

// String is for people.
func (e End) String() string {
	return [...]string{"playing", "out of lives", "out of cards", "complete"}[e]
}

// Game is one game. The zero value is none yet: Reset or Deal it.
type Game struct {
	rules     *Rules
	deck      [maxCards]Card
	hands     [maxPlayers][maxHand]held
	counts    [maxPlayers]uint8
	fireworks [maxColors]uint8
	discards  [maxColors][maxRanks]uint8
	next      uint8 // cards dealt so far
	hints     uint8
	lives     uint8
	player    uint8
	left      int8 // turns that are left once the deck is empty
	points    uint8
	end       End
	turn      uint16
	last      Last
}

// Reset shuffles with rng and deals. Player 0 begins.
func (g *Game) Reset(r *Rules, rng *rand.Rand) {
	var deck [maxCards]Card
	n := r.fill(&deck)
	for i := n - 1; i > 0; i-- {
		j := int(rng.Uint32N(uint32(i + 1)))
		deck[i], deck[j] = deck[j], deck[i]
	}
	g.start(r, &deck)
}

// Deal starts a game with a known deck, the first card on top. Player 0 gets the first cards, then player 1.
func (g *Game) Deal(r *Rules, deck []Card) error {
	if len(deck) != r.deckSize {
		return fmt.Errorf("deck of %d cards: this game has %d", len(deck), r.deckSize)
	}
	var count [maxColors][maxRanks]int
	for i, c := range deck {
		if int(c.Color) >= r.Colors || int(c.Rank) >= r.Ranks {
			return fmt.Errorf("deck: card %d is colour %d, rank %d: this game has %d colours and %d ranks, from 0", i, c.Color, c.Rank, r.Colors, r.Ranks)
		}
		if count[c.Color][c.Rank]++; count[c.Color][c.Rank] > r.copies[c.Rank] {
			return fmt.Errorf("deck: more than %d cards of colour %d, rank %d: a deck has no others", r.copies[c.Rank], c.Color, c.Rank)
		}
	}
	var cards [maxCards]Card
	copy(cards[:], deck)
	g.start(r, &cards)
	return nil
}

// fill puts the cards of the game into deck, in order, and returns how many there are.
func (r *Rules) fill(deck *[maxCards]Card) int {
	n := 0
	for c := range r.Colors {
		for rank := range r.Ranks {
			for range r.copies[rank] {
				deck[n] = Card{uint8(c), uint8(rank)}
				n++
			}
		}
	}
	return n
}

func (g *Game) start(r *Rules, deck *[maxCards]Card) {
	*g = Game{rules: r, deck: *deck, hints: uint8(r.Hints), lives: uint8(r.Lives), left: int8(r.Players)}
	for p := range r.Players {
		for range r.Hand {
			g.draw(p)
		}
	}
}

// draw gives player p the next card, if there is one.
func (g *Game) draw(p int) {
	r := g.rules
	if int(g.next) == r.deckSize {
		return
	}
	g.hands[p][g.counts[p]] = held{g.deck[g.next], 1<<r.Colors - 1, 1<<r.Ranks - 1}
	g.counts[p]++
	g.next++
}

// Legal has a bit for every move that the player whose turn it is may make; none when the game is over.
func (g *Game) Legal() uint64 {
	if g.end != Playing {
		return 0
	}
	r := g.rules
	cards := uint64(1)<<g.counts[g.player] - 1
	legal := cards << r.Hand
	if int(g.hints) < r.Hints {
		legal |= cards
	}
	if g.hints == 0 {
		return legal
	}
	for target := 1; target < r.Players; target++ {
		p := (int(g.player) + target) % r.Players
		var colors, ranks uint64
		for i := range g.counts[p] {
			colors |= 1 << g.hands[p][i].Color
			ranks |= 1 << g.hands[p][i].Rank
		}
		at := 2*r.Hand + (target-1)*r.Colors
		legal |= colors << at
		at = 2*r.Hand + (r.Players-1)*r.Colors + (target-1)*r.Ranks
		legal |= ranks << at
	}
	return legal
}

// ErrOver is what a move gets when the game is over.
var ErrOver = errors.New("the game is over: start another one")

// Step makes move number m for the player whose turn it is, and deals. The reward is the change of the score; where all lives are lost and the points
// with them it is negative. After an error, which a move that is not legal gives, nothing has changed.
func (g *Game) Step(m int) (reward int, err error) {
	if g.rules == nil {
		return 0, errors.New("hanabi: no game yet: call Reset first")
	}
	if g.end != Playing {
		return 0, fmt.Errorf("hanabi: %w", ErrOver)
	}
	if m < 0 || m >= len(g.rules.moves) || g.Legal()>>m&1 == 0 {
		return 0, g.illegal(m)
	}
	return g.step(m), nil
}

func (g *Game) illegal(m int) error {
	if m < 0 || m >= len(g.rules.moves) {
		return fmt.Errorf("hanabi: move %d: moves are 0 to %d", m, len(g.rules.moves)-1)
	}
	move := g.rules.moves[m]
	why := "no such card is in hand"
	switch {
	case move.Kind == Discard && int(g.hints) == g.rules.Hints:
		why = "all hint tokens are there, so nothing may be discarded"
	case move.Kind >= HintColor && g.hints == 0:
		why = "no hint token is left"
	case move.Kind >= HintColor:
		why = "a hint must point at a card"
	}
	return fmt.Errorf("hanabi: move %d (%s): %s: choose from Legal", m, g.rules.Describe(move), why)
}

// step makes a legal move.
func (g *Game) step(m int) (reward int) {
	r, p := g.rules, int(g.player)
	if int(g.next) == r.deckSize {
		g.left--
	}
	move := r.moves[m]
	g.last = Last{Move: move, Player: p}
	switch move.Kind {
	case Discard:
		c := g.take(p, move.Pos)
		g.discards[c.Color][c.Rank]++
		g.hints++
		g.last.Card, g.last.Token = c, true
		g.draw(p)
	case Play:
		reward = g.play(g.take(p, move.Pos))
		g.draw(p)
	case HintColor:
		g.hints--
		q := (p + move.Target) % r.Players
		for i := range g.counts[q] {
			if h := &g.hands[q][i]; int(h.Color) == move.Value {
				h.colors = hinted | 1<<move.Value
				g.last.Touched |= 1 << i
			} else {
				h.colors &^= 1 << move.Value
			}
		}
	case HintRank:
		g.hints--
		q := (p + move.Target) % r.Players
		for i := range g.counts[q] {
			if h := &g.hands[q][i]; int(h.Rank) == move.Value {
				h.ranks = hinted | 1<<move.Value
				g.last.Touched |= 1 << i
			} else {
				h.ranks &^= 1 << move.Value
			}
		}
	}
	switch {
	case g.lives == 0:
		g.end = OutOfLives
	case int(g.points) == r.MaxScore():
		g.end = Complete
	case g.left == 0:
		g.end = OutOfCards
	}
	g.turn++
	if g.player++; int(g.player) == r.Players {
		g.player = 0
	}
	return reward
}

// play puts a card on its firework, or loses a life over it.
func (g *Game) play(c Card) (reward int) {
	g.last.Card = c
	if g.fireworks[c.Color] != c.Rank {
		g.discards[c.Color][c.Rank]++
		if g.lives--; g.lives == 0 && !g.rules.KeepPoints {
			return -int(g.points)
		}
		return 0
	}
	g.fireworks[c.Color]++
	g.points++
	g.last.Scored = true
	if int(c.Rank) == g.rules.Ranks-1 && int(g.hints) < g.rules.Hints {
		g.hints++
		g.last.Token = true
	}
	return 1
}

// take removes a card from a hand; the later ones move up.
func (g *Game) take(p, pos int) Card {
	hand := &g.hands[p]
	c := hand[pos].Card
	copy(hand[pos:], hand[pos+1:g.counts[p]])
	g.counts[p]--
	hand[g.counts[p]] = held{}
	return c
}

// Rules of the game.
func (g *Game) Rules() *Rules { return g.rules }

// Player whose turn it is.
func (g *Game) Player() int { return int(g.player) }

// Over says whether the game has ended.
func (g *Game) Over() bool { return g.end != Playing }

// End says how the game has ended, if it has.
func (g *Game) End() End { return g.end }

// Score is the number of cards on the fireworks; 0 if all lives are lost, unless the configuration keeps the points.
func (g *Game) Score() int {
	if g.lives == 0 && !g.rules.KeepPoints {
		return 0
	}
	return int(g.points)
}

// Hints is the number of hint tokens on the table.
func (g *Game) Hints() int { return int(g.hints) }

// Lives that are left.
func (g *Game) Lives() int { return int(g.lives) }

// Deck is the number of cards that are still to be dealt.
func (g *Game) Deck() int { return g.rules.deckSize - int(g.next) }

// Turn is the number of moves made so far.
func (g *Game) Turn() int { return int(g.turn) }

// Firework is the number of cards played of a colour.
func (g *Game) Firework(color int) int { return int(g.fireworks[color]) }

// Discarded is how many of a card lie in the discard pile.
func (g *Game) Discarded(c Card) int { return int(g.discards[c.Color][c.Rank]) }

// Hand lists the cards of a player, the oldest first.
func (g *Game) Hand(player int) []Card {
	cards := make([]Card, g.counts[player])
	for i := range cards {
		cards[i] = g.hands[player][i].Card
	}
	return cards
}

// Known is what a player was told about a card: the colour and rank if a hint named them, else -1.
func (g *Game) Known(player, pos int) (color, rank int) {
	color, rank = -1, -1
	h := g.hands[player][pos]
	if h.colors&hinted != 0 {
		color = bits.TrailingZeros8(h.colors)
	}
	if h.ranks&hinted != 0 {
		rank = bits.TrailingZeros8(h.ranks)
	}
	return color, rank
}

// Possible says whether what a player was told about a card leaves c open.
func (g *Game) Possible(player, pos int, c Card) bool {
	h := g.hands[player][pos]
	return h.colors>>c.Color&1 == 1 && h.ranks>>c.Rank&1 == 1
}

// Playable says whether c would fit on the fireworks now.
func (g *Game) Playable(c Card) bool { return g.fireworks[c.Color] == c.Rank }

// Last is the move before this one. Its Kind is None at the start.
func (g *Game) Last() Last { return g.last }
