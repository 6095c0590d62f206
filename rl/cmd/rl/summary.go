package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/rewardlab/rewardlab/rl/run"
)

// summary says in a few lines what came out of a run.
func summary(res *run.Result) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s on %s, %s\n", res.Preset, res.Engine, seedText(res.Seeds))
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	if s := res.Score; len(s.PerSeed) > 0 {
		of := fmt.Sprintf("IQM of %d seeds, 95%% interval; mean %.4g", len(s.PerSeed), s.Mean)
		if len(s.PerSeed) == 1 {
			of = "one seed, so no interval"
			fmt.Fprintf(w, "  %s\t%.4g\t%s\n", s.Name, s.IQM, of)
		} else {
			fmt.Fprintf(w, "  %s\t%.4g [%.4g, %.4g]\t%s\n", s.Name, s.IQM, s.Lo, s.Hi, of)
			fmt.Fprintf(w, "  per seed\t%s\n", strings.Trim(fmt.Sprintf("%.4g", s.PerSeed), "[]"))
		}
		for _, k := range slices.Sorted(maps.Keys(res.Extra)) {
			fmt.Fprintf(w, "  %s\t%.4g\n", k, res.Extra[k])
		}
	}
	fmt.Fprintf(w, "  time\tcompiled %.3g s, trained %.3g s: %s steps, %s a second\n", res.CompileSeconds, res.TrainSeconds, count(res.Steps), count(int64(res.StepsPerSecond)))
	fmt.Fprintf(w, "  run\t%s\n", res.Run)
	_ = w.Flush() // a strings.Builder does not fail
	return b.String()
}

// count writes 1234567 as 1,234,567.
func count(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
