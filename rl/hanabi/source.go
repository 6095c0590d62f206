package hanabi

import _ "embed"

// ConfigSource is the source of Config; the command line makes its help from the comments in it.
//
//go:embed rules.go
var ConfigSource string
