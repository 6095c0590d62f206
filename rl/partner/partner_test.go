package partner

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/core/tensors"

	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/backend/backendtest"
	"github.com/rewardlab/rewardlab/rl/hanabi"
	"github.com/rewardlab/rewardlab/rl/instruct"
	"github.com/rewardlab/rewardlab/rl/loop"
	"github.com/rewardlab/rewardlab/rl/nn"
	"github.com/rewardlab/rewardlab/rl/run"
)

const tiny = "colors=2 ranks=2 hand=2 hints=3 lives=2 envs=4 hidden=8 eval_every=20 eval_games=4 games=20 log_every=30 "
const tinyQ = tiny + "iterations=60 buffer=100 warmup=20 batch=8 target_every=7 "
const tinyPPO = tiny + "iterations=6 steps=8 minibatches=2 epochs=2 "

func resolved[C any](t testing.TB, set string) *C {
	t.Helper()
	c := new(C)
	if err := run.Set(c, strings.Fields(set)...); err != nil {
		t.Fatal(err)
	}
	if err := run.Resolve(c); err != nil {
		t.Fatal(err)
	}
	return c
}

func game(t testing.TB, c hanabi.Config) *hanabi.Rules {
	t.Helper()
	r, err := hanabi.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// train trains seed 3 to the end.
func train[C any](t *testing.T, set string, make func(*backend.Engine, *C) (*Worker, error), e *backend.Engine) (*Trainer, error) {
	t.Helper()
	w, err := make(e, resolved[C](t, set))
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	tr, err := w.Trainer(t.Context(), 3, nil)
	if err != nil {
		return nil, err
	}
	for {
		r, err := tr.Step(t.Context())
		if err != nil {
			return nil, err
		}
		if r.Iteration == r.Total {
			return tr.(*Trainer), nil
		}
	}
}

// A player moves, gets 1, his partner then 2, and he moves again: 1 + 2/2, and his own next position counts a quarter. The second move ends the game with
// -3: nothing follows it.
func TestReplay(t *testing.T) {
	r, w := newReplay(2, 1), newWaiting(2, 1)
	position := func(bits uint64) seen { return seen{[]uint64{bits}, int32(bits), bits} }
	now := position(5)
	r.add(w, 1, &now)
	if r.n != 0 {
		t.Fatal("a move was stored before there was one")
	}
	w.begin(1, now, 4)
	w.reward(1, 1, 0.5)
	w.reward(1, 2, 0.5)
	now = position(6)
	r.add(w, 1, &now)
	w.begin(1, now, 3)
	w.reward(1, -3, 0.5)
	r.add(w, 1, nil)
	r.add(w, 1, nil) // nothing waits any more
	want := &replay{capacity: 2, width: 1, obs: []uint64{5, 6}, next: []uint64{6, 6}, action: []uint8{4, 3}, gain: []float32{2, -3}, discount: []float32{0.25, 0},
		history: []int32{6, 6}, legal: []uint64{6, 6}, n: 2}
	if !reflect.DeepEqual(r, want) {
		t.Errorf("stored %+v, want %+v", r, want)
	}
	obs, back := make([]float32, 70), make([]float32, 70)
	obs[0], obs[63], obs[64], obs[69] = 1, 1, 1, 1
	into := make([]uint64, words(70))
	pack(obs, into)
	unpack(into, back)
	if !reflect.DeepEqual(obs, back) {
		t.Error("an observation does not survive its bits")
	}
}

// Values are W's rows: the observation is a one-hot vector. At the next position, number 1, the learning net has values 1 and 2, and would choose the
// second; the prior adds 3 to the first. The target net gives that 10: the target is 0.5 + 0.8 * 10 = 8.5, and the error of the value 3 is 5.5. With the
// prior in the value it would be 7.9.
func TestQUpdate(t *testing.T) {
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		c := resolved[Q](t, "updates=1 batch=1")
		values := nn.Linear(2, 2)
		l, err := loop.New(e.Backend, "q", 1, c.update(nn.Pack(values), values.Apply))
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		s, err1 := loop.Pack[learned](nn.Start([]float32{0, 3, 1, 2, 0, 0})...)
		b, err2 := loop.Pack[qBatch](tensors.FromValue([]float32{7, 7, 10, 20, 0, 0}), tensors.FromValue([][][]float32{{{1, 0}}}), tensors.FromValue([][][]float32{{{0, 1}}}),
			tensors.FromValue([][][]float32{{{3, 0}}}), tensors.FromValue([][]int32{{1}}), tensors.FromValue([][]float32{{0.5}}), tensors.FromValue([][]float32{{0.8}}))
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		_, marks, err := l.Run(t.Context(), 0, 1, s, b)
		if err != nil {
			t.Fatal(err)
		}
		if got := tensors.MustCopyFlatData[float32](marks.Get("Loss"))[0]; math.Abs(float64(got)-5.5*5.5) > 1e-4 {
			t.Errorf("loss %g, want 5.5 squared", got)
		}
	})
}

