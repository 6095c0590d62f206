package prefs_test

import (
	"context"
	"encoding/binary"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/backend/backendtest"
	"github.com/rewardlab/rewardlab/rl/env"
	"github.com/rewardlab/rewardlab/rl/prefs"
	"github.com/rewardlab/rewardlab/rl/run"
	"github.com/rewardlab/rewardlab/rl/trainer/trainertest"
)

func open(t testing.TB, e *backend.Engine, set string, o prefs.Options) run.Worker {
	t.Helper()
	return trainertest.Open(t, &prefs.Config{}, set, func(c *prefs.Config) (run.Worker, error) {
		made, err := env.Find(c.Env)
		if err != nil {
			return nil, err
		}
		return prefs.New(t.Context(), e, made, c, o)
	})
}

const swing = "env=pendulum envs=16 steps=100 epochs=10 gamma=0.95 norm_obs=true norm_reward=true lr=2e-3 reward_hidden=32,32 "

// Random behaviour earns about -1200. A model that learned nothing, or the wrong way round, leaves the policy there.
func TestLearns(t *testing.T) {
	e := backendtest.XLA(t)
	r := trainertest.Train(t, open(t, e, swing+"total=80000 labels=200 rounds=8 reference=-150 eval_episodes=50", prefs.Options{}), 1)
	if got := r.Eval["eval/return"]; got < -600 {
		t.Errorf("greedy return %.0f, want at least -600", got)
	}
	if ratio := r.Eval["eval/ratio"]; math.Abs(ratio-(r.Eval["eval/return"]-r.Eval["eval/random"])/(-150-r.Eval["eval/random"])) > 1e-9 || ratio < 0.5 {
		t.Errorf("ratio %g of %v", ratio, r.Eval)
	}
	if n := r.Last().Values["labels/answers"]; n != 200 {
		t.Errorf("%g answers, 200 were paid for", n)
	}
	var best float64
	for _, row := range r.Rows {
		best = max(best, row.Values["pairs/accuracy"])
		if c, ok := row.Values["pairs/ceiling"]; ok && c != 1 {
			t.Errorf("the ceiling of an annotator without noise is %g", c)
		}
	}
	if best < 0.8 {
		t.Errorf("the best accuracy on held-out pairs is %.2f", best)
	}
}

const small = "env=pendulum envs=4 steps=20 total=800 epochs=1 minibatches=2 hidden=4 clip_steps=5 labels=24 rounds=3 replay=30 candidates=2 reward_hidden=4 fit=3 fit_batch=4 warmup=2 eval_episodes=2 eval_steps=10 reference=1e6 log_every=1 "

func array(t *testing.T, w run.Worker, name string) []float32 {
	t.Helper()
	r := trainertest.Train(t, w, 1)
	return of(t, r.Trainer, name)
}

func of(t *testing.T, tr run.Trainer, name string) []float32 {
	t.Helper()
	state, err := tr.State()
	if err != nil {
		t.Fatal(err)
	}
	k := slices.IndexFunc(state, func(a run.Array) bool { return a.Name == name })
	if k < 0 {
		t.Fatalf("no %s in the state", name)
	}
	x := make([]float32, len(state[k].Data)/4)
	if _, err := binary.Decode(state[k].Data, binary.LittleEndian, x); err != nil {
		t.Fatal(err)
	}
	return x
}

// With half of the answers turned round the ceiling is about one half.
func TestAnnotators(t *testing.T) {
	e := backendtest.Go(t)
	for _, tt := range []struct {
		set      string
		low, top float64
	}{{"mistakes=0.5", 0.3, 0.7}, {"mistakes=1", 0, 0}, {"temperature=1e6", 0.3, 0.7}, {"temperature=1e-6", 0.99, 1}, {"myopia=0.5", 1, 1}} {
		r := trainertest.Train(t, open(t, e, small+tt.set, prefs.Options{}), 1)
		if c := r.Rows[0].Values["pairs/ceiling"]; c < tt.low || c > tt.top {
			t.Errorf("%s: ceiling %g, want %g to %g", tt.set, c, tt.low, tt.top)
		}
	}
	ties := array(t, open(t, e, small+"equal=1e9", prefs.Options{}), "Data.Prefer")
	for _, p := range ties {
		if p != 0.5 {
			t.Fatalf("an annotator to whom all is equal answered %g", p)
		}
	}
}

