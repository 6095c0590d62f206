package partner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"math/rand/v2"
	"os"
	"strings"

	"github.com/rewardlab/rewardlab/rl/hanabi"
)

// Sitting is a game of a person with an agent, and what is said in it.
type Sitting struct {
	Game hanabi.Game
	// Transcript has a line for every move.
	Transcript []Line

	arena  *Arena
	agent  *Agent
	person int
}

// Line is a move in a transcript.
type Line struct {
	Who   string `json:"who"` // "person" or "partner"
	Move  int    `json:"move"`
	Text  string `json:"text"`
	Score int    `json:"score"` // after it
}

// Sit begins a game with an agent. The person has seat 0, who begins, or 1.
func (a *Arena) Sit(agent *Agent, seat int, seed int64) (*Sitting, error) {
	if seat != 0 && seat != 1 {
		return nil, fmt.Errorf("hanabi: seat %d: there are 0 and 1", seat)
	}
	s := &Sitting{arena: a, agent: agent, person: seat}
	s.Game.Reset(a.rules, rand.New(rand.NewPCG(uint64(seed), 0)))
	return s, nil
}

// Turn says whether it is the person's turn.
func (s *Sitting) Turn() bool { return !s.Game.Over() && s.Game.Player() == s.person }

// Choose makes the person's move. A move that is not legal is an error that says why, and changes nothing.
func (s *Sitting) Choose(move int) error {
	if !s.Turn() {
		return errors.New("hanabi: it is not the person's turn")
	}
	return s.make("person", move)
}

// Answer lets the agent move, if it is its turn.
func (s *Sitting) Answer(ctx context.Context) error {
	if s.Game.Over() || s.Turn() {
		return nil
	}
	m, err := s.arena.Move(ctx, s.agent, &s.Game)
	if err != nil {
		return err
	}
	return s.make("partner", m)
}

func (s *Sitting) make(who string, move int) error {
	if _, err := s.Game.Step(move); err != nil {
		return err
	}
	r, last := s.arena.rules, s.Game.Last()
	text := r.Describe(last.Move)
	if last.Kind == hanabi.Play || last.Kind == hanabi.Discard {
		text += ": " + r.Name(last.Card)
		if last.Kind == hanabi.Play && !last.Scored {
			text += ", which does not fit"
		}
	}
	s.Transcript = append(s.Transcript, Line{who, move, text, s.Game.Score()})
	return nil
}

// Save writes the transcript as JSON, with the rules and what the agent is called.
func (s *Sitting) Save(path string) error {
	text, err := json.MarshalIndent(struct {
		Rules   hanabi.Config `json:"rules"`
		Partner string        `json:"partner"`
		Score   int           `json:"score"`
		End     string        `json:"end"`
		Moves   []Line        `json:"moves"`
	}{s.arena.rules.Config, s.agent.Name, s.Game.Score(), s.Game.End().String(), s.Transcript}, "", "  ")
	if err != nil {
		return fmt.Errorf("transcript: %w", err)
	}
	if err := os.WriteFile(path, append(text, '\n'), 0o600); err != nil {
		return fmt.Errorf("transcript: %w", err)
	}
	return nil
}

// paint is for the colours of cards: ink on paper.
var paint = [...]string{"#fff;background:#c22f2f", "#222;background:#f2c531", "#fff;background:#2e8b46", "#222;background:#fff", "#fff;background:#2f5fc2"}

func cardHTML(color int, text string) string {
	style := "#222;background:#ddd"
	if color >= 0 {
		style = paint[color]
	}
	return fmt.Sprintf(`<span style="display:inline-block;min-width:2.2em;padding:.5em .3em;margin:.15em;text-align:center;border:1px solid #888;border-radius:4px;color:%s">%s</span>`,
		style, html.EscapeString(text))
}

// Page shows the table as the person sees it, as HTML: the partner's cards, what is known of the own ones, and what was said last.
func (s *Sitting) Page(message string) string {
	g, r := &s.Game, s.arena.rules
	var b strings.Builder
	row := func(title, cells string) {
		fmt.Fprintf(&b, `<tr><td style="text-align:left;padding-right:1em">%s</td><td style="text-align:left">%s</td></tr>`, title, cells)
	}
	fmt.Fprintf(&b, `<div style="font-family:sans-serif"><p>Score <b>%d</b> of %d &nbsp; hint tokens %d &nbsp; lives %d &nbsp; cards in the deck %d</p><table>`,
		g.Score(), r.MaxScore(), g.Hints(), g.Lives(), g.Deck())
	cells := ""
	for c := range r.Colors {
		cells += cardHTML(c, fmt.Sprint(g.Firework(c)))
	}
	row("Played so far", cells)
	cells = ""
	for _, c := range g.Hand(1 - s.person) {
		cells += cardHTML(int(c.Color), fmt.Sprint(c.Rank+1))
	}
	row("Your partner's cards", cells)
	cells = ""
	for i := range g.Hand(s.person) {
		color, rank := g.Known(s.person, i)
		text := string(rune('A'+i)) + ": ?"
		if rank >= 0 {
			text = fmt.Sprintf("%c: %d", 'A'+i, rank+1)
		}
		cells += cardHTML(color, text)
	}
	row("Your cards, as far as you were told", cells)
	cells = ""
	for c := range r.Colors {
		for k := range r.Ranks {
			for range g.Discarded(hanabi.Card{Color: uint8(c), Rank: uint8(k)}) {
				cells += cardHTML(c, fmt.Sprint(k+1))
			}
		}
	}
	row("Discarded", cells)
	b.WriteString("</table>")
	if n := len(s.Transcript); n > 0 {
		fmt.Fprintf(&b, "<p>%s.</p>", html.EscapeString(g.LastText(s.person)))
	}
	if g.Over() {
		fmt.Fprintf(&b, "<p><b>The game is over (%s): %d of %d points.</b></p>", g.End(), g.Score(), r.MaxScore())
	}
	fmt.Fprintf(&b, "<p><i>%s</i></p></div>", html.EscapeString(message))
	return b.String()
}

// Imagined is the move of a person who plays by an agent, such as Person, where nobody sits in front of the buttons.
func (s *Sitting) Imagined(ctx context.Context, who *Agent) (int, error) {
	return s.arena.Move(ctx, who, &s.Game)
}
