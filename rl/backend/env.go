package backend

import "os"

// EnvFlags names the environment variable with XLA's flags. Set, even to
// nothing, it is left alone.
const EnvFlags = "XLA_FLAGS"

// cpuFlags make XLA on the CPU faster: inside a While of small operations the
// default scheduler spends its time handing tasks between threads.
const cpuFlags = "--xla_cpu_enable_concurrency_optimized_scheduler=false"

// newestFlags is the newest PJRT version whose plugin was seen to know cpuFlags.
// XLA ends the process on a flag that it does not know.
var newestFlags = version{0, 115}

// setFlags sets XLA_FLAGS for the plugin. It must come before the first client:
// XLA reads the variable once. With cgo os.Setenv reaches the C environment.
func setFlags(name string, v version) {
	if _, set := os.LookupEnv(EnvFlags); set || name != "cpu" {
		return
	}
	if v.check() == nil && v.minor <= newestFlags.minor {
		_ = os.Setenv(EnvFlags, cpuFlags)
	}
}