// Of three moves the last is not legal; logits 0 and ln 3 make the policy 1/4, 3/4. From the prior 1/2, 1/2 it diverges by ln 2 - H = 0.1308, from itself not
// at all.
func TestPPODivergence(t *testing.T) {
	h := -0.25*math.Log(0.25) - 0.75*math.Log(0.75)
	for _, tt := range []struct {
		name  string
		prior []float32
		want  float64
	}{
		{"uniform", []float32{float32(math.Log(0.5)), float32(math.Log(0.5)), 0}, math.Log(2) - h},
		{"itself", []float32{float32(math.Log(0.25)), float32(math.Log(0.75)), 0}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
				c := resolved[PPO](t, "envs=2 steps=1 minibatches=1 epochs=1")
				n := &nets{policy: nn.Linear(1, 3), critic: nn.Linear(2, 1)}
				n.pack = nn.Pack(n.policy, n.critic)
				l, err := loop.New(e.Backend, "ppo", 1, c.update(n))
				if err != nil {
					t.Fatal(err)
				}
				defer l.Close()
				s, err1 := loop.Pack[learned](nn.Start([]float32{0, 0, 0, 0, float32(math.Log(3)), 50, 0, 0, 0})...)
				two := func(x ...float32) *tensors.Tensor { return tensors.FromValue([][]float32{x, x}) }
				flat := tensors.FromValue([]float32{0, 0})
				b, err2 := loop.Pack[lesson](two(1), two(1), two(0, 0, never), two(tt.prior...), tensors.FromValue([]int32{0, 1}), flat, flat, flat, flat,
					tensors.FromValue([][]int32{{0, 1}}), tensors.FromValue(float32(1)))
				if err1 != nil || err2 != nil {
					t.Fatal(err1, err2)
				}
				_, marks, err := l.Run(t.Context(), 0, 1, s, b)
				if err != nil {
					t.Fatal(err)
				}
				got := func(name string) float64 {
					return float64(tensors.MustCopyFlatData[float32](marks.Get(name))[0])
				}
				if math.Abs(got("Prior")-tt.want) > 1e-5 || math.Abs(got("Entropy")-h) > 1e-5 {
					t.Errorf("divergence %g, want %g; entropy %g, want %g", got("Prior"), tt.want, got("Entropy"), h)
				}
			})
		})
	}
}

// Two games of three moves, with gamma 1/2 and trace 1/2. In the first the game ends at move 1; by hand, from the back:
// move 2: 4 + 8/2 - 2 = 6; move 1: 1 - 2 = -1; move 0: 0 + 2/2 - 2 - 1/4 = -1.25. In the second nothing happens and everything is worth 0.
func TestAdvantages(t *testing.T) {
	gain, estimate := make([]float32, 6), make([]float32, 6)
	advantages(0.5, 0.5, 2, []float32{0, 0, 1, 0, 4, 0}, []float32{2, 0, 2, 0, 2, 0}, []float32{8, 0}, []bool{false, false, true, false, false, false}, gain, estimate)
	if want := []float32{-1.25, 0, -1, 0, 6, 0}; !reflect.DeepEqual(gain, want) {
		t.Errorf("advantages %v, want %v", gain, want)
	}
	if want := []float32{0.75, 0, 1, 0, 8, 0}; !reflect.DeepEqual(estimate, want) {
		t.Errorf("targets %v, want %v", estimate, want)
	}
}

