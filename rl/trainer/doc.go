// Package trainer turns a compiled loop into a run.Trainer: chunks, metric rows, and state to checkpoint arrays and back. A reward
// learner describes itself as a Program; resume, logging and evaluation then work the same way for all of them.
//
//	type outputs struct {
//		Reward *graph.Node `metric:"reward/true"` // one scalar an iteration
//	}
//	p := trainer.Program[state, data, outputs]{Loop: l, Constants: constants, Total: 1000, StepsPer: 64, LogEvery: 10, Start: start, Evaluate: evaluate}
//	t, err := p.Trainer(ctx, seed, nil)
package trainer
