package prefs_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/rewardlab/rewardlab/rl/prefs"
)

func clip(x float32) prefs.Fragment {
	return prefs.Fragment{Env: "pendulum", Steps: 2, Obs: []float32{1, 0, x, 0, 1, x}, Action: []float32{x, -x}, Next: []float32{0, 1, x, 1, 0, x}, Text: "turns"}
}

func query(a, b float32) prefs.Query { return prefs.NewQuery("spin", clip(a), clip(b)) }

func TestQueriesAreNamedByWhatTheyHold(t *testing.T) {
	if query(1, 2).ID != query(1, 2).ID {
		t.Error("the same clips give two names")
	}
	if query(1, 2).ID == query(2, 1).ID || query(1, 2).ID == query(1, 3).ID {
		t.Error("two questions have one name")
	}
}

func TestBookKeepsEveryAnswer(t *testing.T) {
	path := filepath.Join(t.TempDir(), "deep", "answers.jsonl")
	b, err := prefs.OpenBook(path)
	if err != nil {
		t.Fatal(err)
	}
	keep := func(q prefs.Query, a prefs.Answer) {
		t.Helper()
		if err := b.Keep(q, a); err != nil {
			t.Fatal(err)
		}
	}
	three := prefs.NewQuery("", clip(1), clip(2), clip(3))
	keep(query(1, 2), prefs.Answer{First: 1})
	keep(query(3, 4), prefs.Answer{First: 0})
	keep(query(1, 2), prefs.Answer{First: 1}) // again: no new line
	keep(query(5, 6), prefs.Answer{Skip: true})
	keep(query(3, 4), prefs.Answer{First: 0.5}) // thought better of
	keep(three, prefs.Answer{Ranks: []float64{2, 1, 2}})
	if err := b.Undo(query(1, 2).ID); err != nil {
		t.Fatal(err)
	}
	want := b.Records()

	// The file is whole without a Close, as after a kill; a line that the kill cut in two is dropped.
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(text, []byte("\n")); n != 6 {
		t.Errorf("%d lines, want 6", n)
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(`{"id":"abc","fir`); err != nil {
		t.Fatal(err)
	}
	f.Close()
	again, err := prefs.OpenBook(path)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if got := again.Records(); !reflect.DeepEqual(got, want) {
		t.Errorf("read back %+v, want %+v", got, want)
	}
	if len(want) != 3 || want[0].Answer.First != 0.5 || !want[1].Answer.Skip || want[2].Answer.Ranks[0] != 2 {
		t.Errorf("the book holds %+v", want)
	}
	if err := again.Keep(query(7, 8), prefs.Answer{First: 1}); err != nil {
		t.Fatal(err)
	}
	if third, err := prefs.OpenBook(path); err != nil || len(third.Records()) != 4 {
		t.Errorf("after a torn line the next answer is lost: %v", err)
	}
}

func TestBadBooks(t *testing.T) {
	good := `{"id":"a","time":"2026-01-01T00:00:00Z","clips":[{"env":"e","steps":1,"obs":"AACAPw==","action":"AACAPw==","next":"AACAPw=="},{"env":"e","steps":1,"obs":"AACAPw==","action":"AACAPw==","next":"AACAPw=="}],"first":1}`
	for _, tt := range []struct{ name, line, want string }{
		{"no JSON", "left\n", "line 2: no answer in JSON"},
		{"no id", `{"first":1}`, "without the id"},
		{"empty", strings.Replace(good, `,"first":1`, "", 1), "an empty answer"},
		{"no clips", `{"id":"b","first":1}`, "0 clips"},
		{"a probability above 1", strings.Replace(good, `"first":1`, `"first":7`, 1), "from 0 to 1"},
		{"ranks of three clips", strings.Replace(good, `"first":1`, `"ranks":[1,2,3]`, 1), "3 ranks for 2 clips"},
		{"half a number", strings.Replace(good, "AACAPw==", "AACA", 1), "3 bytes do not make 1 steps"},
		{"not a number", strings.Replace(good, "AACAPw==", "AADAfw==", 1), "holds NaN"},
		{"a clip of no steps", strings.Replace(good, `"steps":1`, `"steps":0`, 1), "0 steps"},
		{"an unknown field", strings.Replace(good, `"first"`, `"frist":1,"first"`, 1), "frist"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "answers")
			if err := os.WriteFile(path, []byte(good+"\n"+strings.TrimSuffix(tt.line, "\n")+"\n"), 0o644); err != nil {
				t.Fatal(err)
			}
			if _, err := prefs.OpenBook(path); err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), path) {
				t.Errorf("error %v, want one that names the file and says %q", err, tt.want)
			}
		})
	}
	if err := prefs.NewBook().Keep(query(1, 2), prefs.Answer{First: -1}); err == nil {
		t.Error("a probability below 0 was kept")
	}
}

