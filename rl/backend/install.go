package backend

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"

	"github.com/rewardlab/rewardlab/datasets/fetch"
)

// cpuItem is XLA's CPU plugin as a wheel brings it.
func cpuItem() fetch.Item {
	return fetch.Item{
		Name: "XLA for the CPU",
		Dir:  "pjrt/cpu-0.11.2",
		Files: []fetch.File{{
			Name:   "pjrt_c_api_cpu_plugin.so",
			Size:   201600336,
			SHA256: "ad1309ac822b1b24d51b7f9947c7c9fa9ef5d67f390584cbc3d1fa2428fed9c2",
			From:   "lammps_jax_pjrt_cpu/pjrt_c_api_cpu_plugin.so",
		}},
		Ways:    []fetch.Way{fetch.Pip("lammps-jax-pjrt-cpu==0.11.2")},
		Source:  "Python package lammps-jax-pjrt-cpu 0.11.2: the CPU plugin of OpenXLA",
		Licence: "Apache-2.0",
	}
}

func installable(kind string) bool {
	return kind == "cpu" && runtime.GOOS == "linux" && runtime.GOARCH == "amd64"
}

// havePlugin returns the plugin of that kind in our cache.
func havePlugin(kind string) (string, bool) {
	if !installable(kind) {
		return "", false
	}
	it := cpuItem()
	dir, ok := fetch.Have(it)
	return filepath.Join(dir, it.Files[0].Name), ok
}

// ensurePlugin installs the plugin of that kind into our cache.
func ensurePlugin(ctx context.Context, kind string, say func(string)) (string, error) {
	if !installable(kind) {
		return "", fmt.Errorf("no plugin %q is known for %s/%s", kind, runtime.GOOS, runtime.GOARCH)
	}
	it := cpuItem()
	dir, err := fetch.Ensure(ctx, it, say)
	return filepath.Join(dir, it.Files[0].Name), err
}

func hasGPU() bool { return false }
