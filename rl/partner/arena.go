package partner

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/hanabi"
	"github.com/rewardlab/rewardlab/rl/loop"
	"github.com/rewardlab/rewardlab/rl/nn"
)

// look is what a net is shown, choice what it takes: the best by value and leaning.
type (
	look   struct{ Theta, Obs, Lean *Node } // [size], [n, Size], [n, Moves]
	choice struct{ Move *Node }             // [n] int32
)

// newChooser compiles nothing yet.
func newChooser(b *backend.Engine, r *hanabi.Rules, hidden []int) (*loop.Func[look, choice], error) {
	pack := nn.Pack(net(r, hidden))
	return loop.NewFunc(b.Backend, "choose moves", func(in look) choice {
		values := net(r, hidden).Apply(pack.Split(in.Theta)[0], in.Obs)
		return choice{ArgMax(Add(values, in.Lean), -1)}
	})
}

// ask lets a net choose in len(into) positions.
func ask(ctx context.Context, f *loop.Func[look, choice], theta *tensors.Tensor, obs, lean []float32, into []int32) error {
	n := len(into)
	o, l := tensors.FromFlatDataAndDimensions(obs, n, len(obs)/n), tensors.FromFlatDataAndDimensions(lean, n, len(lean)/n)
	defer func() { _ = errors.Join(o.FinalizeAll(), l.FinalizeAll()) }()
	in, err := loop.Pack[look](theta, o, l)
	if err != nil {
		return err
	}
	out, err := f.Call(ctx, in)
	if err != nil {
		return err
	}
	return errors.Join(tensors.ConstFlatData(out.Get("Move"), func(m []int32) { copy(into, m) }), out.Close())
}

// What a player was told last, and what he did then, in Behaviour.
const (
	AtFirst = iota // nothing
	AfterMove
	AfterColor
	AfterRank
	situations
)

// The answers.
const (
	PlaysHinted = iota // a card that the last hint pointed at
	PlaysOther
	Discards
	HintsColor
	HintsRank
	answers
)

// Situations and Answers name them.
var (
	Situations = [situations]string{"at first", "after a play or discard", "after a color hint", "after a rank hint"}
	Answers    = [answers]string{"plays a hinted card", "plays another", "discards", "hints a color", "hints a rank"}
)

// Behaviour counts what an agent did.
type Behaviour struct {
	Answers [situations][answers]int
	// Moves are [1 + moves, moves]: how often it made each move after nothing, and after each move of its partner.
	Moves [][]int
}

// Share is how often an answer was given in a situation; 0 where it never came up.
func (b *Behaviour) Share(situation, answer int) float64 {
	return float64(b.Answers[situation][answer]) / float64(max(b.met(situation), 1))
}

// Colors is the share of hints that name a colour; 0.5 where none was given.
func (b *Behaviour) Colors() float64 {
	var colors, ranks int
	for _, row := range b.Answers {
		colors, ranks = colors+row[HintsColor], ranks+row[HintsRank]
	}
	if colors+ranks == 0 {
		return 0.5
	}
	return float64(colors) / float64(colors+ranks)
}

// Meeting is how two agents played together.
type Meeting struct {
	Games int
	// Score is the mean, Error its standard error.
	Score, Error float64
	// Perfect and Lost are the shares of games with the highest score, and of those in which all lives were lost.
	Perfect, Lost float64
	// First and Second are what both did.
	First, Second Behaviour
}

// Arena lets agents meet.
type Arena struct {
	rules    *hanabi.Rules
	engine   *backend.Engine
	choosers map[string]*loop.Func[look, choice]
	games    int
}

// NewArena is for meetings of so many games, an even number: each begins half of them. Close frees its programs.
func NewArena(b *backend.Engine, r *hanabi.Rules, games int) (*Arena, error) {
	if games < 2 || games%2 != 0 {
		return nil, fmt.Errorf("hanabi: meetings of %d games: give an even number, as each player begins half of them", games)
	}
	return &Arena{rules: r, engine: b, choosers: map[string]*loop.Func[look, choice]{}, games: games}, nil
}

// Close frees the programs.
func (a *Arena) Close() {
	for _, f := range a.choosers {
		f.Close()
	}
}

// seat is an agent whose net is ready.
type seat struct {
	*Agent
	f     *loop.Func[look, choice]
	theta *tensors.Tensor
}

func (a *Arena) seat(agent *Agent) (*seat, error) {
	if agent.rules.Config != a.rules.Config {
		return nil, fmt.Errorf("hanabi: %s plays the game %+v, these meetings are of %+v: make an arena for its game", agent.Name, agent.rules.Config, a.rules.Config)
	}
	s := &seat{Agent: agent}
	if agent.person != nil {
		return s, nil
	}
	key := fmt.Sprint(agent.hidden)
	if a.choosers[key] == nil {
		f, err := newChooser(a.engine, a.rules, agent.hidden)
		if err != nil {
			return nil, err
		}
		a.choosers[key] = f
	}
	s.f, s.theta = a.choosers[key], tensors.FromValue(agent.theta)
	return s, nil
}

