package partner

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rewardlab/rewardlab/rl/backend/backendtest"
	"github.com/rewardlab/rewardlab/rl/hanabi"
	"github.com/rewardlab/rewardlab/rl/instruct"
)

// A whole game with an imagined person: the page never shows the person's own cards, and the transcript, replayed, is the game.
func TestSitting(t *testing.T) {
	r := game(t, hanabi.Config{Colors: 4, Ranks: 2, Hand: 2, Hints: 3, Lives: 3})
	a, err := NewArena(backendtest.Go(t), r, 2)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	rank := Person(r, instruct.PlayOnRank)
	for seat := range 2 {
		s, err := a.Sit(rank, seat, 4)
		if err != nil {
			t.Fatal(err)
		}
		if s.Turn() != (seat == 0) {
			t.Fatalf("seat %d: the person's turn is %t", seat, s.Turn())
		}
		before := s.Game
		if seat == 0 {
			if err := s.Choose(0); err == nil || !strings.Contains(err.Error(), "nothing may be discarded") || len(s.Transcript) > 0 {
				t.Errorf("a discard with all tokens: error %v", err)
			}
			if page := s.Page("hello <you>"); strings.Count(page, ": ?") != 2 || !strings.Contains(page, "hello &lt;you&gt;") {
				t.Errorf("the page at first: %s", page)
			}
		} else if err := s.Choose(2); err == nil {
			t.Error("the person moved at the partner's turn")
		}
		for !s.Game.Over() {
			if err := s.Answer(t.Context()); err != nil {
				t.Fatal(err)
			}
			if s.Turn() {
				m, err := s.Imagined(t.Context(), rank)
				if err != nil {
					t.Fatal(err)
				}
				if err := s.Choose(m); err != nil {
					t.Fatal(err)
				}
			}
		}
		path := filepath.Join(t.TempDir(), "game.json")
		if err := s.Save(path); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var saved struct {
			Score int
			Moves []Line
		}
		if err := json.Unmarshal(text, &saved); err != nil {
			t.Fatal(err)
		}
		for i, l := range saved.Moves {
			if who := []string{"person", "partner"}[(i+seat)%2]; l.Who != who {
				t.Errorf("move %d is the %s's, want the %s's", i, l.Who, who)
			}
			if _, err := before.Step(l.Move); err != nil {
				t.Fatal(err)
			}
		}
		if !before.Over() || before.Score() != saved.Score || saved.Score < 5 || !strings.Contains(s.Page(""), "The game is over") {
			t.Errorf("the transcript ends at %d points, the game at %d", before.Score(), saved.Score)
		}
	}
	if _, err := a.Sit(rank, 2, 1); err == nil {
		t.Error("a third seat")
	}
}
