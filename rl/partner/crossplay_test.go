package partner

import (
	"math"
	"testing"

	"github.com/rewardlab/rewardlab/rl/backend/backendtest"
	"github.com/rewardlab/rewardlab/rl/hanabi"
	"github.com/rewardlab/rewardlab/rl/instruct"
)

// Pairs (0,1), (0,2) and (1,2) score 1, 2 and 6: mean 3, variance 14/3, error sqrt(14/3/2). Meetings with oneself are left out.
func TestBetween(t *testing.T) {
	table := make([][]*Meeting, 3)
	for i := range table {
		for j := range 3 {
			table[i] = append(table[i], &Meeting{Score: [][]float64{{100, 1, 2}, {1, 100, 6}, {2, 6, 100}}[i][j]})
		}
	}
	all := []int{0, 1, 2}
	mean, err := Between(table, all, all)
	if mean != 3 || math.Abs(err-math.Sqrt(14./6)) > 1e-12 {
		t.Errorf("mean %g, error %g", mean, err)
	}
	if mean, err := Between(table, []int{2}, []int{0}); mean != 2 || err != 0 {
		t.Errorf("one pair: mean %g, error %g", mean, err)
	}
}

// Of two situations that both were in, one has the same answers, and in the other half of them differ.
func TestDistance(t *testing.T) {
	a, b := &Behaviour{}, &Behaviour{}
	a.Answers[AtFirst] = [answers]int{0, 2, 2}
	b.Answers[AtFirst] = [answers]int{0, 4, 4}
	a.Answers[AfterColor] = [answers]int{4}
	b.Answers[AfterColor] = [answers]int{1, 0, 1}
	b.Answers[AfterRank] = [answers]int{7}
	if got := a.Distance(b); got != 0.25 {
		t.Errorf("distance %g, want 1/4", got)
	}
	if got := a.Table()[AfterColor][PlaysHinted]; got != 1 || b.Table()[AfterColor][Discards] != 0.5 {
		t.Errorf("table %v", a.Table())
	}
}

func TestCrossPlay(t *testing.T) {
	r := game(t, hanabi.Config{Colors: 3, Ranks: 2, Hand: 2})
	a, err := NewArena(backendtest.Go(t), r, 100)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	agents := []*Agent{Person(r, instruct.PlayOnColor), Person(r, instruct.PlayOnRank)}
	table, err := a.CrossPlay(t.Context(), agents, 1)
	if err != nil {
		t.Fatal(err)
	}
	s := Scores(table)
	if s[0][1] != s[1][0] || s[0][1] >= s[0][0] || table[0][1].First.Colors() != 1 || table[1][0].First.Colors() != 0 {
		t.Errorf("scores %v; the first gives %g of its hints by color, turned round %g", s, table[0][1].First.Colors(), table[1][0].First.Colors())
	}
}
