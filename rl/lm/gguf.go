package lm

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"

	"github.com/gomlx/compute"
	"github.com/gomlx/go-huggingface/models/gguf"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/support/exceptions"
)

// llama are the sizes of a model of that family.
type llama struct {
	layers, heads, kvHeads, head, width, hidden, vocab int
	context                                            int // the most tokens that it was made for
	eps, ropeBase                                      float64
	tied                                               bool // the output layer is the embedding
}

// ErrUnknown says that a file is whole but of a kind that is not computed here. Guessing would give wrong numbers that look like right ones.
var ErrUnknown = errors.New("not a model that is known here")

// file is a GGUF file that was checked.
type file struct {
	path  string
	gguf  *gguf.File
	llama llama
	model Model
	tok   *bpe
	chat  *template
}

// openGGUF reads and checks everything but the weights.
func openGGUF(path string) (*file, error) {
	g, err := gguf.Open(path)
	if err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, fmt.Errorf("model %s: the file ends too early: fetch it again", path)
		}
		return nil, fmt.Errorf("model %s: %s: give a GGUF file, or fetch it again", path, oneLine(err))
	}
	f := &file{path: path, gguf: g}
	for _, check := range []func() error{f.readSizes, f.readTokenizer, f.checkTensors, f.hash} {
		if err := check(); err != nil {
			return nil, fmt.Errorf("model %s: %w", path, err)
		}
	}
	return f, nil
}

// oneLine is an error without the call stack that some libraries print.
func oneLine(err error) string { return strings.SplitN(err.Error(), "\n", 2)[0] }

// hyper are the keys that a llama may have. Any other might change what is computed.
var hyper = map[string]bool{
	"block_count": true, "context_length": true, "embedding_length": true, "feed_forward_length": true, "attention.head_count": true,
	"attention.head_count_kv": true, "rope.freq_base": true, "attention.layer_norm_rms_epsilon": true, "vocab_size": true, "rope.dimension_count": true,
	"attention.key_length": true, "attention.value_length": true,
}

func (f *file) readSizes() error {
	if a := f.gguf.Architecture(); a != "llama" {
		return fmt.Errorf("%w: its architecture is %q, and only llama is computed here: use llama-server or an endpoint", ErrUnknown, a)
	}
	for _, kv := range f.gguf.KeyValues {
		if name, ok := strings.CutPrefix(kv.Key, "llama."); ok && !hyper[name] {
			return fmt.Errorf("%w: it sets %s, which is not computed here: use llama-server or an endpoint", ErrUnknown, kv.Key)
		}
	}
	var errs []error
	whole := func(key string, otherwise, most int) int {
		kv, ok := f.gguf.GetKeyValue("llama." + key)
		if !ok {
			if otherwise == 0 {
				errs = append(errs, fmt.Errorf("%w: it does not say llama.%s", ErrUnknown, key))
			}
			return otherwise
		}
		n := kv.Uint64()
		if n < 1 || n > uint64(most) {
			errs = append(errs, fmt.Errorf("llama.%s is %v: a number from 1 to %d is expected", key, kv.Raw(), most))
			return 1
		}
		return int(n)
	}
	real := func(key string, otherwise float64) float64 {
		kv, ok := f.gguf.GetKeyValue("llama." + key)
		if !ok && otherwise > 0 {
			return otherwise
		}
		x := kv.Float64()
		if !(x > 0) || math.IsInf(x, 0) {
			errs = append(errs, fmt.Errorf("llama.%s is %v: a positive number is expected", key, kv.Raw()))
		}
		return x
	}
	l := llama{layers: whole("block_count", 0, 1<<10), heads: whole("attention.head_count", 0, 1<<10), width: whole("embedding_length", 0, 1<<16),
		hidden: whole("feed_forward_length", 0, 1<<18), context: whole("context_length", 0, 1<<24),
		eps: real("attention.layer_norm_rms_epsilon", 0), ropeBase: real("rope.freq_base", 10_000)}
	l.kvHeads = whole("attention.head_count_kv", l.heads, 1<<10)
	l.head = whole("attention.key_length", max(1, l.width/l.heads), 1<<12)
	if v := whole("attention.value_length", l.head, 1<<12); v != l.head {
		errs = append(errs, fmt.Errorf("%w: keys of length %d and values of length %d", ErrUnknown, l.head, v))
	}
	if r := whole("rope.dimension_count", l.head, 1<<12); r != l.head {
		errs = append(errs, fmt.Errorf("%w: positions turn %d of %d numbers of a head, and here all of them are turned", ErrUnknown, r, l.head))
	}
	if l.heads%l.kvHeads != 0 || l.head%2 != 0 {
		errs = append(errs, fmt.Errorf("%d heads of length %d share %d keys: the file is damaged, fetch it again", l.heads, l.head, l.kvHeads))
	}
	f.llama = l
	return errors.Join(errs...)
}

