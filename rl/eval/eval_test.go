package eval

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func near(t *testing.T, what string, got, want, tol float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tol) {
		t.Errorf("%s = %v, want %v (within %g)", what, got, want, tol)
	}
}

// Computed with SciPy 1.17.1 and NumPy 2.4.6:
//
//	stats.trim_mean(v, 0.25); np.median(v); np.mean(v)
func TestStatisticsAgainstSciPy(t *testing.T) {
	for _, c := range []struct {
		name              string
		scores            []float64
		iqm, median, mean float64
	}{
		{"five", []float64{0.71, 0.73, 0.72, 0.69, 0.74}, 0.7200000000000001, 0.72, 0.718},
		{"four drops one at each end", []float64{1, 2, 3, 10}, 2.5, 2.5, 4},
		{"three drops none", []float64{1, 2, 6}, 3, 2, 3},
		{"nine unsorted with ties", []float64{3.1, -2, 0.5, 8, 9.25, 1, 1, 4, 100}, 3.4200000000000004, 3.1, 13.872222222222222},
		{"ten", []float64{-3, -2.9, -2.6, -2.1, -1.4, -0.5, 0.6, 1.9, 3.4, 5.1}, -0.6833333333333331, -0.95, -0.15},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := slices.Clone(c.scores)
			near(t, "IQM", IQM(c.scores), c.iqm, 1e-12)
			near(t, "Median", Median(c.scores), c.median, 1e-12)
			near(t, "Mean", Mean(c.scores), c.mean, 1e-12)
			if !slices.Equal(before, c.scores) {
				t.Errorf("the scores were reordered: %v", c.scores)
			}
		})
	}
	for name, stat := range map[string]Statistic{"Mean": Mean, "IQM": IQM, "Median": Median} {
		if v := stat(nil); !math.IsNaN(v) {
			t.Errorf("%s of nothing = %v, want NaN", name, v)
		}
	}
}

func TestOptimalityGap(t *testing.T) {
	// (0.5 + 0.1 + 0 + 0) / 4: scores above the target do not make up for the others.
	near(t, "gap", OptimalityGap(1)([]float64{0.5, 0.9, 1, 7}), 0.15, 1e-12)
}

func TestSmooth(t *testing.T) {
	y := []float64{1, 2, 3, 4, 5, 12}
	for _, c := range []struct {
		window int
		want   []float64
	}{
		{0, y}, {1, y},
		{3, []float64{1, 1.5, 2, 3, 4, 7}},
		{100, []float64{1, 1.5, 2, 2.5, 3, 4.5}},
	} {
		if got := Smooth(y, c.window); !slices.Equal(got, c.want) {
			t.Errorf("Smooth(window %d) = %v, want %v", c.window, got, c.want)
		}
	}
	got := Smooth([]float64{1, math.NaN(), 3, 5, 7}, 2)
	if !math.IsNaN(got[1]) || !math.IsNaN(got[2]) || !slices.Equal(got[3:], []float64{4, 6}) {
		t.Errorf("a NaN must spoil its own windows only: %v", got)
	}
	// Against the definition, over several windows' length.
	rng := rand.New(rand.NewPCG(1, 2))
	long := make([]float64, 1000)
	for i := range long {
		long[i] = rng.NormFloat64() * 1e6
	}
	for i, v := range Smooth(long, 37) {
		near(t, "Smooth", v, Mean(long[max(0, i-36):i+1]), 1e-7)
	}
}

// Computed with SciPy 1.17.1, one million resamples:
//
//	stats.bootstrap((v,), stat, n_resamples=1_000_000, method="percentile", rng=np.random.default_rng(0))
//
// for one task; for two, np.percentile(stat(resamples), [2.5, 97.5]) of resamples drawn within
// each task by rng.integers. Ours uses other random numbers, so the tolerance is sampling error.
func TestIntervalsAgainstSciPy(t *testing.T) {
	one := Of("one", []float64{0.71, 0.73, 0.72, 0.69, 0.74, 0.5, 0.77, 0.735})
	two := Scores{"two", [][]float64{{1, 2, 3, 4}, {10, 20, 40}}}
	b := Bootstrap{Resamples: 50000, Seed: 3}
	for _, c := range []struct {
		name   string
		scores Scores
		stat   Statistic
		want   Interval
		tol    float64
	}{
		{"mean, one task", one, Mean, Interval{0.699375, 0.638125, 0.74}, 2e-3},
		{"IQM, one task", one, IQM, Interval{0.72375, 0.655, 0.7425}, 2e-3},
		{"mean, two strata", two, Mean, Interval{80.0 / 7, 5.85714286, 18.42857143}, 0.15},
		{"IQM, two strata", two, IQM, Interval{7.8, 5.2, 17.6}, 0.21},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := b.Interval(c.scores, c.stat)
			if err != nil {
				t.Fatal(err)
			}
			near(t, "Point", got.Point, c.want.Point, 1e-8)
			near(t, "Lo", got.Lo, c.want.Lo, c.tol)
			near(t, "Hi", got.Hi, c.want.Hi, c.tol)
		})
	}
}

