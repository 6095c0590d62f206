package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rewardlab/rewardlab/notebooks/internal/lab"
	"github.com/rewardlab/rewardlab/notebooks/internal/progress"
	"github.com/rewardlab/rewardlab/notebooks/internal/runner"
	"github.com/rewardlab/rewardlab/notebooks/internal/setup"
)

// realSetup is the set-up of this clone: the one that is there, or with REWARDLAB_E2E=1 one made now.
func realSetup(t *testing.T) *setup.Env {
	t.Helper()
	if os.Getenv("REWARDLAB_E2E") == "" {
		if testing.Short() {
			t.Skip("-short")
		}
		env, ok := setup.Ready(t.Context(), setup.Config{})
		if !ok {
			t.Skip("the notebooks are not set up: go run ./notebooks setup, or REWARDLAB_E2E=1")
		}
		return env
	}
	env, err := setup.Run(t.Context(), setup.Config{Log: progress.New(os.Stderr)})
	if err != nil {
		t.Fatal(err)
	}
	return env
}

type cell struct{ source, tag string }

// notebook writes code cells as a notebook file.
func notebook(t *testing.T, cells ...cell) string {
	t.Helper()
	type code struct {
		Type    string         `json:"cell_type"`
		ID      string         `json:"id"`
		Meta    map[string]any `json:"metadata"`
		Source  string         `json:"source"`
		Outputs []any          `json:"outputs"`
		Count   *int           `json:"execution_count"`
	}
	var all []code
	for i, c := range cells {
		meta := map[string]any{}
		if c.tag != "" {
			meta["tags"] = []string{c.tag}
		}
		all = append(all, code{"code", fmt.Sprint("c", i), meta, c.source, []any{}, nil})
	}
	data, err := json.Marshal(map[string]any{"nbformat": 4, "nbformat_minor": 5, "cells": all, "metadata": map[string]any{
		"kernelspec": map[string]any{"name": setup.Kernel, "display_name": setup.DisplayName, "language": "go"}}})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "test.ipynb")
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func execute(t *testing.T, env *setup.Env, path string, timeout time.Duration) (*runner.Result, error) {
	t.Helper()
	return runner.Run(t.Context(), path, runner.Config{Fast: true, Timeout: timeout, Kernel: setup.HeadlessKernel, Say: t.Logf,
		Python: func(args ...string) *exec.Cmd { return env.Python(context.WithoutCancel(t.Context()), args...) }})
}

// TestRealKernel runs what a notebook does, and every failure that GoNB hides, tagged as meant to fail: one that goes
// unseen fails the run.
func TestRealKernel(t *testing.T) {
	env := realSetup(t)
	path := notebook(t,
		cell{source: "import \"fmt\"\n\n%%\nfmt.Println(\"hello\")"},
		cell{source: "import \"" + setup.Module + "/notebooks/nb\"\n\n%%\nif !nb.Fast() || !nb.Headless() {\n\tpanic(\"environment\")\n}\nnb.Assert(\"two and two\", 2+2, 4, 4)"},
		cell{source: "import (\n\t\"image\"\n\n\t\"github.com/janpfeifer/gonb/gonbui\"\n)\n\n%%\ndefer gonbui.Sync()\ngonbui.DisplayImage(image.NewGray(image.Rect(0, 0, 8, 8)))"},
		cell{"%%\nundefinedName()", "raises-exception"},
		cell{"%%\nvar p *int\nfmt.Println(*p)", "raises-exception"},
		cell{"%%\nos.Exit(3)", "raises-exception"},
		cell{"!false", "raises-exception"},
		cell{"!kill -9 $$", "raises-exception"},
		cell{"%%bash\nno-such-command", "raises-exception"},
		cell{"%nosuchmagic", "raises-exception"},
		cell{"func broken( {", "raises-exception"},
		cell{"import \"" + setup.Module + "/notebooks/nb\"\n\n%%\nnb.Assert(\"outside\", 9, 0, 1)", "raises-exception"},
		cell{source: "%%\nfmt.Println(\"still alive\")"},
	)
	res, err := execute(t, env, path, time.Minute)
	// The number outside its interval fails the run although its cell was meant to fail: that is the rule.
	if err == nil || !strings.Contains(err.Error(), "outside is 9, expected between 0 and 1") {
		t.Fatalf("error %v", err)
	}
	if len(res.Cells) != 12 || len(res.Figures) != 1 || len(res.Asserts) != 2 {
		t.Errorf("%d cells, figures %q, asserts %v", len(res.Cells), res.Figures, res.Asserts)
	}
	for _, name := range []string{"out/test.ipynb", "out/test.html", "out/test.json", "out/test-figures/cell-02-1.png"} {
		if info, err := os.Stat(filepath.Join(filepath.Dir(path), name)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestRealTimeoutAndDeadKernel takes longer and is kept for when the whole is wanted.
func TestRealTimeoutAndDeadKernel(t *testing.T) {
	if os.Getenv("REWARDLAB_E2E") == "" {
		t.Skip("REWARDLAB_E2E is not set")
	}
	env := realSetup(t)
	for source, want := range map[string]string{
		"%%\ntime.Sleep(time.Hour)":   "still running after 3s",
		"!kill -9 $(ps -o ppid= $$)":  "dead kernel",
		"%%\nfmt.Println(undefined1)": "does not compile",
	} {
		_, err := execute(t, env, notebook(t, cell{source: source}), 3*time.Second)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", source, err, want)
		}
	}
}

// TestPersonInTheBrowser labels ten pairs by clicking, in JupyterLab in Chromium, with a kernel killed in between: no answer may be lost, and the reward must
// have learned from them. It takes minutes and is kept for when the whole is wanted.
func TestPersonInTheBrowser(t *testing.T) {
	if os.Getenv("REWARDLAB_E2E") == "" {
		t.Skip("REWARDLAB_E2E is not set")
	}
	err := command(t.Context(), strings.Fields("check-browser -fast -answers 10 04_preferences"), os.Stdout)
	if errors.Is(err, errSkipped) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestRealLab(t *testing.T) {
	env := realSetup(t)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	start := time.Now()
	server, err := lab.Start(ctx, env, lab.Config{Dir: t.TempDir(), Log: filepath.Join(t.TempDir(), "lab.log")})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("ready after %v", time.Since(start))
	get := func(url string) (int, string) {
		res, err := http.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		body, _ := io.ReadAll(res.Body)
		return res.StatusCode, string(body)
	}
	if code, body := get(server.Base + "/api/kernelspecs?token=" + server.Token); code != 200 || !strings.Contains(body, setup.DisplayName) {
		t.Errorf("kernelspecs: %d %s", code, body)
	}
	if code, _ := get(server.Base + "/api/kernelspecs"); code != 403 {
		t.Errorf("without the token: %d, want 403", code)
	}
	stop()
	if err := server.Wait(ctx); err != nil {
		t.Error(err)
	}
	if _, err := http.Get(server.Base); err == nil || errors.Is(err, context.Canceled) {
		t.Error("the server still answers")
	}
}
