package judge

import (
	"math"

	"github.com/rewardlab/rewardlab/rl/prefs"
)

// Principles.
const (
	// Upright is one for pendulums.
	Upright = "The pole should stand upright."
	// StayUp is one for poles on carts.
	StayUp = "The pole should stay up."
)

// levels are how a pendulum's pole may be, the worst first, as words that a small model can tell apart, and from how many degrees off upright.
var levels = []struct {
	least float64
	words string
}{
	{150, "the pole hangs straight down"}, {120, "the pole hangs down"}, {75, "the pole points to the side"}, {40, "the pole leans upwards"},
	{15, "the pole stands almost upright"}, {0, "the pole stands upright"},
}

// PendulumWords are all descriptions that Pendulum gives, the worst first.
func PendulumWords() []string {
	var out []string
	for _, l := range levels {
		out = append(out, l.words)
	}
	return out
}

// Pendulum says how a pendulum's pole is in a clip, on average, in one of six ways: numbers are nothing that a small model can weigh.
func Pendulum(c prefs.Fragment) string {
	tilt := 0.0
	for t := range c.Steps {
		tilt += math.Abs(math.Atan2(float64(c.Obs[3*t+1]), float64(c.Obs[3*t]))) * 180 / math.Pi / float64(c.Steps)
	}
	for _, l := range levels {
		if tilt >= l.least {
			return l.words
		}
	}
	return levels[len(levels)-1].words
}

// CartPoleWords are all descriptions that CartPole gives. The first two are of clips that earn nothing; of the others each is better than those before.
func CartPoleWords() []string {
	return []string{"the pole fell over", "the cart left the track", "the pole stayed up for a while", "the pole stayed up most of the time", "the pole stayed up"}
}

// CartPole says what became of a pole on a cart, in one of five ways: the whole time through, for most of it, for less, or not at all was the pole within
// 12 degrees of upright and the cart within 2.4 metres of the middle.
func CartPole(c prefs.Fragment) string {
	words := CartPoleWords()
	up, both := 0, 0
	for t := range c.Steps {
		x, tilt := float32(math.Abs(float64(c.Next[4*t]))), float32(math.Abs(float64(c.Next[4*t+2])))
		if tilt > 12*math.Pi/180 {
			continue
		}
		up++
		if x <= 2.4 {
			both++
		}
	}
	switch {
	case both == c.Steps:
		return words[4]
	case 2*both >= c.Steps:
		return words[3]
	case both > 0:
		return words[2]
	case 2*up >= c.Steps:
		return words[1]
	}
	return words[0]
}