// With two runs a resample is (a,a), (a,b), (b,a) or (b,b): the mean is a with probability
// 1/4, so a 95% interval is [a, b], and a 40% one collapses to the middle.
func TestIntervalByHand(t *testing.T) {
	s := Of("pair", []float64{1, 3})
	got, err := Bootstrap{}.Interval(s, Mean)
	if err != nil || got != (Interval{2, 1, 3}) {
		t.Errorf("95%% interval = %v, %v; want 2 [1, 3]", got, err)
	}
	got, err = Bootstrap{Level: 0.4}.Interval(s, Mean)
	if err != nil || got != (Interval{2, 2, 2}) {
		t.Errorf("40%% interval = %v, %v; want 2 [2, 2]", got, err)
	}
}

func TestQuantileAgainstNumPy(t *testing.T) {
	// np.percentile([1,2,4,8,16], [2.5, 10, 50, 97.5]), NumPy 2.4.6.
	want := []float64{1.1, 1.4, 4, 15.2}
	for i, q := range []float64{0.025, 0.1, 0.5, 0.975} {
		near(t, "quantile", quantile([]float64{1, 2, 4, 8, 16}, q), want[i], 1e-12)
	}
	near(t, "quantile 1", quantile([]float64{1, 2}, 1), 2, 0)

	// Values with weights stand for the same values repeated.
	few := []weighted{{1, 2}, {3, 1}, {4, 5}, {9, 1}}
	many := []float64{1, 1, 3, 4, 4, 4, 4, 4, 9}
	for q := 0.0; q <= 1; q += 1.0 / 64 {
		near(t, "weighted quantile", weightedQuantile(few, len(many), q), quantile(many, q), 1e-12)
	}
}

// Published tables contain points outside their own intervals; ours must not, whatever the scores.
func TestPointLiesInsideItsInterval(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	for trial := range 300 {
		s := Scores{Name: "random"}
		for range 1 + rng.IntN(3) {
			runs := make([]float64, 1+rng.IntN(9))
			for i := range runs {
				runs[i] = math.Exp(3 * rng.NormFloat64()) // heavily skewed
				if rng.IntN(4) == 0 {
					runs[i] = 1 // ties
				}
			}
			s.Tasks = append(s.Tasks, runs)
		}
		b := Bootstrap{Resamples: 1 + rng.IntN(60), Level: 0.05 + 0.9*rng.Float64(), Seed: uint64(trial)}
		for name, stat := range map[string]Statistic{"mean": Mean, "IQM": IQM, "median": Median, "gap": OptimalityGap(1)} {
			iv, err := b.Interval(s, stat)
			if err != nil {
				t.Fatal(err)
			}
			if !(iv.Lo <= iv.Point && iv.Point <= iv.Hi) {
				t.Fatalf("%s of %v: %v is outside its interval", name, s.Tasks, iv)
			}
		}
		iv, err := b.ProbabilityOfImprovement(s, s)
		if err != nil || iv.Point != 0.5 || !(0 <= iv.Lo && iv.Lo <= 0.5 && 0.5 <= iv.Hi && iv.Hi <= 1) {
			t.Fatalf("a method against itself: %v, %v; want 0.5 inside [0, 1]", iv, err)
		}
	}
}

func TestSummarize(t *testing.T) {
	s, err := Bootstrap{}.Summarize(Scores{"m", [][]float64{{1, 2, 3}, {4, 5}}})
	if err != nil {
		t.Fatal(err)
	}
	if s.N != 2 || !slices.Equal(s.PerSeed, []float64{1, 2, 3, 4, 5}) || s.Mean.Point != 3 || s.IQM.Point != 3 {
		t.Errorf("summary = %+v", s)
	}
	again, _ := Bootstrap{}.Summarize(Scores{"m", [][]float64{{1, 2, 3}, {4, 5}}})
	if again.IQM != s.IQM || again.Mean != s.Mean {
		t.Errorf("the same scores and seed gave %v, then %v", s, again)
	}
	one, err := Bootstrap{}.Summarize(Of("single", []float64{0.3}))
	if err != nil || one.N != 1 || one.IQM != (Interval{0.3, 0.3, 0.3}) || one.Mean != one.IQM {
		t.Errorf("one seed: %+v, %v; want a collapsed interval and N 1", one, err)
	}
}

