package gail

import (
	_ "embed"

	"github.com/rewardlab/rewardlab/rl/ppo"
)

//go:embed config.go
var configSource string

// ConfigSource is the source of Config and of the PPO configuration in it; the command line makes its help from the comments in them.
var ConfigSource = configSource + ppo.ConfigSource
