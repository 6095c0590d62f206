package instruct_test

import (
	"testing"

	"github.com/rewardlab/rewardlab/rl/instruct"
)

func TestStarts(t *testing.T) {
	starts := instruct.Starts()
	if len(starts) != 25 { // 5 + 10 + 10
		t.Fatalf("%d starts, want 25", len(starts))
	}
	seen := map[uint8]bool{}
	for _, v := range starts {
		seen[v] = true
	}
	if len(seen) != 25 || seen[0] || seen[0b11111] || seen[0b01111] || !seen[0b10101] {
		t.Errorf("starts are %05b", starts)
	}
}

func TestRewards(t *testing.T) {
	s := instruct.Begin(0b00101)
	for i, turn := range []struct{ word, action, reward int }{
		{0, 0, 1},
		{0, 0, -1}, // it was taken
		{2, 1, -1}, // never worth anything
		{2, 2, 1},
	} {
		s.Say(turn.word)
		if got := s.Select(turn.action); got != turn.reward || s.Over {
			t.Fatalf("turn %d: reward %d, over %t; want %d", i, got, s.Over, turn.reward)
		}
	}
	s.Say(2)
	if got := s.Select(3); got != -1 || !s.Over {
		t.Errorf("the tenth turn: reward %d, over %t", got, s.Over)
	}
	s = instruct.Begin(0b1)
	s.Say(0)
	if got := s.Select(instruct.Quit); got != 0 || !s.Over {
		t.Errorf("Bob stops: reward %d, over %t", got, s.Over)
	}
}

// teacher is the Alice that suits instruct.Person: she names a ball that is worth something, or repeats the last one.
func teacher(i instruct.Instruction) *instruct.Pair {
	p := instruct.Person(i)
	word := func(ball int) uint8 { return uint8((ball - int(i) + instruct.Balls) % instruct.Balls) }
	for values := range 32 {
		for last := -1; last < instruct.Balls; last++ {
			row := values*6 + 1 + last
			switch {
			case values != 0:
				for ball := range instruct.Balls {
					if values>>ball&1 == 1 {
						p.Words[row] = word(ball)
					}
				}
			case last >= 0:
				p.Words[row] = word(last)
			}
		}
	}
	return p
}

func TestExamine(t *testing.T) {
	for _, i := range []instruct.Instruction{instruct.Same, instruct.Next} {
		p := teacher(i)
		e := instruct.Examine(p, p, i)
		if e.Score != 1 || e.Naming != 5 || !e.Strict() || e.Quits != 25 || e.Repeats != 25 {
			t.Errorf("instruction %d: a perfect pair is %+v", i, e)
		}
	}
	// With Bob one off, each game takes wrong balls all the time: the words mean other balls, and he never hears one repeated that he took.
	e := instruct.Examine(teacher(instruct.Same), teacher(instruct.Next), instruct.Same)
	if e.Score > 0 || e.Naming != 0 || e.Strict() {
		t.Errorf("two conventions together: %+v", e)
	}
	// A Bob who always stops at once.
	lazy := teacher(instruct.Same)
	for i := range lazy.Picks {
		lazy.Picks[i] = instruct.Quit
	}
	e = instruct.Examine(lazy, lazy, instruct.Same)
	if e.Score != 0 || e.Quits != 25 || e.Repeats != 0 || e.Human != 0 || e.Visited == 0 {
		t.Errorf("a Bob who stops at once: %+v", e)
	}
}

func TestFollows(t *testing.T) {
	for _, c := range []struct {
		ball, word, action int
		want               bool
	}{
		{instruct.Nothing, 3, 3, true},
		{instruct.Nothing, 3, 2, false},
		{instruct.Nothing, 3, instruct.Quit, false}, // nothing was repeated
		{1, 3, 3, true},
		{1, 3, instruct.Quit, false},
		{3, 3, instruct.Quit, true},
		{3, 3, 3, true},
	} {
		if got := instruct.Same.Follows(c.ball, c.word, c.action); got != c.want {
			t.Errorf("after ball %d and word %d, action %d: %t", c.ball, c.word, c.action, got)
		}
	}
}
