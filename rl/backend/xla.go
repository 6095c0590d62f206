//go:build cgo && !noxla

package backend

import (
	"github.com/gomlx/compute"
	"github.com/gomlx/go-xla/compute/xla"
)

// xlaBuilt says whether XLA is compiled in.
const xlaBuilt = true

// newXLA makes a client of the plugin at an absolute path. With an absolute path
// go-xla neither searches nor installs.
func newXLA(path, options string) (compute.Backend, error) {
	config := path
	if options != "" {
		config += "," + options
	}
	b, err := xla.New(config)
	if err != nil {
		return nil, err
	}
	return b, nil
}
