package nb

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
)

// The environment variables by which the headless runner speaks to the cells.
const (
	EnvFast     = "REWARDLAB_FAST"
	EnvHeadless = "REWARDLAB_HEADLESS"
)

// Fast reports whether the notebook should cut its steps to finish quickly (`go run ./notebooks run -fast`).
func Fast() bool { return on(EnvFast) }

// Runs is the folder for the runs of a notebook, below that of all runs. Quick ones are kept apart: they neither stand in for real ones nor replace
// them.
func Runs(notebook string) string {
	if Fast() {
		return filepath.Join("fast", notebook)
	}
	return notebook
}

// Headless reports whether nobody is watching. A cell that would wait for a widget or for input takes its static
// branch then, or the run waits for ever.
func Headless() bool { return on(EnvHeadless) }

func on(name string) bool {
	v, err := strconv.ParseBool(os.Getenv(name))
	return err == nil && v
}

// Assert prints "ASSERT name=value in [lo, hi]", the line the headless runner collects, and ends the cell with exit
// status 1 when value lies outside the interval or is not a number. Both ends belong to the interval.
func Assert(name string, value, lo, hi float64) {
	if !assert(os.Stdout, os.Stderr, name, value, lo, hi) {
		os.Exit(1)
	}
}

func assert(out, errs io.Writer, name string, value, lo, hi float64) bool {
	fmt.Fprintf(out, "ASSERT %s=%g in [%g, %g]\n", name, value, lo, hi)
	if lo <= value && value <= hi {
		return true
	}
	fmt.Fprintf(errs, "%s is %g, expected between %g and %g\n", name, value, lo, hi)
	return false
}
