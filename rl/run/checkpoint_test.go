package run

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
)

func testCheckpoint() *checkpoint {
	return &checkpoint{
		Seed: 7, Iteration: 3, Total: 9, Steps: 96, Rows: 3, Seconds: 0.5, RunSeconds: 0.75, Config: "c0ffee", Engine: "fake",
		state: []Array{
			{Name: "w", DType: "float32", Dims: []int{2, 3}, Data: []byte("012345678901234567890123")},
			{Name: "none", DType: "int64", Dims: []int{0, 4}, Data: []byte{}},
			{Name: "step", DType: "uint64", Data: []byte("abcdefgh")},
			{Name: "done", DType: "bool", Dims: []int{3}, Data: []byte{1, 0, 1}},
		},
	}
}

func encoded(t testing.TB, c *checkpoint) []byte {
	t.Helper()
	parts, err := c.encode()
	must(t, err)
	return bytes.Join(parts, nil)
}

func TestCheckpointRoundTrip(t *testing.T) {
	want := testCheckpoint()
	got, err := decodeCheckpoint(encoded(t, want))
	must(t, err)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// Whatever single byte is changed and wherever the file ends, it is noticed.
func TestCheckpointDamage(t *testing.T) {
	good := encoded(t, testCheckpoint())
	for i := range good {
		bad := bytes.Clone(good)
		bad[i] ^= 0x10
		if _, err := decodeCheckpoint(bad); err == nil {
			t.Errorf("byte %d changed, no error", i)
		}
		if _, err := decodeCheckpoint(good[:i]); err == nil {
			t.Errorf("cut at %d, no error", i)
		}
	}
	if _, err := decodeCheckpoint(append(good, 0)); err == nil {
		t.Error("a byte too many, no error")
	}
}

func TestCheckpointRefusesBadState(t *testing.T) {
	for name, tc := range map[string]struct {
		arrays []Array
		want   string
	}{
		"unknown dtype":    {[]Array{{Name: "w", DType: "float16", Data: []byte{1, 2}}}, `dtype "float16"`},
		"no name":          {[]Array{{DType: "uint8", Data: []byte{1}}}, "no name"},
		"two of a name":    {[]Array{{Name: "w", DType: "uint8", Data: []byte{1}}, {Name: "w", DType: "uint8", Data: []byte{1}}}, `two arrays are named "w"`},
		"too little data":  {[]Array{{Name: "w", DType: "float32", Dims: []int{2}, Data: []byte{1, 2, 3, 4}}}, "needs 8 bytes, has 4"},
		"negative":         {[]Array{{Name: "w", DType: "float32", Dims: []int{-1}}}, "impossible shape"},
		"beyond all sizes": {[]Array{{Name: "w", DType: "float32", Dims: []int{1 << 40, 1 << 40}}}, "impossible shape"},
	} {
		t.Run(name, func(t *testing.T) {
			c := &checkpoint{state: tc.arrays}
			if _, err := c.encode(); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want %q", err, tc.want)
			}
		})
	}
}

func FuzzCheckpoint(f *testing.F) {
	good := encoded(f, testCheckpoint())
	f.Add(good)
	f.Add(good[:len(good)-1])
	f.Add([]byte(checkpointMagic))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := decodeCheckpoint(b)
		if err != nil {
			return
		}
		again, err := decodeCheckpoint(encoded(t, c))
		if err != nil || again.Iteration != c.Iteration || len(again.state) != len(c.state) {
			t.Errorf("read once, but not twice: %v", err)
		}
	})
}

// The header alone decides where arrays lie; a wrong one with a right checksum
// must be refused, not crash.
func TestCheckpointHeaderLies(t *testing.T) {
	for name, edit := range map[string]func(e *entry){
		"before the start": func(e *entry) { e.Offset = -1 },
		"beyond the end":   func(e *entry) { e.Offset = 1 << 40 },
		"too long":         func(e *entry) { e.Size, e.Dims = 1<<40, []int{1 << 38} },
		"overflow":         func(e *entry) { e.Offset = 1<<63 - 1 },
		"shape":            func(e *entry) { e.Dims = []int{5} },
	} {
		t.Run(name, func(t *testing.T) {
			c := testCheckpoint()
			_ = encoded(t, c)
			edit(&c.Arrays[0])
			if _, err := decodeCheckpoint(sealed(t, c)); err == nil {
				t.Error("no error")
			}
		})
	}
}

func sealed(t testing.TB, c *checkpoint) []byte {
	t.Helper()
	parts, err := c.seal()
	must(t, err)
	return bytes.Join(parts, nil)
}
