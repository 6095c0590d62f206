package plots

import (
	"bytes"
	"context"
	"encoding/gob"
	"encoding/json"
	"errors"
	"fmt"
	"image/png"
	"math"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// screen is a Display that keeps what it is sent.
type screen struct {
	mu    sync.Mutex
	got   []Message
	at    []time.Time
	syncs int
	err   error
}

func (s *screen) Send(m Message) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.got, s.at = append(s.got, m), append(s.at, time.Now())
	return s.err
}

func (s *screen) Sync() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.syncs++
}

func (s *screen) last(t *testing.T) Message {
	t.Helper()
	if len(s.got) == 0 {
		t.Fatal("nothing was shown")
	}
	return s.got[len(s.got)-1]
}

// spec is the part of a Vega-Lite chart that these tests look at, read back from JSON.
type spec struct {
	Schema string `json:"$schema"`
	Data   struct {
		Values []struct {
			X, Y float64
			Line string
			Part int
		}
	}
	Layer []struct {
		Mark struct {
			Type, Text string
		}
		Encoding map[string]struct {
			Type, Field, Title string
			Datum              float64
			Scale              struct {
				Domain []any
				Range  []string
			}
		}
	}
}

func readSpec(t *testing.T, m Message) (s spec) {
	t.Helper()
	// It must pass through the pipe to the kernel, which is gob, and then through JSON.
	registerJSON()
	var pipe bytes.Buffer
	if err := gob.NewEncoder(&pipe).Encode(m); err != nil {
		t.Fatalf("not fit for the kernel's pipe: %v", err)
	}
	var arrived Message
	if err := gob.NewDecoder(&pipe).Decode(&arrived); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(arrived.Data[mimeVega])
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &s); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return s
}

func TestLiveThrottlesAndEndsWithTheLastState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &screen{}
		l := NewLive(t.Context(), "Training", Axes{X: "iteration", Y: "accuracy", YMax: 1}, LiveOptions{Display: s, Lines: []string{"seed 0", "seed 1"}})
		var seeds sync.WaitGroup
		for _, name := range []string{"seed 0", "seed 1"} {
			seeds.Go(func() {
				for i := range 300 {
					l.Add(name, float64(i), float64(i)/300)
					time.Sleep(10 * time.Millisecond) // 3 s in all
				}
			})
		}
		seeds.Wait()
		l.Add("seed 0", 300, 0.875)
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if n := len(s.got); n < 10 || n > 14 {
			t.Errorf("%d drawings in 3 s, want one in 250 ms", n)
		}
		for i := 1; i < len(s.at)-1; i++ {
			if d := s.at[i].Sub(s.at[i-1]); d < 250*time.Millisecond {
				t.Errorf("drawings %d and %d are %v apart", i-1, i, d)
			}
		}
		for _, m := range s.got {
			if m.ID == "" || m.ID != s.got[0].ID {
				t.Fatalf("drawings have the ids %q and %q, so they would not replace each other", s.got[0].ID, m.ID)
			}
		}
		if s.syncs == 0 {
			t.Error("Close did not wait for the notebook")
		}

		m := s.last(t)
		got := readSpec(t, m)
		if got.Schema != "https://vega.github.io/schema/vega-lite/v5.json" {
			t.Errorf("schema is %q", got.Schema)
		}
		if n := len(got.Data.Values); n != 601 {
			t.Errorf("%d points, want 601", n)
		}
		found := false
		for _, v := range got.Data.Values {
			found = found || v.X == 300 && v.Y == 0.875 && v.Line == "seed 0"
		}
		if !found {
			t.Error("the last point before Close is missing")
		}
		enc := got.Layer[0].Encoding
		if enc["x"].Title != "iteration" || enc["y"].Title != "accuracy" || fmt.Sprint(enc["y"].Scale.Domain) != "[0 1]" ||
			fmt.Sprint(enc["color"].Scale.Domain) != "[seed 0 seed 1]" || enc["color"].Scale.Range[0] != "#0072b2" {
			t.Errorf("encoding = %+v", enc)
		}
		img, err := png.Decode(bytes.NewReader(m.Data[mimePNG].([]byte)))
		if err != nil || img.Bounds().Dx() != 1200 {
			t.Errorf("the last fallback picture: %v, %v; want 1200 pixels across", img.Bounds(), err)
		}

		before := len(s.got)
		l.Add("seed 0", 301, 1)
		if err := l.Close(); err != nil || len(s.got) != before {
			t.Errorf("a second Close drew again (%v)", err)
		}
	})
}