func TestChance(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var seen, drawn [5]int
	const n = 4000
	for range n {
		seen[anyOf(0b10101, rng.Uint64N)]++
		drawn[draw([]float32{float32(math.Log(0.2)), 0, float32(math.Log(0.8)), 0, 0}, 0b101, rng.Float64())]++
	}
	for m, want := range [5]float64{1. / 3, 0, 1. / 3, 0, 1. / 3} {
		if math.Abs(float64(seen[m])/n-want) > 0.04 {
			t.Errorf("move %d was taken %d times of %d", m, seen[m], n)
		}
	}
	if math.Abs(float64(drawn[0])/n-0.2) > 0.03 || drawn[0]+drawn[2] != n {
		t.Errorf("drawn %v of %d, want a fifth and four fifths", drawn, n)
	}
	if m := draw([]float32{float32(math.Log(0.999)), never}, 0b11, 0.99999); m != 1 {
		t.Errorf("a number beyond the sum draws move %d", m)
	}
}

// Without weight, or with a prior that says nothing, learning is the same to the last bit; with one that says something it is not.
func TestNoPrior(t *testing.T) {
	r := game(t, hanabi.Config{Colors: 2, Ranks: 2, Hand: 2, Hints: 3, Lives: 2})
	histories, err := r.Histories()
	if err != nil {
		t.Fatal(err)
	}
	uniform := make([][]float64, len(histories))
	for i := range uniform {
		uniform[i] = make([]float64, r.Moves())
		for m := range uniform[i] {
			uniform[i][m] = 1
		}
	}
	table := write(t, uniform)
	e := backendtest.Go(t)
	theta := func(set string) []float32 {
		tr, err := train(t, tinyQ+set, NewQ, e)
		if err != nil {
			t.Fatal(err)
		}
		return append([]float32(nil), tr.theta()...)
	}
	none := theta("lambda=0")
	for _, set := range []string{"lambda=1 table=" + table, "lambda=1 instruction=none"} {
		if !reflect.DeepEqual(theta(set), none) {
			t.Errorf("%s learns otherwise than lambda=0", set)
		}
	}
	if reflect.DeepEqual(theta("lambda=1"), none) {
		t.Error("an instruction changes nothing")
	}
}

// write puts weights into a file.
func write(t *testing.T, weights [][]float64) string {
	t.Helper()
	text, err := json.Marshal(weights)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "prior.json")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// At a third of training the instruction changes: what is kept is of the new one, and lambda has fallen as it should.
func TestInstructionChanges(t *testing.T) {
	e := backendtest.Go(t)
	tr, err := train(t, tinyQ+"switch_at=20 lambda=0.4 lambda_end=0.5 anneal_for=0.5", NewQ, e)
	if err != nil {
		t.Fatal(err)
	}
	a := tr.Agent()
	if tr.scores[3] != 1 || a.lean.prior.Bit(0, tr.rules.Number(hanabi.Move{Kind: hanabi.HintRank, Target: 1})) != 1 {
		t.Error("the policy that was kept does not go by the second instruction")
	}
	for i, want := range map[int]float64{0: 0.4, 15: 0.3, 30: 0.2, 60: 0.2} {
		if got := tr.told.lambda(0.4, i, 60); math.Abs(got-want) > 1e-12 {
			t.Errorf("lambda %g in iteration %d, want %g", got, i, want)
		}
	}
}

