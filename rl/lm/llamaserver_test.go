package lm

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// EnvServer names a llama-server to test with, if there is none on the search path.
const EnvServer = "REWARDLAB_LLAMA_SERVER"

var regen = flag.Bool("regen", false, "ask llama-server for testdata/tokens.json anew")

// TestMain lets the test program play llama-server.
func TestMain(m *testing.M) {
	if mode := os.Getenv("LM_TEST_FAKE_SERVER"); mode != "" {
		fakeServer(mode)
	}
	os.Exit(m.Run())
}

func fakeServer(mode string) {
	args := flag.NewFlagSet("fake", flag.ExitOnError)
	host, port := args.String("host", "", ""), args.Int("port", 0, "")
	args.String("model", "", "")
	args.Int("threads", 0, "")
	args.Int("parallel", 0, "")
	_ = args.Parse(os.Args[1:])
	fmt.Println("fake server,", mode)
	if mode == "broken" {
		fmt.Println("error: this machine has no left hand")
		os.Exit(3)
	}
	http.HandleFunc("/health", func(w http.ResponseWriter, _ *http.Request) {
		if mode == "slow" {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	http.HandleFunc("/apply-template", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{"prompt": "USER "}`) })
	http.HandleFunc("/tokenize", func(w http.ResponseWriter, r *http.Request) {
		var q struct{ Content string }
		_ = json.NewDecoder(r.Body).Decode(&q)
		_ = json.NewEncoder(w).Encode(map[string]any{"tokens": []byteToken(q.Content)})
	})
	http.HandleFunc("/completion", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+os.Getenv("LLAMA_API_KEY") {
			http.Error(w, "key?", http.StatusUnauthorized)
			return
		}
		if mode == "dying" {
			fmt.Println("fake server: out of memory")
			os.Exit(4)
		}
		var q struct {
			Prompt []int32
			Bias   [][2]float64 `json:"logit_bias"`
		}
		_ = json.NewDecoder(r.Body).Decode(&q)
		token := int(q.Bias[0][0])
		if token > 127 {
			token = 0 // as the real one does with part of a letter
		}
		fmt.Fprintf(w, `{"completion_probabilities": [{"id": %d, "logprob": %d}]}`, token, -len(q.Prompt))
	})
	fmt.Println(http.ListenAndServe(fmt.Sprint(*host, ":", *port), nil))
	os.Exit(1)
}

// byteToken has JSON write bytes as numbers.
type byteToken byte

func (b byteToken) MarshalJSON() ([]byte, error) { return fmt.Append(nil, byte(b)), nil }

func fake(t *testing.T, mode string, patience time.Duration) (*LlamaServer, error) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("LM_TEST_FAKE_SERVER", mode)
	return StartServer(t.Context(), ServerOptions{Binary: self, Path: "testdata/tied.gguf", Patience: patience, Log: filepath.Join(t.TempDir(), "log"), Wire: Wire{Tries: 2, Pause: time.Millisecond}})
}

func TestServer(t *testing.T) {
	s, err := fake(t, "good", 20*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.Score(t.Context(), Query{Prompt: "abc", Continuations: []string{"de"}}, Query{Prompt: "abc", Chat: true, Begin: "So", Continuations: []string{"d"}})
	if want := "[[-7] [-7]]"; err != nil || fmt.Sprint(got) != want { // 3 and 4 tokens before; then USER, a blank, So
		t.Errorf("scores %v, %v, want %s", got, err, want)
	}
	if _, err := s.Score(t.Context(), Query{Prompt: "a", Continuations: []string{"é"}}); err == nil || !strings.Contains(err.Error(), "ASCII") {
		t.Errorf("parts of a letter: %v", err)
	}
	if a := s.Account(); a.Queries != 2 || a.Continuations != 2 {
		t.Errorf("account: %s", a)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if text, err := os.ReadFile(s.Log()); err != nil || !strings.Contains(string(text), "fake server, good") {
		t.Errorf("its log: %q, %v", text, err)
	}
	if _, err := s.Score(t.Context(), Query{Prompt: "a", Continuations: []string{"b"}}); err == nil || !strings.Contains(err.Error(), "has ended") {
		t.Errorf("after its end: %v", err)
	}
}

func TestServerTrouble(t *testing.T) {
	for _, c := range []struct {
		mode     string
		patience time.Duration
		want     string
	}{
		{"broken", 20 * time.Second, "no left hand"},
		{"slow", 400 * time.Millisecond, "more Patience"},
	} {
		t.Run(c.mode, func(t *testing.T) {
			if _, err := fake(t, c.mode, c.patience); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q in it", err, c.want)
			}
		})
	}
	t.Run("dying", func(t *testing.T) {
		s, err := fake(t, "dying", 20*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if _, err := s.Score(t.Context(), Query{Prompt: "a", Continuations: []string{"b"}}); err == nil || !strings.Contains(err.Error(), "out of memory") {
			t.Errorf("dying in mid-answer: %v", err)
		}
	})
	for _, o := range []ServerOptions{{Binary: "no-such-program", Path: "testdata/tied.gguf"}, {Binary: "go", Path: "no-such-file"}} {
		if _, err := StartServer(t.Context(), o); err == nil || !strings.HasPrefix(err.Error(), "llama-server: ") {
			t.Errorf("%+v: %v", o, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	t.Setenv("LM_TEST_FAKE_SERVER", "slow")
	self, _ := os.Executable()
	if _, err := StartServer(ctx, ServerOptions{Binary: self, Path: "testdata/tied.gguf"}); err == nil || !strings.Contains(err.Error(), "canceled") {
		t.Errorf("cancelled: %v", err)
	}
}

// realServer starts llama.cpp's own, or skips.
func realServer(t testing.TB, path string) *LlamaServer {
	t.Helper()
	binary := os.Getenv(EnvServer)
	if binary == "" {
		var err error
		if binary, err = exec.LookPath("llama-server"); err != nil {
			t.Skipf("no llama-server: put llama.cpp's on the search path or name it in %s to compare with it", EnvServer)
		}
	}
	s, err := StartServer(t.Context(), ServerOptions{Binary: binary, Path: path, Log: filepath.Join(t.TempDir(), "log")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// corpus is n strings made to be hard to cut: pieces of words, digits, signs, blanks, other scripts and the marks of chats, thrown together.
func corpus(n int, seed uint64) []string {
	pieces := []string{" ", "  ", "   ", "\n", "\n\n", "\t", "\r\n", "\u00a0", "\u3000", "'s", "'ll", "'", "’s", "don't", "I'LL", "the", " the", "The", "select", " ball", "1", "12", "1234",
		"²", "½", "٣", "x2y", "!", "!!", "...", "?!", "(", ")", "_", "a_b", "http://a.b/c?d=e", "é", "e\u0301", "naïve", " Straße", "日本語", "ありがとう", "Привет", "שלום", "🙂", "👩‍🚀", "€", "≤",
		"<|im_start|>", "<|im_end|>", "<|endoftext|>", "<|im_", "|>", "<", "user", "\u200b", "\u0000", "\u2028", "Ġ", "Ã©", "ſ", "ᾳ", "१२", "Ⅳ", "_id", "==", "\\n", "{", "}", "#", "aaaaaaaaaa", "ZZ"}
	rng := rand.New(rand.NewPCG(seed, 1))
	out := make([]string, n)
	for i := range out {
		var b strings.Builder
		for range 1 + rng.IntN(9) {
			switch rng.IntN(8) {
			case 0:
				b.WriteRune(rune(33 + rng.IntN(94)))
			case 1:
				b.WriteRune([]rune{rune(0xa1 + rng.IntN(0x500)), rune(0x3041 + rng.IntN(80)), rune(0x4e00 + rng.IntN(2000)), rune(0x1f300 + rng.IntN(200))}[rng.IntN(4)])
			default:
				b.WriteString(pieces[rng.IntN(len(pieces))])
			}
		}
		out[i] = b.String()
	}
	return out
}

// tokensFile has what llama.cpp's tokenizer makes of corpus(stored, 1), by model.
const (
	tokensFile = "testdata/tokens.json"
	stored     = 250
)

// TestTokensAgreeWithLlamaCpp compares with what llama.cpp answered once, and with what it answers now where there is a llama-server.
func TestTokensAgreeWithLlamaCpp(t *testing.T) {
	expected := map[string][][]int32{}
	if !*regen {
		expected = readJSON[map[string][][]int32](t, filepath.Base(tokensFile))
	}
	for _, name := range []string{"tied.gguf", "untied.gguf", "smollm2"} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join("testdata", name)
			if name == "smollm2" {
				path = smollm2(t)
			}
			f, err := openGGUF(path)
			if err != nil {
				t.Fatal(err)
			}
			compare := func(text string, want []int32) {
				t.Helper()
				if got, err := f.tok.encode(text); err != nil || !slices.Equal(got, want) {
					t.Errorf("%q is cut into %d, %v; llama.cpp: %d", text, got, err, want)
				}
			}
			for i, text := range corpus(stored, 1)[:len(expected[name])] {
				compare(text, expected[name][i])
			}
			t.Run("now", func(t *testing.T) {
				s := realServer(t, path)
				texts := corpus(stored, 1)
				if !*regen {
					texts = corpus(1500, rand.Uint64())
				}
				var all [][]int32
				for _, text := range texts {
					want, err := s.Tokens(t.Context(), text)
					if err != nil {
						t.Fatal(err)
					}
					compare(text, want)
					all = append(all, want)
				}
				expected[name] = all
				t.Logf("%d texts compared", len(all))
			})
		})
	}
	if *regen && !t.Failed() {
		text, err := json.Marshal(expected)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(tokensFile, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// TestServerAgrees: llama.cpp quantises what flows between the layers, so its numbers differ, but not by much.
func TestServerAgrees(t *testing.T) {
	if testing.Short() {
		t.Skip("with a real model")
	}
	path := smollm2(t)
	s := realServer(t, path)
	want, err := s.Score(t.Context(), village)
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	if _, err := s.Score(t.Context(), village); err != nil {
		t.Fatal(err)
	}
	t.Logf("llama-server, asked again: %v; %s", time.Since(start), s.Account())
	m, err := Open(t.Context(), Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	got, err := m.TokenScores(t.Context(), village)
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range got[0] {
		sum := 0.0
		for _, x := range c {
			sum += x
		}
		if math.Abs(sum-want[0][i])/float64(len(c)) > 0.4 {
			t.Errorf("%q: %.3f, llama-server %.3f", village.Continuations[i], sum, want[0][i])
		}
	}
}
