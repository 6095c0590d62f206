package selfplay

import (
	"math"
	"strings"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/backend/backendtest"
	"github.com/rewardlab/rewardlab/rl/env"
	"github.com/rewardlab/rewardlab/rl/trainer/trainertest"
)

// program compiles fn for the engine and returns its call.
func program(t *testing.T, e *backend.Engine, fn func(in []*Node) []*Node) func(in ...any) []*tensors.Tensor {
	t.Helper()
	exec, err := NewExec(e.Backend, fn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(exec.Finalize)
	return func(in ...any) []*tensors.Tensor {
		t.Helper()
		out, err := exec.Call(in...)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
}

func floats(x *tensors.Tensor) []float64 {
	var out []float64
	for _, v := range tensors.MustCopyFlatData[float32](x) {
		out = append(out, float64(v))
	}
	return out
}

func resolved(t *testing.T, set ...string) *Config {
	return trainertest.Resolved(t, &Config{}, set...)
}

// expect is what a move in the hallway should bring. The zero value: nothing ends, nothing is earned.
type expect struct {
	reward, prize        float64
	end, over            bool
	set, tried, got      bool
	task, solved         bool
	place, phase, t, his float64 // after the move; his are Alice's moves
}

const (
	left, right, stop = 0, 1, 2
)

// Episodes in the hallway by hand: limit 8, so that scale is 1/8 = 0.125; Alice has 3 moves.
func TestEpisodes(t *testing.T) {
	tests := []struct {
		name  string
		set   string
		state []float32 // place, goal, phase
		moves []int32
		want  []expect
	}{
		{
			"Bob repeats Alice's way, as fast as she", "mode=repeat", []float32{10, -1, phaseAlice}, []int32{right, right, stop, right, right},
			[]expect{
				{place: 11, t: 1, his: 1},
				{place: 12, t: 2, his: 2},
				{place: 10, phase: phaseBob, t: 2, his: 2, end: true, set: true}, // stopping takes no time, and Bob stands where Alice began
				{place: 11, phase: phaseBob, t: 3, his: 2, reward: -0.125},
				{place: 12, phase: phaseBob, t: 4, his: 2, reward: -0.125, end: true, over: true, tried: true, got: true}, // t_B = t_A: no prize
			},
		},
		{
			"Bob comes back, slowly", "mode=reverse", []float32{10, -1, phaseAlice}, []int32{left, stop, left, right, right},
			[]expect{
				{place: 9, t: 1, his: 1},
				{place: 9, phase: phaseBob, t: 1, his: 1, end: true, set: true}, // Bob stands where Alice stopped
				{place: 8, phase: phaseBob, t: 2, his: 1, reward: -0.125},
				{place: 9, phase: phaseBob, t: 3, his: 1, reward: -0.125},
				{place: 10, phase: phaseBob, t: 4, his: 1, reward: -0.125, end: true, over: true, tried: true, got: true, prize: 0.25}, // (3 - 1) / 8
			},
		},
		{
			"Alice is cut off, Bob fails", "mode=repeat", []float32{10, -1, phaseAlice}, []int32{right, right, right, left, left, left, left, left},
			[]expect{
				{place: 11, t: 1, his: 1},
				{place: 12, t: 2, his: 2},
				{place: 10, phase: phaseBob, t: 3, his: 3, end: true, set: true},
				{place: 9, phase: phaseBob, t: 4, his: 3, reward: -0.125},
				{place: 8, phase: phaseBob, t: 5, his: 3, reward: -0.125},
				{place: 7, phase: phaseBob, t: 6, his: 3, reward: -0.125},
				{place: 6, phase: phaseBob, t: 7, his: 3, reward: -0.125},
				{place: 5, phase: phaseBob, t: 8, his: 3, reward: -0.125, end: true, over: true, tried: true, prize: 0.25}, // t_B = 8 - 3, prize (5 - 3) / 8
			},
		},
		{
			"Bob knows a shorter way: Alice earns nothing, and loses nothing", "mode=repeat", []float32{10, -1, phaseAlice}, []int32{right, left, right, right},
			[]expect{
				{place: 11, t: 1, his: 1},
				{place: 10, t: 2, his: 2},
				{place: 10, phase: phaseBob, t: 3, his: 3, end: true, set: true},
				{place: 11, phase: phaseBob, t: 4, his: 3, reward: -0.125, end: true, over: true, tried: true, got: true},
			},
		},
		{
			"Alice stops at once", "mode=repeat", []float32{10, -1, phaseAlice}, []int32{stop},
			[]expect{{place: 10, phase: phaseBob, end: true, over: true, set: true}},
		},
		{
			"Alice comes round to where she began", "mode=reverse", []float32{10, -1, phaseAlice}, []int32{left, right, stop},
			[]expect{{place: 9, t: 1, his: 1}, {place: 10, t: 2, his: 2}, {place: 10, phase: phaseBob, t: 2, his: 2, end: true, over: true, set: true}},
		},
		{
			"the target task, where stopping is going right", "mode=repeat", []float32{10, 12, phaseTarget}, []int32{left, right, right, stop},
			[]expect{
				{place: 9, phase: phaseTarget, t: 1}, {place: 10, phase: phaseTarget, t: 2}, {place: 11, phase: phaseTarget, t: 3},
				{place: 12, phase: phaseTarget, t: 4, reward: 1, end: true, over: true, task: true, solved: true},
			},
		},
		{
			"the target task, failed", "mode=repeat limit=4 alice_moves=2", []float32{10, 20, phaseTarget}, []int32{left, right, left, right},
			[]expect{
				{place: 9, phase: phaseTarget, t: 1}, {place: 10, phase: phaseTarget, t: 2}, {place: 9, phase: phaseTarget, t: 3},
				{place: 10, phase: phaseTarget, t: 4, end: true, over: true, task: true},
			},
		},
	}
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				c := resolved(t, append([]string{"limit=8", "alice_moves=3"}, strings.Fields(tt.set)...)...)
				g := newGame(hallway(), c)
				step := program(t, e, func(in []*Node) []*Node {
					_, next, out := g.play(Const(in[0].Graph(), []uint64{1, 2, 3}), in[0], in[1])
					return []*Node{next, out.Reward, out.Prize, out.End, out.Over, out.Set, out.Tried, out.Reached, out.Task, out.Solved, out.Alice}
				})
				at, goal := tt.state[0], tt.state[1]
				state := [][]float32{{at, goal, at, goal, goal, goal, tt.state[2], 0, 0}}
				for k, a := range tt.moves {
					alice := state[0][6] == phaseAlice
					out := step(state, []int32{a})
					state = out[0].Value().([][]float32)
					w := tt.want[k]
					row := state[0]
					got := []float64{float64(row[0]), float64(row[6]), float64(row[7]), float64(row[8])}
					want := []float64{w.place, w.phase, w.t, w.his, w.reward, w.prize}
					for _, x := range []bool{w.end, w.over, w.set, w.tried, w.got, w.task, w.solved, alice} {
						want = append(want, 0)
						if x {
							want[len(want)-1] = 1
						}
					}
					for _, x := range out[1:] {
						got = append(got, floats(x)...)
					}
					for i, name := range []string{"place", "phase", "time", "Alice's moves", "reward", "prize", "end", "over", "set", "tried", "reached", "task", "solved", "Alice's turn"} {
						if math.Abs(got[i]-want[i]) > 1e-6 {
							t.Errorf("move %d: %s is %g, want %g", k+1, name, got[i], want[i])
						}
					}
				}
			})
		}
	})
}