func TestBadPriors(t *testing.T) {
	e := backendtest.Go(t)
	r := game(t, hanabi.Config{Colors: 2, Ranks: 2, Hand: 2, Hints: 3, Lives: 2})
	histories, err := r.Histories()
	if err != nil {
		t.Fatal(err)
	}
	weights := make([][]float64, len(histories))
	for i := range weights {
		weights[i] = make([]float64, r.Moves())
		weights[i][0] = 1 // a discard, which is not legal as long as all hint tokens are there
	}
	for name, make := range map[string]func(set string) (*Trainer, error){
		"q": func(set string) (*Trainer, error) { return train(t, tinyQ+set, NewQ, e) }, "ppo": func(set string) (*Trainer, error) { return train(t, tinyPPO+set, NewPPO, e) },
	} {
		for _, tt := range []struct {
			weights [][]float64
			set     string
			want    string
		}{
			{weights, "", "no legal move has any weight after history 0 (My partner did nothing)"},
			{weights[1:], "", "another size"},
			{weights, "noise=0.1", "leave one of them out"},
		} {
			if _, err := make("lambda=0.3 table=" + write(t, tt.weights) + " " + tt.set); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%s: error %v, want %q", name, err, tt.want)
			}
		}
	}
}

func TestConfigErrors(t *testing.T) {
	for set, want := range map[string]string{
		"players=3": "of the game for two", "colors=9": "colors is 9", "games=7": "even", "lambda=-1": "lambda", "warmup=10": "warmup", "hidden=0": "hidden",
		"noise=2": "noise", "batch=-1": "batch", "epsilon=2": "epsilon",
	} {
		if err := run.Check(resolved[Q](t, set)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one about %q", set, err, want)
		}
	}
	for set, want := range map[string]string{"minibatches=7": "equal size", "trace=2": "trace", "steps=-1": "steps"} {
		if err := run.Check(resolved[PPO](t, set)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one about %q", set, err, want)
		}
	}
	if err := run.Check(new(Q)); err == nil || !strings.Contains(err.Error(), "Resolve") {
		t.Errorf("unresolved: error %v", err)
	}
}

