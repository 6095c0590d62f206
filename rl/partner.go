package rl

import (
	"context"
	"fmt"

	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/hanabi"
	"github.com/rewardlab/rewardlab/rl/partner"
	"github.com/rewardlab/rewardlab/rl/run"
)

// SmallHanabi is the game that the presets for Hanabi learn in minutes: two players, two cards each, three colours of ranks 1 to 3 (18 cards, 9 points),
// five hint tokens, three lives.
func SmallHanabi() hanabi.Config {
	return hanabi.Config{Colors: 3, Ranks: 3, Hand: 2, Hints: 5, Lives: 3}
}

// partnerPresets are players of Hanabi that were told what hints are for.
func partnerPresets() []run.Preset {
	none := 0.0
	small := partner.Told{Config: SmallHanabi()}
	plainQ := partner.Q{Told: small, Lambda: &none}
	plainPPO := partner.PPO{Told: small, Lambda: &none}
	full := partner.Q{Told: partner.Told{Hidden: []int{256, 256}}}
	var out []run.Preset
	for _, p := range []struct {
		name, summary string
		config        partner.Q
	}{
		{"instructq-hanabi-small", "Q-learning plays a small Hanabi; it was told what hints are for", partner.Q{Told: small}},
		{"instructq-hanabi-small-plain", "the same without the instruction: every seed has conventions of its own", plainQ},
		{"instructq-hanabi", "Q-learning plays the full game for two; it was told what hints are for", full},
	} {
		out = append(out, partnerPreset(p.name, partner.AlgorithmQ, p.summary, p.config, partner.NewQ))
	}
	for _, p := range []struct {
		name, summary string
		config        partner.PPO
	}{
		{"instructppo-hanabi-small", "PPO plays a small Hanabi, and is drawn to what it was told hints are for", partner.PPO{Told: small}},
		{"instructppo-hanabi-small-plain", "the same without the instruction: every seed has conventions of its own", plainPPO},
	} {
		out = append(out, partnerPreset(p.name, partner.AlgorithmPPO, p.summary, p.config, partner.NewPPO))
	}
	return out
}

func partnerPreset[C any](name, algorithm, summary string, config C, learner func(*backend.Engine, *C) (*partner.Worker, error)) run.Preset {
	return run.Preset{
		Name: name, Algorithm: algorithm, Summary: summary,
		Score: run.Score{Name: "mean score of greedy games of the kept policy with itself", Of: func(_ []run.Row, eval map[string]float64) (float64, error) {
			return evaluated(eval, "eval/score")
		}},
		New:          func() any { c := config; return &c },
		ConfigSource: partner.ConfigSource,
		Open: func(ctx context.Context, cfg any, opt run.OpenOptions) (run.Worker, error) {
			c, ok := cfg.(*C)
			if !ok {
				return nil, fmt.Errorf("%s: a configuration of type %T: give a %T", algorithm, cfg, c)
			}
			e, err := backend.Open(ctx, backend.Config{Say: opt.Log})
			if err != nil {
				return nil, fmt.Errorf("engine: %w", err)
			}
			w, err := learner(e, c)
			if err != nil {
				e.Close()
				return nil, err
			}
			return engineWorker{w, e}, nil
		},
	}
}
