package run

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

func TestNoSpace(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs /dev/full")
	}
	for name, file := range map[string]string{
		"checkpoint": filepath.Join(checkpointDir, "seed-1.ckpt"+tmpSuffix),
		"metrics":    metricsFile,
	} {
		t.Run(name, func(t *testing.T) {
			folder := filepath.Join(t.TempDir(), "run")
			cfg := &fakeConfig{}
			ctx, cancel := context.WithCancel(t.Context())
			job := fakeJob(t, cfg, 1)
			cancelAfter(cancel, &job, cfg, 7)
			if _, err := Train(ctx, folder, job); !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
			before, err := os.ReadFile(checkpointsOf(folder, 1).newest)
			if err != nil {
				t.Fatal(err)
			}
			saved, err := os.ReadFile(filepath.Join(folder, metricsFile))
			if err != nil {
				t.Fatal(err)
			}

			// From here on the disk is full for one of the files.
			s, err := openSession(folder, resumed(fakeJob(t, cfg, 1)))
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(folder, file)
			_ = os.Remove(path)
			if err := os.Symlink("/dev/full", path); err != nil {
				t.Fatal(err)
			}
			_ = s.metrics.close()
			if s.metrics, err = openMetrics(filepath.Join(folder, metricsFile)); err != nil {
				t.Fatal(err)
			}
			err = s.work(t.Context(), s.train)
			s.close()
			if err == nil || !strings.Contains(err.Error(), "no space left") || !strings.Contains(err.Error(), "free some space") {
				t.Fatalf("error %v", err)
			}
			after, err := os.ReadFile(checkpointsOf(folder, 1).newest)
			if err != nil || !slices.Equal(before, after) {
				t.Errorf("the good checkpoint was lost: %v", err)
			}

			// With space again, the run goes on.
			_ = os.Remove(path)
			if name == "metrics" {
				if err := os.WriteFile(path, saved, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			mustTrain(t, folder, resumed(fakeJob(t, cfg, 1)))
			if got, _ := outcome(t, folder); got != reference(t, fakeJob(t, cfg, 1)) {
				t.Error("the run ended differently")
			}
		})
	}
}

func resumed(job Job) Job {
	job.Resume = true
	return job
}