// Persons give hints of their kind only and take them as they should; those who were told differently do worse together.
func TestPersonsMeet(t *testing.T) {
	r := game(t, hanabi.Config{Colors: 4, Ranks: 2, Hand: 2, Hints: 3, Lives: 3})
	a, err := NewArena(backendtest.Go(t), r, 400)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	color, rank := Person(r, instruct.PlayOnColor), Person(r, instruct.PlayOnRank)
	meet := func(x, y *Agent) *Meeting {
		m, err := a.Play(t.Context(), x, y, 5)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	cc, rr, cr := meet(color, color), meet(rank, rank), meet(color, rank)
	if cc.Score < 6 || rr.Score < 6 || cr.Score > cc.Score-1 {
		t.Errorf("colors %.2f, ranks %.2f, one of each %.2f", cc.Score, rr.Score, cr.Score)
	}
	if cc.First.Colors() != 1 || rr.Second.Colors() != 0 || cc.First.Share(AfterColor, PlaysHinted) < 0.8 || cr.Second.Share(AfterColor, PlaysHinted) > 0.5 {
		t.Errorf("they do not do what they were told: %+v", cc.First.Answers)
	}
	total, moves := 0, 0
	for _, row := range cc.First.Answers {
		for _, n := range row {
			total += n
		}
	}
	for _, row := range cc.First.Moves {
		for _, n := range row {
			moves += n
		}
	}
	if total != moves || total < 400*5 {
		t.Errorf("%d answers and %d moves were counted in %d games", total, moves, cc.Games)
	}
	if first := cc.First.Answers[AtFirst]; first[HintsColor]+first[HintsRank]+first[PlaysOther] != 200 {
		t.Errorf("one of both begins 200 games, and nothing can be discarded then: %v", first)
	}
	if _, err := a.Play(t.Context(), Person(game(t, hanabi.Config{}), instruct.PlayOnRank), rank, 1); err == nil || !strings.Contains(err.Error(), "arena for its game") {
		t.Errorf("an agent of another game: error %v", err)
	}
	if _, err := NewArena(backendtest.Go(t), r, 3); err == nil {
		t.Error("three games were accepted")
	}
}

// Scores 0, 2, 2, 4: mean 2, and a standard error of sqrt(2 / 3).
func TestMeetingSum(t *testing.T) {
	r := game(t, hanabi.Config{Colors: 2, Ranks: 2, Hand: 2, KeepPoints: true})
	games := make([]hanabi.Game, 4)
	for i, plays := range []int{0, 2, 2, 4} {
		var deck []hanabi.Card
		for _, c := range []hanabi.Card{{Color: 0, Rank: 0}, {Color: 0, Rank: 1}, {Color: 1, Rank: 0}, {Color: 1, Rank: 1}, {Color: 0, Rank: 0}, {Color: 0, Rank: 0}, {Color: 1, Rank: 0}, {Color: 1, Rank: 0}} {
			deck = append(deck, c)
		}
		if err := games[i].Deal(r, deck); err != nil {
			t.Fatal(err)
		}
		play := r.Number(hanabi.Move{Kind: hanabi.Play})
		for range plays { // player 0 has both cards of a colour, player 1 of the other
			if _, err := games[i].Step(play); err != nil {
				t.Fatal(err)
			}
		}
	}
	var m Meeting
	m.sum(r, games)
	if m.Score != 2 || math.Abs(m.Error-math.Sqrt(2./3)) > 1e-12 || m.Perfect != 0.25 {
		t.Errorf("mean %g, error %g, perfect %g", m.Score, m.Error, m.Perfect)
	}
}

// In a game of four kinds of cards, colour hints become invitations in seconds: told so, the players give them and take them, and score.
func TestLearns(t *testing.T) {
	e := backendtest.XLA(t)
	for name, learner := range map[string]struct {
		make  func() (*Trainer, error)
		score float64
	}{
		"q": {func() (*Trainer, error) {
			return train(t, "colors=3 ranks=2 hand=2 hints=3 envs=64 hidden=64 iterations=1500 warmup=2000 updates=2 lr=2e-3 target_every=200 beta=5 eval_games=200 games=400", NewQ, e)
		}, 4},
		"ppo": {func() (*Trainer, error) {
			return train(t, "colors=3 ranks=2 hand=2 hints=3 envs=64 hidden=64 iterations=50 epochs=6 minibatches=16 lambda=0.2 beta=3 lambda_end=0 eval_games=200 games=400", NewPPO, e)
		}, 2.5},
	} {
		t.Run(name, func(t *testing.T) {
			tr, err := learner.make()
			if err != nil {
				t.Fatal(err)
			}
			v, err := tr.Evaluate(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%v", v)
			if v["eval/score"] < learner.score || v["eval/colors"] < 0.7 || v["eval/play_after_color"] < 0.5 {
				t.Errorf("score %.2f of 6, %.2f of hints name a color, of which %.2f are followed", v["eval/score"], v["eval/colors"], v["eval/play_after_color"])
			}
		})
	}
}

// The leaning is the prior's logits times its scale where moves are legal.
func TestLeaning(t *testing.T) {
	r := game(t, hanabi.Config{})
	p, err := instruct.HanabiRule(r, instruct.PlayOnColor)
	if err != nil {
		t.Fatal(err)
	}
	out := make([]float32, r.Moves())
	legal := uint64(0b11<<5 | 1<<10 | 1<<15)
	if err := (leaning{p, 0.75}).write(0, legal, out); err != nil {
		t.Fatal(err)
	}
	for m, x := range out {
		want := float32(never)
		if legal>>m&1 == 1 {
			want = 0
		}
		if m == 10 {
			want = 0.75
		}
		if x != want {
			t.Errorf("%s: %g, want %g", r.Describe(r.Move(m)), x, want)
		}
	}
}
