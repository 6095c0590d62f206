package lm

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// Account is what was asked of a server.
type Account struct {
	Queries, Continuations int           // that were answered
	Requests, Retries      int           // over the wire; Requests counts retries too
	Sent, Received         int64         // bytes
	Waited                 time.Duration // for answers, pauses before retries included
}

func (a Account) String() string {
	return fmt.Sprintf("%d queries with %d continuations: %d requests, of which %d again after a failure; %d bytes sent, %d received, in %v",
		a.Queries, a.Continuations, a.Requests, a.Retries, a.Sent, a.Received, a.Waited.Round(time.Millisecond))
}

// Wire says how patient a client is. A zero field means its default.
type Wire struct {
	// Timeout of one request. 30 seconds.
	Timeout time.Duration
	// Tries for one request: it is made again after failures that may pass, such as a refused connection, an answer cut short, 429 or 5xx. 4.
	Tries int
	// Pause before the first retry; it doubles with each. A server's Retry-After counts if it is longer, up to a minute. 250 milliseconds.
	Pause time.Duration
	// MaxReply is the most bytes that an answer may have. 16 MiB.
	MaxReply int64
}

func (w Wire) filled() Wire {
	if w.Timeout <= 0 {
		w.Timeout = 30 * time.Second
	}
	if w.Tries <= 0 {
		w.Tries = 4
	}
	if w.Pause <= 0 {
		w.Pause = 250 * time.Millisecond
	}
	if w.MaxReply <= 0 {
		w.MaxReply = 16 << 20
	}
	return w
}

// caller posts JSON and keeps the account.
type caller struct {
	base, key string
	wire      Wire
	client    http.Client

	mu      sync.Mutex
	account Account
}

// passing is a failure that may pass.
type passing struct {
	error
	wait time.Duration
}

func (p passing) Unwrap() error { return p.error }

func (c *caller) post(ctx context.Context, path string, body, reply any) error {
	data, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("%s%s: %w", c.base, path, err)
	}
	start := time.Now()
	defer func() { c.note(func(a *Account) { a.Waited += time.Since(start) }) }()
	pause := c.wire.Pause
	for try := 1; ; try++ {
		c.note(func(a *Account) {
			a.Requests++
			a.Sent += int64(len(data))
			if try > 1 {
				a.Retries++
			}
		})
		err := c.once(ctx, path, data, reply)
		var p passing
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return fmt.Errorf("%s%s: %w", c.base, path, ctx.Err())
		case !errors.As(err, &p):
			return fmt.Errorf("%s%s: %w", c.base, path, err)
		case try == c.wire.Tries:
			return fmt.Errorf("%s%s: %w (tried %d times): see whether the server is up and has time", c.base, path, err, try)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s%s: %w", c.base, path, ctx.Err())
		case <-time.After(max(pause, min(p.wait, time.Minute))):
		}
		pause *= 2
	}
}

func (c *caller) note(f func(*Account)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f(&c.account)
}

// once makes one request.
func (c *caller) once(ctx context.Context, path string, data []byte, reply any) error {
	ctx, cancel := context.WithTimeout(ctx, c.wire.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+path, bytes.NewReader(data))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	if c.key != "" {
		req.Header.Set("Authorization", "Bearer "+c.key)
	}
	resp, err := c.client.Do(req)
	if err != nil {
		return passing{error: err}
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, c.wire.MaxReply+1))
	c.note(func(a *Account) { a.Received += int64(len(text)) })
	switch {
	case int64(len(text)) > c.wire.MaxReply:
		return fmt.Errorf("the answer has more than %d bytes: is that a language model's server?", c.wire.MaxReply)
	case err != nil:
		return passing{error: fmt.Errorf("the answer broke off after %d bytes: %w", len(text), err)}
	case resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode >= 500:
		var wait time.Duration
		if s, err := time.ParseDuration(resp.Header.Get("Retry-After") + "s"); err == nil {
			wait = s
		}
		return passing{fmt.Errorf("%s: %s", resp.Status, excerpt(text)), wait}
	case resp.StatusCode != http.StatusOK:
		return fmt.Errorf("%s: %s", resp.Status, excerpt(text))
	}
	if err := json.Unmarshal(text, reply); err != nil {
		return fmt.Errorf("the answer is not what was asked for: %w: it is %s", err, excerpt(text))
	}
	return nil
}

// excerpt is the beginning of an answer, for messages.
func excerpt(text []byte) string {
	if len(text) == 0 {
		return "(empty)"
	}
	return fmt.Sprintf("%.200q", text)
}

// Account says what was asked so far.
func (c *caller) Account() Account {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.account
}
