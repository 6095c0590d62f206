package eval

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// Scores are the results of one method. Tasks[t] holds one score for each run (seed)
// of task t; tasks may have different numbers of runs. Name is used in errors.
type Scores struct {
	Name  string
	Tasks [][]float64
}

// Of wraps the scores of the seeds of a single task.
func Of(name string, perSeed []float64) Scores {
	return Scores{Name: name, Tasks: [][]float64{perSeed}}
}

// pooled checks the scores and joins them.
func (s Scores) pooled() ([]float64, error) {
	if len(s.Tasks) == 0 {
		return nil, fmt.Errorf("scores %q: there are no tasks: give at least one task with one run", s.Name)
	}
	var all []float64
	for t, runs := range s.Tasks {
		if len(runs) == 0 {
			return nil, fmt.Errorf("scores %q: task %d has no runs: leave it out or run it", s.Name, t)
		}
		for r, v := range runs {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return nil, fmt.Errorf("scores %q: run %d of task %d is %v: leave that run out and say so, or run it again", s.Name, r, t, v)
			}
		}
		all = append(all, runs...)
	}
	return all, nil
}

// Bootstrap computes percentile intervals by a stratified bootstrap: each resample
// draws, within every task, as many runs as the task has, with replacement. The zero
// value is ready to use. The same fields and scores always give the same interval.
//
// The interval is widened, where needed, to contain the point: the percentiles of a
// small skewed sample can miss it, and an estimate outside its own interval helps
// nobody. With one run for every task there is nothing to resample and the interval
// is the point: look at [Summary].N before believing it.
type Bootstrap struct {
	Resamples int     // number of resamples; 0 means 2,000
	Level     float64 // coverage of the interval, between 0 and 1; 0 means 0.95
	Seed      uint64  // seed of the resampling
}

func (b Bootstrap) withDefaults() (Bootstrap, error) {
	if b.Resamples == 0 {
		b.Resamples = 2000
	}
	if b.Level == 0 {
		b.Level = 0.95
	}
	var err error
	if b.Resamples < 0 {
		err = fmt.Errorf("bootstrap: Resamples is %d: use 0 for 2,000, or a positive number", b.Resamples)
	}
	if !(b.Level > 0 && b.Level < 1) {
		err = errors.Join(err, fmt.Errorf("bootstrap: Level is %v: it must lie between 0 and 1, such as 0.95", b.Level))
	}
	return b, err
}

func (b Bootstrap) rand() *rand.Rand { return rand.New(rand.NewPCG(b.Seed, 0x5eed)) }

// close makes the interval around point from the statistics of the resamples, which it sorts.
func (b Bootstrap) close(point float64, resampled []float64) Interval {
	slices.Sort(resampled)
	tail := (1 - b.Level) / 2
	return Interval{
		Point: point,
		Lo:    min(point, quantile(resampled, tail)),
		Hi:    max(point, quantile(resampled, 1-tail)),
	}
}

// quantile interpolates linearly between order statistics, as NumPy's percentile does.
func quantile(sorted []float64, q float64) float64 {
	at := q * float64(len(sorted)-1)
	i := int(at)
	if i+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	return sorted[i] + (at-float64(i))*(sorted[i+1]-sorted[i])
}

// Interval is the statistic of the pooled scores with its bootstrap interval.
func (b Bootstrap) Interval(s Scores, stat Statistic) (Interval, error) {
	b, err := b.withDefaults()
	if err != nil {
		return Interval{}, err
	}
	all, err := s.pooled()
	if err != nil {
		return Interval{}, err
	}
	rng, out, buf := b.rand(), make([]float64, b.Resamples), make([]float64, len(all))
	for i := range out {
		resample(rng, s.Tasks, buf)
		slices.Sort(buf)
		out[i] = stat(buf)
	}
	return b.close(stat(ascending(all)), out), nil
}

// resample fills buf with the runs of every task, drawn with replacement within it.
func resample(rng *rand.Rand, tasks [][]float64, buf []float64) {
	k := 0
	for _, runs := range tasks {
		for range runs {
			buf[k] = runs[rng.IntN(len(runs))]
			k++
		}
	}
}

// Summary is what a report prints about one method.
type Summary struct {
	IQM, Mean Interval
	PerSeed   []float64 // every score, task after task
	N         int       // the smallest number of runs that a task has; with 1 the intervals say nothing
}

// Summarize computes the IQM and the mean of the scores with their intervals.
func (b Bootstrap) Summarize(s Scores) (Summary, error) {
	iqm, err := b.Interval(s, IQM)
	if err != nil {
		return Summary{}, err
	}
	mean, err := b.Interval(s, Mean)
	if err != nil {
		return Summary{}, err
	}
	sum := Summary{IQM: iqm, Mean: mean, N: len(s.Tasks[0]), PerSeed: slices.Concat(s.Tasks...)}
	for _, runs := range s.Tasks {
		sum.N = min(sum.N, len(runs))
	}
	return sum, nil
}

