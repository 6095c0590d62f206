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
package bc
