package partner

import (
	"fmt"
	"math/rand/v2"
)

// words is how many 64-bit words hold an observation of n bits.
func words(n int) int { return (n + 63) / 64 }

// pack puts numbers that are 0 or 1 into bits.
func pack(obs []float32, into []uint64) {
	clear(into)
	for i, x := range obs {
		if x != 0 {
			into[i/64] |= 1 << (i % 64)
		}
	}
}

func unpack(from []uint64, obs []float32) {
	for i := range obs {
		obs[i] = float32(from[i/64] >> (i % 64) & 1)
	}
}

// replay holds the newest moves, each with what its player saw then and when it was his turn again, or the end. All fields but capacity and width are
// what a checkpoint keeps.
type replay struct {
	capacity, width int

	obs, next []uint64 // [capacity, width]
	action    []uint8
	gain      []float32 // rewards of the move and of the partner's after it, discounted
	discount  []float32 // of the value of next; 0: the game was over
	history   []int32   // at next
	legal     []uint64
	n, at     int // how many there are, and where the next one goes
}

func newReplay(capacity, width int) *replay {
	return &replay{capacity: capacity, width: width, obs: make([]uint64, capacity*width), next: make([]uint64, capacity*width), action: make([]uint8, capacity),
		gain: make([]float32, capacity), discount: make([]float32, capacity), history: make([]int32, capacity), legal: make([]uint64, capacity)}
}

// seen is what a player sees when it is his turn.
type seen struct {
	bits    []uint64
	history int32
	legal   uint64
}

// waiting are the newest moves of both players in every game, [Envs, 2], whose players have not had another turn yet.
type waiting struct {
	width    int
	bits     []uint64 // [2 Envs, width]
	history  []int32
	legal    []uint64
	open     []uint8 // 1: there is one
	action   []uint8
	gain     []float32
	discount []float32
}

func newWaiting(n, width int) *waiting {
	return &waiting{width, make([]uint64, n*width), make([]int32, n), make([]uint64, n), make([]uint8, n), make([]uint8, n), make([]float32, n), make([]float32, n)}
}

// begin notes a move.
func (w *waiting) begin(k int, s seen, action int) {
	copy(w.bits[k*w.width:], s.bits)
	w.history[k], w.legal[k], w.open[k], w.action[k], w.gain[k], w.discount[k] = s.history, s.legal, 1, uint8(action), 0, 1
}

// reward counts towards a move, if there is one.
func (w *waiting) reward(k int, r, gamma float32) {
	w.gain[k] += w.discount[k] * r
	w.discount[k] *= gamma
}

// own is what the player saw when he moved.
func (w *waiting) own(k int) seen {
	return seen{w.bits[k*w.width:][:w.width], w.history[k], w.legal[k]}
}

// add stores a move that has waited, with what its player sees now; nil: the game is over. What he saw when he moved then fills the place of the next
// position, so that there is one with legal moves, and its value does not count.
func (r *replay) add(w *waiting, k int, next *seen) {
	if w.open[k] == 0 {
		return
	}
	w.open[k] = 0
	before, discount := w.own(k), w.discount[k]
	if next == nil {
		next, discount = &before, 0
	}
	at := r.at
	copy(r.obs[at*r.width:], before.bits)
	copy(r.next[at*r.width:], next.bits)
	r.action[at], r.gain[at], r.discount[at], r.history[at], r.legal[at] = w.action[k], w.gain[k], discount, next.history, next.legal
	r.at = (at + 1) % r.capacity
	r.n = min(r.n+1, r.capacity)
}

// draw is a stored move, at random.
func (r *replay) draw(rng *rand.Rand) int { return int(rng.Uint32N(uint32(r.n))) }

func (r *replay) slots() []slot {
	return []slot{{"replay/obs", r.obs}, {"replay/next", r.next}, {"replay/action", r.action}, {"replay/gain", r.gain},
		{"replay/discount", r.discount}, {"replay/history", r.history}, {"replay/legal", r.legal}}
}

func (w *waiting) slots() []slot {
	return []slot{{"waiting/obs", w.bits}, {"waiting/history", w.history}, {"waiting/legal", w.legal}, {"waiting/open", w.open},
		{"waiting/action", w.action}, {"waiting/gain", w.gain}, {"waiting/discount", w.discount}}
}

// sound says what is wrong with moves that came from a file.
func sound(moves, histories int, action []uint8, history []int32, legal []uint64, used func(k int) bool) error {
	for k := range action {
		if used(k) && (int(action[k]) >= moves || history[k] < 0 || int(history[k]) >= histories || legal[k] == 0 || legal[k]>>moves != 0) {
			return fmt.Errorf("a stored move is none of this game: move %d after history %d", action[k], history[k])
		}
	}
	return nil
}
