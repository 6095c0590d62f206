package rl_test

import (
	"os/exec"
	"strings"
	"testing"
)

const module = "github.com/rewardlab/rewardlab/"

// arrows says what the packages of this module may import of it: a line "a: b c" allows imports of b and c, and of whatever lies below them
// ("b/..."). The arrows go one way, from the command line down to graph mathematics; trainers never import each other.
const arrows = `
notebooks: notebooks/internal/... datasets/fetch
notebooks/internal/...: notebooks/internal/... notebooks/nb datasets/fetch
notebooks/nb:
rl/cmd/rl: rl datasets rl/run rl/backend rl/env rl/film rl/speed plots
rl: rl/lirpg rl/gail rl/prefs rl/bc rl/gan rl/igl rl/goal rl/a2c rl/ppo rl/qlearn rl/instruct rl/partner rl/hanabi rl/selfplay rl/rollout rl/trainer rl/env rl/film rl/run rl/backend rl/eval datasets datasets/npz plots rl/active rl/judge
rl/igl: rl/trainer rl/loop rl/nn rl/ops rl/run rl/backend
rl/ppo: rl/trainer rl/rollout rl/env rl/loop rl/nn rl/ops rl/run rl/backend
rl/lirpg: rl/ppo rl/rollout rl/trainer rl/env rl/loop rl/nn rl/ops rl/run rl/backend
rl/goal: rl/ppo rl/rollout rl/trainer rl/env rl/loop rl/nn rl/ops rl/run rl/backend datasets
rl/qlearn: rl/trainer rl/film rl/env rl/loop rl/nn rl/ops rl/run rl/backend
rl/bc: rl/rollout rl/trainer rl/env rl/loop rl/nn rl/ops rl/run rl/backend datasets
rl/gan: rl/trainer rl/loop rl/nn rl/ops rl/run rl/backend
rl/gail: rl/bc rl/ppo rl/trainer rl/rollout rl/env rl/loop rl/nn rl/ops rl/run rl/backend datasets
rl/a2c: rl/trainer rl/rollout rl/env rl/loop rl/nn rl/ops rl/run rl/backend
rl/active: rl/trainer rl/env rl/loop rl/nn rl/ops rl/run rl/backend
rl/prefs: rl/ppo rl/rollout rl/trainer rl/env rl/loop rl/nn rl/ops rl/run rl/backend
rl/selfplay: rl/rollout rl/film rl/trainer rl/env rl/loop rl/nn rl/ops rl/run rl/backend
rl/rollout: rl/trainer rl/env rl/loop rl/nn rl/ops rl/run rl/film
rl/trainer: rl/loop rl/run
rl/trainer/trainertest: rl/run
rl/loop:
rl/nn:
rl/env: rl/ops rl/run
rl/film: rl/env rl/loop rl/run
rl/speed: rl/env rl/loop rl/nn rl/ops rl/run rl/eval rl/backend
rl/hanabi:
rl/lm: rl/backend datasets
rl/judge: rl/prefs rl/lm
rl/instruct: rl/hanabi rl/lm rl/run
rl/partner: rl/instruct rl/hanabi rl/loop rl/nn rl/ops rl/run rl/backend
rl/ops:
rl/run: rl/eval
rl/eval:
rl/backend: datasets/fetch
rl/backend/backendtest: rl/backend
plots: rl/eval
datasets: datasets/fetch datasets/npz
datasets/fetch:
datasets/npz:
`

func TestImportArrows(t *testing.T) {
	allowed := map[string][]string{}
	for line := range strings.Lines(strings.TrimSpace(arrows)) {
		from, to, _ := strings.Cut(strings.TrimSpace(line), ":")
		allowed[from] = strings.Fields(to)
	}
	cmd := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "./...")
	cmd.Dir = ".."
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	matches := func(pattern, pkg string) bool {
		root, deep := strings.CutSuffix(pattern, "/...")
		return pkg == pattern || deep && strings.HasPrefix(pkg, root+"/")
	}
	packages := 0
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		from := strings.TrimPrefix(words[0], module)
		packages++
		var may []string
		known := false
		for pattern, to := range allowed {
			if matches(pattern, from) {
				known, may = true, append(may, to...)
			}
		}
		if !known {
			t.Errorf("package %s has no line in the table of arrows: say what it may import", from)
			continue
		}
		for _, imported := range words[1:] {
			to, ours := strings.CutPrefix(imported, module)
			ok := !ours
			for _, pattern := range may {
				ok = ok || matches(pattern, to)
			}
			if !ok {
				t.Errorf("%s imports %s: that arrow points the other way", from, to)
			}
		}
	}
	if packages < 12 {
		t.Errorf("go list found %d packages", packages)
	}
}
