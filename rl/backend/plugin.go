package backend

import (
	"debug/elf"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/rewardlab/rewardlab/datasets/fetch"
)

// version is a plugin's PJRT version.
type version struct{ major, minor int }

func (v version) String() string { return fmt.Sprintf("PJRT %d.%d", v.major, v.minor) }

// oldest is the oldest PJRT version that go-xla was seen to work with. An older
// table of functions is shorter than the one go-xla calls into.
var oldest = version{0, 81}

func (v version) check() error {
	if v.major != oldest.major || v.minor < oldest.minor {
		return fmt.Errorf("it speaks %v, and %d.%d or newer (%d.x) is needed: install a newer plugin", v, oldest.major, oldest.minor, oldest.major)
	}
	return nil
}

// errNoXLA is the answer of a build without XLA.
var errNoXLA = errors.New("XLA is not in this build: install a C compiler (gcc), set CGO_ENABLED=1 and build without the tag noxla")

// loadPlugin makes a client of the plugin at path, after the checks without
// which the loader kills the process instead of returning an error.
func loadPlugin(path, options string) (engine, version, error) {
	var none version
	if !xlaBuilt {
		return nil, none, errNoXLA
	}
	if err := checkName(path); err != nil {
		return nil, none, fmt.Errorf("plugin %s: %w", path, err)
	}
	if err := checkFile(path); err != nil {
		return nil, none, fmt.Errorf("plugin %s: %w", path, err)
	}
	v, err := probePlugin(path)
	if err != nil {
		return nil, none, fmt.Errorf("plugin %s does not load: %w: install what it misses (ldd %s lists it), or another plugin", path, err, path)
	}
	if v != none {
		if err := v.check(); err != nil {
			return nil, none, fmt.Errorf("plugin %s: %w", path, err)
		}
	}
	setFlags(path, v)
	b, err := newXLA(path, options)
	if err != nil {
		remedy := "install another plugin, or use " + EnvSpec + "=go"
		if nameOf(path) == "cuda" {
			remedy = "check the NVIDIA driver and CUDA_VISIBLE_DEVICES, or use " + EnvSpec + "=xla:cpu"
		}
		return nil, v, fmt.Errorf("plugin %s gives no engine: %w: %s", path, err, remedy)
	}
	return b, v, nil
}

// checkName refuses the paths that go-xla misreads: it takes what follows a comma
// for an option, and tells CPU from GPU plugins by words anywhere in the path.
func checkName(path string) error {
	if strings.Contains(path, ",") {
		return errors.New("go-xla takes what follows a comma for an option: move the file to a folder without commas")
	}
	upper := strings.ToUpper(path)
	cuda := strings.Contains(upper, "CUDA") || strings.Contains(upper, "NVIDIA")
	if name := nameOf(path); name == "cpu" && cuda || name == "cuda" && strings.Contains(upper, "CPU") {
		return fmt.Errorf("go-xla tells CPU from GPU plugins by the words cpu, cuda and nvidia anywhere in the path, and here they contradict: move it to another folder (%s moves the cache)", fetch.EnvCache)
	}
	return nil
}

// machines are the ELF machines of the Go architectures on which plugins exist.
var machines = map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}

// checkFile reads the file's head only: a whole read of 200 MB at every start is
// too slow. The loader maps a truncated file and dies of SIGBUS, so the extent of
// every segment is compared with the file's size.
func checkFile(path string) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return errors.New("there is no such file: check the path")
	case err != nil:
		return fmt.Errorf("%w: make it readable", errors.Unwrap(err))
	case info.IsDir():
		return fmt.Errorf("it is a folder: name the library in it, such as %s", filepath.Join(path, "pjrt_c_api_cpu_plugin.so"))
	}
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("it cannot be read (%w): make it readable", errors.Unwrap(err))
	}
	defer f.Close()
	if runtime.GOOS != "linux" {
		return nil
	}
	lib, err := elf.NewFile(f)
	if err != nil {
		return fmt.Errorf("it is no shared library for Linux, or is damaged (%v): delete it and install it again", err)
	}
	if want, ok := machines[runtime.GOARCH]; ok && lib.Machine != want {
		return fmt.Errorf("it is built for %v, this program for %v: install the plugin for %s", lib.Machine, want, runtime.GOARCH)
	}
	if lib.Type != elf.ET_DYN {
		return errors.New("it is a program or an object file, not a shared library: name a PJRT plugin")
	}
	for _, p := range lib.Progs {
		if p.Type == elf.PT_LOAD && p.Off+p.Filesz > uint64(info.Size()) {
			return fmt.Errorf("it is cut off: %d bytes, and its segments reach %d: delete it and install it again", info.Size(), p.Off+p.Filesz)
		}
	}
	symbols, err := lib.DynamicSymbols()
	if err != nil {
		return fmt.Errorf("its symbols cannot be read, so it is damaged (%v): delete it and install it again", err)
	}
	if !slices.ContainsFunc(symbols, func(s elf.Symbol) bool { return s.Name == "GetPjrtApi" }) {
		return errors.New("it has no GetPjrtApi, so it is no PJRT plugin: name one")
	}
	return nil
}