// Rankings of three clips: every answer is a consistent order, and 24 answers pay for 8 rankings.
func TestRankingsAreOrders(t *testing.T) {
	e := backendtest.Go(t)
	for _, likelihood := range []string{"pairs", "plackett"} {
		p := array(t, open(t, e, small+"compare=3 likelihood="+likelihood, prefs.Options{}), "Data.Prefer")
		if len(p) != 8*9 {
			t.Fatalf("%d numbers of answers", len(p))
		}
		for q := range 8 {
			at := func(i, j int) float32 { return p[q*9+i*3+j] }
			for i := range 3 {
				for j := range 3 {
					if at(i, j)+at(j, i) != 1 {
						t.Errorf("ranking %d: %g and %g", q, at(i, j), at(j, i))
					}
					if k := 3 - i - j; i != j && k != i && k != j && at(i, j) == 1 && at(j, k) == 1 && at(i, k) != 1 {
						t.Errorf("ranking %d goes round in a circle", q)
					}
				}
			}
		}
	}
}

// reward is what Pendulum pays for a clip.
func reward(c prefs.Fragment) (sum float64) {
	for t := range c.Steps {
		th := math.Atan2(float64(c.Obs[3*t+1]), float64(c.Obs[3*t]))
		sum -= th*th + 0.1*math.Pow(float64(c.Obs[3*t+2]), 2) + 0.001*math.Pow(float64(c.Action[t]), 2)
	}
	return sum
}

// A judge outside the programs who goes by the reward gives the answers that the annotator inside gives, to the same queries.
func TestGatherersAreAskedWhatTheAnnotatorIs(t *testing.T) {
	e := backendtest.Go(t)
	set := small + "query=random rounds=1"
	inside := array(t, open(t, e, set, prefs.Options{}), "Data.Prefer")
	frames := 0
	judge := prefs.Scripted(func(c prefs.Fragment) float64 {
		frames += len(c.Frames)
		if !strings.HasPrefix(c.Text, "The pole starts") {
			t.Errorf("the clip's description is %q", c.Text)
		}
		return reward(c)
	})
	o := prefs.Options{Gatherer: judge, Frames: true}
	outside := array(t, open(t, e, set, o), "Data.Prefer")
	if frames != 24*2*5 {
		t.Errorf("%d frames of 24 pairs of 5 steps", frames)
	}
	differ := 0
	for i := range inside {
		if inside[i] != outside[i] {
			differ++
		}
	}
	if len(inside) != len(outside) || differ > 2 { // one answer about clips that are all but equal may differ by rounding
		t.Errorf("%d of %d numbers of the answers differ", differ, len(inside))
	}
}

