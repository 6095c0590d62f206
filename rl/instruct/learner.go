package instruct

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
)

// Adam's constants.
const (
	beta1 = 0.9
	beta2 = 0.999
	tiny  = 1e-5
)

// table is one player's values and how they are learned: each entry has a step of Adam of its own, with its own clock, because rare states would
// otherwise be corrected as if they had been seen as often as the others.
type table struct {
	q, m, v []float64 // [rows, width]
	c1, c2  []float64 // beta1 and beta2 to the power of the steps that an entry has made
	actions []uint8   // of each row
	lean    []float64 // lambda times the prior, [rows, width]; nil: none
	best    []uint8   // the action of each row that is chosen now

	sum     []float64 // of the errors in this batch, and how many
	count   []int32
	touched []int32
	chosen  []bool // rows that step has done
}

func newTable(rows int) *table {
	t := &table{best: make([]uint8, rows), actions: make([]uint8, rows), count: make([]int32, rows*width), chosen: make([]bool, rows)}
	for _, x := range []*[]float64{&t.q, &t.m, &t.v, &t.c1, &t.c2, &t.sum} {
		*x = make([]float64, rows*width)
	}
	for i := range t.c1 {
		t.c1[i], t.c2[i] = 1, 1
	}
	return t
}

// choose finds the best action of a row: by value and prior.
func (t *table) choose(row int) {
	best, at := math.Inf(-1), 0
	for a := range int(t.actions[row]) {
		x := t.q[row*width+a]
		if t.lean != nil {
			x += t.lean[row*width+a]
		}
		if x > best {
			best, at = x, a
		}
	}
	t.best[row] = uint8(at)
}

func (t *table) chooseAll() {
	for row := range t.best {
		t.choose(row)
	}
}

// value of what would be chosen in a row: the prior is not in it.
func (t *table) value(row int) float64 { return t.q[row*width+int(t.best[row])] }

// act is epsilon-greedy.
func (t *table) act(row int, epsilon float64, rng *rand.Rand) int {
	n := int(t.actions[row])
	if n == 1 {
		return 0
	}
	if rng.Float64() < epsilon {
		return int(rng.Uint32N(uint32(n)))
	}
	return int(t.best[row])
}

func (t *table) add(entry int32, err float64) {
	if t.count[entry] == 0 {
		t.touched = append(t.touched, entry)
	}
	t.count[entry]++
	t.sum[entry] += err
}

// step moves every entry that was added to by its mean error.
func (t *table) step(lr float64) {
	for _, e := range t.touched {
		g := t.sum[e] / float64(t.count[e])
		t.sum[e], t.count[e] = 0, 0
		t.m[e] = beta1*t.m[e] + (1-beta1)*g
		t.v[e] = beta2*t.v[e] + (1-beta2)*g*g
		t.c1[e] = decay(t.c1[e], beta1)
		t.c2[e] = decay(t.c2[e], beta2)
		t.q[e] += lr * (t.m[e] / (1 - t.c1[e])) / (math.Sqrt(t.v[e]/(1-t.c2[e])) + tiny)
	}
	for _, e := range t.touched {
		if row := int(e) / width; !t.chosen[row] {
			t.choose(row)
			t.chosen[row] = true
		}
	}
	for _, e := range t.touched {
		t.chosen[int(e)/width] = false
	}
	t.touched = t.touched[:0]
}

// decay is c times beta, until that no longer shows beside 1: numbers close to zero are a hundred times slower to multiply.
func decay(c, beta float64) float64 {
	if c < 1e-20 {
		return 0
	}
	return c * beta
}

// episode is what a replay needs of a game: at every turn the entries that both players chose, and the reward.
type episode struct {
	n          uint8
	alice, bob [Turns]int16
	reward     [Turns]int8
}

// episodeBytes is the size of an episode in a checkpoint.
const episodeBytes = 1 + Turns*(2+2+1)

func (e *episode) append(b []byte) []byte {
	b = append(b, e.n)
	for i := range Turns {
		b = binary.LittleEndian.AppendUint16(b, uint16(e.alice[i]))
		b = binary.LittleEndian.AppendUint16(b, uint16(e.bob[i]))
		b = append(b, byte(e.reward[i]))
	}
	return b
}

func (e *episode) read(b []byte) {
	e.n = b[0]
	for i := range Turns {
		turn := b[1+5*i:]
		e.alice[i], e.bob[i] = int16(binary.LittleEndian.Uint16(turn)), int16(binary.LittleEndian.Uint16(turn[2:]))
		e.reward[i] = int8(turn[4])
	}
}

// learner is one seed of instructQ.
type learner struct {
	cfg        *Config
	priors     [2]*Prior // of the first and the second instruction
	rng        *rand.Rand
	pcg        *rand.PCG
	alice, bob *table
	replay     []episode
	episodes   int // so far
	steps      int64

	kept      Pair    // the best policy so far
	keptScore float64 // its score; -Inf before the first evaluation
	perfectAt int     // the episode of the first evaluation with a perfect score, or 0
	lastScore float64 // of the newest evaluation
}

