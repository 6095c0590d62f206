package hanabi

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
)

// Save returns where all games stand, with their random streams: of each its deck and the moves made so far, which is all there is to know.
func (v *Vector) Save() ([]byte, error) {
	var b []byte
	for i := range v.games {
		stream, err := v.pcgs[i].MarshalBinary()
		if err != nil {
			return nil, fmt.Errorf("hanabi: random stream of game %d: %w", i, err)
		}
		b = append(append(b, uint8(len(stream))), stream...)
		for _, c := range v.games[i].deck[:v.rules.deckSize] {
			b = append(b, c.Color*maxRanks+c.Rank)
		}
		b = binary.LittleEndian.AppendUint16(b, uint16(len(v.moves[i])))
		b = append(b, v.moves[i]...)
	}
	return b, nil
}

var errSaved = errors.New("hanabi: saved games are cut short or of another number or size of games: start anew")

// Restore brings the games to where Save found them. It replays every move, so that what is damaged is an error and never an impossible game; after
// an error v is as it was.
func (v *Vector) Restore(saved []byte) error {
	games, pcgs, moves := make([]Game, len(v.games)), make([]*rand.PCG, len(v.games)), make([][]uint8, len(v.games))
	take := func(n int) ([]byte, error) {
		if len(saved) < n {
			return nil, errSaved
		}
		part := saved[:n]
		saved = saved[n:]
		return part, nil
	}
	game := func(i int) error {
		size, err := take(1)
		if err != nil {
			return err
		}
		stream, err := take(int(size[0]))
		if err != nil {
			return err
		}
		pcgs[i] = new(rand.PCG)
		if err := pcgs[i].UnmarshalBinary(stream); err != nil {
			return errSaved
		}
		cards, err := take(v.rules.deckSize)
		if err != nil {
			return err
		}
		deck := make([]Card, len(cards))
		for k, c := range cards {
			deck[k] = Card{c / maxRanks, c % maxRanks}
		}
		if err := games[i].Deal(v.rules, deck); err != nil {
			return err
		}
		count, err := take(2)
		if err != nil {
			return err
		}
		made, err := take(int(binary.LittleEndian.Uint16(count)))
		if err != nil {
			return err
		}
		for _, m := range made {
			if _, err := games[i].Step(int(m)); err != nil {
				return err
			}
		}
		if games[i].Over() {
			return errSaved
		}
		moves[i] = append([]uint8(nil), made...)
		return nil
	}
	for i := range games {
		if err := game(i); err != nil {
			return fmt.Errorf("game %d: %w", i, err)
		}
	}
	if len(saved) > 0 {
		return errSaved
	}
	copy(v.games, games)
	copy(v.moves, moves)
	for i, p := range pcgs {
		v.pcgs[i], v.rngs[i] = p, rand.New(p)
	}
	return nil
}
