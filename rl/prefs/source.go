package prefs

import (
	_ "embed"

	"github.com/rewardlab/rewardlab/rl/ppo"
)

//go:embed config.go
var configSource string

// ConfigSource is the source of Config and of the ppo.Config in it; the command line makes its help from the comments in it.
func ConfigSource() string { return configSource + ppo.ConfigSource }
