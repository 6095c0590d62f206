package lm

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/url"
	"strings"
	"unicode/utf8"
)

// RemoteOptions describe an endpoint that speaks OpenAI's protocol.
type RemoteOptions struct {
	// URL up to and with the version: "http://127.0.0.1:8000/v1".
	URL string
	// Model as the endpoint calls it.
	Model string
	// Key is sent as a bearer token, if there is one. Read it from the environment, and keep it out of notebooks.
	Key string
	// Top asks for the likeliest next tokens and looks the continuations up among them, for endpoints that do not give the log-probabilities of a
	// prompt. Continuations must be single tokens then. Chats are asked at chat/completions, and everything else at completions.
	Top bool
	// Batch is how many texts one request asks about; 16. With Top it is always one.
	Batch int
	Wire
}

// Remote is an endpoint that speaks OpenAI's protocol and gives log-probabilities. It implements Scorer.
//
// Without Top it sends prompt and continuation to completions with echo, and adds up what the tokens of the continuation got, as vLLM and others
// answer.
type Remote struct {
	caller
	o RemoteOptions
}

// maxTop is the most alternatives that endpoints give.
const maxTop = 20

// NewRemote describes an endpoint. Nothing is sent yet.
func NewRemote(o RemoteOptions) (*Remote, error) {
	u, err := url.Parse(o.URL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("endpoint %q: give its URL up to the version, such as http://127.0.0.1:8000/v1", o.URL)
	}
	if o.Model == "" {
		return nil, fmt.Errorf("endpoint %s: name its model", o.URL)
	}
	if o.Batch <= 0 {
		o.Batch = 16
	}
	return &Remote{caller: caller{base: strings.TrimSuffix(o.URL, "/"), key: o.Key, wire: o.Wire.filled()}, o: o}, nil
}

// Model implements Scorer.
func (r *Remote) Model() Model { return Model{Name: r.o.Model, Engine: r.base} }

// Score implements Scorer.
func (r *Remote) Score(ctx context.Context, queries ...Query) ([][]float64, error) {
	if err := checkAll(queries); err != nil {
		return nil, err
	}
	score := r.echoed
	if r.o.Top {
		score = r.top
	}
	out, err := score(ctx, queries)
	if err != nil {
		return nil, fmt.Errorf("model %s at %w", r.o.Model, err)
	}
	r.note(func(a *Account) {
		a.Queries += len(queries)
		for _, q := range queries {
			a.Continuations += len(q.Continuations)
		}
	})
	return out, nil
}

type completionRequest struct {
	Model       string   `json:"model"`
	Prompt      []string `json:"prompt"`
	MaxTokens   int      `json:"max_tokens"`
	Temperature float64  `json:"temperature"`
	Logprobs    int      `json:"logprobs"`
	Echo        bool     `json:"echo,omitempty"`
}

type completionReply struct {
	Choices []struct {
		Index    int    `json:"index"`
		Text     string `json:"text"`
		Logprobs *struct {
			TokenLogprobs []*float64           `json:"token_logprobs"`
			TextOffset    []int                `json:"text_offset"`
			TopLogprobs   []map[string]float64 `json:"top_logprobs"`
		} `json:"logprobs"`
	} `json:"choices"`
}

// echoed scores by sending prompt and continuation and having them sent back with log-probabilities.
func (r *Remote) echoed(ctx context.Context, queries []Query) ([][]float64, error) {
	type place struct{ query, continuation int }
	var texts []string
	var places []place
	out := make([][]float64, len(queries))
	for i, q := range queries {
		prompt, err := q.prompt(nil)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", r.base, err)
		}
		if prompt == "" {
			return nil, fmt.Errorf("%s: query with an empty prompt: endpoints do not say how likely the first token is, so give at least a word", r.base)
		}
		out[i] = make([]float64, len(q.Continuations))
		for c, text := range q.Continuations {
			texts, places = append(texts, prompt+text), append(places, place{i, c})
		}
	}
	for len(texts) > 0 {
		n := min(r.o.Batch, len(texts))
		var reply completionReply
		if err := r.post(ctx, "/completions", completionRequest{Model: r.o.Model, Prompt: texts[:n], MaxTokens: 1, Logprobs: 1, Echo: true}, &reply); err != nil {
			return nil, err
		}
		if len(reply.Choices) != n {
			return nil, fmt.Errorf("%s: %d answers to %d texts: it does not take several at once, so set Batch to 1", r.base, len(reply.Choices), n)
		}
		seen := make([]bool, n)
		for _, choice := range reply.Choices {
			k := choice.Index
			if k < 0 || k >= n || seen[k] {
				return nil, fmt.Errorf("%s: answers are numbered wrongly (%d of %d): set Batch to 1", r.base, k, n)
			}
			seen[k] = true
			text := texts[k]
			if choice.Logprobs == nil || !strings.HasPrefix(choice.Text, text) {
				return nil, fmt.Errorf("%s: it does not send prompts back with log-probabilities: try Top, or llama-server", r.base)
			}
			l := choice.Logprobs
			if len(l.TextOffset) != len(l.TokenLogprobs) {
				return nil, fmt.Errorf("%s: %d log-probabilities at %d places: the answer is damaged", r.base, len(l.TokenLogprobs), len(l.TextOffset))
			}
			q := queries[places[k].query]
			end := utf8.RuneCountInString(text) // offsets count characters, not bytes
			from := end - utf8.RuneCountInString(q.Continuations[places[k].continuation])
			sum, err := between(l.TokenLogprobs, l.TextOffset, from, end)
			if err != nil {
				return nil, fmt.Errorf("%s: %.60q after %.60q: %w", r.base, q.Continuations[places[k].continuation], q.Prompt, err)
			}
			out[places[k].query][places[k].continuation] = sum
		}
		texts, places = texts[n:], places[n:]
	}
	return out, nil
}

