// Package gail learns a reward from demonstrations while it learns to act for it: generative adversarial imitation learning (Ho and Ermon 2016)
// and adversarial inverse reinforcement learning (AIRL: Fu, Luo and Levine 2018), on PPO.
//
// A discriminator D tells steps of the expert, label 1, from steps of the policy, label 0. What it believes of the policy's own steps is the
// policy's reward. One iteration is
//
//	play       T steps of N environments                       ppo.Learner
//	remember   they join what the policy did lately            Discriminator.remember
//	judge      their reward, of the discriminator as it was    judge
//	teach      a few updates of the discriminator, one loop    teach
//	learn      PPO with that reward                            ppo.Learner
//
// and nothing but a few numbers visits the host in between.
//
//	demos, err := datasets.Expert("cartpole-fixed")
//	w, err := gail.New(ctx, engine, environment, &cfg, demos, nil)
//	t, err := w.Trainer(ctx, seed, nil)
//	for r, err := t.Step(ctx); err == nil && r.Iteration < r.Total; r, err = t.Step(ctx) { ... }
//
// Reward forms differ in sign, and a reward of one sign pays for long or for short episodes whatever it was shown. So New refuses environments
// whose episodes end early unless it is told otherwise, and method=constant, a reward of 1 a step, is there to compare with.
package gail
