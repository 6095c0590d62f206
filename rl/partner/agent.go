package partner

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/rewardlab/rewardlab/rl/hanabi"
	"github.com/rewardlab/rewardlab/rl/instruct"
	"github.com/rewardlab/rewardlab/rl/nn"
	"github.com/rewardlab/rewardlab/rl/run"
)

// Agent is somebody who plays: a net that was trained, with what it leans to, or a person as imagined by Person.
type Agent struct {
	// Name is for tables and pictures.
	Name string

	rules  *hanabi.Rules
	hidden []int
	theta  []float32
	lean   leaning
	person *person // in place of a net
}

// Rules of the game that the agent plays.
func (a *Agent) Rules() *hanabi.Rules { return a.rules }

// net gives every move a value, or a logit.
func net(r *hanabi.Rules, hidden []int) nn.Net { return nn.ReLU(r.Size(), r.Moves(), hidden...) }

// Algorithms of Hanabi, as runs name them.
const (
	AlgorithmQ   = "instructq-hanabi"
	AlgorithmPPO = "instructppo-hanabi"
)

// Load reads the policy that a training kept from a run.
func Load(r *run.Run, seed int64) (*Agent, error) {
	var told Told
	weight := 0.0
	switch r.Algorithm {
	case AlgorithmQ:
		var c Q
		if err := r.Decode(&c); err != nil {
			return nil, err
		}
		told, weight = c.Told, 1
	case AlgorithmPPO: // the prior is in what was learned, not in how it acts
		var c PPO
		if err := r.Decode(&c); err != nil {
			return nil, err
		}
		told = c.Told
	default:
		return nil, fmt.Errorf("run folder %s is of %s: agents for Hanabi are trained by %s and %s", r.Folder, r.Algorithm, AlgorithmQ, AlgorithmPPO)
	}
	state, err := r.State(seed)
	if err != nil {
		return nil, err
	}
	rules, err := hanabi.New(told.Config)
	if err != nil {
		return nil, err
	}
	priors, err := told.priors(rules, run.Stream(seed, "prior"))
	if err != nil {
		return nil, err
	}
	a := &Agent{Name: fmt.Sprintf("%s %d", r.Preset, seed), rules: rules, hidden: told.Hidden}
	kept, err := run.Find(state, "kept/theta")
	if err != nil {
		return nil, err
	}
	if a.theta, err = kept.Float32s(); err != nil {
		return nil, err
	}
	scores, err := run.Find(state, "kept/scores")
	if err != nil {
		return nil, err
	}
	size := nn.Pack(net(rules, told.Hidden)).Size()
	if len(a.theta) != size || len(scores.Data) != 8*4 || slices.ContainsFunc(a.theta, func(x float32) bool { return x != x }) {
		return nil, fmt.Errorf("the checkpoint of seed %d in %s holds no policy of this game: it is damaged; start a new run", seed, r.Folder)
	}
	lambda, which := float64At(scores.Data, 2), float64At(scores.Data, 3)
	a.lean = leaning{priors[0], weight * lambda * told.Beta}
	if which == 1 {
		a.lean.prior = priors[1]
	}
	return a, nil
}

func float64At(b []byte, i int) float64 {
	return math.Float64frombits(binary.LittleEndian.Uint64(b[8*i:]))
}

// Person imagines somebody who plays by an instruction: who plays a card that the last hint pointed at if the hint was of the right kind, or one that
// is known to fit; else gives a hint of that kind about a card that fits, if there is one; else discards the oldest card.
func Person(r *hanabi.Rules, h instruct.HintRule) *Agent {
	return &Agent{Name: "person", rules: r, person: &person{r, h}}
}

type person struct {
	rules *hanabi.Rules
	told  instruct.HintRule
}

func (p *person) move(g *hanabi.Game) int {
	me := g.Player()
	legal := g.Legal()
	last, kind := g.Last(), hanabi.Kind(p.told)
	hand := len(g.Hand(me))
	if g.Turn() > 0 && last.Kind == kind {
		for pos := range hand {
			if last.Touched>>pos&1 == 1 && p.fits(g, me, pos, false) {
				return p.rules.Number(hanabi.Move{Kind: hanabi.Play, Pos: pos})
			}
		}
	}
	for pos := range hand {
		if p.fits(g, me, pos, true) {
			return p.rules.Number(hanabi.Move{Kind: hanabi.Play, Pos: pos})
		}
	}
	discard := p.rules.Number(hanabi.Move{Kind: hanabi.Discard})
	other := -1
	for m := range p.rules.Moves() {
		move := p.rules.Move(m)
		if legal>>m&1 == 0 || move.Kind != kind {
			continue
		}
		other = m
		if p.first(g, move) {
			return m
		}
	}
	for _, m := range []int{discard, other} {
		if m >= 0 && legal>>m&1 == 1 {
			return m
		}
	}
	for m := range p.rules.Moves() {
		if legal>>m&1 == 1 {
			return m
		}
	}
	return discard
}

// fits says whether a card fits for all that is known of it, or may do so.
func (p *person) fits(g *hanabi.Game, me, pos int, surely bool) bool {
	for color := range p.rules.Colors {
		for rank := range p.rules.Ranks {
			c := hanabi.Card{Color: uint8(color), Rank: uint8(rank)}
			if g.Possible(me, pos, c) && g.Playable(c) != surely {
				return !surely
			}
		}
	}
	return surely
}

// first says whether the first card that a hint would point at fits.
func (p *person) first(g *hanabi.Game, hint hanabi.Move) bool {
	for _, c := range g.Hand((g.Player() + hint.Target) % p.rules.Players) {
		if hint.Kind == hanabi.HintColor && int(c.Color) == hint.Value || hint.Kind == hanabi.HintRank && int(c.Rank) == hint.Value {
			return g.Playable(c)
		}
	}
	return false
}