// between adds the log-probabilities of the tokens that begin in [from, end).
func between(logprobs []*float64, offsets []int, from, end int) (float64, error) {
	sum, found := 0.0, false
	for i, at := range offsets {
		if at < from || at >= end {
			continue
		}
		if !found && at > from {
			break
		}
		found = true
		if logprobs[i] == nil || math.IsNaN(*logprobs[i]) || *logprobs[i] > 1e-3 {
			return 0, fmt.Errorf("the token at %d has no log-probability", at)
		}
		sum += *logprobs[i]
	}
	if !found {
		return 0, errors.New("a token lies across its beginning: let the continuation begin with its space")
	}
	return sum, nil
}

type chatRequest struct {
	Model       string        `json:"model"`
	Messages    []chatMessage `json:"messages"`
	MaxTokens   int           `json:"max_tokens"`
	Temperature float64       `json:"temperature"`
	Logprobs    bool          `json:"logprobs"`
	TopLogprobs int           `json:"top_logprobs"`
}

type chatMessage struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

type chatReply struct {
	Choices []struct {
		Logprobs *struct {
			Content []struct {
				TopLogprobs []struct {
					Token   string  `json:"token"`
					Logprob float64 `json:"logprob"`
				} `json:"top_logprobs"`
			} `json:"content"`
		} `json:"logprobs"`
	} `json:"choices"`
}

// top looks the continuations up among the likeliest next tokens.
func (r *Remote) top(ctx context.Context, queries []Query) ([][]float64, error) {
	out := make([][]float64, len(queries))
	for i, q := range queries {
		likely, err := r.likeliest(ctx, q)
		if err != nil {
			return nil, err
		}
		for _, c := range q.Continuations {
			score, ok := likely[c]
			if !ok {
				return nil, fmt.Errorf("%s: %.60q is not among the %d likeliest tokens after %.60q: ask for single tokens that are likelier, or an endpoint that can echo",
					r.base, c, len(likely), q.Prompt)
			}
			out[i] = append(out[i], score)
		}
	}
	return out, nil
}

func (r *Remote) likeliest(ctx context.Context, q Query) (map[string]float64, error) {
	if !q.Chat {
		var reply completionReply
		err := r.post(ctx, "/completions", completionRequest{Model: r.o.Model, Prompt: []string{q.Prompt}, MaxTokens: 1, Logprobs: maxTop}, &reply)
		if err != nil {
			return nil, err
		}
		if len(reply.Choices) != 1 || reply.Choices[0].Logprobs == nil || len(reply.Choices[0].Logprobs.TopLogprobs) == 0 {
			return nil, fmt.Errorf("%s: the answer has no log-probabilities: use another endpoint", r.base)
		}
		return reply.Choices[0].Logprobs.TopLogprobs[0], nil
	}
	if q.Begin != "" {
		return nil, fmt.Errorf("%s: query %.60q: chats cannot be given the beginning of an answer here: leave Begin empty", r.base, q.Prompt)
	}
	var reply chatReply
	err := r.post(ctx, "/chat/completions", chatRequest{Model: r.o.Model, Messages: []chatMessage{{"user", q.Prompt}}, MaxTokens: 1, Logprobs: true,
		TopLogprobs: maxTop}, &reply)
	if err != nil {
		return nil, err
	}
	if len(reply.Choices) != 1 || reply.Choices[0].Logprobs == nil || len(reply.Choices[0].Logprobs.Content) == 0 {
		return nil, fmt.Errorf("%s: the answer has no log-probabilities: use another endpoint", r.base)
	}
	likely := map[string]float64{}
	for _, t := range reply.Choices[0].Logprobs.Content[0].TopLogprobs {
		likely[t.Token] = t.Logprob
	}
	return likely, nil
}
