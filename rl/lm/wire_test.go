package lm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"
)

// quick is a client that tries again at once.
var quick = Wire{Timeout: 20 * time.Second, Tries: 3, Pause: time.Millisecond, MaxReply: 100_000}

// endpoint serves fn as an endpoint and counts its requests.
func endpoint(t *testing.T, o RemoteOptions, fn http.HandlerFunc) (*Remote, *atomic.Int32) {
	t.Helper()
	var n atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { n.Add(1); fn(w, r) }))
	t.Cleanup(s.Close)
	o.URL, o.Model = s.URL+"/v1/", "m"
	if o.Tries == 0 {
		o.Wire = quick
	}
	r, err := NewRemote(o)
	if err != nil {
		t.Fatal(err)
	}
	return r, &n
}

// echo answers as vLLM does: every word is a token, with minus its length as log-probability; one more token was made up.
func echo(w http.ResponseWriter, r *http.Request) {
	var q completionRequest
	if err := json.NewDecoder(r.Body).Decode(&q); err != nil || !q.Echo {
		http.Error(w, "echo?", http.StatusBadRequest)
		return
	}
	var choices []map[string]any
	for i, text := range q.Prompt {
		var offsets []int
		var logprobs []any
		for at := 0; at < len(text); {
			n := strings.IndexByte(text[at+1:], ' ') + 1
			if n == 0 {
				n = len(text) - at
			}
			offsets = append(offsets, utf8.RuneCountInString(text[:at]))
			logprobs = append(logprobs, -utf8.RuneCountInString(text[at:at+n]))
			at += n
		}
		logprobs[0] = nil
		offsets, logprobs = append(offsets, utf8.RuneCountInString(text)), append(logprobs, -50)
		choices = append([]map[string]any{{"index": i, "text": text + " more", "logprobs": map[string]any{"token_logprobs": logprobs, "text_offset": offsets}}}, choices...)
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"choices": choices})
}

func TestRemoteEcho(t *testing.T) {
	r, n := endpoint(t, RemoteOptions{Batch: 2, Key: "k", Wire: quick}, func(w http.ResponseWriter, q *http.Request) {
		if q.URL.Path != "/v1/completions" || q.Header.Get("Authorization") != "Bearer k" {
			http.Error(w, "no", http.StatusForbidden)
			return
		}
		echo(w, q)
	})
	got, err := r.Score(t.Context(), Query{Prompt: "où est", Continuations: []string{" là", " ici même"}}, Query{Prompt: "a", Continuations: []string{" b"}})
	if err != nil {
		t.Fatal(err)
	}
	if want := "[[-3 -9] [-2]]"; fmt.Sprint(got) != want {
		t.Errorf("scores %v, want %s", got, want)
	}
	a := r.Account()
	if n.Load() != 2 || a.Requests != 2 || a.Queries != 2 || a.Continuations != 3 || a.Retries != 0 || a.Sent == 0 || a.Received == 0 {
		t.Errorf("%d requests came; account: %s", n.Load(), a)
	}
	if _, err := r.Score(t.Context(), Query{Prompt: "a b", Continuations: []string{"c"}}); err == nil || !strings.Contains(err.Error(), "begin with its space") {
		t.Errorf("a token across the boundary: %v", err)
	}
	if _, err := r.Score(t.Context(), Query{Prompt: "a", Chat: true, Continuations: []string{" b"}}); err == nil || !strings.Contains(err.Error(), "template") {
		t.Errorf("a chat without a template: %v", err)
	}
}

func TestRemoteTop(t *testing.T) {
	r, _ := endpoint(t, RemoteOptions{Top: true, Wire: quick}, func(w http.ResponseWriter, q *http.Request) {
		switch q.URL.Path {
		case "/v1/completions":
			io.WriteString(w, `{"choices": [{"text": " 3", "logprobs": {"top_logprobs": [{" 3": -0.5, " 1": -2}]}}]}`)
		case "/v1/chat/completions":
			io.WriteString(w, `{"choices": [{"logprobs": {"content": [{"token": "A", "top_logprobs": [{"token": "A", "logprob": -0.1}, {"token": "B", "logprob": -3}]}]}}]}`)
		}
	})
	got, err := r.Score(t.Context(), Query{Prompt: "p", Continuations: []string{" 1", " 3"}}, Query{Prompt: "which?", Chat: true, Continuations: []string{"B"}})
	if want := "[[-2 -0.5] [-3]]"; err != nil || fmt.Sprint(got) != want {
		t.Errorf("scores %v, %v, want %s", got, err, want)
	}
	if _, err := r.Score(t.Context(), Query{Prompt: "p", Continuations: []string{" 2"}}); err == nil || !strings.Contains(err.Error(), "not among the 2 likeliest") {
		t.Errorf("an unlikely one: %v", err)
	}
}

