package lm

import "slices"

// tree holds several prompts with their continuations as one row for the model. What texts have in common at their beginning stands there once: every
// token sees its ancestors and nothing else, so that a prompt is computed once for all its continuations, and an instruction once for all prompts that
// begin with it.
type tree struct {
	tokens, parents, depths []int32
	children                map[edge]int32
	rows                    []int32 // the places after which tokens are scored, each once
	rowOf                   map[int32]int32
	at, targets             []int32 // the scores asked for: an index of rows, and a token
}

type edge struct{ parent, token int32 }

func newTree() *tree { return &tree{children: map[edge]int32{}, rowOf: map[int32]int32{}} }

// add puts a token after parent, -1 being the start, and returns its place.
func (t *tree) add(parent, token int32) int32 {
	if at, ok := t.children[edge{parent, token}]; ok {
		return at
	}
	at, depth := int32(len(t.tokens)), int32(0)
	if parent >= 0 {
		depth = t.depths[parent] + 1
	}
	t.tokens, t.parents, t.depths = append(t.tokens, token), append(t.parents, parent), append(t.depths, depth)
	t.children[edge{parent, token}] = at
	return at
}

// query puts a prompt and its continuations in. The scores of their tokens are asked for in this order.
func (t *tree) query(q tokenized) {
	end := int32(-1)
	for _, token := range q.prompt {
		end = t.add(end, token)
	}
	for _, c := range q.continuations {
		at := end
		for i, token := range c {
			row, ok := t.rowOf[at]
			if !ok {
				row = int32(len(t.rows))
				t.rows, t.rowOf[at] = append(t.rows, at), row
			}
			t.at, t.targets = append(t.at, row), append(t.targets, token)
			if i+1 < len(c) { // nothing follows the last one, so it need not be read
				at = t.add(at, token)
			}
		}
	}
}

// mask says which places [n, n] each place sees: itself and its ancestors. Places beyond the tree see themselves alone.
func (t *tree) mask(n int) []bool {
	m := make([]bool, n*n)
	for i := range n {
		if i < len(t.parents) && t.parents[i] >= 0 {
			p := int(t.parents[i])
			copy(m[i*n:i*n+p+1], m[p*n:p*n+p+1])
		}
		m[i*n+i] = true
	}
	return m
}

// tokenized is a query in tokens.
type tokenized struct {
	prompt        []int32
	continuations [][]int32
}

// size is the most places that a query can take.
func (q tokenized) size() int {
	n := len(q.prompt)
	for _, c := range q.continuations {
		n += len(c) - 1
	}
	return n
}

// depth is the number of tokens that the model reads one after another.
func (q tokenized) depth() int {
	longest := 0
	for _, c := range q.continuations {
		longest = max(longest, len(c))
	}
	return len(q.prompt) + longest
}

// Every shape of a program is compiled, which takes a second or two, so sizes are rounded up to a few. Places and rows are work; scores cost nothing.
var (
	placeSizes = []int{32, 64, 96, 128, 192, 256, 384, 512}
	rowSizes   = []int{16, 32, 64, 128, 256}
	askedSizes = []int{64, 512}
)

func roundUp(n int, sizes []int) int {
	if i, _ := slices.BinarySearch(sizes, n); i < len(sizes) {
		return sizes[i]
	}
	most := sizes[len(sizes)-1]
	return (n + most - 1) / most * most
}

// most is how many places a row holds, unless one query needs more.
const most = 512

// packed puts queries into as few rows as they fit in order, and returns with each row how many queries it holds.
func packed(queries []tokenized) (trees []*tree, counts []int) {
	for len(queries) > 0 {
		t, n := newTree(), 0
		for n < len(queries) && (n == 0 || len(t.tokens)+queries[n].size() <= most) {
			t.query(queries[n])
			n++
		}
		trees, counts = append(trees, t), append(counts, n)
		queries = queries[n:]
	}
	return trees, counts
}

func padded(x []int32, n int) []int32 { return append(slices.Clip(x), make([]int32, n-len(x))...) }
