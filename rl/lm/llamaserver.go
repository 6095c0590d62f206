package lm

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// ServerOptions say how llama-server is started. A zero field means its default.
type ServerOptions struct {
	// Binary is llama.cpp's llama-server; "llama-server" on the search path.
	Binary string
	// Path of a GGUF file, of any kind that llama.cpp knows.
	Path string
	// Threads; one for each core.
	Threads int
	// Patience is how long it may take to load the model; two minutes.
	Patience time.Duration
	// Log is the file that the server's output is kept in; a new one in the system's folder for temporary files.
	Log string
	Wire
}

// LlamaServer is a llama-server that was started by us. It implements Scorer. It listens on the loopback address alone, with a key of its own, and ends
// with Close, or with this process where the system can see to that.
type LlamaServer struct {
	caller
	model Model
	log   string
	cmd   *exec.Cmd
	ended chan struct{} // closed when the process has ended
}

// StartServer starts llama-server and waits until it has loaded the model.
func StartServer(ctx context.Context, o ServerOptions) (*LlamaServer, error) {
	if o.Binary == "" {
		o.Binary = "llama-server"
	}
	binary, err := exec.LookPath(o.Binary)
	if err != nil {
		return nil, fmt.Errorf("llama-server: %w: install llama.cpp, or name the program in Binary", err)
	}
	if info, err := os.Stat(o.Path); err != nil || info.IsDir() {
		return nil, fmt.Errorf("llama-server: model %q is not a file: name a GGUF file in Path", o.Path)
	}
	f := &file{path: o.Path}
	if err := f.hash(); err != nil {
		return nil, fmt.Errorf("llama-server: model %s: %w", o.Path, err)
	}
	f.model.Engine = "llama-server"
	if o.Threads <= 0 {
		o.Threads = runtime.GOMAXPROCS(0)
	}
	if o.Patience <= 0 {
		o.Patience = 2 * time.Minute
	}
	for try := 0; ; try++ {
		s, err := start(ctx, binary, f.model, o)
		// Between choosing the port and listening on it, somebody else may take it.
		if err == nil || try == 2 || !strings.Contains(err.Error(), "couldn't bind") {
			return s, err
		}
	}
}

func start(ctx context.Context, binary string, model Model, o ServerOptions) (*LlamaServer, error) {
	port, err := freePort()
	if err != nil {
		return nil, fmt.Errorf("llama-server: %w", err)
	}
	secret := make([]byte, 16)
	_, _ = rand.Read(secret) // never fails, see its documentation
	s := &LlamaServer{caller: caller{base: fmt.Sprint("http://127.0.0.1:", port), key: hex.EncodeToString(secret), wire: o.Wire.filled()}, model: model,
		ended: make(chan struct{})}
	var log *os.File
	if o.Log == "" {
		log, err = os.CreateTemp("", "llama-server-*.log")
	} else {
		log, err = os.Create(o.Log)
	}
	if err != nil {
		return nil, fmt.Errorf("llama-server: its log: %w", err)
	}
	defer log.Close()
	s.log = log.Name()
	s.cmd = exec.Command(binary, "--model", o.Path, "--host", "127.0.0.1", "--port", fmt.Sprint(port), "--threads", fmt.Sprint(o.Threads), "--parallel", "1")
	s.cmd.Stdout, s.cmd.Stderr = log, log
	// The key goes by the environment: arguments can be read by every user of the machine.
	s.cmd.Env = append(os.Environ(), "LLAMA_API_KEY="+s.key, "LD_LIBRARY_PATH="+filepath.Dir(binary)+string(os.PathListSeparator)+os.Getenv("LD_LIBRARY_PATH"))
	endWithUs(s.cmd)
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("llama-server: %w", err)
	}
	go func() {
		_ = s.cmd.Wait() // how it ended is in its log
		close(s.ended)
	}()
	if err := s.healthy(ctx, o.Patience); err != nil {
		return nil, errors.Join(fmt.Errorf("llama-server: %w; its log %s ends in\n%s", err, s.log, s.tail()), s.Close())
	}
	return s, nil
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
}

// healthy waits until the server says that it is.
func (s *LlamaServer) healthy(ctx context.Context, patience time.Duration) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("it was not ready after %v: give it more Patience", patience))
	defer cancel()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.base+"/health", nil)
		if err != nil {
			return err
		}
		if resp, err := s.client.Do(req); err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-s.ended:
			return errors.New("it ended before it was ready: " + s.cmd.ProcessState.String())
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// tail is the end of the log.
func (s *LlamaServer) tail() string {
	text, err := os.ReadFile(s.log)
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-1000):])
}

