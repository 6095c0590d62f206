package hanabi_test

import (
	"fmt"
	"math/rand/v2"

	"github.com/rewardlab/rewardlab/rl/hanabi"
)

// Player 0 sees a card of player 1's that fits, and tells its rank.
func Example() {
	r, err := hanabi.New(hanabi.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	var g hanabi.Game
	g.Reset(r, rand.New(rand.NewPCG(1, 2)))
	for _, c := range g.Hand(1) {
		if !g.Playable(c) {
			continue
		}
		m := hanabi.Move{Kind: hanabi.HintRank, Target: 1, Value: int(c.Rank)}
		fmt.Println("I " + r.Describe(m) + ".")
		if _, err := g.Step(r.Number(m)); err != nil {
			fmt.Println(err)
		}
		fmt.Println(g.LastText(g.Player()) + ".")
		break
	}
	fmt.Println("Score", g.Score(), "hint tokens", g.Hints(), g.End())
	// Output:
	// I tell my partner about 1.
	// My partner told me that the rank of my cards at position B, C and E is 1.
	// Score 0 hint tokens 7 playing
}