func (s *seat) close() {
	if s.theta != nil {
		_ = s.theta.FinalizeAll()
	}
}

// desk has room for the positions of half of the games.
type desk struct {
	obs, lean []float32
	moves     []int32
}

func newDesk(r *hanabi.Rules, n int) *desk {
	return &desk{make([]float32, n*r.Size()), make([]float32, n*r.Moves()), make([]int32, n)}
}

// choose fills moves for all games that go on.
func (s *seat) choose(ctx context.Context, games []hanabi.Game, d *desk) error {
	size, moves := s.rules.Size(), s.rules.Moves()
	for i := range games {
		g := &games[i]
		switch {
		case g.Over():
		case s.person != nil:
			d.moves[i] = int32(s.person.move(g))
		default:
			g.Encode(g.Player(), d.obs[i*size:])
			if err := s.lean.write(g.HistoryNumber(), g.Legal(), d.lean[i*moves:][:moves]); err != nil {
				return err
			}
		}
	}
	if s.person != nil {
		return nil
	}
	return ask(ctx, s.f, s.theta, d.obs, d.lean, d.moves)
}

// Play lets two agents play, first against none but with second: the same seed deals the same cards. For how an agent plays with itself give it twice.
func (a *Arena) Play(ctx context.Context, first, second *Agent, seed int64) (*Meeting, error) {
	var seats [2]*seat
	for i, agent := range []*Agent{first, second} {
		s, err := a.seat(agent)
		if err != nil {
			return nil, err
		}
		defer s.close()
		seats[i] = s
	}
	games := make([]hanabi.Game, a.games)
	for i := range games {
		games[i].Reset(a.rules, rand.New(rand.NewPCG(uint64(seed), uint64(i))))
	}
	m := &Meeting{Games: a.games}
	for _, b := range []*Behaviour{&m.First, &m.Second} {
		b.Moves = make([][]int, 1+a.rules.Moves())
		for i := range b.Moves {
			b.Moves[i] = make([]int, a.rules.Moves())
		}
	}
	d := newDesk(a.rules, a.games/2)
	for turn, open := 0, true; open; turn++ {
		open = false
		for half := range 2 {
			who := (half + turn) % 2
			part := games[half*a.games/2:][:a.games/2]
			if err := seats[who].choose(ctx, part, d); err != nil {
				return nil, err
			}
			for i := range part {
				if part[i].Over() {
					continue
				}
				[]*Behaviour{&m.First, &m.Second}[who].note(a.rules, &part[i], int(d.moves[i]))
				if _, err := part[i].Step(int(d.moves[i])); err != nil {
					return nil, err
				}
				open = open || !part[i].Over()
			}
		}
	}
	m.sum(a.rules, games)
	return m, nil
}

func (m *Meeting) sum(r *hanabi.Rules, games []hanabi.Game) {
	n := float64(len(games))
	var sum, square float64
	for i := range games {
		s := float64(games[i].Score())
		sum, square = sum+s, square+s*s
		if games[i].Score() == r.MaxScore() {
			m.Perfect += 1 / n
		}
		if games[i].End() == hanabi.OutOfLives {
			m.Lost += 1 / n
		}
	}
	m.Score = sum / n
	m.Error = math.Sqrt(max(square/n-m.Score*m.Score, 0) / (n - 1))
}

// note counts a move before it is made.
func (b *Behaviour) note(r *hanabi.Rules, g *hanabi.Game, move int) {
	last, m := g.Last(), r.Move(move)
	situation, row := AtFirst, 0
	if last.Kind != hanabi.None {
		situation, row = AfterMove, 1+r.Number(last.Move)
	}
	switch last.Kind {
	case hanabi.HintColor:
		situation = AfterColor
	case hanabi.HintRank:
		situation = AfterRank
	}
	answer := Discards
	switch m.Kind {
	case hanabi.Play:
		answer = PlaysOther
		if last.Touched>>m.Pos&1 == 1 {
			answer = PlaysHinted
		}
	case hanabi.HintColor:
		answer = HintsColor
	case hanabi.HintRank:
		answer = HintsRank
	}
	b.Answers[situation][answer]++
	b.Moves[row][move]++
}

// Move is what an agent does in one game, such as one with a person.
func (a *Arena) Move(ctx context.Context, agent *Agent, g *hanabi.Game) (int, error) {
	if g.Rules() == nil || g.Rules().Config != a.rules.Config {
		return 0, errors.New("hanabi: no game, or one of other rules: deal one of the arena's")
	}
	if g.Over() {
		return 0, hanabi.ErrOver
	}
	s, err := a.seat(agent)
	if err != nil {
		return 0, err
	}
	defer s.close()
	games := make([]hanabi.Game, a.games/2)
	for i := range games {
		games[i] = *g
	}
	d := newDesk(a.rules, len(games))
	if err := s.choose(ctx, games, d); err != nil {
		return 0, err
	}
	return int(d.moves[0]), nil
}
