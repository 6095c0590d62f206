package hanabi

// Encode writes what player sees into obs, which has Size numbers, all of them 0 or 1. The parts, with their lengths in the full game for two:
//
//	127  the other hands, next player first, each card one of 25; then who lacks a card, a bit a player, the observer first
//	 76  the board: cards in the deck (40), fireworks (25), hint tokens (8), lives (3)
//	 50  discarded cards, colour by colour; so many ones from the left as there are cards
//	 55  the last move: who, what, to whom, colour, rank, cards touched, position, card, success, token won
//	350  hands as their holders know them, the observer first: 25 possible cards, the colour and the rank that hints have named
//
// Players are counted from the observer.
func (g *Game) Encode(player int, obs []float32) {
	r := g.rules
	obs = obs[:r.Size()]
	clear(obs)
	at := obs
	for i, part := range []func(int, []float32){g.encodeHands, g.encodeBoard, g.encodeDiscards, g.encodeLast, g.encodeKnowledge} {
		part(player, at[:r.sections[i]])
		at = at[r.sections[i]:]
	}
}

func (g *Game) encodeHands(player int, out []float32) {
	r := g.rules
	kinds := r.Colors * r.Ranks
	for d := 1; d < r.Players; d++ {
		p := (player + d) % r.Players
		for i := range int(g.counts[p]) {
			c := g.hands[p][i].Card
			out[((d-1)*r.Hand+i)*kinds+int(c.Color)*r.Ranks+int(c.Rank)] = 1
		}
	}
	missing := out[(r.Players-1)*r.Hand*kinds:]
	for d := range r.Players {
		if int(g.counts[(player+d)%r.Players]) < r.Hand {
			missing[d] = 1
		}
	}
}

func (g *Game) encodeBoard(_ int, out []float32) {
	r := g.rules
	ones := func(n, of int) {
		for i := range n {
			out[i] = 1
		}
		out = out[of:]
	}
	ones(g.Deck(), r.deckSize-r.Players*r.Hand)
	for c := range r.Colors {
		if top := g.fireworks[c]; top > 0 {
			out[int(top)-1] = 1
		}
		out = out[r.Ranks:]
	}
	ones(int(g.hints), r.Hints)
	ones(int(g.lives), r.Lives)
}

func (g *Game) encodeDiscards(_ int, out []float32) {
	r := g.rules
	for c := range r.Colors {
		for rank := range r.Ranks {
			for i := range g.discards[c][rank] {
				out[i] = 1
			}
			out = out[r.copies[rank]:]
		}
	}
}

func (g *Game) encodeLast(player int, out []float32) {
	r, last := g.rules, &g.last
	if last.Kind == None {
		return
	}
	from := (last.Player - player + r.Players) % r.Players
	out[from] = 1
	out = out[r.Players:]
	out[last.Kind-Play] = 1
	out = out[4:]
	hint := last.Kind == HintColor || last.Kind == HintRank
	if hint {
		out[(from+last.Target)%r.Players] = 1
	}
	out = out[r.Players:]
	switch last.Kind {
	case HintColor:
		out[last.Value] = 1
	case HintRank:
		out[r.Colors+last.Value] = 1
	}
	out = out[r.Colors+r.Ranks:]
	if hint {
		for i := range r.Hand {
			out[i] = float32(last.Touched >> i & 1)
		}
		return
	}
	out = out[r.Hand:]
	out[last.Pos] = 1
	out = out[r.Hand:]
	out[int(last.Card.Color)*r.Ranks+int(last.Card.Rank)] = 1
	out = out[r.Colors*r.Ranks:]
	if last.Scored {
		out[0] = 1
	}
	if last.Kind == Play && last.Token {
		out[1] = 1
	}
}

func (g *Game) encodeKnowledge(player int, out []float32) {
	r := g.rules
	kinds := r.Colors * r.Ranks
	for d := range r.Players {
		p := (player + d) % r.Players
		for i := range r.Hand {
			card := out[:kinds+r.Colors+r.Ranks]
			out = out[len(card):]
			if i >= int(g.counts[p]) {
				continue
			}
			h := g.hands[p][i]
			for c := range r.Colors {
				if h.colors>>c&1 == 0 {
					continue
				}
				row := card[c*r.Ranks:][:r.Ranks]
				for rank := range row {
					row[rank] = float32(h.ranks >> rank & 1)
				}
			}
			color, rank := g.Known(p, i)
			if color >= 0 {
				card[kinds+color] = 1
			}
			if rank >= 0 {
				card[kinds+r.Colors+rank] = 1
			}
		}
	}
}
