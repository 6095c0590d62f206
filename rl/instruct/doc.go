// Package instruct learns to work with a person by following what the person said: InstructRL. A prior over actions, made from an instruction such as
// "I should select the same number as my partner", is added to the values where actions are chosen, and nowhere else, so that of many equally good ways
// to play together the one that the instruction describes is learned.
//
//	pairs, err := instruct.TrainSeeds(ctx, instruct.Config{}, []int64{1, 2, 3, 4, 5}) // lambda 1, weights 3:1
//	for _, p := range pairs {
//		fmt.Println(instruct.Examine(p, p, instruct.Same))
//	}
//
// # The game
//
// Say-Select: of five balls one to three are worth +1, the others -1. Alice sees the values and says a number; Bob, who sees nothing but numbers, selects
// a ball or stops the game; ten turns at most. A ball that was selected is worth -1 from then on. Any code between the two is as good as any other, so
// plain Q-learning finds an arbitrary one, and no person can play with it.
//
// # The method
//
// Both learn a table of values by the sum of the two (value decomposition) from replayed episodes. Bob acts by, and is judged by, the action
//
//	a* = argmax Q(o, a) + lambda log p(a | instruction, o)
//
// while the target r + gamma Q(o', a*) has no prior in it: with it, the prior would be paid out as if it were reward. Alice learns plainly and adapts
// to him. The best policy of the greedy evaluations is kept, later ones winning ties.
//
// # Where the prior comes from
//
// A rule written by hand ([Rule]), a file ([ReadPrior]), or a language model that is asked how likely each action follows from the instruction
// ([Language]): in several wordings that are averaged, in three styles, calibrated or not. The answers of SmolLM2, 135 million weights, come with the
// package ([Stored]). That model repeats the number that it heard, which is right for "the same number" and would be wrong for most other sentences; and it
// hardly ever thinks of stopping, so that a lambda of 1 is too much for it, unless it is annealed.
//
// Source: Hu and Sadigh, "Language Instructed Reinforcement Learning for Human-AI Coordination", ICML 2023, and the code published with it.
package instruct
