// Package a2c is the advantage actor-critic, the synchronous form of A3C (Mnih et al. 2016): a few steps of many environments, one step of the
// optimiser, and so on. It is PPO's simpler ancestor: the data are used once, so that there is no ratio to clip.
//
// One iteration is two compiled programs: the rollout (rollout.Player) and learn. The optimiser is Adam, where the paper has RMSProp.
//
//	w, err := a2c.New(ctx, engine, environment, &cfg)
//	t, err := w.Trainer(ctx, seed, nil)
//	for r, err := t.Step(ctx); err == nil && r.Iteration < r.Total; r, err = t.Step(ctx) { ... }
//
// Metrics have CleanRL's names.
package a2c
