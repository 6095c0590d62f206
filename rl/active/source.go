package active

import _ "embed"

// ConfigSource is the source of Config; the command line makes its help from the comments in it.
//
//go:embed config.go
var ConfigSource string
