// Package prefs learns a reward from answers to "which of these clips is better?", and a policy for that reward (Christiano et al. 2017).
//
// An iteration plays and cuts the trajectory into clips, which join the newest ones in a replay. Where a round of questions is due, candidates are drawn
// from the replay, the most telling are put to the annotator, and the reward models, an ensemble that is one batched net, are fitted to all answers so
// far. They pay the trajectory, standardised, and PPO learns from it:
//
//	play      ppo.Learner.Play
//	clips     prefs.take
//	ask       prefs.choose, annotate, store   or, where somebody outside answers, choose, a Gatherer, store
//	fit       prefs.fit, one loop of minibatches
//	pay       prefs.pay
//	learn     ppo.Learner.Learn
//
// With the synthetic annotator all of it is compiled, and no clip visits the host. Anybody else is a Gatherer: a person at a notebook or a terminal, a
// file, a language model, a script.
//
//	w, err := prefs.New(ctx, engine, environment, &cfg, prefs.Options{})
//	w, err := prefs.New(ctx, engine, environment, &cfg, prefs.Options{
//		Gatherer: prefs.Scripted(func(c prefs.Fragment) float64 { return float64(c.Obs[0]) }),
//		Book:     book, // prefs.OpenBook("answers.jsonl"): answers that outlive the program
//	})
//	t, err := w.Trainer(ctx, seed, nil)
//
// What the policy is paid is standardised by running statistics of recent steps; the likelihood is of raw rewards. A fit changes all rewards, so the
// statistics begin anew with it; PPO keeps no older trajectory whose rewards would have to be worked out again.
//
// Beware of episodes whose length depends on behaviour: the sign of a learned reward then pays for living or for dying. The tasks here last a fixed
// time, but for the arcade games.
package prefs
