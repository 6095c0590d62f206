package main

import (
	"context"
	"fmt"
	"io"
	"os"

	lab "github.com/rewardlab/rewardlab/rl"
	"github.com/rewardlab/rewardlab/rl/backend"
)

// world is the real environment.
func world() env {
	return env{presets: lab.Presets(), getenv: os.Getenv, setenv: os.Setenv, film: lab.Film, doctor: doctor}
}

func doctor(ctx context.Context, w io.Writer) error {
	if n := backend.Doctor(ctx, w); n > 0 {
		return fmt.Errorf("%d things are missing, see above", n)
	}
	return nil
}