func newLearner(cfg *Config, priors [2]*Prior, seed uint64) *learner {
	l := &learner{cfg: cfg, priors: priors, pcg: rand.NewPCG(seed, 0), alice: newTable(aliceRows), bob: newTable(bobRows),
		replay: make([]episode, cfg.Buffer), keptScore: math.Inf(-1)}
	l.rng = rand.New(l.pcg)
	for row := range aliceRows {
		l.alice.actions[row] = 1
		if row%2 == 0 {
			l.alice.actions[row] = Balls
		}
	}
	for row := range bobRows {
		l.bob.actions[row] = 1
		if row < Balls+25 {
			l.bob.actions[row] = Balls + 1
		}
	}
	for _, t := range []*table{l.alice, l.bob} {
		for i := range t.q {
			t.q[i] = 0.02*l.rng.Float64() - 0.01
		}
	}
	l.bob.lean = make([]float64, bobRows*width)
	l.prepare()
	return l
}

// lambda at the episode that comes next. It changes where evaluations are.
func (l *learner) lambda() float64 {
	c := l.cfg
	done := float64(l.episodes/c.EvalEvery*c.EvalEvery) / float64(c.Episodes)
	share := 1.0
	if c.AnnealFor > 0 {
		share = min(done/c.AnnealFor, 1)
	}
	return *c.Lambda * (1 + share*(*c.LambdaEnd-1))
}

// prepare sets what Bob leans to, and what both choose, from the values and the episode.
func (l *learner) prepare() {
	lambda, prior := l.lambda(), l.priors[0]
	if l.cfg.SwitchAt > 0 && l.episodes >= l.cfg.SwitchAt {
		prior = l.priors[1]
	}
	for row := range Balls + 25 {
		word := row % Balls // see bobRow
		for a := range Balls + 1 {
			l.bob.lean[row*width+a] = lambda * prior.Log[word][a]
		}
	}
	l.alice.chooseAll()
	l.bob.chooseAll()
}

// play plays one episode into the buffer, learns from a batch, and returns the episode's score. After every so many it evaluates.
func (l *learner) play() float64 {
	values := l.drawStart()
	s := Begin(values)
	e := &l.replay[l.episodes%len(l.replay)]
	e.n = 0
	total := 0
	for !s.Over {
		ra, rb := s.rows()
		a, b := l.alice.act(ra, l.cfg.Epsilon, l.rng), l.bob.act(rb, l.cfg.Epsilon, l.rng)
		reward := 0
		if s.Turn%2 == 0 {
			s.Say(a)
		} else {
			reward = s.Select(b)
		}
		e.alice[e.n], e.bob[e.n], e.reward[e.n] = int16(ra*width+a), int16(rb*width+b), int8(reward)
		e.n++
		total += reward
	}
	l.episodes++
	l.steps += int64(e.n)
	if l.episodes > l.cfg.Batch {
		l.learn()
	}
	evaluate, another := l.episodes%l.cfg.EvalEvery == 0, l.episodes == l.cfg.SwitchAt
	if evaluate {
		l.evaluate()
	}
	if another { // what was best for the old instruction is not for this one
		l.keptScore = math.Inf(-1)
	}
	if evaluate || another {
		l.prepare()
	}
	return float64(total) / float64(popcount(values))
}

// drawStart begins as the game does: it draws first how many balls are worth +1, then which.
func (l *learner) drawStart() uint8 {
	n := 1 + int(l.rng.Uint32N(3))
	for {
		v := uint8(l.rng.Uint32N(1 << Balls))
		if popcount(v) == n {
			return v
		}
	}
}

// learn moves both tables towards the targets of a batch of episodes.
func (l *learner) learn() {
	stored := min(l.episodes, len(l.replay))
	for range l.cfg.Batch {
		e := &l.replay[l.rng.Uint32N(uint32(stored))]
		for i := range int(e.n) {
			a, b := e.alice[i], e.bob[i]
			target := float64(e.reward[i])
			if i+1 < int(e.n) {
				target += l.cfg.Gamma * (l.alice.value(int(e.alice[i+1])/width) + l.bob.value(int(e.bob[i+1])/width))
			}
			err := target - (l.alice.q[a] + l.bob.q[b])
			l.alice.add(int32(a), err)
			l.bob.add(int32(b), err)
		}
	}
	l.alice.step(l.cfg.LR)
	l.bob.step(l.cfg.LR)
}

// evaluate plays the 25 starts greedily and keeps the policy if none was better.
func (l *learner) evaluate() {
	p := l.policy()
	l.lastScore = meanScore(p, p)
	if l.lastScore >= l.keptScore {
		l.kept, l.keptScore = *p, l.lastScore
	}
	if l.perfectAt == 0 && l.lastScore == 1 {
		l.perfectAt = l.episodes
	}
}

// policy is what both would do now without exploring.
func (l *learner) policy() *Pair {
	var p Pair
	for row := range p.Words {
		p.Words[row] = l.alice.best[2*row]
	}
	copy(p.Picks[:], l.bob.best)
	return &p
}
