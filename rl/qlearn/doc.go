// Package qlearn learns the values of actions, Q(s, a), from single steps: Q-learning in a table or with tile coding (Table), and deep Q-networks
// with replay, target network and double Q-learning (Network). Environments, replay buffer and learner are one compiled loop.
//
//	e, err := env.Find("cartpole")
//	c := &qlearn.Network{}                                 // run.Resolve(c) fills in the defaults
//	w, err := qlearn.NewNetwork(ctx, engine, e, c)         // compiles
//	t, err := w.Trainer(ctx, 1, nil)                       // seed 1
//	report, err := t.Step(ctx)                             // a chunk of iterations
//	marks, err := t.Evaluate(ctx)                          // "eval/return": mean of 100 greedy episodes
//
// An iteration is one step of every environment and one update. The end of an episode by itself (nothing comes after) and by a time limit (its
// value goes on) are kept apart everywhere.
package qlearn
