package rl

import (
	"strings"
	"testing"

	"github.com/rewardlab/rewardlab/rl/run"
)

func TestDiagnosisNamesTheFault(t *testing.T) {
	for _, tt := range []struct {
		name           string
		truth, learned float64
		expert, policy float64 // accuracies of the last row
		fault          Fault
		says           string
	}{
		{"PPO that cannot do it", 0.5, 0.4, 0.7, 0.7, InnerLearner, "method=true"},
		{"all well", 0.95, 0.92, 0.6, 0.6, NoFault, "Nothing"},
		{"too strong", 0.95, 0.3, 0.99, 0.99, LearnedReward, "too strong"},
		{"blind", 0.95, 0.3, 0.5, 0.5, LearnedReward, "cannot tell"},
		{"between", 0.95, 0.3, 0.8, 0.8, LearnedReward, "longer training"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := &Diagnosis{True: run.Scored{IQM: tt.truth}, Learned: run.Scored{IQM: tt.learned}}
			row := func(seed int64, e, p float64) run.Row {
				return run.Row{Seed: seed, Values: map[string]float64{"reward/expert_accuracy": e, "reward/policy_accuracy": p}}
			}
			// Only the last row of each seed counts.
			d.judge(&run.Run{Rows: []run.Row{row(1, 0, 1), row(1, tt.expert, tt.policy), row(2, 0, 0), row(2, tt.expert, tt.policy)}})
			if d.Fault != tt.fault || !strings.Contains(d.Advice, tt.says) {
				t.Errorf("fault %q: %s", d.Fault, d.Advice)
			}
		})
	}
}
