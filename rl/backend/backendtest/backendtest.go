// Package backendtest gives tests their engines.
//
//	func TestSum(t *testing.T) {
//		backendtest.Each(t, func(t *testing.T, e *backend.Engine) { ... })
//	}
//
// The engines are shared by all tests of a binary: do not close them. One XLA CPU
// engine runs one program at a time, so parallel tests queue there.
package backendtest

import (
	"context"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rewardlab/rewardlab/rl/backend"
)

// Each runs fn as the subtests "go" and "xla", or with $GOMLX_BACKEND alone if it
// is set. The subtest "xla" is skipped where XLA does not open.
func Each(t *testing.T, fn func(t *testing.T, e *backend.Engine)) {
	t.Helper()
	chosen := os.Getenv(backend.EnvSpec)
	if chosen == "" || isGo(chosen) {
		t.Run("go", func(t *testing.T) { fn(t, Go(t)) })
	}
	if chosen == "" || !isGo(chosen) {
		t.Run("xla", func(t *testing.T) { fn(t, XLA(t)) })
	}
}

// Go returns the pure-Go engine.
func Go(t testing.TB) *backend.Engine {
	t.Helper()
	e, err := openGo()
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// XLA returns the XLA engine, installing its plugin if need be, or skips the test.
func XLA(t testing.TB) *backend.Engine {
	t.Helper()
	chosen := os.Getenv(backend.EnvSpec)
	if isGo(chosen) {
		t.Skipf("%s is %s: XLA is not wanted", backend.EnvSpec, chosen)
	}
	e, err := openXLA()
	switch {
	case err != nil && chosen != "":
		t.Fatal(err)
	case err != nil:
		t.Skipf("XLA does not open here: %v", err)
	}
	return e
}

func isGo(spec string) bool { return spec == "go" || strings.HasPrefix(spec, "go:") }

var (
	openGo  = sync.OnceValues(func() (*backend.Engine, error) { return open("go") })
	openXLA = sync.OnceValues(func() (*backend.Engine, error) { return open("xla") })
)

// open opens what $GOMLX_BACKEND names if that is an engine of this kind, with
// its options, else the kind's own choice.
func open(kind string) (*backend.Engine, error) {
	spec := kind
	if chosen := os.Getenv(backend.EnvSpec); chosen != "" && isGo(chosen) == (kind == "go") {
		spec = chosen
	}
	ctx, cancel := context.WithTimeout(context.Background(), 9*time.Minute)
	defer cancel()
	return backend.Open(ctx, backend.Config{Spec: spec})
}
