// Package goal learns for the reward of a classifier of success: is this a state in which the task is done?
//
// A naive classifier is fitted once, to success examples and to what an untrained policy visits; then a policy looks for states that it takes
// for successes, and finds some that are none. A robust one goes on learning: all visited states join its negatives, and every batch holds as many
// examples as negatives. Where visited states have come to look like the examples it says 1/2, everywhere else that the policy has been, 0. VICE
// (Fu et al. 2018) puts the policy's density into the logit, f(s) - log pi(a|s), and pays f. The policy is PPO; its episodes have a fixed length,
// so that no reward can be earned by ending them early or late.
//
//	c := &goal.Config{Config: ppo.Config{Env: "pusher", Envs: 16, Steps: 100, Gamma: 0.95}, Mixup: true}
//	err := run.Resolve(c) // and run.Check
//	w, err := goal.New(ctx, engine, env.Pusher(env.PusherConfig{}), c)
//	t, err := w.Trainer(ctx, 1, nil)
//	report, err := t.Step(ctx) // one row of metrics: goal/score is what the classifier thinks, goal/success is the truth
//
// The classifier sees the observation, or a picture of it that is painted in the graph (env.Goal.Paint). An iteration is four compiled programs:
// the policy plays a trajectory; the visited states join the pile; the classifier takes a few steps; it judges the trajectory, for which PPO
// learns. No trajectory leaves the device.
//
// NewResetFree trains almost without resets: a second policy, paid for coming back to where episodes begin, undoes the task (Sharma et al. 2023).
package goal