// Log is the file that the server's output is kept in.
func (s *LlamaServer) Log() string { return s.log }

// Model implements Scorer.
func (s *LlamaServer) Model() Model { return s.model }

// Tokens are the numbers that the server cuts a text into.
func (s *LlamaServer) Tokens(ctx context.Context, text string) ([]int32, error) {
	ids, err := s.tokens(ctx, text, false)
	return ids, s.explain(err)
}

func (s *LlamaServer) tokens(ctx context.Context, text string, first bool) ([]int32, error) {
	var reply struct {
		Tokens []int32 `json:"tokens"`
	}
	err := s.post(ctx, "/tokenize", map[string]any{"content": text, "add_special": first, "parse_special": true}, &reply)
	return reply.Tokens, err
}

// Score implements Scorer. Chats are written out by the model's own template. The server tells a token's log-probability only if it samples it, so each
// token of each continuation is one request, in which it is favoured beyond all others; what comes back is what it had without the favour.
func (s *LlamaServer) Score(ctx context.Context, queries ...Query) ([][]float64, error) {
	if err := checkAll(queries); err != nil {
		return nil, err
	}
	out := make([][]float64, len(queries))
	for i, q := range queries {
		prompt := q.Prompt
		if q.Chat {
			var reply struct {
				Prompt string `json:"prompt"`
			}
			if err := s.post(ctx, "/apply-template", map[string]any{"messages": []chatMessage{{"user", q.Prompt}}}, &reply); err != nil {
				return nil, s.explain(err)
			}
			prompt = reply.Prompt + q.Begin
		}
		tokens, err := s.tokens(ctx, prompt, true)
		if err != nil {
			return nil, s.explain(err)
		}
		for _, c := range q.Continuations {
			rest, err := s.tokens(ctx, c, false)
			if err != nil {
				return nil, s.explain(err)
			}
			sum := 0.0
			for k, token := range rest {
				x, err := s.next(ctx, append(tokens[:len(tokens):len(tokens)], rest[:k]...), token)
				if err != nil {
					return nil, s.explain(fmt.Errorf("%.60q after %.60q: %w", c, q.Prompt, err))
				}
				sum += x
			}
			out[i] = append(out[i], sum)
		}
		s.note(func(a *Account) { a.Queries++; a.Continuations += len(q.Continuations) })
	}
	return out, nil
}

// next is the log-probability of one token.
func (s *LlamaServer) next(ctx context.Context, prompt []int32, token int32) (float64, error) {
	var reply struct {
		Probabilities []struct {
			ID      int32    `json:"id"`
			Logprob *float64 `json:"logprob"`
		} `json:"completion_probabilities"`
	}
	err := s.post(ctx, "/completion", map[string]any{"prompt": prompt, "n_predict": 1, "n_probs": 1, "cache_prompt": true,
		"logit_bias": [][2]float64{{float64(token), 1e4}}}, &reply)
	if err != nil {
		return 0, err
	}
	if len(reply.Probabilities) != 1 || reply.Probabilities[0].Logprob == nil || reply.Probabilities[0].ID != token {
		return 0, fmt.Errorf("no log-probability of token %d came back, as happens with part of a letter: keep to ASCII, or open the model with Open", token)
	}
	return *reply.Probabilities[0].Logprob, nil
}

// explain adds what the server wrote last, if it has ended.
func (s *LlamaServer) explain(err error) error {
	if err == nil {
		return nil
	}
	var p passing
	if errors.As(err, &p) { // a connection breaks a moment before it is known that its process has ended
		select {
		case <-s.ended:
		case <-time.After(time.Second):
		}
	}
	select {
	case <-s.ended:
		return fmt.Errorf("llama-server has ended, %s: %w; its log %s ends in\n%s", s.cmd.ProcessState, err, s.log, s.tail())
	default:
		return fmt.Errorf("llama-server: %w", err)
	}
}

// Close ends the server: it is asked to, and after five seconds made to.
func (s *LlamaServer) Close() error {
	_ = s.cmd.Process.Signal(os.Interrupt) // it may have ended already
	select {
	case <-s.ended:
		return nil
	case <-time.After(5 * time.Second):
	}
	if err := s.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("llama-server, process %d: %w: end it yourself", s.cmd.Process.Pid, err)
	}
	<-s.ended
	return nil
}
