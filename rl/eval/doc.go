// Package eval turns the scores of several seeds into numbers one may print:
// a robust average and how sure we are of it.
//
// A single seed says little about a learning algorithm. The defaults here follow
// Agarwal et al., "Deep Reinforcement Learning at the Edge of the Statistical
// Precipice" (NeurIPS 2021): the interquartile mean (IQM) with a 95% percentile
// interval from a stratified bootstrap. Tasks are the strata; the runs (seeds) of
// a task are resampled with replacement within it.
//
//	acc := []float64{0.71, 0.73, 0.72, 0.69, 0.74} // one score per seed
//	s, err := eval.Bootstrap{}.Summarize(eval.Of("IGL", acc))
//	if err != nil {
//		return err
//	}
//	fmt.Println(s.IQM)  // 0.7200 [0.6967, 0.7367]
//	fmt.Println(s.Mean) // 0.7180 [0.7020, 0.7320]
//
// For learning curves, [Bootstrap.Curve] does the same at every point with one set
// of resampled seeds, and [Smooth] takes a trailing mean first.
//
// Everything is plain float64 on the host; nothing here needs an engine.
package eval
