package lm

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/support/exceptions"

	"github.com/rewardlab/rewardlab/datasets"
	"github.com/rewardlab/rewardlab/rl/backend"
)

// Local is a model in this process, computed by our own engine. It implements Scorer and may be used from several goroutines, which take turns.
type Local struct {
	file *file

	mu      sync.Mutex
	weights map[string]*tensors.Tensor
	embed   *graph.Exec // the three programs, see pass
	block   *graph.Exec
	last    *graph.Exec
	owned   *backend.Engine
}

// Options say what Open opens.
type Options struct {
	// Path of a GGUF file. Empty: SmolLM2-135M-Instruct, which is fetched the first time, 93 MB.
	Path string
	// Engine as in package backend. The zero value is the normal choice.
	Engine backend.Config
	// Say gets messages while something is fetched; nil means silence.
	Say func(string)
}

// Open opens a model on an engine of its own.
func Open(ctx context.Context, o Options) (*Local, error) {
	if o.Path == "" {
		var err error
		if o.Path, err = datasets.SmolLM2(ctx, o.Say); err != nil {
			return nil, err
		}
	}
	if o.Engine.Say == nil && o.Say != nil {
		o.Engine.Say = o.Say
	}
	e, err := backend.Open(ctx, o.Engine)
	if err != nil {
		return nil, fmt.Errorf("model %s: %w", o.Path, err)
	}
	m, err := Load(ctx, e.Backend, o.Path)
	if err != nil {
		e.Close()
		return nil, err
	}
	m.owned = e
	return m, nil
}

// Load reads a GGUF file of the llama family onto b, as float32: about four bytes a parameter. Close frees it.
func Load(ctx context.Context, b compute.Backend, path string) (*Local, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	f, err := openGGUF(path)
	if err != nil {
		return nil, err
	}
	f.model.Engine = "rewardlab " + b.Name() + ", float32"
	m := &Local{file: f}
	if m.weights, err = f.weights(b); err != nil {
		return nil, err
	}
	if err := m.programs(b); err != nil {
		free(m.weights)
		return nil, fmt.Errorf("model %s: %w", path, err)
	}
	return m, nil
}

// programs makes the three. They are compiled when the first question comes: its length is part of them.
func (m *Local) programs(b compute.Backend) error {
	p := pass{m.file.llama}
	block := p.llama.block()
	named := func(in []*graph.Node) map[string]*graph.Node {
		w := map[string]*graph.Node{}
		for i := range block {
			w[block[i].name] = float(in[i])
		}
		return w
	}
	var errs [3]error
	m.embed, errs[0] = graph.NewExec(b, p.embed)
	m.block, errs[1] = graph.NewExec(b, func(in []*graph.Node) *graph.Node {
		return p.block(in[0], place{in[1], in[2], in[3]}, named(in[4:]))
	})
	m.last, errs[2] = graph.NewExec(b, func(in []*graph.Node) *graph.Node {
		rest := in[7+len(block):]
		return p.last(in[0], place{in[1], in[2], in[3]}, named(in[7:]), float(rest[0]), float(rest[1]), in[4], in[5], in[6])
	})
	return errors.Join(errs[:]...)
}

// Model implements Scorer.
func (m *Local) Model() Model { return m.file.model }

// Tokens are the numbers that a text is cut into, without the one that a prompt may begin with.
func (m *Local) Tokens(text string) ([]int32, error) { return m.file.tok.encode(text) }

// Score implements Scorer.
func (m *Local) Score(ctx context.Context, queries ...Query) ([][]float64, error) {
	tokens, err := m.TokenScores(ctx, queries...)
	if err != nil {
		return nil, err
	}
	out := make([][]float64, len(tokens))
	for i, q := range tokens {
		out[i] = make([]float64, len(q))
		for c, ts := range q {
			for _, s := range ts {
				out[i][c] += s
			}
		}
	}
	return out, nil
}

// TokenScores are the log-probabilities of every token of every continuation of every query.
func (m *Local) TokenScores(ctx context.Context, queries ...Query) ([][][]float64, error) {
	if err := checkAll(queries); err != nil {
		return nil, err
	}
	ts := make([]tokenized, len(queries))
	for i, q := range queries {
		var err error
		if ts[i], err = m.tokenize(q); err != nil {
			return nil, err
		}
	}
	var out [][][]float64
	trees, counts := packed(ts)
	for i, t := range trees {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		scores, err := m.run(t)
		if err != nil {
			return nil, fmt.Errorf("model %s: %w", m.file.path, err)
		}
		for _, q := range ts[:counts[i]] {
			var cs [][]float64
			for _, c := range q.continuations {
				row := make([]float64, len(c))
				for k := range row {
					row[k] = float64(scores[k])
					if math.IsNaN(row[k]) || row[k] > 1e-3 {
						return nil, fmt.Errorf("model %s: log-probability %g: its weights are damaged, fetch it again", m.file.path, row[k])
					}
				}
				scores = scores[len(c):]
				cs = append(cs, row)
			}
			out = append(out, cs)
		}
		ts = ts[counts[i]:]
	}
	return out, nil
}

