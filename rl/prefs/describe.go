package prefs

import (
	"fmt"
	"math"
	"strings"
)

// Describe puts a clip into words, from its observations and actions: what happened, with numbers, no judgement. Environments that have no words of
// their own get the first, the middle and the last observation.
func Describe(c Fragment) string {
	if c.Steps < 1 || len(c.Obs) == 0 || len(c.Obs)%c.Steps != 0 {
		return "an empty clip"
	}
	size := len(c.Obs) / c.Steps
	at := func(t, i int) float64 { return float64(c.Obs[t*size+i]) }
	mean := func(f func(t int) float64) (sum float64) {
		for t := range c.Steps {
			sum += f(t) / float64(c.Steps)
		}
		return sum
	}
	last := c.Steps - 1
	degrees := func(x float64) float64 { return math.Abs(x) * 180 / math.Pi }
	switch name, _, _ := strings.Cut(c.Env, "-"); {
	case name == "pendulum" && size == 3:
		tilt := func(t int) float64 { return degrees(math.Atan2(at(t, 1), at(t, 0))) }
		turned := mean(func(t int) float64 { return at(t, 2) }) * 0.05 * float64(c.Steps) / (2 * math.Pi)
		return fmt.Sprintf("The pole starts %.0f degrees from upright and ends %.0f degrees from it, %.0f on average. It makes %.1f turns; its speed is %.1f radians a second on average and %.1f at the end.",
			tilt(0), tilt(last), mean(tilt), math.Abs(turned), mean(func(t int) float64 { return math.Abs(at(t, 2)) }), math.Abs(at(last, 2)))
	case name == "cartpole" && size == 4:
		tilt := func(t int) float64 { return degrees(math.Remainder(at(t, 2), 2*math.Pi)) }
		inside := mean(func(t int) float64 {
			if math.Abs(at(t, 0)) <= 2.4 && degrees(at(t, 2)) <= 12 {
				return 100
			}
			return 0
		})
		return fmt.Sprintf("The pole leans %.0f degrees at the start and %.0f at the end, %.0f on average; the cart goes from %.1f to %.1f metres off the middle. For %.0f%% of the time the pole stands and the cart is on the track.",
			tilt(0), tilt(last), mean(tilt), math.Abs(at(0, 0)), math.Abs(at(last, 0)), inside)
	case name == "reacher" && size == 10:
		way := func(t int) float64 { return 100 * math.Hypot(at(t, 8), at(t, 9)) }
		return fmt.Sprintf("The tip of the arm starts %.0f cm from the target and ends %.0f cm from it, %.0f cm on average.", way(0), way(last), mean(way))
	case name == "pointmass" && size == 6:
		way := func(t int) float64 { return math.Hypot(at(t, 4)-at(t, 0), at(t, 5)-at(t, 1)) }
		return fmt.Sprintf("The mass goes from (%.2f, %.2f) to (%.2f, %.2f). It starts %.2f from the goal and ends %.2f from it; its speed is %.2f on average.",
			at(0, 0), at(0, 1), at(last, 0), at(last, 1), way(0), way(last), mean(func(t int) float64 { return math.Hypot(at(t, 2), at(t, 3)) }))
	}
	show := func(t int) string {
		n := min(size, 12)
		words := make([]string, n)
		for i := range n {
			words[i] = fmt.Sprintf("%.2g", at(t, i))
		}
		if n < size {
			words = append(words, "...")
		}
		return strings.Join(words, " ")
	}
	return fmt.Sprintf("Observations: %s at the start; %s in the middle; %s at the end.", show(0), show(last/2), show(last))
}
