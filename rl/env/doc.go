// Package env holds environments as graph functions over a batch: a reset, a step and an observation that compile into the same
// program as the policy, so that a rollout never visits the host.
//
//	e, err := env.Find("cartpole")           // or env.CartPole(env.CartPoleConfig{Fixed: true})
//	v := env.Auto(e)                         // adds the time limit and automatic resets
//	key, state := v.Reset(key, 1024)         // state [1024, v.Spec().State], float32
//	key, state, step := v.Step(key, state, action)
//
// An environment is written once, as Rules: functions of the state, the action and as many uniform random numbers as it asks for.
// The same rules, written in plain Go for one environment, are the reference that tests compare every step with.
//
// The state of every environment is one float32 matrix [n, Spec.State], whatever it means, so that every loop carries
// environments of every kind the same way. Whole numbers in it are exact below 2^24.
//
// Like everything that builds graphs, these functions panic on misuse (a batch of 0, an action of the wrong shape); what runs the
// graph turns that into an error.
package env
