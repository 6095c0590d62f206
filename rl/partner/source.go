package partner

import (
	_ "embed"

	"github.com/rewardlab/rewardlab/rl/hanabi"
)

//go:embed config.go
var source string

// ConfigSource is the source of Q, PPO and what they embed; the command line makes its help from the comments in it.
var ConfigSource = source + hanabi.ConfigSource