// What the minds see: Alice where she began, Bob where he is to go, and the target's goal where it is told.
func TestObservations(t *testing.T) {
	tests := []struct {
		name                 string
		phase                float32
		toward               int // cell; -1: zeros
		flag                 float64
		now, origin, goal, t float32
	}{
		{"Alice", phaseAlice, 3, 0, 5, 3, 7, 2},
		{"Bob", phaseBob, 7, -1, 5, 3, 7, 4},
		{"target", phaseTarget, 7, 1, 5, 3, 7, 8},
	}
	e := backendtest.Go(t)
	for _, told := range []bool{true, false} {
		task := hallway()
		if !told {
			task.aim = nil
		}
		g := newGame(task, resolved(t, "limit=8", "alice_moves=3"))
		look := program(t, e, func(in []*Node) []*Node { return []*Node{g.Observe(in[0])} })
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				want := make([]float64, 2*env.HallwayCells+2)
				want[int(tt.now)], want[2*env.HallwayCells], want[2*env.HallwayCells+1] = 1, tt.flag, float64(tt.t)/8
				if told || tt.phase != phaseTarget {
					want[env.HallwayCells+tt.toward] = 1
				}
				got := floats(look([][]float32{{tt.now, -1, tt.origin, -1, tt.goal, -1, tt.phase, tt.t, 0}})[0])
				for i := range want {
					if got[i] != want[i] {
						t.Fatalf("number %d is %g, want %g", i, got[i], want[i])
					}
				}
			})
		}
	}
}

