// Package active learns what somebody wants of a driver by asking as few questions as possible (Sadigh, Dragan, Sastry and Seshia 2017; Biyik et al.
// 2019). The reward is w.phi, linear in the five features of env.Driving; a posterior over w, |w| <= 1, is kept as samples; and the two clips of a query
// are made for it: both cars' starts and both drivers' controls are moved, through the gradient of the dynamics, to where the answer is expected to tell
// most.
//
//	w, err := active.New(ctx, engine, &cfg)
//	t, err := w.Trainer(ctx, seed, nil)
//	r, err := t.Step(ctx) // a question and its answer; "alignment/mean" is how near the posterior has come
//
// Two loops and two programs are compiled once. sample moves all samples together by differential evolution (ter Braak 2006): a proposal is w + 0.75 (a - b)
// with a and b from the other half of the samples, which fits itself to the posterior's shape as adaptive Metropolis does, without a covariance. ascend
// climbs from many starts at once.
package active
