// Package igl is interaction-grounded learning: an agent that is never told the reward learns it from the answers that it gets.
//
// Each round shows a context x, the agent plays an action a, and a feedback vector y comes back. Whether a was right, R in {0, 1}, is never
// shown; the answers depend on R alone (or, in the action-inclusive form, on R and a). The agent learns a policy pi(a|x)
// and a decoder psi(y) in [0, 1] together, by making
//
//	E_{a ~ pi}[psi(y)] - E_{a uniform}[psi(y)]
//
// large. Its one piece of prior knowledge is that uniform play mostly fails; without it a flipped decoder and the worst policy
// would look as good. Here contexts are digits, actions are guesses, and answers are images of a "1" or a "0".
//
// Methods (Config.Method): online, the joint gradient method of the public notebook; ground, explore-to-ground, and offline, the
// objective of Xie, Langford, Mineiro and Momennejad (ICML 2021), both with the mirror solution on trial; action-inclusive feedback
// (Xie et al., NeurIPS 2022) by one decoder an action; baselines bandit, ips and supervised; and the sequential form, a grid world with
// one answer an episode. Files: online.go, logged.go and grid.go are the methods, feedback.go the environments.
//
//	w, err := igl.New(ctx, engine, &cfg, train, held)
//	t, err := w.Trainer(ctx, seed, nil)
//	for r, err := t.Step(ctx); err == nil && r.Iteration < r.Total; r, err = t.Step(ctx) { ... }
package igl
