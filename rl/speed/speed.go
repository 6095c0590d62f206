package speed

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/rewardlab/rewardlab/rl/eval"
)

// Options say how to measure.
type Options struct {
	Envs    int           // environments side by side in Random and Policy; 0: 1,024
	Repeats int           // 0: 5
	Each    time.Duration // about how long one repeat lasts; 0: one second
}

func (o Options) withDefaults() (Options, error) {
	if o.Envs == 0 {
		o.Envs = 1024
	}
	if o.Repeats == 0 {
		o.Repeats = 5
	}
	if o.Each == 0 {
		o.Each = time.Second
	}
	var errs []error
	if o.Envs < 1 {
		errs = append(errs, fmt.Errorf("envs: %d environments: give at least 1", o.Envs))
	}
	if o.Repeats < 1 {
		errs = append(errs, fmt.Errorf("repeats: %d of them: give at least 1", o.Repeats))
	}
	if o.Each < 0 {
		errs = append(errs, fmt.Errorf("each repeat lasts %v: give a positive time", o.Each))
	}
	return o, errors.Join(errs...)
}

// Result is one measurement.
type Result struct {
	What           string    `json:"what"`           // "random", "policy" or "train"
	Name           string    `json:"name"`           // of the environment or the preset
	Engine         string    `json:"engine"`         // "xla:cpu", "go"
	Envs           int       `json:"envs,omitempty"` // side by side
	CompileSeconds float64   `json:"compile_s"`
	Steps          int64     `json:"steps"`              // measured, over all repeats
	Episodes       int64     `json:"episodes,omitempty"` // that ended in them
	Repeats        []float64 `json:"repeats"`            // steps a second of each repeat
	Median         float64   `json:"steps_per_s"`
	Lo             float64   `json:"lo"` // the 95% bootstrap interval of the median
	Hi             float64   `json:"hi"`
}

// sum computes the median and its interval.
func (r *Result) sum() error {
	iv, err := eval.Bootstrap{}.Interval(eval.Of(r.What+" "+r.Name, r.Repeats), eval.Median)
	if err != nil {
		return err
	}
	r.Median, r.Lo, r.Hi = iv.Point, iv.Lo, iv.Hi
	return nil
}

// fill finds how many iterations last about `each`: it doubles the number until a tenth of that is reached, which also warms up.
func fill(ctx context.Context, each time.Duration, most int, run func(n int) (time.Duration, error)) (int, error) {
	for n := 1; ; n *= 2 {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		n = min(n, most)
		took, err := run(n)
		if err != nil {
			return 0, err
		}
		if n == most || took >= each/10 {
			want := float64(n) * each.Seconds() / max(took.Seconds(), 1e-9)
			return int(math.Min(math.Max(want, 1), float64(most))), nil
		}
	}
}
