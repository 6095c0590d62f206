package backend

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"

	"github.com/rewardlab/rewardlab/datasets/fetch"
)

// cpuItem is XLA's CPU plugin, as the wheel brings it.
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
		Source:  "Python package lammps-jax-pjrt-cpu 0.11.2, OpenXLA's CPU plugin",
		Licence: "Apache-2.0",
	}
}

// How a kind of plugin is installed on a platform.
type installer struct {
	item   fetch.Item         // pinned files, or
	load   string             // how much the item downloads
	goXLA  bool               // go-xla's own installer, which pins the version but no checksum
	check  func() error       // refuses before a download that would be in vain
	finish func(string) error // what the item's folder needs besides its files
}

// installerFor returns the way to install a kind of plugin here, if there is one.
func installerFor(kind, goos, goarch string) (installer, bool) {
	switch kind + " " + goos + "/" + goarch {
	case "cpu linux/amd64":
		return installer{item: cpuItem(), load: "63 MB"}, true
	case "cuda linux/amd64":
		return installer{item: cudaItem(), load: "1.8 GB, and 6.5 GB of disk while it installs", check: func() error { return checkDriver(driverFile) }, finish: finishCUDA}, true
	case "cpu linux/arm64", "cpu darwin/arm64", "cpu windows/amd64":
		return installer{goXLA: true}, true
	}
	return installer{}, false
}

// have returns the plugin in our cache.
func (in installer) have() (string, bool) {
	if in.goXLA {
		found := findPlugins([]string{goXLADir()})
		if len(found) == 0 {
			return "", false
		}
		return found[0].path, true
	}
	dir, ok := fetch.Have(in.item)
	if ok && in.finish != nil {
		ok = in.finish(dir) == nil
	}
	return filepath.Join(dir, filepath.FromSlash(in.item.Files[0].Name)), ok
}

// ensure installs the plugin into our cache. Other processes may do so too.
func (in installer) ensure(ctx context.Context, say func(string)) (string, error) {
	if in.check != nil {
		if err := in.check(); err != nil {
			return "", err
		}
	}
	if in.goXLA {
		say("XLA for the CPU: downloading go-xla's plugin from its releases (version pinned, no checksum is published)")
		if err := goXLAInstall(ctx, goXLADir()); err != nil {
			return "", err
		}
		path, ok := in.have()
		if !ok {
			return "", fmt.Errorf("XLA for the CPU: the installer left no plugin in %s: delete the folder and run it again", goXLADir())
		}
		return path, nil
	}
	say(fmt.Sprintf("%s: not installed yet, downloading it once (%s)", in.item.Name, in.load))
	dir, err := fetch.Ensure(ctx, in.item, say)
	if err == nil && in.finish != nil {
		err = in.finish(dir)
	}
	return filepath.Join(dir, filepath.FromSlash(in.item.Files[0].Name)), err
}

// goXLADir is where go-xla's installer puts a plugin for us.
func goXLADir() string {
	root, err := fetch.CacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(root, "pjrt", "go-xla")
}

func here(kind string) (installer, bool) { return installerFor(kind, runtime.GOOS, runtime.GOARCH) }
