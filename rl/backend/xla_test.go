//go:build cgo && !noxla

package backend_test

import (
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/backend/backendtest"
)

func sum(t *testing.T, e *backend.Engine) {
	t.Helper()
	exec, err := NewExec(e.Backend, func(x *Node) *Node { return ReduceAllSum(Square(x)) })
	if err != nil {
		t.Error(err)
		return
	}
	out, err := exec.Call([]float32{1, 2, 3})
	if err != nil {
		t.Error(err)
		return
	}
	if got := out[0].Value().(float32); math.Abs(float64(got)-14) > 1e-6 {
		t.Errorf("1+4+9 = %v on %s", got, e.Name)
	}
}

func TestEachEngineComputes(t *testing.T) {
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		sum(t, e)
		if e.IsXLA() != strings.HasPrefix(e.Name, "xla:") || !strings.Contains(e.Describe(), e.Name) {
			t.Errorf("%s describes itself as\n%s", e.Name, e.Describe())
		}
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				another, err := e.Another(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				defer another.Close()
				if another.Backend == e.Backend || another.Name != e.Name {
					t.Errorf("another %s is %s, the same %v", e.Name, another.Name, another.Backend == e.Backend)
				}
				sum(t, another)
			})
		}
		wg.Wait()
		sum(t, e) // closing the others leaves it alone
	})
}

// TestFlagsReachXLA sets XLA_FLAGS from Go, as Open does, in a process of its own
// and sees what XLA made of it: a dump of the program.
func TestFlagsReachXLA(t *testing.T) {
	const child = "BACKEND_TEST_DUMP"
	if dir := os.Getenv(child); dir != "" {
		if err := os.Setenv(backend.EnvFlags, "--xla_dump_to="+dir); err != nil {
			t.Fatal(err)
		}
		sum(t, backendtest.XLA(t))
		return
	}
	e := backendtest.XLA(t)
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0], "-test.run=^TestFlagsReachXLA$")
	cmd.Env = append(os.Environ(), child+"="+dir, backend.EnvSpec+"=xla:"+e.Plugin)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if dumped, _ := filepath.Glob(filepath.Join(dir, "*")); len(dumped) == 0 {
		t.Error("XLA dumped nothing: it did not see the variable")
	}
}

// TestQuiet starts XLA in a process of its own, which must say nothing.
func TestQuiet(t *testing.T) {
	const child = "BACKEND_TEST_QUIET"
	if os.Getenv(child) != "" {
		sum(t, backendtest.XLA(t))
		return
	}
	e := backendtest.XLA(t)
	cmd := exec.Command(os.Args[0], "-test.run=^TestQuiet$")
	cmd.Env = append(os.Environ(), child+"=1", backend.EnvSpec+"=xla:"+e.Plugin)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if out, err := cmd.Output(); err != nil || stderr.Len() > 0 {
		t.Errorf("%v, on standard error %q, on standard output %s", err, stderr.String(), out)
	}
}
