// Package ppo is proximal policy optimisation (Schulman, Wolski, Dhariwal, Radford and Klimov 2017) with the implementation details of CleanRL:
// orthogonal initialisation, generalised advantages normalised in each minibatch, clipped value loss, global-norm clip, a step size that falls
// to 0. Truncated episodes count with the value of where they stood, which CleanRL leaves out.
//
// One iteration is three compiled programs, and nothing but a few numbers visits the host in between:
//
//	play      T steps of N environments, one loop            rollout.Player
//	prepare   books, advantages, shuffled rows               prepare
//	update    all minibatches of all epochs, one loop        update
//
//	w, err := ppo.New(ctx, engine, environment, &cfg)
//	t, err := w.Trainer(ctx, seed, nil)
//	for r, err := t.Step(ctx); err == nil && r.Iteration < r.Total; r, err = t.Step(ctx) { ... }
//
// With devices=N the update runs on N devices of the engine. The first plays and prepares; each works out its part of every minibatch, and they
// average gradients once a minibatch. Minibatches, shuffles and normalised advantages are those of one device, and so is the result, but for
// rounding. The update is three quarters of the work or more. This is for several accelerators: on two busy cores of one CPU no gain was measured.
//
// Metrics have CleanRL's names. The losses are means over all minibatches of an update, CleanRL's those of the last one.
package ppo
