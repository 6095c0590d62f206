// Package hanabi has the complete rules of the card game Hanabi for two to five players, in plain Go, with small variants to learn in minutes,
// the observation of the Hanabi Learning Environment as numbers (658 of them in the two-player game), many games side by side, and a text for
// every move and for what a player last saw, which language models read.
//
//	rules, err := hanabi.New(hanabi.Config{}) // two players, the full game
//	var g hanabi.Game
//	g.Reset(rules, rand.New(rand.NewPCG(1, 2)))
//	obs := make([]float32, rules.Size())
//	for !g.Over() {
//		g.Encode(g.Player(), obs)
//		reward, err := g.Step(choose(obs, g.Legal()))
//		...
//	}
//	fmt.Println(g.Score(), g.End())
//
// A Game is a plain value: an assignment copies it, so a search may try a move on a copy. After Reset nothing in it is random. [Vector] steps many
// games on all cores and starts anew those that end.
//
// Rules, numbering of moves and the observation follow Bard et al., "The Hanabi Challenge: A New Frontier for AI Research", Artificial Intelligence
// 280 (2020), and its public Learning Environment, against which the tests play whole games.
package hanabi