func TestRemoteTrouble(t *testing.T) {
	say := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, text) }
	}
	dying := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		io.WriteString(w, `{"choices": [`)
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
	for _, c := range []struct {
		name     string
		fn       http.HandlerFunc
		want     string
		requests int32
	}{
		{"slow", func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // only then is it noticed that nobody waits any more
			select {
			case <-r.Context().Done():
			case <-time.After(5 * time.Second):
			}
		}, "tried 3 times", 3},
		{"dying in mid-answer", dying, "broke off after 13 bytes", 3},
		{"busy", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "too many", http.StatusTooManyRequests) }, "429", 3},
		{"broken", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "oops", http.StatusBadGateway) }, "502", 3},
		{"not allowed", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "who are you", http.StatusUnauthorized) }, "who are you", 1},
		{"malformed", say("<html>hello</html>"), "not what was asked for", 1},
		{"of another kind", say(`{"choices": "many"}`), "not what was asked for", 1},
		{"huge", func(w http.ResponseWriter, _ *http.Request) {
			for range 40 {
				io.WriteString(w, strings.Repeat("x", 10_000))
			}
		}, "more than 100000 bytes", 1},
		{"empty", say(""), "(empty)", 1},
		{"no answers", say("{}"), "0 answers to 1 texts", 1},
		{"no echo", say(`{"choices": [{"text": " b", "logprobs": {}}]}`), "does not send prompts back", 1},
		{"numbered wrongly", say(`{"choices": [{"index": 7, "text": "a b", "logprobs": {}}]}`), "numbered wrongly", 1},
		{"too few offsets", say(`{"choices": [{"text": "a b", "logprobs": {"token_logprobs": [null, -1], "text_offset": [0]}}]}`), "damaged", 1},
		{"no number", say(`{"choices": [{"text": "a b", "logprobs": {"token_logprobs": [null, null], "text_offset": [0, 1]}}]}`), "no log-probability", 1},
		{"a probability", say(`{"choices": [{"text": "a b", "logprobs": {"token_logprobs": [null, 0.9], "text_offset": [0, 1]}}]}`), "no log-probability", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := RemoteOptions{Wire: quick}
			if c.name == "slow" {
				o.Timeout = 200 * time.Millisecond
			}
			r, n := endpoint(t, o, c.fn)
			_, err := r.Score(t.Context(), Query{Prompt: "a", Continuations: []string{" b"}})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q in it", err, c.want)
			}
			if n.Load() != c.requests || r.Account().Requests != int(c.requests) {
				t.Errorf("%d requests, the account has %d, want %d", n.Load(), r.Account().Requests, c.requests)
			}
		})
	}
}

// TestRemoteRecovers: failures that pass are not the caller's business.
func TestRemoteRecovers(t *testing.T) {
	fails := 2
	r, _ := endpoint(t, RemoteOptions{}, func(w http.ResponseWriter, q *http.Request) {
		if fails--; fails >= 0 {
			http.Error(w, "loading the model", http.StatusServiceUnavailable)
			return
		}
		echo(w, q)
	})
	if got, err := r.Score(t.Context(), Query{Prompt: "a", Continuations: []string{" b"}}); err != nil || got[0][0] != -2 {
		t.Errorf("scores %v, %v", got, err)
	}
	if a := r.Account(); a.Requests != 3 || a.Retries != 2 {
		t.Errorf("account: %s", a)
	}
}

func TestRemoteAbsent(t *testing.T) {
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	r, err := NewRemote(RemoteOptions{URL: fmt.Sprint("http://127.0.0.1:", port, "/v1"), Model: "m", Wire: quick})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Score(t.Context(), Query{Prompt: "a", Continuations: []string{" b"}}); err == nil || !strings.Contains(err.Error(), "server is up") {
		t.Errorf("nobody there: %v", err)
	}
	r, _ = endpoint(t, RemoteOptions{Wire: Wire{Tries: 100, Pause: time.Hour}}, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "", 503) })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := r.Score(ctx, Query{Prompt: "a", Continuations: []string{" b"}}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("given up by the caller: %v", err)
	}
	for _, o := range []RemoteOptions{{URL: "localhost:80", Model: "m"}, {URL: "http://x/v1"}, {}} {
		if _, err := NewRemote(o); err == nil {
			t.Errorf("%+v was accepted", o)
		}
	}
}

func TestChoice(t *testing.T) {
	for _, c := range []struct {
		scores []float64
		beta   float64
		want   []float64
	}{
		{[]float64{0, math.Log(3)}, 1, []float64{0.25, 0.75}},
		{[]float64{-1000, -1000 + math.Log(3)}, 2, []float64{0.1, 0.9}},
		{[]float64{-5, -1, -3}, 0, []float64{1. / 3, 1. / 3, 1. / 3}},
	} {
		for i, p := range Choice(c.scores, c.beta) {
			if math.Abs(p-c.want[i]) > 1e-12 {
				t.Errorf("%v, beta %g: %v, want %v", c.scores, c.beta, Choice(c.scores, c.beta), c.want)
				break
			}
		}
	}
}
