package prefs

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"image"
	"math"
)

// Gatherer answers questions about clips: a person, a file, a language model. (The synthetic annotator is none: it answers inside the compiled
// program, and no clip visits the host.)
//
// Ask answers all queries, one Answer each and in their order, or fails. It may take as long as it likes and must return when ctx ends; answers that
// it has by then are returned along with the error, as a shorter slice, and are kept. It may be called again with a query that it has seen, with the
// same Query.ID.
type Gatherer interface {
	Ask(ctx context.Context, queries []Query) ([]Answer, error)
}

// Query asks which of its clips is better.
type Query struct {
	// ID is a hash of what the clips hold: equal questions have equal names, in every process.
	ID string
	// Task says what the clips are judged by, one sentence for people and language models: "swing the pole up and hold it".
	Task string
	// Clips are two, or k to be ranked.
	Clips []Fragment
}

// Fragment is a clip: a stretch of one episode, as Steps rows.
type Fragment struct {
	Env    string    // name of the environment
	Steps  int       // of the clip
	Obs    []float32 // [Steps, Obs...]: what was acted on
	Action []float32 // [Steps, Dim], or [Steps] numbers of choices
	Next   []float32 // [Steps, Obs...]: what the steps led to
	// Text describes the clip in a sentence or two, with numbers: what a language model reads. Describe makes it.
	Text string
	// Frames are the pictures of the states that the clip went through, for people. Nil where the gatherer was not said to want them, or where the
	// environment cannot be drawn.
	Frames []image.Image
}

// Answer says which clip is better. Of First and Ranks, a query of two clips uses First, one of more Ranks.
type Answer struct {
	// Skip: cannot tell. The query is dropped, nothing is learned from it.
	Skip bool
	// First is the probability that the first of two clips is the better one: 1, 0, or 0.5 where they are equal; between them where the judge is not
	// sure, such as the token probability of a language model.
	First float64
	// Ranks are a number for each of k clips: the higher the better, equal ones are tied.
	Ranks []float64
}

// Check returns what is wrong with an answer to a query of k clips, if anything is.
func (a Answer) Check(k int) error {
	switch {
	case a.Skip:
		return nil
	case k == 2 && a.Ranks == nil:
		if !(a.First >= 0 && a.First <= 1) {
			return fmt.Errorf("first is %g: give the probability that the first clip is the better one, from 0 to 1", a.First)
		}
	case len(a.Ranks) != k:
		return fmt.Errorf("%d ranks for %d clips: give each a number, the higher the better, or skip the query", len(a.Ranks), k)
	}
	for i, r := range a.Ranks {
		if math.IsNaN(r) || math.IsInf(r, 0) {
			return fmt.Errorf("rank %d is %g: give a finite number", i+1, r)
		}
	}
	return nil
}

// prefer is the answer as a matrix: [a*k+b] is the probability that clip a is better than clip b. The diagonal is 0.5.
func (a Answer) prefer(k int) []float32 {
	p := make([]float32, k*k)
	for i := range k {
		for j := range k {
			switch {
			case i == j:
				p[i*k+j] = 0.5
			case k == 2 && a.Ranks == nil && i == 0:
				p[i*k+j] = float32(a.First)
			case k == 2 && a.Ranks == nil:
				p[i*k+j] = float32(1 - a.First)
			case a.Ranks[i] > a.Ranks[j]:
				p[i*k+j] = 1
			case a.Ranks[i] == a.Ranks[j]:
				p[i*k+j] = 0.5
			}
		}
	}
	return p
}

// NewQuery is a query of clips, named by what they hold.
func NewQuery(task string, clips ...Fragment) Query {
	h := sha256.New()
	for _, c := range clips {
		fmt.Fprintf(h, "%s %d\n", c.Env, c.Steps)
		for _, x := range [][]float32{c.Obs, c.Action, c.Next} {
			_ = binary.Write(h, binary.LittleEndian, int64(len(x))) // a hash does not fail
			_ = binary.Write(h, binary.LittleEndian, x)
		}
	}
	return Query{ID: hex.EncodeToString(h.Sum(nil)[:8]), Task: task, Clips: clips}
}
