// Package lirpg learns intrinsic rewards for policy gradients (Zheng, Oh and Singh, NeurIPS 2018).
//
// An agent theta learns, by A2C or PPO, for c_ex r_ex + c_in r_in, where r_in(s, a) is a net with parameters eta. What r_in is to be good for is
// that the agent earns more extrinsic reward: after each step of the agent, theta'(eta), eta climbs the extrinsic return of theta' along the gradient
// through that step, on the same data, weighted by the ratio of the two policies' probabilities:
//
//	theta' = theta - alpha step(grad_theta loss(theta, r_ex c_ex + r_in c_in))
//	eta'   = eta   - beta  step(grad_eta   loss(theta'(eta), r_ex))
//
// Clipping, normalisation of advantages and the optimiser are part of the step and are differentiated with it. Run it:
//
//	r, err := rl.Train(ctx, "lirpg-delayed-pendulum", rl.Options{Seeds: rl.Seeds(3)})
//
// Bonuses that are not learned (Config.Bonus) are for comparison, and nothing else differs between them. The presets' settings have not been searched for, and how
// much the learned reward helps, and where, has not been measured with this package yet.
package lirpg
