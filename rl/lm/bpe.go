package lm

import (
	"container/heap"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// bpe is a byte-level byte-pair tokenizer with the vocabulary of a GGUF file. It cuts text into the tokens that llama.cpp cuts it into.
type bpe struct {
	ids     map[string]int32
	ranks   map[[2]string]int // of merges; lower ones go first
	special []string          // texts that are tokens wherever they stand, longest first
	glyphs  [256]string       // how the vocabulary writes each byte
	digits  bool              // every digit is a word of its own
	bos     int32             // put before every text; -1: none
}

// Token types of GGUF, of those that matter here.
const (
	typeUnknown = 2
	typeControl = 3
	typeUser    = 4
)

func newBPE(tokens []string, types []int64, merges []string, digits bool, bos int32) (*bpe, error) {
	if len(tokens) == 0 || len(types) != len(tokens) {
		return nil, fmt.Errorf("vocabulary: %d tokens with %d types: the file is damaged, fetch it again", len(tokens), len(types))
	}
	b := &bpe{ids: make(map[string]int32, len(tokens)), ranks: make(map[[2]string]int, len(merges)), digits: digits, bos: bos}
	for i, t := range tokens {
		if _, twice := b.ids[t]; twice {
			return nil, fmt.Errorf("vocabulary: token %q stands in it twice: the file is damaged, fetch it again", t)
		}
		b.ids[t] = int32(i)
		if k := types[i]; t != "" && (k == typeUnknown || k == typeControl || k == typeUser) {
			b.special = append(b.special, t)
		}
	}
	slices.SortStableFunc(b.special, func(x, y string) int { return len(y) - len(x) })
	for i, m := range merges {
		left, right, ok := strings.Cut(m, " ")
		if !ok {
			return nil, fmt.Errorf("vocabulary: merge %d is %q: it should be two tokens with a space between them", i, m)
		}
		b.ranks[[2]string{left, right}] = i
	}
	// GPT-2's table: printable Latin-1 bytes stand for themselves, the others for the letters from 256 on.
	next := rune(256)
	for i := range 256 {
		if i >= '!' && i <= '~' || i >= 0xA1 && i <= 0xAC || i >= 0xAE {
			b.glyphs[i] = string(rune(i))
		} else {
			b.glyphs[i] = string(next)
			next++
		}
	}
	return b, nil
}

// start is what the tokens of a prompt begin with.
func (b *bpe) start() []int32 {
	if b.bos < 0 {
		return nil
	}
	return []int32{b.bos}
}

// encode cuts text into tokens, without the one at the start of a prompt.
func (b *bpe) encode(text string) ([]int32, error) {
	var out []int32
	var err error
	b.pieces(text, b.special, func(piece string, special bool) {
		if special {
			out = append(out, b.ids[piece])
			return
		}
		for _, word := range split(piece, b.digits) {
			if err == nil {
				out, err = b.word(out, word)
			}
		}
	})
	return out, err
}

// pieces cuts text at the special tokens, the longest of them first, wherever they stand.
func (b *bpe) pieces(text string, special []string, show func(piece string, special bool)) {
	for i, s := range special {
		before, after, found := strings.Cut(text, s)
		if !found {
			continue
		}
		for found {
			b.pieces(before, special[i+1:], show)
			show(s, true)
			text = after
			before, after, found = strings.Cut(text, s)
		}
		b.pieces(text, special[i+1:], show)
		return
	}
	if text != "" {
		show(text, false)
	}
}

// part is a run of bytes of a word while it is merged; parts form a list.
type part struct {
	text       string // empty: it was merged into the one before
	prev, next int
}

// pair is a merge that may be made, if its parts are still what they were.
type pair struct {
	rank, left, right int
	length            int
}

type pairs []pair

func (p pairs) Len() int { return len(p) }
func (p pairs) Less(i, j int) bool {
	return p[i].rank < p[j].rank || p[i].rank == p[j].rank && p[i].left < p[j].left
}
func (p pairs) Swap(i, j int) { p[i], p[j] = p[j], p[i] }
func (p *pairs) Push(x any)   { *p = append(*p, x.(pair)) }
func (p *pairs) Pop() any {
	last := len(*p) - 1
	x := (*p)[last]
	*p = (*p)[:last]
	return x
}

// word merges the bytes of a word, the best-ranked pair first and of equals the leftmost, and appends the tokens.
func (b *bpe) word(out []int32, word string) ([]int32, error) {
	parts := make([]part, len(word))
	for i := range parts {
		parts[i] = part{b.glyphs[word[i]], i - 1, i + 1}
	}
	var queue pairs
	offer := func(left int) {
		if left < 0 || parts[left].next >= len(parts) {
			return
		}
		right := parts[left].next
		if rank, ok := b.ranks[[2]string{parts[left].text, parts[right].text}]; ok {
			heap.Push(&queue, pair{rank, left, right, len(parts[left].text) + len(parts[right].text)})
		}
	}
	for i := range parts {
		offer(i)
	}
	for len(queue) > 0 {
		p := heap.Pop(&queue).(pair)
		l, r := &parts[p.left], &parts[p.right]
		if l.text == "" || r.text == "" || l.next != p.right || len(l.text)+len(r.text) != p.length {
			continue
		}
		l.text += r.text
		l.next, r.text = r.next, ""
		if l.next < len(parts) {
			parts[l.next].prev = p.left
		}
		offer(l.prev)
		offer(p.left)
	}
	for i := 0; i < len(parts); i = parts[i].next {
		if id, ok := b.ids[parts[i].text]; ok {
			out = append(out, id)
			continue
		}
		for _, glyph := range parts[i].text {
			id, ok := b.ids[string(glyph)]
			if !ok {
				return nil, fmt.Errorf("%q: %w %q: leave it out, or use another model", word, errNoToken, glyph)
			}
			out = append(out, id)
		}
	}
	return out, nil
}

var errNoToken = errors.New("the model's vocabulary has no token for")

// split cuts text into the words inside which merges are made.
func split(text string, digits bool) []string {
	if !digits {
		return gpt2Split(nil, text)
	}
	var out []string
	for text != "" {
		i := strings.IndexFunc(text, unicode.IsNumber)
		if i < 0 {
			break
		}
		_, n := utf8.DecodeRuneInString(text[i:])
		out = append(gpt2Split(out, text[:i]), text[i:i+n])
		text = text[i+n:]
	}
	return gpt2Split(out, text)
}

// The classes of letters in GPT-2's pattern.
const (
	space = iota
	letter
	number
	other
)

func class(r rune) int {
	switch {
	case unicode.IsSpace(r):
		return space
	case unicode.IsLetter(r):
		return letter
	case unicode.IsNumber(r):
		return number
	}
	return other
}

// gpt2Split cuts by the pattern 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+, which Go's regexp cannot express.
func gpt2Split(out []string, s string) []string {
	for s != "" {
		n := clitic(s)
		if n == 0 {
			n = run(s)
		}
		out, s = append(out, s[:n]), s[n:]
	}
	return out
}

func clitic(s string) int {
	for _, c := range []string{"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"} {
		if strings.HasPrefix(s, c) {
			return len(c)
		}
	}
	return 0
}

// run is the length of the next word: letters, digits or signs with at most one blank before them, or white space, of which the last is left to what
// follows.
func run(s string) int {
	start := 0
	if s[0] == ' ' && len(s) > 1 {
		start = 1
	}
	first, _ := utf8.DecodeRuneInString(s[start:])
	if kind := class(first); kind != space {
		n := strings.IndexFunc(s[start:], func(r rune) bool { return class(r) != kind })
		if n < 0 {
			return len(s)
		}
		return start + n
	}
	n := strings.IndexFunc(s, func(r rune) bool { return class(r) != space })
	if n < 0 {
		return len(s)
	}
	if _, last := utf8.DecodeLastRuneInString(s[:n]); last < n {
		return n - last
	}
	return n
}
