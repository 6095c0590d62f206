package lm

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
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
	names   []string
	weights map[string]*tensors.Tensor
	exec    *graph.Exec
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
	for _, t := range f.gguf.TensorInfos {
		m.names = append(m.names, t.Name)
	}
	if m.exec, err = graph.NewExec(b, m.build); err != nil {
		free(m.weights)
		return nil, fmt.Errorf("model %s: %w", path, err)
	}
	return m, nil
}

const inputs = 7 // of the graph, before the weights

func (m *Local) build(in []*graph.Node) *graph.Node {
	byName := map[string]*graph.Node{}
	for i, name := range m.names {
		byName[name] = in[inputs+i]
	}
	p := pass{m.file.llama, func(name string) *graph.Node { return graph.ConvertDType(byName[name], dtypes.Float32) }}
	return p.scores(in[0], in[1], in[2], in[3], in[4], in[5], in[6])
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
	in := []any{
		tensors.FromFlatDataAndDimensions(padded(t.tokens, places), places),
		tensors.FromFlatDataAndDimensions(cos, places, half), tensors.FromFlatDataAndDimensions(sin, places, half),
		tensors.FromFlatDataAndDimensions(t.mask(places), places, places), tensors.FromFlatDataAndDimensions(padded(t.rows, rows), rows),
		tensors.FromFlatDataAndDimensions(padded(t.at, asked), asked), tensors.FromFlatDataAndDimensions(padded(t.targets, asked), asked),
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.exec == nil {
		return nil, errors.New("it was closed: open it again")
	}
	for _, name := range m.names {
		in = append(in, m.weights[name])
	}
	var out []*tensors.Tensor
	if panicked := exceptions.TryCatch[error](func() { out, err = m.exec.Call(in...) }); panicked != nil {
		err = panicked
	}
	for _, x := range in[:inputs] {
		err = errors.Join(err, x.(*tensors.Tensor).FinalizeAll())
	}
	if err != nil {
		return nil, err
	}
	scores = tensors.MustCopyFlatData[float32](out[0])[:len(t.at)]
	return scores, out[0].FinalizeAll()
}

// Close frees the model. Nothing may use it afterwards.
func (m *Local) Close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.exec == nil {
		return
	}
	m.exec.Finalize()
	m.exec = nil
	free(m.weights)
	if m.owned != nil {
		m.owned.Close()
	}
}
