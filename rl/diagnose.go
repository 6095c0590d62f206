package rl

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"

	"github.com/rewardlab/rewardlab/rl/run"
)

// Fault is the half of a learner of rewards that falls short.
type Fault string

// The faults.
const (
	NoFault       Fault = ""
	InnerLearner  Fault = "inner learner"
	LearnedReward Fault = "learned reward"
)

// Diagnosis compares a learner of rewards with its own inner learner on the true reward.
type Diagnosis struct {
	True    run.Scored `json:"true"`
	Learned run.Scored `json:"learned"`
	Fault   Fault      `json:"fault"`
	Advice  string     `json:"advice"`
}

// enough is the score from which on a learner is called good: nine tenths of the way from random actions to the expert.
const enough = 0.9

// Diagnose trains p, a preset that knows method=true, twice: its inner learner for the environment's own reward, then everything as it is. What the
// inner learner cannot do with the true reward it will not do with a learned one, so that is looked at first. The runs are folders "true" and
// "learned" below o.Folder; complete ones are not trained again.
func Diagnose(ctx context.Context, p run.Preset, o Options) (*Diagnosis, error) {
	folder := cmp.Or(o.Folder, Folder(p.Name+"-diagnose"))
	one := func(name string, more ...string) (*run.Run, error) {
		cfg := p.New()
		if err := run.Set(cfg, append(append([]string{}, o.Set...), more...)...); err != nil {
			return nil, fmt.Errorf("diagnosis of %s: %w: it is for presets that learn a reward, and know method=true", p.Name, err)
		}
		if err := run.Resolve(cfg); err != nil {
			return nil, err
		}
		if err := run.Check(cfg); err != nil {
			return nil, fmt.Errorf("diagnosis of %s: %w", p.Name, err)
		}
		x := o
		x.Resume = true
		if len(x.Seeds) == 0 {
			x.Seeds = Seeds(3)
		}
		return train(ctx, filepath.Join(folder, name), p, cfg, x)
	}
	truth, err := one("true", "method=true")
	if err != nil {
		return nil, err
	}
	learned, err := one("learned")
	if err != nil {
		return nil, err
	}
	d := &Diagnosis{True: truth.Result.Score, Learned: learned.Result.Score}
	d.judge(learned)
	return d, nil
}

// judge fills in fault and advice.
func (d *Diagnosis) judge(learned *run.Run) {
	last := func(key string) float64 { // mean over the last rows of the seeds
		var sum, n float64
		rows := learned.Rows
		for i, r := range rows {
			if v, ok := r.Values[key]; ok && (i+1 == len(rows) || rows[i+1].Seed != r.Seed) {
				sum, n = sum+v, n+1
			}
		}
		return sum / max(n, 1)
	}
	expert, policy := last("reward/expert_accuracy"), last("reward/policy_accuracy")
	switch {
	case d.True.IQM < enough:
		d.Fault = InnerLearner
		d.Advice = fmt.Sprintf("The inner learner reaches %.2f with the true reward, so no learned one can be expected to do better: tune it first (lr, total, gamma, steps), with method=true.", d.True.IQM)
	case d.Learned.IQM >= enough:
		d.Advice = "Nothing falls short."
	case expert > 0.95 && policy > 0.95:
		d.Fault = LearnedReward
		d.Advice = fmt.Sprintf("The inner learner is good, the reward is not. At the end the discriminator knows the expert in %.0f%% and the policy in %.0f%% of the steps: it is too strong to learn from. Try a smaller disc_lr, fewer disc_updates, a penalty, or sees=s.", 100*expert, 100*policy)
	case expert+policy < 1.1 && expert+policy > 0:
		d.Fault = LearnedReward
		d.Advice = fmt.Sprintf("The inner learner is good, the reward is not. At the end the discriminator is right in %.0f%% and %.0f%% of the steps: it cannot tell the policy from the expert, though the policy is worse. Try more disc_updates, a larger disc_lr, a longer replay, or more trajectories.", 100*expert, 100*policy)
	default:
		d.Fault = LearnedReward
		d.Advice = "The inner learner is good, the reward is not: try a longer training first, then more disc_updates, a longer replay, a penalty, or more trajectories."
	}
}
