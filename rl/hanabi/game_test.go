package hanabi_test

import (
	"errors"
	"math/bits"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/rewardlab/rewardlab/rl/hanabi"
)

func rules(t testing.TB, c hanabi.Config) *hanabi.Rules {
	t.Helper()
	r, err := hanabi.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestSizes(t *testing.T) {
	for _, c := range []struct {
		name                       string
		config                     hanabi.Config
		moves, size, private, deck int
	}{
		{"full game for two", hanabi.Config{}, 20, 658, 125, 50}, // 127 + 76 + 50 + 55 + 350
		{"three", hanabi.Config{Players: 3}, 30, 956, 250, 50},   // 253 + 71 + 50 + 57 + 525
		{"five", hanabi.Config{Players: 5}, 48, 1280, 400, 50},   // 405 + 66 + 50 + 59 + 700
		{"small", hanabi.Small(), 11, 171, 20, 20},               // 22 + 30 + 20 + 31 + 68
	} {
		t.Run(c.name, func(t *testing.T) {
			r := rules(t, c.config)
			if r.Moves() != c.moves || r.Size() != c.size || r.Private() != c.private || r.DeckSize() != c.deck {
				t.Errorf("%d moves, %d numbers, %d private, %d cards; want %d, %d, %d, %d", r.Moves(), r.Size(), r.Private(), r.DeckSize(), c.moves, c.size, c.private, c.deck)
			}
			for m := range r.Moves() {
				if r.Number(r.Move(m)) != m {
					t.Errorf("move %d is %+v, which has number %d", m, r.Move(m), r.Number(r.Move(m)))
				}
			}
		})
	}
}

func TestConfigErrors(t *testing.T) {
	for _, c := range []struct {
		config hanabi.Config
		want   string
	}{
		{hanabi.Config{Players: 6}, "players is 6"},
		{hanabi.Config{Colors: 6, Lives: -1}, "lives is -1"},
		{hanabi.Config{Hand: 9}, "hand is 9"},
		{hanabi.Config{Players: 5, Colors: 1, Ranks: 2}, "more than the 4 cards"},
	} {
		if _, err := hanabi.New(c.config); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: error %v, want %q", c.config, err, c.want)
		}
	}
}

// deck is of one colour, ranks as people write them.
func deck(ranks ...uint8) []hanabi.Card {
	var d []hanabi.Card
	for _, r := range ranks {
		d = append(d, hanabi.Card{Rank: r - 1})
	}
	return d
}

// The moves of the very small game: one colour, two cards in hand.
const (
	discardA = iota
	discardB
	playA
	playB
	hintColor
	hint1
	hint2
)

func TestPerfectGame(t *testing.T) {
	var g hanabi.Game
	if err := g.Deal(rules(t, hanabi.VerySmall()), deck(1, 2 /* player 0 */, 3, 5 /* player 1 */, 4, 1, 1, 2, 3, 4)); err != nil {
		t.Fatal(err)
	}
	if got, want := g.Legal(), uint64(0b10100_1_11_00); got != want { // ranks 5 and 3, the colour, plays
		t.Errorf("legal moves %b, want %b", got, want)
	}
	for i, s := range []struct {
		move, score, hints int
		text               string // to the next player
	}{
		{playA, 1, 3, "My partner played their card at position A"},
		{hint2, 1, 2, "My partner told me that the rank of my card at position A is 2"},
		{playA, 2, 2, "My partner played their card at position A"},
		{playA, 3, 2, "My partner played their card at position A"},
		{playA, 4, 2, "My partner played their card at position A"},
		{playA, 5, 3, "My partner played their card at position A"}, // the 5 gives a token back
	} {
		if g.Player() != i%2 {
			t.Fatalf("move %d: player %d", i, g.Player())
		}
		before := g.Score()
		reward, err := g.Step(s.move)
		if err != nil || reward != s.score-before || g.Score() != s.score || g.Hints() != s.hints || g.LastText(g.Player()) != s.text {
			t.Fatalf("move %d: reward %d, score %d, %d hints, %q, error %v; want %+v", i, reward, g.Score(), g.Hints(), g.LastText(g.Player()), err, s)
		}
	}
	if g.End() != hanabi.Complete || g.Legal() != 0 || g.Turn() != 6 {
		t.Errorf("%s after %d turns, legal moves %b", g.End(), g.Turn(), g.Legal())
	}
	if _, err := g.Step(playA); !errors.Is(err, hanabi.ErrOver) {
		t.Errorf("a move after the end: error %v", err)
	}
}

func TestLosingAllLives(t *testing.T) {
	for _, keep := range []bool{false, true} {
		c := hanabi.VerySmall()
		c.KeepPoints = keep
		var g hanabi.Game
		if err := g.Deal(rules(t, c), deck(1, 2, 3, 5, 4, 1, 1, 2, 3, 4)); err != nil {
			t.Fatal(err)
		}
		if _, err := g.Step(playA); err != nil {
			t.Fatal(err)
		}
		reward, err := g.Step(playB) // the 5
		wantReward, wantScore := -1, 0
		if keep {
			wantReward, wantScore = 0, 1
		}
		if err != nil || reward != wantReward || g.Score() != wantScore || g.End() != hanabi.OutOfLives || g.Discarded(hanabi.Card{Rank: 4}) != 1 {
			t.Errorf("keep points %t: reward %d, score %d, %s, error %v", keep, reward, g.Score(), g.End(), err)
		}
	}
}

