package rl

import (
	"context"

	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/hanabi"
	"github.com/rewardlab/rewardlab/rl/partner"
	"github.com/rewardlab/rewardlab/rl/run"
)

// SmallHanabi is the game that the presets for Hanabi learn in minutes: two players with two cards each; four colours of three 1s and one 2, so 16 cards
// and 8 points; three hint tokens and three lives; the rest as in the full game. People who play by hints of a colour, and by hints of a rank, do about
// equally well in it.
func SmallHanabi() hanabi.Config {
	return hanabi.Config{Colors: 4, Ranks: 2, Hand: 2, Hints: 3, Lives: 3}
}

// partnerPresets are players of Hanabi that were told what hints are for.
func partnerPresets() []run.Preset {
	none, tenth, fifth := 0.0, 0.1, 0.2
	q := partner.Q{Told: partner.Told{Config: SmallHanabi(), Beta: 5, LambdaEnd: &tenth}, Iterations: 4000, Buffer: 50_000, Updates: 2, TargetEvery: 200}
	plainQ := q
	plainQ.Lambda = &none
	ppo := partner.PPO{Told: partner.Told{Config: SmallHanabi(), Beta: 3, LR: 1.5e-3, LambdaEnd: &none}, Lambda: &fifth, Iterations: 150, Epochs: 6, Minibatches: 16, Trace: 0.9, Entropy: 0.003}
	plainPPO := ppo
	plainPPO.Lambda = &none
	// In the full game a beginner loses all lives, and with them all points: playing whatever a hint pointed at is punished until hints are good. So the
	// instruction weighs less there. For Q-learning it is about ranks, as the 1s that a rank points at all fit at first.
	light := 0.05
	full := partner.Q{Told: partner.Told{Instruction: "rank", Beta: 5, LambdaEnd: &tenth, Gamma: 0.99, EvalEvery: 600, EvalGames: 200}, Lambda: &light, Iterations: 12_000,
		Buffer: 50_000, Updates: 2, TargetEvery: 200}
	fullPPO := partner.PPO{Told: partner.Told{Beta: 3, LR: 2e-3, Gamma: 0.99, LambdaEnd: &none, EvalEvery: 20, EvalGames: 200}, Lambda: &light, Iterations: 500, Minibatches: 8}
	return append(partnerTable(partner.AlgorithmQ, partner.NewQ, []row[partner.Q]{
		{"instructq-hanabi-small", "Q-learning plays a small Hanabi; it was told what hints are for", q},
		{"instructq-hanabi-small-plain", "the same without the instruction: every seed has conventions of its own", plainQ},
		{"instructq-hanabi", "Q-learning plays the full game for two: four points after 1.5 million moves", full},
	}), partnerTable(partner.AlgorithmPPO, partner.NewPPO, []row[partner.PPO]{
		{"instructppo-hanabi-small", "PPO plays a small Hanabi, and is drawn to what it was told hints are for", ppo},
		{"instructppo-hanabi-small-plain", "the same without the instruction: every seed has conventions of its own", plainPPO},
		{"instructppo-hanabi", "PPO plays the full game for two: four points after two million moves", fullPPO},
	})...)
}

func partnerTable[C any](algorithm string, learner func(*backend.Engine, *C) (*partner.Worker, error), rows []row[C]) []run.Preset {
	score := scored("mean score of greedy games of the kept policy with itself", "eval/score")
	return presets(algorithm, partner.ConfigSource, score, func(ctx context.Context, c *C, opt run.OpenOptions) (run.Worker, error) {
		return onEngine(ctx, opt, func(e *backend.Engine) (run.Worker, error) { return learner(e, c) })
	}, rows)
}