// What Bob can see of the dark grid world is no more than the environment shows: states that look alike there look alike here, and others do not.
func TestLightKeyShowsWhatTheEnvironmentShows(t *testing.T) {
	e := backendtest.Go(t)
	task, err := lightKey()
	if err != nil {
		t.Fatal(err)
	}
	_, goals, err := task.pairs()
	if err != nil {
		t.Fatal(err)
	}
	out := program(t, e, func(in []*Node) []*Node { return []*Node{task.look(in[0]), task.body.Observe(in[0])} })(goals)
	ours, theirs := floats(out[0]), floats(out[1])
	rows := func(x []float64, i int) []float64 { w := len(x) / len(goals); return x[i*w : (i+1)*w] }
	same := func(x []float64, i, j int) bool {
		for k, v := range rows(x, i) {
			if rows(x, j)[k] != v {
				return false
			}
		}
		return true
	}
	for i := range goals {
		for j := range i {
			if same(ours, i, j) != same(theirs, i, j) {
				t.Fatalf("states %v and %v: alike here %v, in the environment %v", goals[i], goals[j], same(ours, i, j), same(theirs, i, j))
			}
		}
	}
	if len(goals) != 81 {
		t.Errorf("%d states can be reached, want 81: 15 cells before the gate in 4 situations, 11 behind it in 2, less the start", len(goals))
	}
}

// Every task: its goals are goals, its map holds them, and random games stay finite and within the limit.
func TestTasks(t *testing.T) {
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		for _, name := range []string{"hallway", "lightkey", "mountaincar", "pointmass"} {
			t.Run(name, func(t *testing.T) {
				c := resolved(t, "env="+name)
				task, err := taskOf(c)
				if err != nil {
					t.Fatal(err)
				}
				begin, goal, err := task.pairs()
				if err != nil || len(begin) != len(goal) || len(goal) < 50 {
					t.Fatalf("%d and %d states: %v", len(begin), len(goal), err)
				}
				out := program(t, e, func(in []*Node) []*Node {
					return []*Node{float(task.there(in[0], in[1])), float(task.there(in[1], in[1])), float(task.bin(in[1])), task.look(in[0]), task.show(in[1])}
				})(begin, goal)
				atStart, atGoal, bins := mean32(out[0]), mean32(out[1]), floats(out[2])
				if atStart > 0.1 || atGoal != 1 {
					t.Errorf("%g of the starts and %g of the goals are goals", atStart, atGoal)
				}
				seen := map[float64]bool{}
				for _, b := range bins {
					if seen[b] = true; b < 0 || int(b) >= task.cells() {
						t.Fatalf("cell %g of %d", b, task.cells())
					}
				}
				if len(seen) < task.cells()/3 {
					t.Errorf("the goals fill %d of %d cells", len(seen), task.cells())
				}
				if out[3].Shape().Dimensions[1] != task.looks || out[4].Shape().Dimensions[1] != task.goals {
					t.Errorf("%s and %s are shown, said were %d and %d", out[3].Shape(), out[4].Shape(), task.looks, task.goals)
				}
				if img := newGame(task, c).Frame(append(append(append([]float32{}, begin[0]...), begin[0]...), append(goal[0], 1, 0, 0)...)); img == nil || img.Bounds().Dx() < 60 {
					t.Error("no frame")
				}
			})
		}
	})
}

func mean32(x *tensors.Tensor) float64 { return mean(tensors.MustCopyFlatData[float32](x)) }
