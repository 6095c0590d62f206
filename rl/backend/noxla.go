//go:build !cgo || noxla

package backend

import (
	"context"

	"github.com/gomlx/compute"
)

const xlaBuilt = false

func newXLA(string, string) (compute.Backend, error) { return nil, errNoXLA }

func probePlugin(string) (version, error) { return version{}, errNoXLA }

func goXLAInstall(context.Context, string) error { return errNoXLA }
