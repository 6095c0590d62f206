package lirpg

import (
	_ "embed"

	"github.com/rewardlab/rewardlab/rl/ppo"
)

//go:embed config.go
var source string

// ConfigSource is the source of Config and of what it embeds; the command line makes its help from the comments in it.
var ConfigSource = source + ppo.ConfigSource