// Curve is the statistic over seeds at every point of a learning curve: runs is
// [seeds][points], and the result has one interval for each point. The seeds are
// resampled once and the same resamples serve every point, so the band is as smooth
// as the curves are. It is a band of pointwise intervals: that a whole curve lies in
// it is less likely than Level. The name is used in errors.
func (b Bootstrap) Curve(name string, runs [][]float64, stat Statistic) ([]Interval, error) {
	b, err := b.withDefaults()
	if err != nil {
		return nil, err
	}
	if len(runs) == 0 || len(runs[0]) == 0 {
		return nil, fmt.Errorf("curve %q: it has no points: give at least one run with one point", name)
	}
	n, points := len(runs), len(runs[0])
	for r, run := range runs {
		if len(run) != points {
			return nil, fmt.Errorf("curve %q: run %d has %d points and run 0 has %d: cut them to the same length", name, r, len(run), points)
		}
		for p, v := range run {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return nil, fmt.Errorf("curve %q: point %d of run %d is %v: leave such points out", name, p, r, v)
			}
		}
	}

	// A resample is kept as how often it drew each seed. At a point the seeds are
	// sorted once, and every resample then comes out sorted for free. Few seeds give
	// few different resamples (126 for five), and each is worked out once.
	draws := b.draws(n)
	out, stats := make([]Interval, points), make([]weighted, len(draws))
	order, sorted, buf := make([]int, n), make([]float64, n), make([]float64, 0, n)
	for p := range points {
		for r := range order {
			order[r] = r
		}
		slices.SortFunc(order, func(i, j int) int { return cmp.Compare(runs[i][p], runs[j][p]) })
		for k, r := range order {
			sorted[k] = runs[r][p]
		}
		for i := range stats {
			buf = buf[:0]
			for k, r := range order {
				for range draws[i].times[r] {
					buf = append(buf, sorted[k])
				}
			}
			stats[i] = weighted{stat(buf), draws[i].weight}
		}
		slices.SortFunc(stats, func(a, b weighted) int { return cmp.Compare(a.value, b.value) })
		point, tail := stat(sorted), (1-b.Level)/2
		out[p] = Interval{
			Point: point,
			Lo:    min(point, weightedQuantile(stats, b.Resamples, tail)),
			Hi:    max(point, weightedQuantile(stats, b.Resamples, 1-tail)),
		}
	}
	return out, nil
}

// draw is a resample of n seeds: times[i] is how often it holds seed i, and weight is
// how many of the resamples came out so.
type draw struct {
	times  []int
	weight int
}

func (b Bootstrap) draws(n int) []draw {
	rng, index := b.rand(), map[string]int{}
	var out []draw
	key := make([]byte, 2*n)
	for range b.Resamples {
		times := make([]int, n)
		for range n {
			times[rng.IntN(n)]++
		}
		for i, c := range times {
			binary.LittleEndian.PutUint16(key[2*i:], uint16(c))
		}
		at, seen := index[string(key)]
		if !seen {
			at = len(out)
			index[string(key)] = at
			out = append(out, draw{times: times})
		}
		out[at].weight++
	}
	return out
}

type weighted struct {
	value  float64
	weight int
}

// weightedQuantile is quantile for sorted values that stand for weight equal ones each, total in all.
func weightedQuantile(sorted []weighted, total int, q float64) float64 {
	at := q * float64(total-1)
	i := int(at)
	seen := 0
	for k, s := range sorted {
		seen += s.weight
		switch {
		case seen > i+1 || k == len(sorted)-1:
			return s.value
		case seen == i+1:
			return s.value + (at-float64(i))*(sorted[k+1].value-s.value)
		}
	}
	return math.NaN() // no values: the callers have at least one
}

// ProbabilityOfImprovement is the probability that a run of x scores higher than a
// run of y on the same task, ties counting half, averaged over the tasks: the
// Mann-Whitney statistic divided by the number of pairs, as in rliable. x and y need
// the same tasks in the same order, but not the same number of runs; both are resampled.
func (b Bootstrap) ProbabilityOfImprovement(x, y Scores) (Interval, error) {
	b, err := b.withDefaults()
	if err != nil {
		return Interval{}, err
	}
	xs, err := x.pooled()
	if err != nil {
		return Interval{}, err
	}
	ys, err := y.pooled()
	if err != nil {
		return Interval{}, err
	}
	if len(x.Tasks) != len(y.Tasks) {
		return Interval{}, fmt.Errorf("scores %q have %d tasks and scores %q have %d: compare them on the same tasks", x.Name, len(x.Tasks), y.Name, len(y.Tasks))
	}
	point := improvement(x.Tasks, y.Tasks, xs, ys)
	rng, out := b.rand(), make([]float64, b.Resamples)
	for i := range out {
		resample(rng, x.Tasks, xs)
		resample(rng, y.Tasks, ys)
		out[i] = improvement(x.Tasks, y.Tasks, xs, ys)
	}
	return b.close(point, out), nil
}

// improvement takes the scores pooled in xs and ys, and the tasks only for their sizes.
func improvement(xTasks, yTasks [][]float64, xs, ys []float64) float64 {
	sum := 0.0
	for t := range xTasks {
		nx, ny := len(xTasks[t]), len(yTasks[t])
		wins := 0.0
		for _, a := range xs[:nx] {
			for _, b := range ys[:ny] {
				switch {
				case a > b:
					wins++
				case a == b:
					wins += 0.5
				}
			}
		}
		sum += wins / float64(nx*ny)
		xs, ys = xs[nx:], ys[ny:]
	}
	return sum / float64(len(xTasks))
}
