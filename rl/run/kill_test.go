package run

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

const childFolder = "REWARDLAB_TEST_CHILD_FOLDER"

// killConfig makes a run of some 100 ms that saves all the time, so that kills
// land in saves and appends too.
func killConfig() *fakeConfig {
	return &fakeConfig{Iterations: 90, Chunk: 2, Pause: 300 * time.Microsecond}
}

func killJob(cfg *fakeConfig) Job {
	job := fakeJobOf(cfg, 11, 12, 13)
	job.CheckpointIterations = 5
	job.Resume = true
	return job
}

// TestMain turns the test binary into the process that is killed.
func TestMain(m *testing.M) {
	if folder := os.Getenv(childFolder); folder != "" {
		cfg := killConfig()
		if err := Resolve(cfg); err != nil {
			panic(err)
		}
		if _, err := Train(context.Background(), folder, killJob(cfg)); err != nil {
			panic(err)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestKilledRunResumesToTheSameEnd(t *testing.T) {
	cfg := killConfig()
	if err := Resolve(cfg); err != nil {
		t.Fatal(err)
	}
	want := reference(t, killJob(cfg))
	child := func(folder string) *exec.Cmd {
		c := exec.Command(os.Args[0])
		c.Env = append(os.Environ(), childFolder+"="+folder)
		c.Stderr = os.Stderr
		return c
	}

	start := time.Now()
	if err := child(filepath.Join(t.TempDir(), "timing")).Run(); err != nil {
		t.Fatal(err)
	}
	whole := time.Since(start)

	// Four at a time, because a run mostly waits for the disk.
	for lane := range 4 {
		t.Run(fmt.Sprint("lane ", lane), func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewPCG(1, uint64(lane)))
			// kill starts or continues a run and says whether it was killed before its end.
			kill := func(folder string) bool {
				c := child(folder)
				if err := c.Start(); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Duration(rng.Float64() * float64(whole)))
				_ = c.Process.Kill() // SIGKILL; an error means that it has ended
				return c.Wait() != nil
			}
			killed, again := 0, 0
			for tries := 0; killed < 5; tries++ {
				if tries == 50 {
					t.Fatalf("only %d of %d kills hit a running process, the machine is too uneven for this test", killed, tries)
				}
				folder := filepath.Join(t.TempDir(), "run")
				if !kill(folder) {
					continue
				}
				killed++
				if killed%2 == 0 && kill(folder) {
					again++
				}
				mustTrain(t, folder, killJob(cfg))
				if got, _ := outcome(t, folder); got != want {
					t.Errorf("kill %d: the resumed run ended differently", killed)
				}
			}
			t.Logf("%d runs killed, %d of them twice; a whole run takes %v", killed, again, whole)
		})
	}
}