func TestCurve(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	runs := make([][]float64, 5)
	for r := range runs {
		runs[r] = make([]float64, 40)
		for p := range runs[r] {
			runs[r][p] = float64(p) + rng.NormFloat64()
		}
	}
	b := Bootstrap{Resamples: 4000}
	for name, stat := range map[string]Statistic{"mean": Mean, "IQM": IQM} {
		curve, err := b.Curve(name, runs, stat)
		if err != nil {
			t.Fatal(err)
		}
		for p, iv := range curve {
			column := make([]float64, len(runs))
			for r := range runs {
				column[r] = runs[r][p]
			}
			want, err := b.Interval(Of(name, column), stat)
			if err != nil {
				t.Fatal(err)
			}
			near(t, name+" point", iv.Point, want.Point, 1e-12)
			// A curve draws its seeds in another order, so only sampling error may differ.
			near(t, name+" low", iv.Lo, want.Lo, 0.12)
			near(t, name+" high", iv.Hi, want.Hi, 0.12)
			if !(iv.Lo <= iv.Point && iv.Point <= iv.Hi) {
				t.Errorf("%s: %v is outside its interval", name, iv)
			}
		}
	}
	single, err := b.Curve("single", runs[:1], IQM)
	if err != nil || single[7] != (Interval{runs[0][7], runs[0][7], runs[0][7]}) {
		t.Errorf("one seed: %v, %v", single, err)
	}
}

func TestProbabilityOfImprovement(t *testing.T) {
	x := Of("x", []float64{0.71, 0.73, 0.72, 0.69, 0.74})
	y := Of("y", []float64{0.70, 0.72, 0.65, 0.60})
	// stats.mannwhitneyu(x, y).statistic / 20 = 0.825 in SciPy 1.17.1; by hand the pairs
	// won are 3 + 4 + 3.5 + 2 + 4. The interval is from 1,000,000 NumPy resamples.
	iv, err := Bootstrap{Resamples: 20000}.ProbabilityOfImprovement(x, y)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "Point", iv.Point, 0.825, 1e-12)
	near(t, "Lo", iv.Lo, 0.5, 0.03)
	near(t, "Hi", iv.Hi, 1, 0)

	two, err := Bootstrap{}.ProbabilityOfImprovement(
		Scores{"x", [][]float64{{1, 1}, {0}}}, Scores{"y", [][]float64{{0}, {1, 1, 1}}})
	if err != nil || two.Point != 0.5 {
		t.Errorf("won on one task, lost on the other: %v, %v; want 0.5", two, err)
	}
}

func TestErrorsNameTheSeries(t *testing.T) {
	ok := Of("fine", []float64{1, 2})
	interval := func(s Scores) error { _, err := Bootstrap{}.Interval(s, Mean); return err }
	improve := func(x, y Scores) error { _, err := Bootstrap{}.ProbabilityOfImprovement(x, y); return err }
	curve := func(runs [][]float64) error { _, err := Bootstrap{}.Curve("IGL", runs, IQM); return err }
	for _, c := range []struct {
		name string
		err  error
		want []string
	}{
		{"no tasks", interval(Scores{Name: "IGL"}), []string{`"IGL"`, "no tasks"}},
		{"no runs", interval(Scores{"IGL", [][]float64{{1}, {}}}), []string{`"IGL"`, "task 1 has no runs"}},
		{"NaN", interval(Of("IGL", []float64{1, math.NaN()})), []string{`"IGL"`, "run 1", "NaN"}},
		{"infinite", interval(Of("IGL", []float64{math.Inf(1)})), []string{`"IGL"`, "+Inf"}},
		{"second has NaN", improve(ok, Of("IGL", []float64{math.NaN()})), []string{`"IGL"`, "NaN"}},
		{"tasks differ", improve(ok, Scores{"IGL", [][]float64{{1}, {2}}}), []string{`"fine"`, `"IGL"`, "1 tasks", "2"}},
		{"empty curve", curve(nil), []string{`"IGL"`, "no points"}},
		{"no points", curve([][]float64{{}}), []string{`"IGL"`, "no points"}},
		{"lengths", curve([][]float64{{1, 2}, {1}}), []string{`"IGL"`, "run 1 has 1 points", "2"}},
		{"NaN point", curve([][]float64{{1, 2}, {1, math.NaN()}}), []string{`"IGL"`, "point 1 of run 1", "NaN"}},
		{"level", func() error { _, err := Bootstrap{Level: 95}.Interval(ok, Mean); return err }(), []string{"Level", "0.95"}},
		{"resamples", func() error { _, err := Bootstrap{Resamples: -1}.Summarize(ok); return err }(), []string{"Resamples", "-1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.err == nil {
				t.Fatal("no error")
			}
			for _, w := range c.want {
				if !strings.Contains(c.err.Error(), w) {
					t.Errorf("error %q does not say %q", c.err, w)
				}
			}
		})
	}
}

func BenchmarkCurve(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 1))
	runs := make([][]float64, 5)
	for r := range runs {
		runs[r] = make([]float64, 1000)
		for p := range runs[r] {
			runs[r][p] = rng.Float64()
		}
	}
	for b.Loop() {
		if _, err := (Bootstrap{}).Curve("bench", runs, IQM); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N), "ms/1000points")
}
