// Package plots draws the figures of experiments: learning curves with intervals, bars
// with every seed, weights as images, image grids, heat maps, films, and charts and
// progress bars that move while a notebook cell trains.
//
//	series := []plots.Series{
//		{Name: "IGL", Runs: igl}, // [seeds][iterations]
//		{Name: "bandit on the true reward", Runs: bandit},
//	}
//	fig := plots.Curves("Sampled accuracy on MNIST", series, plots.Axes{X: "iteration", Y: "accuracy", YMax: 1, Smooth: 20})
//	if err := fig.Show(); err != nil { // in a notebook; elsewhere it does nothing
//		return err
//	}
//	return fig.Save("figures/accuracy.svg") // or .png
//
// Several seeds are drawn as the interquartile mean with a 95% bootstrap interval, as
// computed by rl/eval, and every figure says so in small print. Names stand at the ends
// of the lines and never on data. Colours are those of Okabe and Ito, which the
// colour-blind can tell apart, on white paper that reads well on dark pages too.
//
// While a program trains, [Live] draws lines that grow and [Progress] a bar:
//
//	live := plots.NewLive(ctx, "Training", plots.Axes{X: "iteration", Y: "accuracy"}, plots.LiveOptions{})
//	defer live.Close()
//	bar := plots.NewProgress("IGL", iterations, plots.ProgressOptions{Unit: "iterations", Out: os.Stderr})
//	defer bar.Close()
//
// Both send to the GoNB kernel that runs the program, and to nothing where there is
// none, so the same code runs in a notebook, in a test and on the command line.
// Everything a cell shows is waited for, so gonbui.Sync need not be called.
//
// Wrong data (lengths that differ, X that does not ascend, a series without a finite
// point) is an error that names the series; the functions that make figures keep it in
// the [Figure] and every method that would draw returns it.
package plots