// Nothing that a file holds makes the reader fail in another way than with an error.
func FuzzBook(f *testing.F) {
	f.Add([]byte(`{"id":"a","undo":true}` + "\n"))
	f.Add([]byte(`{"id":"a","skip":true,"clips":[{"env":"e","steps":1,"obs":"AACAPw==","action":"AACAPw==","next":"AACAPw=="},{}]}` + "\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "answers")
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		b, err := prefs.OpenBook(path)
		if err != nil {
			return
		}
		defer b.Close()
		for _, r := range b.Records() {
			if err := r.Answer.Check(len(r.Query.Clips)); err != nil {
				t.Errorf("kept a bad answer: %v", err)
			}
		}
	})
}

func TestTerminal(t *testing.T) {
	b := prefs.NewBook()
	var out bytes.Buffer
	in := "left\n1\nu\n2\n?\n"
	got, err := prefs.NewTerminal(strings.NewReader(in), &out, b).Ask(t.Context(), []prefs.Query{query(1, 2), query(3, 4)})
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, []prefs.Answer{{First: 0}, {Skip: true}}) {
		t.Errorf("answers %+v", got)
	}
	if r := b.Records(); len(r) != 2 || r[0].Answer.First != 0 || !r[1].Answer.Skip {
		t.Errorf("the book holds %+v", r)
	}
	if text := out.String(); !strings.Contains(text, `"left" is no answer`) || !strings.Contains(text, "Question 2 of 2") {
		t.Errorf("the terminal showed %s", text)
	}

	ranks, err := prefs.NewTerminal(strings.NewReader("1 1 2\n3 1\n3 1 2\n"), &out, nil).Ask(t.Context(), []prefs.Query{prefs.NewQuery("", clip(1), clip(2), clip(3))})
	if err != nil || !reflect.DeepEqual(ranks[0].Ranks, []float64{2, 1, 3}) {
		t.Errorf("ranks %+v, %v", ranks, err)
	}

	for _, end := range []string{"1\nq\n", "1\n"} { // the second: standard input ends
		some, err := prefs.NewTerminal(strings.NewReader(end), &out, nil).Ask(t.Context(), []prefs.Query{query(1, 2), query(3, 4)})
		if !errors.Is(err, prefs.ErrStopped) || len(some) != 1 {
			t.Errorf("%q: %+v, %v", end, some, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := prefs.NewTerminal(strings.NewReader("1\n"), &out, nil).Ask(ctx, []prefs.Query{query(1, 2)}); !errors.Is(err, context.Canceled) {
		t.Errorf("after a cancellation: %v", err)
	}
}

func TestDescribe(t *testing.T) {
	c := prefs.Fragment{Env: "pendulum", Steps: 2, Obs: []float32{-1, 0, 0, 1, 0, 2}}
	if got := prefs.Describe(c); !strings.Contains(got, "starts 180 degrees from upright and ends 0 degrees") || !strings.Contains(got, "2.0 at the end") {
		t.Errorf("pendulum: %s", got)
	}
	c = prefs.Fragment{Env: "elsewhere", Steps: 1, Obs: []float32{7}}
	if got := prefs.Describe(c); !strings.Contains(got, "7 at the start") {
		t.Errorf("elsewhere: %s", got)
	}
	if got := prefs.Describe(prefs.Fragment{Env: "pendulum"}); got != "an empty clip" {
		t.Errorf("nothing: %s", got)
	}
}
