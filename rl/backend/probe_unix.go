//go:build cgo && !noxla && (linux || darwin)

package backend

/*
#cgo linux LDFLAGS: -ldl
#include <dlfcn.h>
#include <stddef.h>
#include <stdlib.h>

// The head of PJRT_Api: the only part whose layout every version shares.
struct rl_api_head {
	size_t struct_size;
	void *extension_start;
	struct { size_t struct_size; void *extension_start; int major; int minor; } version;
};

// rl_probe loads the plugin and reads its PJRT version. It returns NULL, or what
// went wrong: the loader's own words, or one of ours.
static const char *rl_probe(const char *path, int *major, int *minor) {
	void *lib = dlopen(path, RTLD_LAZY | RTLD_LOCAL);
	if (!lib) return dlerror();
	const struct rl_api_head *(*get)(void) = (const struct rl_api_head *(*)(void))dlsym(lib, "GetPjrtApi");
	if (!get) { dlclose(lib); return "it has no GetPjrtApi, so it is no PJRT plugin"; }
	const struct rl_api_head *api = get();
	if (!api || api->struct_size < sizeof(struct rl_api_head)) { dlclose(lib); return "its GetPjrtApi returns nothing usable"; }
	*major = api->version.major;
	*minor = api->version.minor;
	return NULL; // lib stays loaded: the client opens it next
}
*/
import "C"

import (
	"errors"
	"unsafe"
)

// probePlugin loads the library at path and returns its PJRT version.
func probePlugin(path string) (version, error) {
	p := C.CString(path)
	defer C.free(unsafe.Pointer(p))
	var major, minor C.int
	if msg := C.rl_probe(p, &major, &minor); msg != nil {
		return version{}, errors.New(C.GoString(msg))
	}
	return version{int(major), int(minor)}, nil
}
