package backend

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// hasGPU says whether an NVIDIA GPU is visible to this process.
func hasGPU() bool { return gpuIn("/dev", nvidiaSMI) }

// gpuIn looks for the driver's device files, and asks nvidia-smi where there are
// none (WSL has none).
func gpuIn(dev string, smi func() string) bool {
	if v, set := os.LookupEnv("CUDA_VISIBLE_DEVICES"); set && (v == "" || strings.HasPrefix(v, "-")) {
		return false
	}
	if found, _ := filepath.Glob(filepath.Join(dev, "nvidia[0-9]*")); len(found) > 0 {
		return true
	}
	return strings.Contains(smi(), "GPU 0:")
}

func nvidiaSMI() string {
	if _, err := exec.LookPath("nvidia-smi"); err != nil {
		return ""
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	out, _ := exec.CommandContext(ctx, "nvidia-smi", "-L").Output()
	return string(out)
}

// oldestDriver is the first NVIDIA driver that runs CUDA 13.
const oldestDriver = 580

var driverVersion = regexp.MustCompile(`Kernel Module(?: for [^ ]+)? +([0-9]+)\.[0-9.]+`)

// checkDriver reads the kernel's file on the driver. What cannot be read passes:
// the engine itself will say.
func checkDriver(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil
	}
	m := driverVersion.FindSubmatch(text)
	if m == nil {
		return nil
	}
	if major, _ := strconv.Atoi(string(m[1])); major < oldestDriver {
		return fmt.Errorf("the NVIDIA driver is version %d and CUDA 13 needs %d or newer: update the driver, or set %s=xla:cpu", major, oldestDriver, EnvSpec)
	}
	return nil
}

const driverFile = "/proc/driver/nvidia/version"
