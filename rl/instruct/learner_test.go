package instruct

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/rewardlab/rewardlab/rl/run"
)

func with(t *testing.T, assignments ...string) Config {
	t.Helper()
	var c Config
	if err := run.Set(&c, assignments...); err != nil {
		t.Fatal(err)
	}
	if err := run.Resolve(&c); err != nil {
		t.Fatal(err)
	}
	return c
}

// TestPriorChoosesAndIsNotPaid: the prior decides which action a state is worth, but the worth is the value alone.
func TestPriorChoosesAndIsNotPaid(t *testing.T) {
	tb := newTable(1)
	tb.actions[0] = 3
	copy(tb.q, []float64{0.5, 0.7, 0.1})
	tb.lean = []float64{0, -1, -1, 0, 0, 0}
	tb.choose(0)
	if tb.best[0] != 0 || tb.value(0) != 0.5 {
		t.Errorf("action %d worth %g, want 0, which the prior is for, worth 0.5", tb.best[0], tb.value(0))
	}
	tb.lean = nil
	tb.choose(0)
	if tb.best[0] != 1 || tb.value(0) != 0.7 {
		t.Errorf("without a prior: action %d worth %g, want 1 worth 0.7", tb.best[0], tb.value(0))
	}
}

// TestAdamByHand: errors of an entry are averaged, and each entry has its own clock.
func TestAdamByHand(t *testing.T) {
	tb := newTable(1)
	tb.actions[0] = 2
	tb.add(0, 1)
	tb.add(0, 2)
	tb.step(0.02)
	// The first step of Adam is lr g/(|g|+eps), g = 1.5.
	want := 0.02 * 1.5 / (1.5 + 1e-5)
	if math.Abs(tb.q[0]-want) > 1e-12 {
		t.Errorf("after one step %g, want %g", tb.q[0], want)
	}
	tb.add(0, -1)
	tb.add(1, -4) // its clock begins now
	tb.step(0.02)
	// m = .9*.15 - .1 = .035 over .19; v = .999*.00225 + .001 = .00324775 over .001999.
	want += 0.02 * (0.035 / 0.19) / (math.Sqrt(0.00324775/0.001999) + 1e-5)
	if math.Abs(tb.q[0]-want) > 1e-9 {
		t.Errorf("after two steps %g, want %g", tb.q[0], want)
	}
	if want := -0.02 * 4 / (4 + 1e-5); math.Abs(tb.q[1]-want) > 1e-12 {
		t.Errorf("the other entry %g, want %g", tb.q[1], want)
	}
}

// TestTargetByHand: one episode of one selection, worth +1 at its end.
func TestTargetByHand(t *testing.T) {
	c := with(t, "batch=1", "buffer=2", "lambda=0")
	l := newLearner(&c, [2]*Prior{{}, {}}, 1)
	for _, tb := range []*table{l.alice, l.bob} {
		clear(tb.q)
	}
	s := Begin(1)
	r0a, r0b := s.rows()
	s.Say(2)
	r1a, r1b := s.rows()
	l.alice.q[r1a*width], l.bob.q[r1b*width+4] = 0.25, 0.5 // the next turn is worth 0.75
	l.prepare()
	l.replay[0] = episode{n: 2, alice: [Turns]int16{int16(r0a*width + 2), int16(r1a * width)}, bob: [Turns]int16{int16(r0b * width), int16(r1b*width + 3)}, reward: [Turns]int8{0, 1}}
	l.episodes = 1
	l.learn()
	// Errors are .75 - 0 and 1 - (.25 + 0): every entry takes a first step of lr upwards.
	for _, e := range []struct {
		name   string
		q      float64
		before float64
	}{{"Alice's word", l.alice.q[r0a*width+2], 0}, {"Bob's waiting", l.bob.q[r0b*width], 0}, {"Alice's waiting", l.alice.q[r1a*width], 0.25}, {"Bob's ball", l.bob.q[r1b*width+3], 0}} {
		if want := e.before + 0.02*0.75/(0.75+1e-5); math.Abs(e.q-want) > 1e-12 {
			t.Errorf("%s is worth %g, want %g", e.name, e.q, want)
		}
	}
}

