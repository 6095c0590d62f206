package main

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestUsage(t *testing.T) {
	tests := []struct {
		name, args, says string
		err              error
	}{
		{"help", "help", "go run ./notebooks run", nil},
		{"help flag", "-h", "-no-browser", flag.ErrHelp},
		{"help of run", "run -h", "-timeout", flag.ErrHelp},
		{"unknown command", "rnu", "", errUsage},
		{"unknown flag", "run -nope", "", errUsage},
		{"too many names", "setup x", "", errUsage},
		{"no jobs", "run -j 0", "", errUsage},
		{"no name", "check-browser", "", errUsage},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out strings.Builder
			err := command(t.Context(), strings.Fields(tt.args), &out)
			if !errors.Is(err, tt.err) || (err == nil) != (tt.err == nil) {
				t.Errorf("error %v, want %v", err, tt.err)
			}
			if !strings.Contains(out.String(), tt.says) {
				t.Errorf("printed %q, want %q", out.String(), tt.says)
			}
		})
	}
}

func TestFlagsAmongNames(t *testing.T) {
	flags := newFlags("run", &strings.Builder{})
	fast := flags.Bool("fast", false, "")
	timeout := flags.Duration("timeout", 0, "")
	if err := parse(flags, strings.Fields("01_igl -fast 02_x -timeout 3s"), -1); err != nil {
		t.Fatal(err)
	}
	if !*fast || *timeout != 3*time.Second || strings.Join(flags.Args(), " ") != "01_igl 02_x" {
		t.Errorf("fast %v, timeout %v, names %q", *fast, *timeout, flags.Args())
	}
}

func TestFind(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"00_welcome.ipynb", "01_igl.ipynb", "scratch.ipynb", "02_x.txt"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(t.TempDir())
	if err := os.WriteFile("own.ipynb", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	tests := []struct{ names, want string }{
		{"", "00_welcome.ipynb 01_igl.ipynb"},
		{"01_igl", "01_igl.ipynb"},
		{"01_igl.ipynb scratch", "01_igl.ipynb scratch.ipynb"},
		{"./own.ipynb", "own.ipynb"},
	}
	for _, tt := range tests {
		paths, err := find(dir, strings.Fields(tt.names))
		for i, p := range paths {
			paths[i] = filepath.Base(p)
		}
		if err != nil || strings.Join(paths, " ") != tt.want {
			t.Errorf("%q: %q, %v", tt.names, paths, err)
		}
	}
	_, err := find(dir, []string{"igl", "01_igl"})
	if err == nil || !strings.Contains(err.Error(), `"igl"`) || !strings.Contains(err.Error(), "there are 00_welcome, 01_igl") {
		t.Errorf("error %v", err)
	}
	if _, err := find(t.TempDir(), nil); err == nil {
		t.Error("no error in a folder without notebooks")
	}
}

func TestNoBrowserIsSkippedAndSaid(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	err := command(t.Context(), []string{"check-browser", "x"}, &strings.Builder{})
	if !errors.Is(err, errSkipped) || !strings.Contains(err.Error(), "install chromium") {
		t.Errorf("error %v", err)
	}
}