func TestLiveStaysBounded(t *testing.T) {
	line := &liveLine{name: "long", stride: 1}
	for i := range 1_000_000 {
		line.add(float64(i), 2*float64(i), 401)
	}
	c := line.curve()
	if len(c.x) > 401 || len(c.x) < 200 {
		t.Errorf("%d points after a million, want 200 to 401", len(c.x))
	}
	total := 0
	for i, b := range line.bins {
		total += b.n
		if math.Abs(c.band[i].Point-2*c.x[i]) > 1e-6 || i > 0 && c.x[i] <= c.x[i-1] {
			t.Fatalf("point %d is (%v, %v)", i, c.x[i], c.band[i].Point)
		}
	}
	if total != 1_000_000 {
		t.Errorf("%d points are left of a million", total)
	}
}

func TestLiveGapsRefsAndMarks(t *testing.T) {
	s := &screen{}
	l := NewLive(t.Context(), "T", Axes{Refs: []Line{{"random", 0.1}}, Marks: []Line{{"flip", 2}}}, LiveOptions{Display: s})
	for i, y := range []float64{1, 2, math.NaN(), math.Inf(1), 5} {
		l.Add("a", float64(i), y)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	got := readSpec(t, s.last(t))
	parts := map[int]int{}
	for _, v := range got.Data.Values {
		parts[v.Part]++
	}
	if len(got.Data.Values) != 3 || len(parts) != 2 {
		t.Errorf("values %+v: want three points in two parts", got.Data.Values)
	}
	if len(got.Layer) != 5 || got.Layer[1].Encoding["y"].Datum != 0.1 || got.Layer[3].Encoding["x"].Datum != 2 || got.Layer[4].Mark.Text != "flip" {
		t.Errorf("layers = %+v", got.Layer)
	}
}

func TestLiveAfterCancelShowsWhatItGotTo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		s := &screen{}
		l := NewLive(ctx, "T", Axes{}, LiveOptions{Display: s})
		cancel()
		synctest.Wait()
		l.Add("a", 1, 7)
		time.Sleep(time.Second)
		if len(s.got) != 0 {
			t.Errorf("drew %d times after the end of its context", len(s.got))
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if v := readSpec(t, s.last(t)).Data.Values; len(v) != 1 || v[0].Y != 7 {
			t.Errorf("the last state is %+v", v)
		}
	})
}

func TestLiveErrors(t *testing.T) {
	s := &screen{}
	l := NewLive(t.Context(), "bad axes", Axes{YMin: 2, YMax: 1}, LiveOptions{Display: s})
	l.Add("a", 1, 1)
	if err := l.Close(); err == nil || !strings.Contains(err.Error(), "YMin is 2") || !strings.Contains(s.last(t).Data[mimeText].(string), "YMin is 2") {
		t.Errorf("bad axes: %v, shown %v", err, s.got)
	}
	l = NewLive(t.Context(), "bad x", Axes{}, LiveOptions{Display: &screen{}})
	l.Add("loss", math.NaN(), 1)
	if err := l.Close(); err == nil || !strings.Contains(err.Error(), `"loss": x is NaN`) {
		t.Errorf("bad x: %v", err)
	}
	broken := errors.New("pipe is broken")
	l = NewLive(t.Context(), "broken", Axes{}, LiveOptions{Display: &screen{err: broken}})
	l.Add("a", 1, 1)
	if err := l.Close(); !errors.Is(err, broken) {
		t.Errorf("broken display: %v", err)
	}
}

func TestNothingHappensOutsideTheNotebook(t *testing.T) {
	if Notebook() != nil {
		t.Skip("this test runs inside GoNB")
	}
	l := NewLive(t.Context(), "T", Axes{}, LiveOptions{})
	l.Add("a", 1, 1)
	p := NewProgress("T", 10, ProgressOptions{})
	p.Add(10)
	film := &Film{}
	if err := errors.Join(l.Close(), p.Close(), film.Show(), HeatMap("T", [][]float64{{1}}, nil, nil, Heat{}).Show()); err != nil {
		t.Error(err)
	}
	if err := Curves("T", nil, Axes{}).Show(); err == nil {
		t.Error("Show hid the figure's error")
	}
}

func BenchmarkLiveAdd(b *testing.B) {
	l := NewLive(b.Context(), "T", Axes{}, LiveOptions{Display: &screen{}})
	i := 0.0
	for b.Loop() {
		l.Add("a", i, i)
		i++
	}
	if err := l.Close(); err != nil {
		b.Fatal(err)
	}
}

func BenchmarkLiveDraw(b *testing.B) {
	l := NewLive(b.Context(), "T", Axes{}, LiveOptions{Display: &screen{}, Every: time.Hour})
	for k := range 5 {
		for i := range 400 {
			l.Add(fmt.Sprint("seed ", k), float64(i), float64(i*k%17))
		}
	}
	for b.Loop() {
		l.send(1, png.BestSpeed)
	}
	if err := l.Close(); err != nil {
		b.Fatal(err)
	}
}
