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

// Without a book of the caller's every training asks for its own answers, and the models come to agree with the answers that they learned from.
func TestEachTrainingAsks(t *testing.T) {
	e := backendtest.Go(t)
	made, err := env.Find("pendulum")
	if err != nil {
		t.Fatal(err)
	}
	var asked []prefs.Query
	judge := gatherer(func(queries []prefs.Query) ([]prefs.Answer, error) {
		asked = append(asked, queries...)
		return prefs.Scripted(reward).Ask(t.Context(), queries)
	})
	set := small + "fit=400 rounds=1 reward_hidden=16"
	w := open(t, e, set, prefs.Options{Gatherer: judge})
	for seed := range int64(2) {
		asked = nil
		r := trainertest.Train(t, w, seed+1)
		if len(asked) != 24 {
			t.Fatalf("training %d asked %d queries, want 24", seed+1, len(asked))
		}
		var clips []prefs.Fragment
		for _, q := range asked {
			clips = append(clips, q.Clips...)
		}
		state, err := r.Trainer.State()
		if err != nil {
			t.Fatal(err)
		}
		c := &prefs.Config{}
		trainertest.Resolved(t, c, strings.Fields(set)...)
		got, err := prefs.Returns(t.Context(), e.Backend, made, c, state, clips)
		if err != nil {
			t.Fatal(err)
		}
		agree := 0
		for i := range asked {
			if (got[2*i] > got[2*i+1]) == (reward(clips[2*i]) > reward(clips[2*i+1])) {
				agree++
			}
		}
		if agree < 21 {
			t.Errorf("training %d: the models agree with %d of 24 answers that they learned from", seed+1, agree)
		}
		for _, tt := range []struct {
			change func(*prefs.Config, *[]prefs.Fragment, *[]run.Array)
			want   string
		}{
			{func(_ *prefs.Config, clips *[]prefs.Fragment, _ *[]run.Array) { *clips = nil }, "no clips"},
			{func(c *prefs.Config, _ *[]prefs.Fragment, _ *[]run.Array) { c.ClipSteps = 10 }, "clip_steps is 10"},
			{func(c *prefs.Config, _ *[]prefs.Fragment, _ *[]run.Array) { c.RewardHidden = []int{3} }, "this configuration needs"},
			{func(_ *prefs.Config, _ *[]prefs.Fragment, s *[]run.Array) { *s = (*s)[:1] }, "keeps no"},
		} {
			c, clips, state := *c, clips, state
			tt.change(&c, &clips, &state)
			if _, err := prefs.Returns(t.Context(), e.Backend, made, &c, state, clips); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one that says %q", err, tt.want)
			}
		}
	}
}

type gatherer func([]prefs.Query) ([]prefs.Answer, error)

func (g gatherer) Ask(_ context.Context, queries []prefs.Query) ([]prefs.Answer, error) {
	return g(queries)
}

// A gatherer that answers too little, too much or nonsense stops the training with an error, and what it has answered is kept. One that contradicts itself,
// or calls all clips equal, does not.
func TestBadGatherers(t *testing.T) {
	e := backendtest.Go(t)
	first := func(x float64) func(qs []prefs.Query) []prefs.Answer {
		return func(qs []prefs.Query) []prefs.Answer { return slices.Repeat([]prefs.Answer{{First: x}}, len(qs)) }
	}
	for _, tt := range []struct {
		name   string
		answer func(qs []prefs.Query) []prefs.Answer
		want   string
		kept   int
	}{
		{"none", func([]prefs.Query) []prefs.Answer { return nil }, "0 answers to 6 queries", 0},
		{"too few", func(qs []prefs.Query) []prefs.Answer { return first(1)(qs[:4]) }, "4 answers to 6 queries", 4},
		{"too many", func(qs []prefs.Query) []prefs.Answer { return append(first(1)(qs), prefs.Answer{}) }, "7 answers to 6 queries", 0},
		{"a probability of 2", first(2), "from 0 to 1", 0},
		{"not a number", first(math.NaN()), "from 0 to 1", 0},
		{"ranks of three", func(qs []prefs.Query) []prefs.Answer { return []prefs.Answer{{Ranks: []float64{1, 2, 3}}} }, "3 ranks for 2 clips", 0},
		{"cannot tell, ever", func(qs []prefs.Query) []prefs.Answer { return slices.Repeat([]prefs.Answer{{Skip: true}}, len(qs)) }, "not one answer", 6},
		{"all equal", first(0.5), "", 24},
	} {
		t.Run(tt.name, func(t *testing.T) {
			book := prefs.NewBook()
			w := open(t, e, small, prefs.Options{Book: book, Gatherer: gatherer(func(qs []prefs.Query) ([]prefs.Answer, error) { return tt.answer(qs), nil })})
			tr, err := w.Trainer(t.Context(), 1, nil)
			if err != nil {
				t.Fatal(err)
			}
			for done := false; err == nil && !done; {
				var r run.Report
				r, err = tr.Step(t.Context())
				done = r.Iteration == r.Total
			}
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
			if n := len(book.Records()); n != tt.kept {
				t.Errorf("%d answers kept, want %d", n, tt.kept)
			}
		})
	}
	// The same two clips, once this way and once that: the models end up between.
	book, two := prefs.NewBook(), prefs.NewBook()
	trainertest.Train(t, open(t, e, small+"labels=6 rounds=1", prefs.Options{Book: two, Gatherer: prefs.Scripted(reward)}), 1)
	for _, r := range two.Records() {
		turned := prefs.NewQuery("", r.Query.Clips[1], r.Query.Clips[0])
		for _, q := range []prefs.Query{r.Query, turned} {
			if err := book.Keep(q, prefs.Answer{First: 1}); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, x := range array(t, open(t, e, small+"fit=100", prefs.Options{Book: book}), "Reward.Theta") {
		if math.IsNaN(float64(x)) || math.Abs(float64(x)) > 10 {
			t.Fatalf("contradictory answers made a parameter %g", x)
		}
	}
}

// Who is asked again after a kill is asked other questions than before.
func TestNothingIsAskedTwice(t *testing.T) {
	e := backendtest.Go(t)
	book, asked := prefs.NewBook(), map[string]int{}
	patience := 3
	judge := gatherer(func(qs []prefs.Query) ([]prefs.Answer, error) {
		n := min(len(qs), patience)
		for _, q := range qs[:n] {
			asked[q.ID]++
		}
		answers, err := prefs.Scripted(reward).Ask(t.Context(), qs[:n])
		if n < len(qs) {
			err = context.Canceled
		}
		return answers, err
	})
	w := open(t, e, small, prefs.Options{Book: book, Gatherer: judge})
	first, err := w.Trainer(t.Context(), 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := first.Step(t.Context()); err == nil || len(book.Records()) != 3 {
		t.Fatalf("%d answers before the kill, error %v", len(book.Records()), err)
	}
	patience = 100
	trainertest.Train(t, w, 1)
	if len(book.Records()) != 24 || len(asked) != 24 {
		t.Errorf("%d answers to %d questions, want 24", len(book.Records()), len(asked))
	}
	for id, n := range asked {
		if n > 1 {
			t.Errorf("query %s was asked %d times", id, n)
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
		{"adding up where there are no places", "env=pendulum steps=100 reward_pool=true", "shows none: leave it out"},
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
