package backend

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestGPUIn(t *testing.T) {
	with, without := t.TempDir(), t.TempDir()
	touch(t, with, "nvidia0")
	touch(t, without, "nvidiactl") // the driver's, there without a GPU as well
	silent := func() string { return "" }
	one := func() string { return "GPU 0: NVIDIA H100 (UUID: GPU-1)\n" }
	for _, tt := range []struct {
		name    string
		dev     string
		smi     func() string
		visible string // CUDA_VISIBLE_DEVICES, "unset" for none
		want    bool
	}{
		{"device file", with, silent, "unset", true},
		{"nvidia-smi lists one", without, one, "unset", true},
		{"nothing", without, silent, "unset", false},
		{"hidden", with, one, "", false},
		{"hidden by -1", with, one, "-1", false},
		{"second one chosen", with, one, "1", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv("CUDA_VISIBLE_DEVICES", tt.visible)
			if tt.visible == "unset" {
				os.Unsetenv("CUDA_VISIBLE_DEVICES")
			}
			if got := gpuIn(tt.dev, tt.smi); got != tt.want {
				t.Errorf("got %v", got)
			}
		})
	}
}

func TestCheckDriver(t *testing.T) {
	for _, tt := range []struct{ name, text, err string }{
		{"old", "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  Tue Mar  5 22:23:56 UTC 2024\n", "version 550 and CUDA 13 needs 580"},
		{"old, open", "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.86.10  Release Build\n", "version 570"},
		{"new", "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.65.06  Release Build\n", ""},
		{"unheard of", "something else\n", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "version")
			if err := os.WriteFile(file, []byte(tt.text), 0o644); err != nil {
				t.Fatal(err)
			}
			err := checkDriver(file)
			if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("error %v, want one with %q", err, tt.err)
			}
		})
	}
	if err := checkDriver(filepath.Join(t.TempDir(), "none")); err != nil {
		t.Errorf("no file: %v", err)
	}
}