// TestUniformPriorIsNone: no weight on the prior and a prior without opinion are the same training, bit for bit.
func TestUniformPriorIsNone(t *testing.T) {
	state := func(assignments ...string) []run.Array {
		c := with(t, append(assignments, "episodes=1500", "log_every=500")...)
		tr, err := newTrainer(&c, [2]*Prior{}, 5, nil)
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if _, err := tr.Step(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		s, err := tr.State()
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	none := state("lambda=0")
	if !reflect.DeepEqual(none, state("lambda=0.7", "weight=1")) {
		t.Error("a uniform prior changes the training")
	}
	if reflect.DeepEqual(none, state("lambda=0.7")) {
		t.Error("a prior with an opinion changes nothing")
	}
}

func TestLearnsTheInstruction(t *testing.T) {
	for _, c := range []struct {
		name    string
		config  Config
		told    Instruction
		follows bool
	}{
		{"same", with(t, "episodes=12000"), Same, true},
		{"next", with(t, "episodes=12000", "instruction=next"), Next, true},
		{"changed half-way", with(t, "episodes=12000", "switch_at=1000"), Next, true},
		{"none", with(t, "lambda=0", "episodes=8000"), Same, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := Train(t.Context(), c.config, 1)
			if err != nil {
				t.Fatal(err)
			}
			e := Examine(p, p, c.told)
			if e.Score < 0.8 {
				t.Errorf("the pair scores %g", e.Score)
			}
			if person := Examine(p, Person(c.told), c.told); (e.HumanShare() > 0.8) != c.follows || (person.Score > 0.7) != c.follows {
				t.Errorf("%+v, %g with a person; want a Bob who follows: %t", e, person.Score, c.follows)
			}
		})
	}
}

// TestPriorFromFile: a file with the weights of the rule is the rule.
func TestPriorFromFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "prior.json")
	if err := os.WriteFile(path, []byte("[[3,1,1,1,1,1],[1,3,1,1,1,1],[1,1,3,1,1,1],[1,1,1,3,1,1],[1,1,1,1,3,1]]"), 0o600); err != nil {
		t.Fatal(err)
	}
	var pairs []*Pair
	for _, c := range []Config{with(t, "episodes=1000"), with(t, "episodes=1000", "weight=1", "table="+path), with(t, "episodes=1000", "weight=1")} {
		p, err := Train(t.Context(), c, 1)
		if err != nil {
			t.Fatal(err)
		}
		pairs = append(pairs, p)
	}
	if !reflect.DeepEqual(pairs[0], pairs[1]) || reflect.DeepEqual(pairs[0], pairs[2]) {
		t.Error("the table in the file is not what was trained with")
	}
	if err := os.WriteFile(path, []byte("[[3,1,1,1,1]]"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadPrior(path); err == nil || !strings.Contains(err.Error(), "another game") || !strings.Contains(err.Error(), path) {
		t.Errorf("a table of another game: error %v", err)
	}
}

func TestLambda(t *testing.T) {
	c := with(t, "lambda=0.8", "lambda_end=0.25", "anneal_for=0.5", "episodes=1000")
	l := newLearner(&c, [2]*Prior{{}, {}}, 1)
	for episode, want := range map[int]float64{0: 0.8, 99: 0.8, 250: 0.8 * (1 - 0.4*0.75), 500: 0.2, 1000: 0.2} {
		l.episodes = episode
		if got := l.lambda(); math.Abs(got-want) > 1e-12 {
			t.Errorf("episode %d: lambda %g, want %g", episode, got, want)
		}
	}
}

func TestCancel(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := TrainSeeds(ctx, Config{}, []int64{1, 2, 3}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want that of the context", err)
	}
}

func TestConfigErrors(t *testing.T) {
	for assignment, want := range map[string]string{"buffer=64": "larger buffer", "noise=2": "noise", "lambda=-1": "avoid", "weight=-1": "weight", "episodes=-1": "episodes", "epsilon=3": "epsilon", "table=nowhere.json": "nowhere.json"} {
		c := with(t, assignment)
		if _, err := New(&c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", assignment, err, want)
		}
	}
	if _, err := New(&Config{}); err == nil || !strings.Contains(err.Error(), "run.Resolve") {
		t.Errorf("a configuration without its defaults: error %v", err)
	}
}

func TestDamagedState(t *testing.T) {
	c := with(t, "episodes=300", "log_every=300")
	tr, err := newTrainer(&c, [2]*Prior{}, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tr.Step(t.Context()); err != nil {
		t.Fatal(err)
	}
	good, err := tr.State()
	if err != nil {
		t.Fatal(err)
	}
	if p, err := Saved(good); err != nil || !reflect.DeepEqual(p, tr.Pair()) {
		t.Errorf("the policy in the state is not the trainer's: %v", err)
	}
	for _, name := range []string{"replay", "kept/picks", "counts"} {
		state, err := tr.State()
		if err != nil {
			t.Fatal(err)
		}
		a, err := run.Find(state, name)
		if err != nil {
			t.Fatal(err)
		}
		for i := range a.Data {
			a.Data[i] = 0x7f
		}
		if _, err := newTrainer(&c, [2]*Prior{}, 1, state); err == nil || !strings.Contains(err.Error(), "start a new run") {
			t.Errorf("%s overwritten: error %v", name, err)
		}
		if _, err := Saved(state); (name == "kept/picks") != (err != nil) {
			t.Errorf("%s overwritten: the policy is read with error %v", name, err)
		}
	}
}
