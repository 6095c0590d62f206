// Package speed measures how fast environments step and presets train, as a user of this machine would find it.
//
//	e, err := env.Find("cartpole")
//	r, err := speed.Random(ctx, engine, e, speed.Options{})
//	fmt.Println(r.CompileSeconds, r.Median, r.Lo, r.Hi) // steps a second, with a 95% interval over the repeats
//
// A measurement first runs until the engine is warm and the number of iterations is known that fill one repeat, then repeats. Every
// observation is computed and kept in memory, as a learner would need it, so that no part of a step can be optimised away.
package speed
