// Package film plays an environment with some policy and draws what happens, one picture a step.
//
//	take, err := film.Random(ctx, engine.Backend, e, film.Options{})
//	for _, frame := range take.Frames { ... } // plots.Film makes a GIF of them
//
// It plays one environment with automatic resets, in a program of its own, and draws afterwards, in plain Go, from the states.
package film
