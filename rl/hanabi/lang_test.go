package hanabi_test

import (
	"math/rand/v2"
	"testing"

	"github.com/rewardlab/rewardlab/rl/hanabi"
)

func TestHistories(t *testing.T) {
	r := rules(t, hanabi.Config{})
	all, err := r.Histories()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 321 { // 1 + 5 + 5 + 10*31
		t.Errorf("%d histories, want 321", len(all))
	}
	texts, moves := map[string]bool{}, map[string]bool{}
	for _, h := range all {
		texts[h.Text()] = true
	}
	for m := range r.Moves() {
		moves[r.Text(r.Move(m))] = true
	}
	if len(texts) != 321 || len(moves) != 12 {
		t.Errorf("%d texts of histories and %d of moves, want 321 and 12", len(texts), len(moves))
	}
	for number, want := range map[int]string{
		0:                      "My partner did nothing",
		2:                      "My partner played their card at position B",
		10:                     "My partner discarded their card at position E",
		10 + 0b1:               "My partner told me that the color of my card at position A is red",
		10 + 0b11:              "My partner told me that the color of my cards at position A and B is red",
		10 + 4*31 + 0b10101:    "My partner told me that the color of my cards at position A, C and E is blue",
		10 + (5+2)*31 + 0b1000: "My partner told me that the rank of my card at position D is 3",
	} {
		if got := all[number].Text(); got != want {
			t.Errorf("history %d: %q, want %q", number, got, want)
		}
	}
	for move, want := range map[int]string{0: " discard my card at position A", 9: " play my card at position E", 12: " hint color to my partner", 19: " hint rank to my partner"} {
		if got := r.Text(r.Move(move)); got != want {
			t.Errorf("move %d: %q, want %q", move, got, want)
		}
	}
	if got := r.Describe(r.Move(14)); got != "tell my partner about blue" {
		t.Errorf("move 14 for people: %q", got)
	}
	if _, err := rules(t, hanabi.Config{Players: 3}).Histories(); err == nil {
		t.Error("histories of a game for three")
	}
}

// TestHistoryNumber: the number of what was seen last leads to the same words as the game itself.
func TestHistoryNumber(t *testing.T) {
	for _, c := range []hanabi.Config{{}, hanabi.Small()} {
		r := rules(t, c)
		all, err := r.Histories()
		if err != nil {
			t.Fatal(err)
		}
		rng := rand.New(rand.NewPCG(3, 3))
		var g hanabi.Game
		seen := map[int]bool{}
		for range 300 {
			g.Reset(r, rng)
			for !g.Over() {
				n := g.HistoryNumber()
				seen[n] = true
				if got, want := all[n].Text(), g.LastText(g.Player()); got != want {
					t.Fatalf("history %d is %q, the game says %q", n, got, want)
				}
				legal := g.Legal()
				for {
					if m := rng.IntN(r.Moves()); legal>>m&1 == 1 {
						if _, err := g.Step(m); err != nil {
							t.Fatal(err)
						}
						break
					}
				}
			}
		}
		if len(seen) < len(all)/3 {
			t.Errorf("only %d of %d histories came up", len(seen), len(all))
		}
	}
}

func TestTextForThree(t *testing.T) {
	r := rules(t, hanabi.Config{Players: 3})
	var g hanabi.Game
	g.Reset(r, rand.New(rand.NewPCG(1, 1)))
	c := g.Hand(2)[0]
	m := r.Number(hanabi.Move{Kind: hanabi.HintRank, Target: 2, Value: int(c.Rank)})
	if got := r.Describe(r.Move(m))[:len("tell the player 2 places on about ")]; got != "tell the player 2 places on about " {
		t.Errorf("move for people: %q", got)
	}
	if _, err := g.Step(m); err != nil {
		t.Fatal(err)
	}
	for player, want := range []string{"I told the player 2 places on that the rank of their card", "The player 2 places on told the next player that the rank of their card", "The next player told me that the rank of my card"} {
		if got := g.LastText(player); got[:len(want)] != want {
			t.Errorf("player %d: %q, want %q...", player, got, want)
		}
	}
}
