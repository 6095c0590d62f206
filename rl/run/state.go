package run

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
)

// State reads the newest sound checkpoint of a seed: everything that its trainer had learned by then.
func (r *Run) State(seed int64) ([]Array, error) {
	if !slices.Contains(r.Seeds, seed) {
		return nil, fmt.Errorf("run folder %s has no seed %d: its seeds are %v", r.Folder, seed, r.Seeds)
	}
	c, err := checkpointsOf(r.Folder, seed).load(func(*checkpoint) error { return nil }, func(string) {})
	if err != nil {
		return nil, fmt.Errorf("seed %d of %s: %w", seed, r.Folder, err)
	}
	if c == nil {
		return nil, fmt.Errorf("seed %d of %s has no checkpoint yet: wait for its first, or train it", seed, r.Folder)
	}
	return c.state, nil
}

// Find returns the array called name.
func Find(arrays []Array, name string) (Array, error) {
	for _, a := range arrays {
		if a.Name == name {
			return a, nil
		}
	}
	return Array{}, fmt.Errorf("no array %q in the checkpoint: it is of another program", name)
}

// Float32s decodes a, which must be of that type.
func (a Array) Float32s() ([]float32, error) {
	if a.DType != "float32" || len(a.Data)%4 != 0 {
		return nil, fmt.Errorf("array %s is %s with %d bytes, not float32", a.Name, a.DType, len(a.Data))
	}
	out := make([]float32, len(a.Data)/4)
	for i := range out {
		out[i] = math.Float32frombits(binary.LittleEndian.Uint32(a.Data[4*i:]))
	}
	return out, nil
}
