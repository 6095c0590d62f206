//go:build cgo && !noxla

package backend

import (
	"context"
	"fmt"

	"github.com/gomlx/compute"
	"github.com/gomlx/go-xla/compute/xla"
	goxla "github.com/gomlx/go-xla/installer"
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
		return nil, err // a nil *xla.Backend is no nil interface
	}
	return b, nil
}

// goXLAInstall runs go-xla's installer of the CPU plugin. It locks dir and moves
// whole files into place. It cannot be stopped: at the end of ctx it is left behind.
func goXLAInstall(ctx context.Context, dir string) error {
	done := make(chan error, 1)
	go func() { done <- goxla.CPUAutoInstall(dir, false, goxla.Quiet) }()
	select {
	case err := <-done:
		if err != nil {
			return fmt.Errorf("XLA for the CPU: %w: connect to a network and run it again, or put a plugin into a folder that %s names", err, EnvSearch)
		}
		return nil
	case <-ctx.Done():
		return fmt.Errorf("XLA for the CPU: stopped while installing: %w", context.Cause(ctx))
	}
}
