// Package selfplay is asymmetric self-play (Sukhbaatar, Lin, Kostrikov, Synnaeve, Szlam and Fergus 2018): tasks without rewards, set by an opponent.
// One body has two minds. Alice does something and stops; Bob is to do the same (repeat), or to undo it (reverse). With t_A and t_B their moves,
//
//	R_B = -scale t_B      R_A = scale max(0, t_B - t_A)
//
// so that Alice looks for what is quick for her and slow for Bob. Episodes of the target task, whose reward comes from the environment, lie between;
// Bob plays them, told that they are no self-play. Steps of both kinds count as steps.
//
//	c := &selfplay.Config{Env: "hallway", Mode: "reverse"} // resolved and checked with package run
//	w, err := selfplay.New(ctx, engine, c)
//	t, err := w.Trainer(ctx, seed, nil)
//	for r, err := t.Step(ctx); err == nil && r.Iteration < r.Total; r, err = t.Step(ctx) { ... }
//
// Who moves is a column of the environment's state, so one compiled loop plays both kinds of episodes (game.play). An episode is learned from when
// it is over, because Alice is paid then, for her last step; the last steps of every environment are kept for that (Credit). Neither mind's return
// goes beyond its own phase. Both learn at once, by REINFORCE with a baseline, A2C or PPO (improve).
package selfplay
