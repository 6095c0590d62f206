// Package judge has a language model answer which of two clips is better, by a principle that somebody wrote down: reinforcement learning from AI feedback.
//
//	scores, err := judge.Stored(nil) // what SmolLM2 said about poles on carts; no model is needed
//	if err != nil {
//		return err
//	}
//	ai := &judge.Judge{Scorer: scores, Principle: judge.StayUp}
//	r, err := rl.TrainPreferences(ctx, "prefs-cartpole", prefs.Options{Gatherer: ai}, rl.Options{})
//
// The model is asked about every pair in both orders, and its log-odds are averaged: language models are for what stands first, or last, more than for what
// is right. What is left is a soft label, the probability that the first clip is the better one.
//
// How it is asked decides whether a small model can judge at all. Asked for a letter, A or B, SmolLM2 names A for every pair. Asked to say what happens in
// the better film, with either description as the answer, it is right about 13 of the 15 pairs of six positions of a pendulum, and wrong about neighbours
// alone. About speeds and distances it is right half of the time. Of five things that become of a pole on a cart it puts every pair in the right order, once
// they are said in words of one kind: "stayed up all the time" and "stayed up until the end" are as good as "stayed up", and lose against "stayed up most of the
// time". Measure a judge with Odds on pairs whose answer you know before you believe it.
//
// Source: the lecture on learning from preferences that this library follows, and Bai et al., "Constitutional AI: Harmlessness from AI Feedback", 2022.
package judge
