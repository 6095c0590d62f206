package partner

import (
	"context"
	"math"
)

// CrossPlay lets every agent meet every other, and itself: [i][j] is agent i, first, with j. The cards are the same in all meetings.
func (a *Arena) CrossPlay(ctx context.Context, agents []*Agent, seed int64) ([][]*Meeting, error) {
	table := make([][]*Meeting, len(agents))
	for i := range agents {
		table[i] = make([]*Meeting, len(agents))
	}
	for i := range agents {
		for j := i; j < len(agents); j++ {
			m, err := a.Play(ctx, agents[i], agents[j], seed)
			if err != nil {
				return nil, err
			}
			turned := *m
			turned.First, turned.Second = m.Second, m.First
			table[j][i], table[i][j] = &turned, m
		}
	}
	return table, nil
}

// Scores are the mean scores of a table of meetings, as a heat map takes them.
func Scores(table [][]*Meeting) [][]float64 {
	out := make([][]float64, len(table))
	for i, row := range table {
		for _, m := range row {
			out[i] = append(out[i], m.Score)
		}
	}
	return out
}

// Between is the mean score of the meetings of agents in rows with different agents in columns, and the standard deviation over these pairs divided by
// the root of their number less one, which is 0 for fewer than two. The same pair is counted once.
func Between(table [][]*Meeting, rows, columns []int) (mean, err float64) {
	type pair struct{ low, high int }
	seen := map[pair]bool{}
	var sum, square float64
	for _, i := range rows {
		for _, j := range columns {
			p := pair{min(i, j), max(i, j)}
			if i == j || seen[p] {
				continue
			}
			seen[p] = true
			s := table[i][j].Score
			sum, square = sum+s, square+s*s
		}
	}
	n := float64(len(seen))
	mean = sum / n
	if n > 1 {
		err = math.Sqrt(max(square/n-mean*mean, 0) / (n - 1))
	}
	return mean, err
}

// Distance is how differently two agents answer: the share of answers, averaged over the situations that both were in, that would have to be changed to
// make them the same. 0: they answer alike; 1: never.
func (b *Behaviour) Distance(other *Behaviour) float64 {
	total, situations := 0.0, 0
	for s := range b.Answers {
		if b.met(s) == 0 || other.met(s) == 0 {
			continue
		}
		situations++
		for a := range b.Answers[s] {
			total += math.Abs(b.Share(s, a)-other.Share(s, a)) / 2
		}
	}
	return total / float64(max(situations, 1))
}

// met is how often a situation came up.
func (b *Behaviour) met(situation int) int {
	sum := 0
	for _, n := range b.Answers[situation] {
		sum += n
	}
	return sum
}

// Table is Share of every situation and answer, as a heat map takes it.
func (b *Behaviour) Table() [][]float64 {
	out := make([][]float64, situations)
	for s := range out {
		for a := range answers {
			out[s] = append(out[s], b.Share(s, a))
		}
	}
	return out
}
