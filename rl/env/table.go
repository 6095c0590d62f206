package env

import (
	"fmt"
	"strings"

	"github.com/rewardlab/rewardlab/rl/run"
)

// Entry is one environment of the table.
type Entry struct {
	Name  string
	About string // one line
	Make  func() Env
}

// All is the table of environments.
func All() []Entry {
	return []Entry{
		{"cartpole", "balance a pole on a cart (Gym's CartPole-v1)", func() Env { return CartPole(CartPoleConfig{}) }},
		{"cartpole-fixed", "CartPole of always 500 steps: reward 1 inside the bounds, else 0", func() Env { return CartPole(CartPoleConfig{Fixed: true}) }},
	}
}

// Find makes the environment called name.
func Find(name string) (Env, error) {
	var names []string
	for _, e := range All() {
		if e.Name == name {
			return e.Make(), nil
		}
		names = append(names, e.Name)
	}
	hint := ""
	if near := run.Nearest(name, names); near != "" {
		hint = fmt.Sprintf(" (did you mean %q?)", near)
	}
	return nil, fmt.Errorf("environment %q is not in the table%s: it has %s", name, hint, strings.Join(names, ", "))
}
