// Package bc imitates an expert by supervised learning.
//
//	d, err := datasets.Expert("cartpole-fixed")
//	...
//	c := &bc.Config{Trajectories: 4, Every: 10} // and run.Resolve(c), run.Check(c)
//	worker, err := bc.New(ctx, engine, e, c, d)
//
// Behavioural cloning (Config) maximises the likelihood of the expert's actions on demonstrations, and keeps what does best on pairs that it
// does not learn from. It treats steps as independent: a small mistake leads to places that the expert never showed, where mistakes are larger,
// and so its error grows with the square of the episode's length (Ross and Bagnell 2010).
//
// DAgger (DAggerConfig; Ross, Gordon and Bagnell 2011) lets the learner lead and asks the expert, which it therefore needs at hand, what it would
// have done at every place that the learner came to.
//
// Both train the actor of a rollout.Agent, so that what examines and films other policies does it with theirs; the critic stays as it began.
//
// # Measured
//
// Normalised return of greedy episodes, 0 as random actions and 1 as the expert: the interquartile mean over 10 seeds and its 95% interval. Each seed
// draws its own episodes and learns from every 20th step (rl train bc-cartpole -seeds 10 -set trajectories=1 every=20), at last from every step of all
// that come with the module.
//
//	                    1 episode           4                   7                   10                  all
//	cartpole-fixed      0.21 [0.03, 0.53]   0.99 [0.77, 1.00]   1.00 [1.00, 1.00]   1.00 [1.00, 1.00]   1.00 [1.00, 1.00]
//	acrobot-fixed       0.00 [0.00, 0.40]   0.49 [0.03, 0.91]   0.60 [0.13, 0.97]   0.79 [0.35, 0.96]   1.00 [0.99, 1.00]
//	mountaincar-fixed   0.27 [0.02, 0.55]   0.83 [0.74, 0.88]   0.82 [0.75, 0.89]   0.83 [0.76, 0.87]   0.95 [0.93, 0.97]
//	pendulum           -0.06 [-0.16, 0.01] -0.04 [-0.12, 0.14]  0.02 [-0.15, 0.29]  0.08 [-0.07, 0.31]  1.00 [0.99, 1.01]
//
// DAgger: 1.00 [1.00, 1.00] on cartpole-fixed and 1.00 [0.99, 1.01] on pendulum, from 5,120 answers each.
package bc
