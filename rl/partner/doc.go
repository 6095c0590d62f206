// Package partner learns to play Hanabi in a way that a person can join: players who were told what hints are for. An instruction such as "if my partner
// tells me the color of some of my cards, I should play those cards" is a prior over moves, and of many conventions that are equally good the learners
// settle on the one that it describes.
//
//	w, err := partner.NewQ(engine, cfg)           // instructQ: cfg resolved by run.Resolve
//	t, err := w.Trainer(ctx, 1, nil)              // seed 1, a run.Trainer
//	...
//	arena, err := partner.NewArena(engine, rules, 1000)
//	m, err := arena.Play(ctx, colors, ranks, 7)   // 1,000 games of two agents
//	fmt.Println(m.Score, m.Error, m.First.Share(partner.AfterColor, partner.PlaysHinted))
//
// # The methods
//
// instructQ is Q-learning with a net for each player of his own observations; both share its parameters. A player's next turn comes after his partner's, so
// rewards are summed over both moves. The move that is made, and the one whose value is the target of learning, is
//
//	a* = argmax Q(o, a) + lambda log p(a | instruction, o)
//
// over legal moves, while the value r + gamma Q'(o', a*) has no prior in it. instructPPO is PPO whose loss has lambda KL(pi || p) in it. Its critic sees
// the mover's own hand too, so that one value holds for both players and their moves make one trajectory; the policy does not. Both keep the best policy
// of their greedy examinations. instructQ acts with the prior for good, instructPPO without.
//
// The games run in plain Go, many side by side; nets judge all of them in one compiled program, and learn in another.
//
// Source: Hu and Sadigh, "Language Instructed Reinforcement Learning for Human-AI Coordination", ICML 2023, and the code published with it. Theirs starts
// from agents that were trained before, with a recurrent net; these start from nothing with a feed-forward one, and use a critic of both hands.
package partner
