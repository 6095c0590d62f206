package instruct

import (
	"fmt"
	"math/bits"
	"slices"

	"github.com/rewardlab/rewardlab/rl/run"
)

func popcount(v uint8) int { return bits.OnesCount8(v) }

// Pair is what Alice and Bob do, without chance. It is what training leaves, and what a person plays with.
type Pair struct {
	// Words are Alice's, by the values of the balls and Bob's last ball: see Say.
	Words [aliceRows / 2]uint8
	// Picks are Bob's, by Alice's word and his last ball: see Pick.
	Picks [Balls + 25]uint8
}

// Say is Alice's word, given the balls that are worth +1 and Bob's last ball, or Nothing.
func (p *Pair) Say(values uint8, ball int) int { return int(p.Words[aliceRow(values, ball)]) }

// Pick is Bob's action, given his last ball, or Nothing, and Alice's word.
func (p *Pair) Pick(ball, word int) int { return int(p.Picks[bobRow(ball, word)]) }

// Person has, as Bob, somebody who follows an instruction and stops when the number just taken is repeated. As Alice it always says 0.
func Person(i Instruction) *Pair {
	var p Pair
	for word := range Balls {
		p.Picks[bobRow(Nothing, word)] = uint8(i.Ball(word))
		for ball := range Balls {
			p.Picks[bobRow(ball, word)] = uint8(i.Ball(word))
			if ball == i.Ball(word) {
				p.Picks[bobRow(ball, word)] = Quit
			}
		}
	}
	return &p
}

// Follows says whether an action is what somebody who follows the instruction would do: select the ball that it names, or stop, provided that this ball
// has just been taken.
func (i Instruction) Follows(ball, word, action int) bool {
	return action == i.Ball(word) || action == Quit && ball == i.Ball(word)
}

// Examination says how Alice of one pair plays with Bob of another, over the 25 starts.
type Examination struct {
	// Score is the points over the points that there are, averaged; 1 is perfect.
	Score float64
	// Naming is how many of the five words Bob, who hears them first, takes for the ball that the instruction names.
	Naming int
	// Visited is how many different states Bob was in; in Human of them he followed the instruction.
	Visited, Human int
	// Quits counts the games that Bob stopped; Repeats those of them in which Alice had repeated the number just taken.
	Quits, Repeats int
}

// Strict says whether Bob followed the instruction wherever he came.
func (e Examination) Strict() bool { return e.Human == e.Visited }

// HumanShare is the share of Bob's states in which he followed the instruction.
func (e Examination) HumanShare() float64 { return float64(e.Human) / float64(e.Visited) }

// Examine lets Alice of one pair play with Bob of another.
func Examine(alice, bob *Pair, i Instruction) Examination {
	var e Examination
	for word := range Balls {
		if bob.Pick(Nothing, word) == i.Ball(word) {
			e.Naming++
		}
	}
	var seen [Balls + 25]bool
	e.Score = games(alice, bob, func(ball, word, action int) {
		if action == Quit {
			e.Quits++
			if ball == i.Ball(word) {
				e.Repeats++
			}
		}
		if row := bobRow(ball, word); !seen[row] {
			seen[row] = true
			e.Visited++
			if i.Follows(ball, word, action) {
				e.Human++
			}
		}
	})
	return e
}

func meanScore(alice, bob *Pair) float64 { return games(alice, bob, func(int, int, int) {}) }

// games plays the 25 starts, shows every action of Bob's, and returns the mean score.
func games(alice, bob *Pair, show func(ball, word, action int)) float64 {
	// Sixths are exact: scores are wholes, halves and thirds.
	sum := 0
	starts := Starts()
	for _, values := range starts {
		s, total := Begin(values), 0
		for !s.Over {
			s.Say(alice.Say(s.Values, s.Ball))
			action := bob.Pick(s.Ball, s.Word)
			show(s.Ball, s.Word, action)
			total += s.Select(action)
		}
		sum += total * 6 / popcount(values)
	}
	return float64(sum) / float64(6*len(starts))
}

// Saved reads the policy that was kept from the state of a training: see run.Run.State.
func Saved(state []run.Array) (*Pair, error) {
	var p Pair
	for _, part := range []struct {
		name string
		into []uint8
		most uint8
	}{{"kept/words", p.Words[:], Balls - 1}, {"kept/picks", p.Picks[:], Quit}} {
		a, err := run.Find(state, part.name)
		if err != nil {
			return nil, err
		}
		if a.DType != "uint8" || len(a.Data) != len(part.into) || slices.Max(a.Data) > part.most {
			return nil, fmt.Errorf("the checkpoint's %s is no policy of Say-Select: it is damaged or of another program; start a new run", part.name)
		}
		copy(part.into, a.Data)
	}
	return &p, nil
}
