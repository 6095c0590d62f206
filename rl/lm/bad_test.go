package lm

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rewardlab/rewardlab/rl/backend/backendtest"
)

// damaged writes a changed copy of a tiny model.
func damaged(t *testing.T, change func([]byte) []byte) string {
	t.Helper()
	data, err := os.ReadFile("testdata/tied.gguf")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "model.gguf")
	if err := os.WriteFile(path, change(data), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// swap replaces text by other text of the same length.
func swap(from, to string) func([]byte) []byte {
	return func(data []byte) []byte {
		if !bytes.Contains(data, []byte(from)) || len(from) != len(to) {
			panic(from)
		}
		return bytes.Replace(bytes.Clone(data), []byte(from), []byte(to), 1)
	}
}

// setNumber sets the 32-bit number that follows a key.
func setNumber(key string, n uint32) func([]byte) []byte {
	return func(data []byte) []byte {
		data = bytes.Clone(data)
		binary.LittleEndian.PutUint32(data[bytes.Index(data, []byte(key))+len(key)+4:], n)
		return data
	}
}

func TestBadModels(t *testing.T) {
	cut := func(n int) func([]byte) []byte {
		return func(data []byte) []byte { return data[:(len(data)+n)%len(data)] }
	}
	for _, c := range []struct {
		name   string
		change func([]byte) []byte
		want   string
	}{
		{"empty", cut(0), "ends too early"},
		{"cut in the header", cut(1000), "ends too early"},
		{"cut in the weights", cut(-100), "cut off"},
		{"not GGUF", func([]byte) []byte { return []byte("#!/bin/sh\necho hello, this is a script\n") }, "give a GGUF file"},
		{"architecture", swap("\x05\x00\x00\x00\x00\x00\x00\x00llama", "\x05\x00\x00\x00\x00\x00\x00\x00qwen9"), `architecture is "qwen9"`},
		{"tokenizer", swap("\x04\x00\x00\x00\x00\x00\x00\x00gpt2", "\x04\x00\x00\x00\x00\x00\x00\x00bert"), `tokenizer is "bert"`},
		{"words", swap("smollm", "deepsk"), `as "deepsk" does`},
		{"unknown key", swap("llama.rope.", "llama.nope."), "sets llama.nope."},
		{"unknown weights", swap("blk.1.attn_q.weight", "blk.1.attn_z.weight"), "attn_z.weight, which are not used"},
		{"layers", setNumber("llama.block_count", 3), "are missing"},
		{"no heads", setNumber("llama.attention.head_count", 0), "a number from 1"},
		{"wrong width", setNumber("llama.embedding_length", 64), "is expected"},
		{"many layers", setNumber("llama.block_count", 1<<31), "a number from 1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.name == "unknown key" { // only the other file has a base
				data, err := os.ReadFile("testdata/untied.gguf")
				if err != nil {
					t.Fatal(err)
				}
				old := c.change
				c.change = func([]byte) []byte { return old(data) }
			}
			m, err := Load(t.Context(), backendtest.Go(t).Backend, damaged(t, c.change))
			if err == nil {
				m.Close()
				t.Fatal("it was opened")
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %q, want %q in it", err, c.want)
			}
			if unknown := strings.HasPrefix(c.name, "unknown") || c.name == "architecture" || c.name == "tokenizer" || c.name == "words"; unknown != errors.Is(err, ErrUnknown) {
				t.Errorf("errors.Is(err, ErrUnknown) is %t for %v", !unknown, err)
			}
		})
	}
}

// FuzzGGUF: whatever a file holds, opening it ends, and does not panic.
func FuzzGGUF(f *testing.F) {
	for _, name := range []string{"tied.gguf", "untied.gguf"} {
		data, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint(0), byte(0), data)
		f.Add(uint(40), byte(255), data)
		f.Add(uint(600), byte(1), data[:2000])
	}
	f.Fuzz(func(t *testing.T, at uint, flip byte, data []byte) {
		data = bytes.Clone(data)
		if len(data) > 0 {
			data[at%uint(len(data))] ^= flip
		}
		path := filepath.Join(t.TempDir(), "m.gguf")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if f, err := openGGUF(path); err == nil {
			_, _ = f.tok.encode("I should select the ball 12!")
		}
	})
}

func TestBadQueries(t *testing.T) {
	m := load(t, engine(t), "testdata/tied.gguf")
	for _, c := range []struct {
		name  string
		query Query
		want  string
	}{
		{"nothing asked", Query{Prompt: "a"}, "no continuations"},
		{"an empty continuation", Query{Prompt: "a", Continuations: []string{" b", ""}}, "continuation 1 is empty"},
		{"no prompt", Query{Continuations: []string{" b"}}, "empty prompt"},
		{"not UTF-8", Query{Prompt: "a\xff", Continuations: []string{" b"}}, "not UTF-8"},
		{"too long", Query{Prompt: strings.Repeat("z", 300), Continuations: []string{" b"}}, "reads 256 at most"},
		{"a beginning without a chat", Query{Prompt: "a", Begin: "b", Continuations: []string{" b"}}, "Chat is false"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := m.Score(t.Context(), c.query); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q in it", err, c.want)
			}
		})
	}
	if _, err := m.Score(t.Context()); err == nil {
		t.Error("no queries at all were accepted")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := m.Score(ctx, Query{Prompt: "a", Continuations: []string{" b"}}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	m.Close()
	if _, err := m.Score(t.Context(), Query{Prompt: "a", Continuations: []string{" b"}}); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Errorf("closed: %v", err)
	}
}

// TestChat: the template of the file is put around the message.
func TestChat(t *testing.T) {
	m := load(t, engine(t), "testdata/tied.gguf")
	if m.Model().Template != "chatml" {
		t.Fatalf("template %q", m.Model().Template)
	}
	got, err := m.Score(t.Context(), Query{Prompt: "a ball", Chat: true, Begin: "the", Continuations: []string{" ball"}},
		Query{Prompt: "<|im_start|>user\na ball<|im_end|>\n<|im_start|>assistant\nthe", Continuations: []string{" ball"}}, Query{Prompt: "a ballthe", Continuations: []string{" ball"}})
	if err != nil {
		t.Fatal(err)
	}
	if got[0][0] != got[1][0] || got[0][0] == got[2][0] {
		t.Errorf("as a chat %g, written out %g, without a template %g", got[0][0], got[1][0], got[2][0])
	}
}

// TestUnknownTokens: a vocabulary of two letters cannot say a third one, and says which.
func TestUnknownTokens(t *testing.T) {
	b, err := newBPE([]string{"a", "b"}, []int64{1, 1}, nil, false, -1)
	if err != nil {
		t.Fatal(err)
	}
	if ids, err := b.encode("abba"); err != nil || !slices.Equal(ids, []int32{0, 1, 1, 0}) {
		t.Errorf("abba is %d (%v)", ids, err)
	}
	if _, err := b.encode("abz"); !errors.Is(err, errNoToken) || !strings.Contains(err.Error(), "'z': leave it out") {
		t.Errorf("error %v", err)
	}
}
