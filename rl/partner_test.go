package rl_test

import (
	"flag"
	"fmt"
	"strings"
	"testing"

	"github.com/rewardlab/rewardlab/rl"
	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/backend/backendtest"
	"github.com/rewardlab/rewardlab/rl/hanabi"
	"github.com/rewardlab/rewardlab/rl/partner"
	"github.com/rewardlab/rewardlab/rl/run"
)

// Agents that are read from a run play as they did when it was evaluated.
func TestPartnersFromRuns(t *testing.T) {
	t.Setenv(backend.EnvSpec, "go")
	e := backendtest.Go(t)
	for _, preset := range []string{"instructq-hanabi-small", "instructppo-hanabi-small"} {
		algorithm := strings.TrimSuffix(preset, "-small")
		r, err := rl.Train(t.Context(), preset, rl.Options{Folder: t.TempDir() + "/run", Set: append(strings.Fields(small[algorithm]), "noise=0.2")})
		if err != nil {
			t.Fatal(err)
		}
		a, err := partner.Load(r, 1)
		if err != nil {
			t.Fatal(err)
		}
		arena, err := partner.NewArena(e, a.Rules(), 10)
		if err != nil {
			t.Fatal(err)
		}
		defer arena.Close()
		m, err := arena.Play(t.Context(), a, a, run.Stream(1, run.StreamEval))
		if err != nil {
			t.Fatal(err)
		}
		if m.Score != r.Eval[1]["eval/score"] || m.First.Colors() != r.Eval[1]["eval/colors"] {
			t.Errorf("%s: score %g, colors %g, in the evaluation %g and %g", preset, m.Score, m.First.Colors(), r.Eval[1]["eval/score"], r.Eval[1]["eval/colors"])
		}
		if _, err := arena.Move(t.Context(), a, new(hanabi.Game)); err == nil {
			t.Error("a move in no game")
		}
	}
	q, err := rl.Train(t.Context(), "instructq-say-select", rl.Options{Folder: t.TempDir() + "/run", Set: strings.Fields(small["instructq"])})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := partner.Load(q, 1); err == nil || !strings.Contains(err.Error(), partner.AlgorithmQ) {
		t.Errorf("an agent of another game: error %v", err)
	}
}

var meetRuns = flag.String("meet.runs", "", "groups of run folders of agents for one game, such as a+b,c: print how they play with each other")

// TestMeet prints self-play, cross-play and behaviour of trained agents. It is asked for by its flag.
func TestMeet(t *testing.T) {
	if *meetRuns == "" {
		t.Skip("give -meet.runs=FOLDER,FOLDER")
	}
	e := backendtest.XLA(t)
	var agents []*partner.Agent
	var groups [][]int
	folders := strings.Split(*meetRuns, ",")
	for _, folder := range folders {
		var group []int
		for _, folder := range strings.Split(folder, "+") {
			r, err := rl.Load(folder)
			if err != nil {
				t.Fatal(err)
			}
			for _, seed := range r.Seeds {
				a, err := partner.Load(r, seed)
				if err != nil {
					t.Fatal(err)
				}
				group = append(group, len(agents))
				agents = append(agents, a)
			}
		}
		groups = append(groups, group)
	}
	arena, err := partner.NewArena(e, agents[0].Rules(), 1000)
	if err != nil {
		t.Fatal(err)
	}
	defer arena.Close()
	table, err := arena.CrossPlay(t.Context(), agents, 7)
	if err != nil {
		t.Fatal(err)
	}
	for k, group := range groups {
		var self, distance float64
		for _, i := range group {
			m := table[i][i]
			b := &m.First
			self += m.Score / float64(len(group))
			t.Logf("%s: %.2f +- %.2f, lost %.2f, colors %.2f, plays hinted after color %.2f rank %.2f\n%.2f", agents[i].Name, m.Score, m.Error, m.Lost, b.Colors(),
				b.Share(partner.AfterColor, partner.PlaysHinted), b.Share(partner.AfterRank, partner.PlaysHinted), b.Table())
			for _, j := range group {
				if i != j {
					distance += b.Distance(&table[j][j].First) / float64(len(group)*(len(group)-1))
				}
			}
		}
		line := fmt.Sprintf("== %s: self-play %.3f, distance between seeds %.2f; with", folders[k], self, distance)
		for l, others := range groups {
			mean, err := partner.Between(table, group, others)
			line += fmt.Sprintf(" | %s %.2f +- %.2f", folders[l], mean, err)
		}
		t.Log(line)
	}
}

// The full game for two. Random moves lose all lives, and with them all points, in every one of 15,851 games.
func TestFullHanabiIsLearned(t *testing.T) {
	if testing.Short() {
		t.Skip("trains for a quarter of a minute")
	}
	e := backendtest.XLA(t)
	t.Setenv(backend.EnvSpec, "xla:"+e.Plugin)
	r, err := rl.Train(t.Context(), "instructq-hanabi", rl.Options{Folder: t.TempDir() + "/run", Set: []string{"iterations=600", "eval_every=200", "eval_games=100", "games=200"}})
	if err != nil {
		t.Fatal(err)
	}
	if score := r.Eval[1]["eval/score"]; score < 1 {
		t.Errorf("%.2f points, want more than 1", score)
	}
}