func (f *file) readTokenizer() error {
	value := func(key string) gguf.KeyValue { kv, _ := f.gguf.GetKeyValue("tokenizer." + key); return kv }
	model, pre := value("ggml.model").String(), value("ggml.pre").String()
	if model != "gpt2" {
		return fmt.Errorf("%w: its tokenizer is %q, and only gpt2 (byte-level BPE) is known: another would give wrong tokens without a word", ErrUnknown, model)
	}
	if pre != "smollm" && pre != "gpt-2" {
		return fmt.Errorf("%w: its text is cut into words as %q does, and only smollm and gpt-2 are known", ErrUnknown, pre)
	}
	tokens := value("ggml.tokens").Strings()
	bos := int32(-1)
	if value("ggml.add_bos_token").Bool() {
		kv, ok := f.gguf.GetKeyValue("tokenizer.ggml.bos_token_id")
		if !ok || kv.Uint64() >= uint64(len(tokens)) {
			return errors.New("texts begin with a token that the vocabulary does not have: the file is damaged, fetch it again")
		}
		bos = int32(kv.Uint64())
	}
	var err error
	if f.tok, err = newBPE(tokens, value("ggml.token_type").Int64s(), value("ggml.merges").Strings(), pre == "smollm", bos); err != nil {
		return err
	}
	f.llama.vocab = len(tokens)
	f.chat = templateOf(value("chat_template").String())
	return nil
}

// checkTensors compares the weights' names, shapes, types and places with what the sizes call for.
func (f *file) checkTensors() error {
	info, err := os.Stat(f.path)
	if err != nil {
		return err
	}
	_, untied := f.gguf.GetTensorInfo("output.weight")
	f.llama.tied = !untied
	want := f.llama.tensors()
	for _, t := range f.gguf.TensorInfos {
		dims, ok := want[t.Name]
		if !ok {
			return fmt.Errorf("%w: it has weights %s, which are not used here", ErrUnknown, t.Name)
		}
		delete(want, t.Name)
		if len(t.Shape) != len(dims) {
			return fmt.Errorf("weights %s have shape %d: %d is expected", t.Name, t.Shape, dims)
		}
		for i, d := range dims { // GGUF names the innermost axis first
			if t.Shape[len(dims)-1-i] != uint64(d) {
				return fmt.Errorf("weights %s have shape %d, innermost first: %d, outermost first, is expected", t.Name, t.Shape, dims)
			}
		}
		if !readable[t.Type] {
			return fmt.Errorf("%w: weights %s are stored as %s", ErrUnknown, t.Name, t.Type)
		}
		if row := dims[len(dims)-1]; row%t.Type.BlockSize() != 0 {
			return fmt.Errorf("weights %s: rows of %d numbers, stored in blocks of %d: the file is damaged, fetch it again", t.Name, row, t.Type.BlockSize())
		}
		if room := info.Size() - f.gguf.DataOffset(); room < 0 || t.Offset > uint64(room) || uint64(t.NumBytes()) > uint64(room)-t.Offset {
			return fmt.Errorf("weights %s lie beyond the end of the file, which has %d bytes: it was cut off, fetch it again", t.Name, info.Size())
		}
	}
	for name := range want {
		return fmt.Errorf("weights %s are missing: the file is damaged, fetch it again", name)
	}
	return nil
}