// Answers in a file are learned from in the next training, and asked for no more; a training that stops and goes on files each of them once.
func TestAnswersOutliveTheTraining(t *testing.T) {
	e := backendtest.Go(t)
	path := filepath.Join(t.TempDir(), "answers.jsonl")
	book, err := prefs.OpenBook(path)
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	judge := prefs.Scripted(func(c prefs.Fragment) float64 { asked++; return reward(c) })
	w := open(t, e, small, prefs.Options{Gatherer: judge, Book: book})
	half, err := w.Trainer(t.Context(), 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := half.Step(t.Context()); err != nil {
		t.Fatal(err)
	}
	some := asked
	state, err := half.State()
	if err != nil {
		t.Fatal(err)
	}
	rest, err := w.Trainer(t.Context(), 1, state)
	if err != nil {
		t.Fatal(err)
	}
	for {
		r, err := rest.Step(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if r.Iteration == r.Total {
			break
		}
	}
	if asked != 2*24 || some == 0 || some == asked || len(book.Records()) != 24 {
		t.Errorf("%d clips judged before the stop, %d in all, %d answers kept", some, asked, len(book.Records()))
	}
	if n := of(t, rest, "Data.Count"); n[0] != 24 {
		t.Errorf("%g answers are learned from", n[0])
	}

	alone := open(t, e, small, prefs.Options{Book: book}) // nobody to ask
	if n := array(t, alone, "Data.Count"); n[0] != 24 || asked != 2*24 {
		t.Errorf("from the file alone %g answers, %d clips judged", n[0], asked)
	}
	if err := book.Undo(book.Records()[3].Query.ID); err != nil {
		t.Fatal(err)
	}
	if n := array(t, alone, "Data.Count"); n[0] != 23 {
		t.Errorf("after one was taken back %g answers", n[0])
	}
	for _, tt := range []struct{ set, want string }{
		{"clip_steps=10", "set clip_steps=5"}, {"labels=12", "set labels=23"}, {"compare=3", "set compare=2"}, {"env=reacher", "about pendulum"},
	} {
		w := open(t, e, small+tt.set, prefs.Options{Book: book})
		tr, err := w.Trainer(t.Context(), 1, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tr.Step(t.Context()); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want one that says %q", tt.set, err, tt.want)
		}
	}
}

// slow answers one query at a time, when it is let.
type slow struct {
	book *prefs.Book
	let  chan struct{}
}

func (s slow) Ask(ctx context.Context, queries []prefs.Query) ([]prefs.Answer, error) {
	var out []prefs.Answer
	for _, q := range queries {
		select {
		case <-ctx.Done():
			return out, ctx.Err()
		case <-s.let:
		}
		if err := s.book.Keep(q, prefs.Answer{First: 1}); err != nil {
			return out, err
		}
		out = append(out, prefs.Answer{First: 1})
	}
	return out, nil
}

// The training goes on while somebody thinks, and does not run more than a round ahead.
func TestAnswersInTheBackground(t *testing.T) {
	e := backendtest.Go(t)
	book := prefs.NewBook()
	s := slow{book, make(chan struct{})}
	w := open(t, e, small+"labels=12 upfront=0.34 schedule=constant", prefs.Options{Gatherer: s, Book: book, Background: true})
	tr, err := w.Trainer(t.Context(), 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for range 8 { // two rounds of four, never the third
			s.let <- struct{}{}
		}
	}()
	for {
		r, err := tr.Step(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if r.Iteration == r.Total {
			break
		}
	}
	if n := of(t, tr, "Data.Count")[0]; n != 8 {
		t.Errorf("%g answers are learned from, 8 were given", n)
	}
}

func TestMistakesAreNamed(t *testing.T) {
	e := backendtest.Go(t)
	for _, tt := range []struct{ name, set, want string }{
		{"a clip longer than the episode", "env=pendulum steps=400 clip_steps=400", "at most 200 steps: give a shorter clip"},
		{"clips that do not fit", "env=pendulum steps=100 clip_steps=30", "make it a multiple of clip_steps"},
		{"more rounds than iterations", "env=pendulum steps=100 rounds=9999", "put queries less often"},
		{"a query of one clip", "env=pendulum steps=100 compare=1", "compare is 1: give at least 2"},
		{"too few labels for a ranking", "env=pendulum steps=100 compare=4 labels=4", "takes 5: give more"},
		{"one model that disagrees", "env=pendulum steps=100 members=1", "cannot disagree with itself"},
		{"a share above 1", "env=pendulum steps=100 upfront=1.5", "upfront is 1.5"},
		{"no file", "env=pendulum steps=100 ask=file", "give answers=FILE"},
		{"a judge of another task", "env=pendulum steps=100 judge=eight", "set env=pointmass-open"},
		{"two layers for pictures", "env=breakout steps=100", "one layer behind the convolution"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := &prefs.Config{}
			if err := run.Set(c, strings.Fields(tt.set)...); err != nil {
				t.Fatal(err)
			}
			if err := run.Resolve(c); err != nil {
				t.Fatal(err)
			}
			err := run.Check(c)
			if err == nil {
				made, findErr := env.Find(c.Env)
				if findErr != nil {
					t.Fatal(findErr)
				}
				_, err = prefs.New(t.Context(), e, made, c, prefs.Options{})
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one that says %q", err, tt.want)
			}
		})
	}
}

func TestCost(t *testing.T) {
	for k, want := range map[int]int{2: 1, 3: 3, 4: 5, 5: 7} { // log2 of 2, 6, 24, 120
		if got := prefs.Cost(k); got != want {
			t.Errorf("a ranking of %d clips costs %d, want %d", k, got, want)
		}
	}
}
