package hanabi

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
)

// Vector is many games side by side. Each has a random stream of its own, so that results do not depend on the number of cores.
type Vector struct {
	rules *Rules
	games []Game
	pcgs  []*rand.PCG
	rngs  []*rand.Rand
	moves [][]uint8 // of each game so far
	// Workers is how many goroutines share the games. 0: one a core, as far as there is enough to do.
	Workers int
}

// worthwhile is how many games are given to a goroutine at least: fewer cost more to hand out than to play.
const worthwhile = 128

// NewVector starts n games. The same seed deals the same cards.
func NewVector(r *Rules, n int, seed uint64) (*Vector, error) {
	if n < 1 {
		return nil, fmt.Errorf("hanabi: %d games: give at least 1", n)
	}
	v := &Vector{rules: r, games: make([]Game, n), pcgs: make([]*rand.PCG, n), rngs: make([]*rand.Rand, n), moves: make([][]uint8, n)}
	for i := range n {
		v.pcgs[i] = rand.NewPCG(seed, uint64(i))
		v.rngs[i] = rand.New(v.pcgs[i])
		v.games[i].Reset(r, v.rngs[i])
	}
	return v, nil
}

// Len is the number of games.
func (v *Vector) Len() int { return len(v.games) }

// Game is game number i, to look at.
func (v *Vector) Game(i int) *Game { return &v.games[i] }

// Observe writes what the player whose turn it is sees in every game, [n, Size], and the legal moves, [n].
func (v *Vector) Observe(obs []float32, legal []uint64) error {
	size := v.rules.Size()
	if len(obs) != len(v.games)*size || len(legal) != len(v.games) {
		return fmt.Errorf("hanabi: room for %d numbers and %d sets of moves: %d games need %d and %d", len(obs), len(legal), len(v.games), len(v.games)*size, len(v.games))
	}
	v.each(func(i int) {
		g := &v.games[i]
		g.Encode(g.Player(), obs[i*size:])
		legal[i] = g.Legal()
	})
	return nil
}

// Legal writes the legal moves of every game, [n].
func (v *Vector) Legal(legal []uint64) {
	v.each(func(i int) { legal[i] = v.games[i].Legal() })
}

// Steps is what one move in every game came to, each [n].
type Steps struct {
	Reward []float32
	// Done says that the game ended with this move, with Score; the next one has begun.
	Done  []bool
	Score []int
}

// NewSteps has room for the games of v.
func (v *Vector) NewSteps() *Steps {
	n := len(v.games)
	return &Steps{make([]float32, n), make([]bool, n), make([]int, n)}
}

// Step makes a move in every game, and starts anew those that end. If any move is not legal, none is made.
func (v *Vector) Step(moves []int, out *Steps) error {
	n := len(v.games)
	if len(moves) != n || len(out.Reward) != n || len(out.Done) != n || len(out.Score) != n {
		return fmt.Errorf("hanabi: %d moves, and room for %d results: there are %d games", len(moves), len(out.Done), n)
	}
	for i, m := range moves {
		if g := &v.games[i]; uint(m) >= uint(len(v.rules.moves)) || g.Legal()>>m&1 == 0 {
			return fmt.Errorf("game %d: %w", i, g.illegal(m))
		}
	}
	v.each(func(i int) {
		g := &v.games[i]
		out.Reward[i] = float32(g.step(moves[i]))
		v.moves[i] = append(v.moves[i], uint8(moves[i]))
		out.Done[i] = g.Over()
		out.Score[i] = g.Score()
		if out.Done[i] {
			g.Reset(v.rules, v.rngs[i])
			v.moves[i] = v.moves[i][:0]
		}
	})
	return nil
}

// each calls do for every game, in shares of neighbours.
func (v *Vector) each(do func(i int)) {
	n := len(v.games)
	workers := v.Workers
	if workers < 1 {
		workers = min(runtime.GOMAXPROCS(0), n/worthwhile)
	}
	if workers <= 1 {
		for i := range n {
			do(i)
		}
		return
	}
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := w * n / workers; i < (w+1)*n/workers; i++ {
				do(i)
			}
		})
	}
	wg.Wait()
}