// TestLastRound: when the last card has been drawn, everybody has one more turn.
func TestLastRound(t *testing.T) {
	var g hanabi.Game
	c := hanabi.VerySmall()
	c.Lives = 3
	if err := g.Deal(rules(t, c), deck(1, 1, 1, 2, 2, 3, 3, 4, 4, 5)); err != nil {
		t.Fatal(err)
	}
	for i, m := range []int{playA, playB, hintColor, discardA, hintColor, discardA, hintColor, discardA, hintColor, discardA} {
		if _, err := g.Step(m); err != nil {
			t.Fatalf("move %d: %v", i, err)
		}
	}
	if g.Deck() != 0 || g.Over() {
		t.Fatalf("%d cards in the deck, over %t: want none, and a game that goes on", g.Deck(), g.Over())
	}
	// Player 0, and player 1, who drew the last card, move once more.
	for i, m := range []int{hintColor, hintColor} {
		if _, err := g.Step(m); err != nil {
			t.Fatalf("last round, move %d: %v", i, err)
		}
	}
	if g.End() != hanabi.OutOfCards || g.Score() != 2 {
		t.Errorf("%s with %d points, want out of cards with 2", g.End(), g.Score())
	}
}

func TestIllegalMoves(t *testing.T) {
	var g hanabi.Game
	if _, err := g.Step(0); err == nil {
		t.Error("a game that was not dealt took a move")
	}
	if err := g.Deal(rules(t, hanabi.VerySmall()), deck(1, 2, 3, 5, 4, 1, 1, 2, 3, 4)); err != nil {
		t.Fatal(err)
	}
	before := g
	for move, want := range map[int]string{discardA: "nothing may be discarded", hint1: "must point at a card", 99: "moves are 0 to 9", -1: "moves are 0 to 9"} {
		if _, err := g.Step(move); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("move %d: error %v, want %q", move, err, want)
		}
	}
	if !reflect.DeepEqual(g, before) {
		t.Error("moves that are not legal changed the game")
	}
	if err := g.Deal(rules(t, hanabi.VerySmall()), deck(1, 1, 1, 1, 2, 2, 3, 3, 4, 5)); err == nil || !strings.Contains(err.Error(), "a deck has no others") {
		t.Errorf("a deck with four 1s: error %v", err)
	}
}

// FuzzGame plays any moves at any table: cards are never lost, and the observation holds no more than the game does.
func FuzzGame(f *testing.F) {
	f.Add(uint64(1), uint8(2), uint8(5), uint8(5), []byte("play it again"))
	f.Add(uint64(7), uint8(5), uint8(2), uint8(3), []byte{0, 1, 2, 3, 250, 17, 18, 99, 3})
	f.Fuzz(func(t *testing.T, seed uint64, players, colors, hand uint8, choices []byte) {
		r, err := hanabi.New(hanabi.Config{Players: int(players % 8), Colors: int(colors % 8), Hand: int(hand % 10)})
		if err != nil {
			return
		}
		var g hanabi.Game
		g.Reset(r, rand.New(rand.NewPCG(seed, 0)))
		obs := make([]float32, r.Size())
		for _, b := range choices {
			if g.Over() {
				break
			}
			legal := g.Legal()
			if legal == 0 {
				t.Fatal("no legal move in a game that goes on")
			}
			m := nth(legal, int(b)%bits.OnesCount64(legal))
			if _, err := g.Step(m); err != nil {
				t.Fatal(err)
			}
			cards := g.Deck() + points(&g)
			for p := range r.Players {
				cards += len(g.Hand(p))
				for i, c := range g.Hand(p) {
					if !g.Possible(p, i, c) {
						t.Fatalf("hints exclude the card %+v that player %d holds", c, p)
					}
				}
			}
			for c := range r.Colors {
				for rank := range r.Ranks {
					cards += g.Discarded(hanabi.Card{Color: uint8(c), Rank: uint8(rank)})
				}
			}
			if cards != r.DeckSize() {
				t.Fatalf("%d cards of %d", cards, r.DeckSize())
			}
			for p := range r.Players {
				g.Encode(p, obs)
				for i, x := range obs {
					if x != 0 && x != 1 {
						t.Fatalf("number %d of the observation is %g", i, x)
					}
				}
			}
		}
	})
}

func points(g *hanabi.Game) int {
	n := 0
	for c := range g.Rules().Colors {
		n += g.Firework(c)
	}
	return n
}

// nth is the place of the nth bit of mask.
func nth(mask uint64, n int) int {
	for range n {
		mask &= mask - 1
	}
	return bits.TrailingZeros64(mask)
}
