// Package nb is what a notebook's cells ask the launcher: is this a quick run, is anybody watching, and is the
// notebook's number where it should be.
//
//	steps := 1000
//	if nb.Fast() {
//		steps = 100
//	}
//	accuracy := train(steps)
//	nb.Assert("sampled accuracy", accuracy, 0.70, 0.76)
//
// `go run ./notebooks run` sets the environment variables that Fast and Headless read, and fails a notebook that
// asserts nothing.
package nb
