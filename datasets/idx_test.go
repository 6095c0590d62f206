package datasets

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// idxBytes writes the format by hand: magic, dimensions, data.
func idxBytes(data []byte, dims ...uint32) []byte {
	out := []byte{0, 0, 8, byte(len(dims))}
	for _, d := range dims {
		out = binary.BigEndian.AppendUint32(out, d)
	}
	return append(out, data...)
}

func zipped(data []byte) []byte {
	var b bytes.Buffer
	gz := gzip.NewWriter(&b)
	gz.Write(data)
	gz.Close()
	return b.Bytes()
}

func write(t *testing.T, path string, data []byte) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestReadIDX(t *testing.T) {
	pixels := []byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}
	for name, data := range map[string][]byte{"images": idxBytes(pixels, 2, 2, 3), "images.gz": zipped(idxBytes(pixels, 2, 2, 3))} {
		got, err := ReadIDX(write(t, filepath.Join(t.TempDir(), name), data))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !slices.Equal(got.Dims, []int{2, 2, 3}) || !bytes.Equal(got.Data, pixels) || len(got.SHA256) != 64 {
			t.Errorf("%s: got %+v", name, got)
		}
	}
}

func TestReadIDXRefuses(t *testing.T) {
	good := idxBytes(make([]byte, 12), 2, 2, 3)
	for _, c := range []struct {
		name, file string
		data       []byte
		want       []string
	}{
		{"empty", "x", nil, []string{"truncated: 0 bytes", "get it again"}},
		{"truncated header", "x", good[:12], []string{"truncated: 12 bytes", "needs 16", "get it again"}},
		{"truncated data", "x", good[:20], []string{"truncated: 20 bytes", "needs 28", "get it again"}},
		{"trailing bytes", "x", append(slices.Clone(good), 0), []string{"trailing bytes", "28"}},
		{"wrong magic", "x", []byte("PNG and more"), []string{"wrong magic", "0x00000803"}},
		{"floats", "x", []byte{0, 0, 0x0d, 1, 0, 0, 0, 0}, []string{"element type 0x0d", "convert"}},
		{"no dimension", "x", []byte{0, 0, 8, 0, 0, 0, 0, 0}, []string{"0 dimensions"}},
		{"gzip without .gz", "x", zipped(good), []string{"gzip", "rename", "gunzip"}},
		{".gz without gzip", "x.gz", good, []string{".gz", "not gzip", "rename"}},
		{"cut gzip", "x.gz", zipped(good)[:20], []string{"truncated", "get it again"}},
		{"short gzip", "x.gz", zipped(good[:20]), []string{"truncated: 20 bytes", "needs 28"}},
		{"long gzip", "x.gz", zipped(append(slices.Clone(good), 0)), []string{"trailing bytes"}},
		{"huge claim", "x", idxBytes(nil, 60000, 28, 28), []string{"truncated", "47040016"}},
		{"impossible claim", "x", idxBytes(nil, 1<<29, 1<<29, 1<<29), []string{"claims", "damaged"}},
		{"overflowing dimension", "x", idxBytes(nil, 1<<32-1), []string{"claims 4294967295"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := write(t, filepath.Join(t.TempDir(), c.file), c.data)
			_, err := ReadIDX(path)
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range append(c.want, path) {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not say %q", err, want)
				}
			}
		})
	}
}

// A small file that claims a gigabyte must not cost one.
func TestReadIDXBoundedMemory(t *testing.T) {
	path := write(t, filepath.Join(t.TempDir(), "x.gz"), zipped(idxBytes(nil, 1<<30)))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := ReadIDX(path); err == nil {
		t.Fatal("no error")
	}
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > 4<<20 {
		t.Errorf("allocated %d bytes for a file of 30", used)
	}
}

func FuzzIDX(f *testing.F) {
	good := idxBytes(make([]byte, 12), 2, 2, 3)
	for _, seed := range [][]byte{nil, good, good[:9], good[:20], append(slices.Clone(good), 1), zipped(good), zipped(good)[:15],
		idxBytes(nil, 1<<31, 2), idxBytes(nil, 0), idxBytes(nil, 0, 1<<30, 1<<30), {0, 0, 8, 255, 1, 2, 3, 4}} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		known, errKnown := decodeIDX(bytes.NewReader(data), int64(len(data)))
		unknown, errUnknown := decodeIDX(bytes.NewReader(data), -1)
		if (errKnown == nil) != (errUnknown == nil) {
			t.Fatalf("with the size known: %v; without: %v", errKnown, errUnknown)
		}
		_, _ = decodeGzip(bytes.NewReader(data))
		if errKnown != nil {
			return
		}
		// What was accepted must be exactly what those bytes say.
		dims := make([]uint32, len(known.Dims))
		n := 1
		for i, d := range known.Dims {
			dims[i] = uint32(d)
			n *= d
		}
		if n != len(known.Data) || !bytes.Equal(idxBytes(known.Data, dims...), data) || !bytes.Equal(known.Data, unknown.Data) {
			t.Fatalf("decoded %v and %d bytes from %d bytes", known.Dims, len(known.Data), len(data))
		}
	})
}
