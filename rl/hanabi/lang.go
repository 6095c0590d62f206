package hanabi

import (
	"fmt"
	"math/bits"
	"strings"
)

func colorName(c int) string { return [...]string{"red", "yellow", "green", "white", "blue"}[c] }

// letters names the positions of mask: "A", "A and B", "A, B and C".
func letters(mask uint8) string {
	var s []string
	for i := range maxHand {
		if mask>>i&1 == 1 {
			s = append(s, string(rune('A'+i)))
		}
	}
	if len(s) < 2 {
		return strings.Join(s, "")
	}
	return strings.Join(s[:len(s)-1], ", ") + " and " + s[len(s)-1]
}

// Text is a move as a prompt ends with it, for two players: " play my card at position A" or " hint color to my partner". Which colour or rank is hinted
// is left out, so that the 20 moves have 12 texts.
func (r *Rules) Text(m Move) string {
	switch m.Kind {
	case Play:
		return " play my card at position " + letters(1<<m.Pos)
	case Discard:
		return " discard my card at position " + letters(1<<m.Pos)
	case HintColor:
		return " hint color to " + r.whom(m.Target)
	case HintRank:
		return " hint rank to " + r.whom(m.Target)
	}
	return " do nothing"
}

// Describe is a move for people, with everything in it.
func (r *Rules) Describe(m Move) string {
	switch m.Kind {
	case HintColor:
		return "tell " + r.whom(m.Target) + " about " + colorName(m.Value)
	case HintRank:
		return fmt.Sprintf("tell %s about %d", r.whom(m.Target), m.Value+1)
	}
	return strings.TrimSpace(r.Text(m))
}

// whom names the player who sits d places on.
func (r *Rules) whom(d int) string {
	switch {
	case r.Players == 2:
		return "my partner"
	case d == 1:
		return "the next player"
	}
	return fmt.Sprintf("the player %d places on", d)
}

// LastText is the last move as player tells it: "My partner told me that the color of my cards at position A and C is red".
func (g *Game) LastText(player int) string {
	r, last := g.rules, g.last
	from := (last.Player - player + r.Players) % r.Players
	who := "I"
	if from > 0 {
		who = r.whom(from)
		who = strings.ToUpper(who[:1]) + who[1:]
	}
	switch last.Kind {
	case None:
		if r.Players == 2 {
			return "My partner did nothing"
		}
		return "Nobody has moved yet"
	case Play, Discard:
		their := "their"
		if from == 0 {
			their = "my"
		}
		return fmt.Sprintf("%s %s %s card at position %s", who, past(last.Kind), their, letters(1<<last.Pos))
	}
	to := (from + last.Target) % r.Players
	if to == 0 {
		return who + " told me that " + hintText(last.Kind, last.Value, last.Touched, "my")
	}
	return who + " told " + r.whom(to) + " that " + hintText(last.Kind, last.Value, last.Touched, "their")
}

func past(k Kind) string {
	if k == Play {
		return "played"
	}
	return "discarded"
}

func hintText(k Kind, value int, touched uint8, whose string) string {
	what, name := "color", ""
	if k == HintRank {
		what, name = "rank", fmt.Sprint(value+1)
	} else {
		name = colorName(value)
	}
	cards := "cards"
	if bits.OnesCount8(touched) == 1 {
		cards = "card"
	}
	return fmt.Sprintf("the %s of %s %s at position %s is %s", what, whose, cards, letters(touched), name)
}

// History is what a player of the game for two last saw of the partner: a move, and the cards that a hint pointed at. The partner's own cards are not in
// it, as language does not tell them.
type History struct {
	Kind    Kind
	Pos     int   // of the card that was played or discarded
	Value   int   // of the hint
	Touched uint8 // by the hint
}

// Text is the history in words.
func (h History) Text() string {
	switch h.Kind {
	case None:
		return "My partner did nothing"
	case Play, Discard:
		return "My partner " + past(h.Kind) + " their card at position " + letters(1<<h.Pos)
	}
	return "My partner told me that " + hintText(h.Kind, h.Value, h.Touched, "my")
}

// Histories lists what the player of a game for two may have seen last: nothing, plays, discards, colour hints and rank hints, these with every set of cards
// that they may have pointed at. There are 321 in the full game.
func (r *Rules) Histories() ([]History, error) {
	if r.Players != 2 {
		return nil, fmt.Errorf("hanabi: histories are of the game for two, this one has %d players", r.Players)
	}
	all := []History{{}}
	for _, k := range []Kind{Play, Discard} {
		for pos := range r.Hand {
			all = append(all, History{Kind: k, Pos: pos})
		}
	}
	for _, hint := range []struct {
		kind   Kind
		values int
	}{{HintColor, r.Colors}, {HintRank, r.Ranks}} {
		for v := range hint.values {
			for touched := 1; touched < 1<<r.Hand; touched++ {
				all = append(all, History{Kind: hint.kind, Value: v, Touched: uint8(touched)})
			}
		}
	}
	return all, nil
}

// HistoryNumber is the place in Histories of what the player whose turn it is saw last. It is for games of two.
func (g *Game) HistoryNumber() int {
	r, last := g.rules, &g.last
	sets := 1<<r.Hand - 1
	switch last.Kind {
	case Play:
		return 1 + last.Pos
	case Discard:
		return 1 + r.Hand + last.Pos
	case HintColor:
		return 2*r.Hand + last.Value*sets + int(last.Touched)
	case HintRank:
		return 2*r.Hand + (r.Colors+last.Value)*sets + int(last.Touched)
	}
	return 0
}

// Name is a card for people: "red 1".
func (r *Rules) Name(c Card) string { return fmt.Sprintf("%s %d", colorName(int(c.Color)), c.Rank+1) }