var readable = map[gguf.TensorType]bool{
	gguf.TensorTypeF32: true, gguf.TensorTypeF16: true, gguf.TensorTypeBF16: true, gguf.TensorTypeQ4_0: true, gguf.TensorTypeQ4_1: true,
	gguf.TensorTypeQ5_0: true, gguf.TensorTypeQ5_1: true, gguf.TensorTypeQ8_0: true, gguf.TensorTypeQ2_K: true, gguf.TensorTypeQ3_K: true,
	gguf.TensorTypeQ4_K: true, gguf.TensorTypeQ5_K: true, gguf.TensorTypeQ6_K: true,
}

// tensors are the weights by name, with their shapes, outermost axis first.
func (l llama) tensors() map[string][]int {
	t := map[string][]int{"token_embd.weight": {l.vocab, l.width}, "output_norm.weight": {l.width}}
	if !l.tied {
		t["output.weight"] = []int{l.vocab, l.width}
	}
	for i := range l.layers {
		for _, w := range l.block() {
			t[layer(i, w.name)] = w.dims
		}
	}
	return t
}

func layer(i int, name string) string { return fmt.Sprintf("blk.%d.%s.weight", i, name) }

// weight is the name of weights within their layer, and their shape, outermost axis first.
type weight struct {
	name string
	dims []int
}

// block are the weights of a layer, in the order in which its program takes them.
func (l llama) block() []weight {
	return []weight{
		{"attn_norm", []int{l.width}}, {"attn_q", []int{l.heads * l.head, l.width}}, {"attn_k", []int{l.kvHeads * l.head, l.width}},
		{"attn_v", []int{l.kvHeads * l.head, l.width}}, {"attn_output", []int{l.width, l.heads * l.head}}, {"ffn_norm", []int{l.width}},
		{"ffn_gate", []int{l.hidden, l.width}}, {"ffn_up", []int{l.hidden, l.width}}, {"ffn_down", []int{l.width, l.hidden}},
	}
}

func (f *file) hash() error {
	r, err := os.Open(f.path)
	if err != nil {
		return err
	}
	defer r.Close()
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil {
		return fmt.Errorf("reading it: %w", err)
	}
	f.model = Model{Name: filepath.Base(f.path), Hash: hex.EncodeToString(h.Sum(nil))}
	if f.chat != nil {
		f.model.Template = f.chat.name
	}
	return nil
}

// weights reads all weights onto the first device of b, as they are or, where they were quantised, as float32.
func (f *file) weights(b compute.Backend) (map[string]*tensors.Tensor, error) {
	r, err := gguf.NewReader(f.gguf)
	if err != nil {
		return nil, fmt.Errorf("model %s: %w", f.path, err)
	}
	defer r.Close()
	out := map[string]*tensors.Tensor{}
	for _, name := range f.gguf.ListTensorNames() {
		var t *tensors.Tensor
		if panicked := exceptions.TryCatch[error](func() { t, err = r.ReadTensor(b, name) }); panicked != nil {
			err = panicked
		}
		if err == nil && (strings.HasSuffix(name, "attn_q.weight") || strings.HasSuffix(name, "attn_k.weight")) {
			err = f.llama.halved(t)
		}
		if err == nil {
			err = t.ToDevice(b, 0)
		}
		if err != nil {
			free(out)
			return nil, fmt.Errorf("model %s: weights %s: %s: fetch it again", f.path, name, oneLine(err))
		}
		out[name] = t
	}
	return out, nil
}

// halved reorders the rows of queries or keys. The file keeps the two numbers of a head that are turned together side by side; afterwards the first of
// all pairs come first, so that they are turned as whole halves. Products of queries and keys are sums over all, and stay what they are.
func (l llama) halved(t *tensors.Tensor) error {
	row := int(t.Shape().Memory()) / t.Shape().Dimensions[0]
	return t.MutableBytes(func(data []byte) {
		head := make([]byte, l.head*row)
		for rest := data; len(rest) > 0; rest = rest[len(head):] {
			copy(head, rest)
			for i := range l.head {
				copy(rest[(i%2*l.head/2+i/2)*row:], head[i*row:][:row])
			}
		}
	})
}

func free(ts map[string]*tensors.Tensor) {
	for _, t := range ts {
		if t.Ok() {
			_ = t.FinalizeAll() // nothing can be done about device memory that is not given back
		}
	}
}