func (m *Local) tokenize(q Query) (tokenized, error) {
	text, err := q.prompt(m.file.chat)
	if err != nil {
		return tokenized{}, err
	}
	prompt, err := m.Tokens(text)
	if err != nil {
		return tokenized{}, fmt.Errorf("query %.60q: %w", q.Prompt, err)
	}
	t := tokenized{prompt: append(m.file.tok.start(), prompt...)}
	if len(t.prompt) == 0 {
		return tokenized{}, errors.New("query with an empty prompt: this model says nothing about how texts begin, so give it at least a word")
	}
	for _, c := range q.Continuations {
		ids, err := m.Tokens(c)
		if err != nil {
			return tokenized{}, fmt.Errorf("query %.60q: %w", q.Prompt, err)
		}
		t.continuations = append(t.continuations, ids)
	}
	if n := t.depth(); n > m.file.llama.context {
		return tokenized{}, fmt.Errorf("query %.60q: %d tokens, and the model reads %d at most: shorten it", q.Prompt, n, m.file.llama.context)
	}
	return t, nil
}

// run computes the scores of one row.
func (m *Local) run(t *tree) (scores []float32, err error) {
	places, rows, asked := roundUp(len(t.tokens), placeSizes), roundUp(len(t.rows), rowSizes), roundUp(len(t.at), askedSizes)
	half := m.file.llama.head / 2
	cos, sin := make([]float32, places*half), make([]float32, places*half)
	for i, depth := range t.depths {
		for j := range half {
			s, c := math.Sincos(float64(depth) * math.Pow(m.file.llama.ropeBase, -float64(j)/float64(half)))
			cos[i*half+j], sin[i*half+j] = float32(c), float32(s)
		}
	}
	tokens := tensors.FromFlatDataAndDimensions(padded(t.tokens, places), places)
	at := []any{
		tensors.FromFlatDataAndDimensions(cos, places, half), tensors.FromFlatDataAndDimensions(sin, places, half),
		tensors.FromFlatDataAndDimensions(t.mask(places), places, places),
	}
	asks := []any{
		tensors.FromFlatDataAndDimensions(padded(t.rows, rows), rows),
		tensors.FromFlatDataAndDimensions(padded(t.at, asked), asked), tensors.FromFlatDataAndDimensions(padded(t.targets, asked), asked),
	}
	defer func() {
		for _, x := range slices.Concat([]any{tokens}, at, asks) {
			err = errors.Join(err, x.(*tensors.Tensor).FinalizeAll())
		}
	}()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.weights == nil {
		return nil, errors.New("it was closed: open it again")
	}
	x, err := call(m.embed, tokens, m.weights["token_embd.weight"])
	for i := 0; err == nil && i < m.file.llama.layers-1; i++ {
		x, err = step(m.block, x, at, m.ofLayer(i))
	}
	if err == nil {
		x, err = step(m.last, x, slices.Concat(at, asks), append(m.ofLayer(m.file.llama.layers-1), m.weights["output_norm.weight"], m.head()))
	}
	if err != nil {
		return nil, err
	}
	scores = tensors.MustCopyFlatData[float32](x)[:len(t.at)]
	return scores, x.FinalizeAll()
}

// ofLayer are the weights of one layer, in the order of block.
func (m *Local) ofLayer(i int) []any {
	var out []any
	for _, w := range m.file.llama.block() {
		out = append(out, m.weights[layer(i, w.name)])
	}
	return out
}

// head is the output layer [vocab, width].
func (m *Local) head() *tensors.Tensor {
	if m.file.llama.tied {
		return m.weights["token_embd.weight"]
	}
	return m.weights["output.weight"]
}

// step computes what follows x, which it frees.
func step(e *graph.Exec, x *tensors.Tensor, at, weights []any) (*tensors.Tensor, error) {
	out, err := call(e, slices.Concat([]any{x}, at, weights)...)
	return out, errors.Join(err, x.FinalizeAll())
}

func call(e *graph.Exec, in ...any) (out *tensors.Tensor, err error) {
	if panicked := exceptions.TryCatch[error](func() { out, err = e.Call1(in...) }); panicked != nil {
		err = panicked
	}
	return out, err
}

// Close frees the model. Nothing may use it afterwards.
func (m *Local) Close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.weights == nil {
		return
	}
	for _, e := range []*graph.Exec{m.embed, m.block, m.last} {
		e.Finalize()
	}
	free(m.weights)
	m.weights = nil
	if m.owned != nil {
		m.owned.Close()
	}
}
