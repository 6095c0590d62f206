package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strconv"
	"testing"
	"time"

	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/backend/backendtest"
	"github.com/rewardlab/rewardlab/rl/run"
)

// envChild makes the test binary be the command as it is, so that there is a process to kill.
const envChild = "REWARDLAB_TEST_COMMAND"

// TestKilledRunsResumeExactly kills real trainings on real engines with SIGKILL at random moments of their life, from the first
// millisecond of the process to its last, resumes them, and compares parameters and metrics with the run that nobody killed.
// REWARDLAB_KILLS=20 makes it 20 kills an engine.
func TestKilledRunsResumeExactly(t *testing.T) {
	if testing.Short() {
		t.Skip("trains for some seconds on each engine")
	}
	kills := 3
	if n, err := strconv.Atoi(os.Getenv("REWARDLAB_KILLS")); err == nil {
		kills = n
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		spec, iterations := "go", 600
		if e.IsXLA() {
			spec, iterations = "xla:"+e.Plugin, 12000
		}
		command := func(args ...string) *exec.Cmd {
			cmd := exec.Command(self, args...)
			cmd.Env = append(os.Environ(), envChild+"=1", backend.EnvSpec+"="+spec)
			return cmd
		}
		train := func(folder string) *exec.Cmd {
			return command("train", "igl-synthetic", "-quiet", "-seeds", "2", "-checkpoint", "20ms", "-run", folder,
				"-set", "images=500", "-set", fmt.Sprintf("iterations=%d", iterations))
		}
		reference := filepath.Join(t.TempDir(), "reference")
		began := time.Now()
		if out, err := train(reference).CombinedOutput(); err != nil {
			t.Fatalf("the run that nobody kills: %v\n%s", err, out)
		}
		life := time.Since(began)
		want := load(t, reference)
		r := rand.New(rand.NewPCG(uint64(began.UnixNano()), 1))
		midway := 0
		for k := range kills {
			folder := filepath.Join(t.TempDir(), "run")
			cmd := train(folder)
			moment := time.Duration(r.Float64() * float64(life))
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(moment)
			_ = cmd.Process.Kill() // it may have ended already
			_ = cmd.Wait()
			if files, _ := filepath.Glob(filepath.Join(folder, "checkpoint", "*")); len(files) > 0 {
				midway++
			}
			again := command("resume", folder, "-quiet")
			if _, err := os.Stat(filepath.Join(folder, "config.json")); err != nil {
				again = train(folder) // killed before there was a run to resume
			}
			if out, err := again.CombinedOutput(); err != nil {
				t.Fatalf("kill %d after %v: going on failed: %v\n%s", k, moment, err, out)
			}
			got := load(t, folder)
			for i := range want.states {
				if !reflect.DeepEqual(got.states[i], want.states[i]) {
					t.Errorf("kill %d after %v: seed %d ends with other parameters", k, moment, i+1)
				}
			}
			if !reflect.DeepEqual(got.rows, want.rows) {
				t.Errorf("kill %d after %v: other metrics", k, moment)
			}
		}
		t.Logf("%s: %d kills in runs of %v, %d after a first checkpoint", e.Name, kills, life.Round(time.Millisecond), midway)
	})
}

type outcome struct {
	states [][]run.Array
	rows   []run.Row
}

func load(t *testing.T, folder string) outcome {
	t.Helper()
	r, err := run.Load(folder)
	if err != nil {
		t.Fatal(err)
	}
	if !r.Complete {
		t.Fatalf("%s is not complete", folder)
	}
	o := outcome{rows: r.Rows}
	for i := range o.rows {
		o.rows[i].Seconds = 0 // the one field that time enters
	}
	for _, seed := range r.Seeds {
		s, err := r.State(seed)
		if err != nil {
			t.Fatal(err)
		}
		o.states = append(o.states, s)
	}
	return o
}
