package run

import (
	"math"
	"slices"
	"strings"
	"testing"
)

func TestStateOfARun(t *testing.T) {
	folder := stopped(t, &fakeConfig{})
	r, err := Load(folder)
	must(t, err)
	arrays, err := r.State(2)
	must(t, err)
	it, err := Find(arrays, "iteration")
	must(t, err)
	if it.DType != "uint64" || !slices.Equal(it.Data, []byte{42, 0, 0, 0, 0, 0, 0, 0}) {
		t.Errorf("%+v", it)
	}
	if _, err := Find(arrays, "weights"); err == nil || !strings.Contains(err.Error(), `"weights"`) {
		t.Errorf("error %v", err)
	}
	if _, err := it.Float32s(); err == nil || !strings.Contains(err.Error(), "uint64") {
		t.Errorf("error %v", err)
	}
	if _, err := r.State(3); err == nil || !strings.Contains(err.Error(), "no seed 3") {
		t.Errorf("error %v", err)
	}

	// A damaged newest checkpoint gives the one before it; none at all is said.
	f := checkpointsOf(folder, 2)
	put(t, f.newest, nil)
	if arrays, err = r.State(2); err != nil {
		t.Fatal(err)
	}
	if it, _ = Find(arrays, "iteration"); it.Data[0] != 28 {
		t.Errorf("iteration %v, want that of the checkpoint before", it.Data)
	}
	fresh := &Run{Folder: t.TempDir(), Manifest: Manifest{Seeds: []int64{1}}}
	if _, err := fresh.State(1); err == nil || !strings.Contains(err.Error(), "no checkpoint yet") {
		t.Errorf("error %v", err)
	}
}

func TestFloat32s(t *testing.T) {
	a := Array{Name: "w", DType: "float32", Dims: []int{2}, Data: []byte{0, 0, 0x80, 0x3f, 0, 0, 0, 0x80}}
	got, err := a.Float32s()
	must(t, err)
	if got[0] != 1 || got[1] != 0 || !math.Signbit(float64(got[1])) {
		t.Errorf("%v, want 1 and -0", got)
	}
}
