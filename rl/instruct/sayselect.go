package instruct

import "math/bits"

// The sizes of Say-Select.
const (
	Balls = 5
	Quit  = Balls // Bob's action that ends the game
	Turns = 10    // Alice's and Bob's together

	width     = Balls + 1           // room for actions in a row of a table
	aliceRows = 32 * 2 * (1 + 5)    // values, whose turn, the other's or her own last number or none
	bobRows   = Balls + 25 + 1 + 25 // his turn: Alice's first word, or his ball and her word; hers: nothing, or her word and his ball
)

// Nothing stands for a word or a ball that there was not.
const Nothing = -1

// Starts lists the 25 ways in which the game begins: which balls are worth +1, a bit each, the lowest for ball 0.
func Starts() []uint8 {
	var s []uint8
	for v := range uint8(1 << Balls) {
		if n := bits.OnesCount8(v); n >= 1 && n <= 3 {
			s = append(s, v)
		}
	}
	return s
}

// State is one game of Say-Select.
type State struct {
	// Values has a bit for every ball that is worth +1 now.
	Values uint8
	// Turn counts both players' actions: Alice moves at even turns.
	Turn int
	// Word is what Alice said last, Ball what Bob selected last, or Nothing.
	Word, Ball int
	// Over says that Bob has stopped or that the turns are used up.
	Over bool
}

// Begin is the start of a game.
func Begin(values uint8) State { return State{Values: values, Word: Nothing, Ball: Nothing} }

// Say is Alice's turn.
func (s *State) Say(word int) {
	s.Word = word
	s.Turn++
}

// Select is Bob's turn: a ball or Quit. It returns the reward.
func (s *State) Select(action int) int {
	s.Turn++
	if action == Quit {
		s.Over = true
		return 0
	}
	s.Ball = action
	s.Over = s.Turn >= Turns
	if s.Values>>action&1 == 0 {
		return -1
	}
	s.Values &^= 1 << action
	return 1
}

// rows are the rows of the two tables that the players read now; the one whose turn it is not has nothing to choose there. While Bob chooses, Alice goes
// by her own word: values that add up could not tell otherwise whether it was right for the balls.
func (s *State) rows() (alice, bob int) {
	if s.Turn%2 == 1 {
		return aliceRow(s.Values, s.Word)*2 + 1, bobRow(s.Ball, s.Word)
	}
	bob = Balls + 25
	if s.Ball != Nothing {
		bob += 1 + s.Word*Balls + s.Ball
	}
	return aliceRow(s.Values, s.Ball) * 2, bob
}

// aliceRow numbers what Alice goes by: the balls, and the last action of either player.
func aliceRow(values uint8, last int) int { return int(values)*(1+Balls) + 1 + last }

// bobRow numbers what Bob goes by on his turn.
func bobRow(ball, word int) int {
	if ball == Nothing {
		return word
	}
	return Balls + ball*Balls + word
}
