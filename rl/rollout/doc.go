// Package rollout plays. It fills trajectories of T steps of N environments on the device, keeps the books that go with them (returns and lengths of
// episodes, running statistics of observations and rewards), estimates advantages, and examines a greedy policy.
//
//	agent, err := rollout.NewAgent(vector, rollout.AgentConfig{Hidden: []int{64, 64}})
//	player, err := rollout.NewPlayer(engine.Backend, agent, 4, 128) // 4 environments, 128 steps
//	walk, err := player.Start(ctx, seed)
//	walk, steps, err := player.Play(ctx, walk, mind) // one compiled loop; steps are [128, 4, ...]
//
//	// in the graph of a learner:
//	ledger, batch, stats := rollout.Assess(agent, mind, ledger, steps, rollout.Discount{Gamma: 0.99, Lambda: 0.95})
//
// The policy acts on observations normalised with the statistics from before the rollout, and learns from the same ones; what a rollout saw
// counts from the next one on. The critic looks at a whole trajectory at once, in Assess, so that stepping needs the actor alone.
package rollout
