package backend

import (
	"os"
	"path/filepath"
)

// EnvFlags names the environment variable with XLA's flags. Set, even to
// nothing, it is left alone.
const EnvFlags = "XLA_FLAGS"

// cpuFlags make XLA on the CPU faster: by default it hands small operations of a
// loop from thread to thread. A policy rollout took half the time without.
const cpuFlags = "--xla_cpu_enable_concurrency_optimized_scheduler=false"

// newestFlags is the newest PJRT version whose plugin was seen to know cpuFlags.
// XLA ends the process on a flag that it does not know.
var newestFlags = version{0, 115}

// setFlags sets XLA_FLAGS for the plugin. It must come before the first client:
// XLA reads the variable once. With cgo os.Setenv reaches the C environment.
func setFlags(path string, v version) {
	if _, set := os.LookupEnv(EnvFlags); set {
		return
	}
	if flags := flagsFor(path, v); flags != "" {
		_ = os.Setenv(EnvFlags, flags)
	}
}

func flagsFor(path string, v version) string {
	switch nameOf(path) {
	case "cpu":
		if v.check() == nil && v.minor <= newestFlags.minor {
			return cpuFlags
		}
	case "cuda":
		// go-xla would name the folder above, where XLA finds no libdevice.
		toolkit := filepath.Join(filepath.Dir(filepath.Dir(path)), "nvidia", "cu13")
		if info, err := os.Stat(toolkit); err == nil && info.IsDir() {
			return "--xla_gpu_cuda_data_dir=" + toolkit
		}
	}
	return ""
}
