package npz_test

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rewardlab/rewardlab/datasets/npz"
)

// npy is an array as numpy writes it: version 1, head padded with spaces.
func npy(head string, elements ...byte) []byte {
	b := []byte("\x93NUMPY\x01\x00")
	b = binary.LittleEndian.AppendUint16(b, uint16(len(head)))
	return append(append(b, head...), elements...)
}

func dict(descr, shape string) string {
	return fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': %s, }   \n", descr, shape)
}

func TestArray(t *testing.T) {
	for _, c := range []struct {
		name  string
		npy   []byte
		shape []int
		want  []float64
	}{
		{"float32", npy(dict("<f4", "(1, 2)"), 0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0), []int{1, 2}, []float64{1, -2}},
		{"float64", npy(dict("<f8", "(1,)"), 0, 0, 0, 0, 0, 0, 0xe0, 0x3f), []int{1}, []float64{0.5}},
		{"int64", npy(dict("<i8", "(2,)"), 7, 1, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255), []int{2}, []float64{263, -1}},
		{"int16", npy(dict("<i2", "(2,)"), 255, 255, 1, 2), []int{2}, []float64{-1, 513}},
		{"bool", npy(dict("|b1", "(3,)"), 1, 0, 1), []int{3}, []float64{1, 0, 1}},
		{"int8", npy(dict("|i1", "(1,)"), 0xfe), []int{1}, []float64{-2}},
		{"little-endian byte", npy(dict("<u1", "(1,)"), 9), []int{1}, []float64{9}},
		{"scalar", npy(dict("<u2", "()"), 1, 1), []int{}, []float64{257}},
		{"empty", npy(dict("<f4", "(0, 5)")), []int{0, 5}, []float64{}},
		{"one column, columns first", npy("{'descr': '<u1', 'fortran_order': True, 'shape': (2,)}", 3, 4), []int{2}, []float64{3, 4}},
		{"keys in another order", npy(`{"shape": (1,), "descr": "|u1", "fortran_order": False}`, 5), []int{1}, []float64{5}},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, err := npz.ReadArray(bytes.NewReader(c.npy))
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(a.Shape, c.shape) || !slices.Equal(a.Float64s(), c.want) {
				t.Errorf("%v %v, want %v %v", a.Shape, a.Float64s(), c.shape, c.want)
			}
		})
	}
}

func TestArrayRefuses(t *testing.T) {
	object := npy(dict("|O", "(2,)"), 0x80, 4)
	for _, c := range []struct {
		name string
		npy  []byte
		says string
	}{
		{"object", object, "never loaded"},
		{"other file", []byte("GIF89a..............."), "begins with"},
		{"cut header", npy(dict("<f4", "(1,)"))[:30], "header"},
		{"cut elements", npy(dict("<f4", "(2,)"), 0, 0, 0, 0), "cut short"},
		{"big-endian", npy(dict(">f4", "(1,)"), 0, 0, 0, 0), "little-endian"},
		{"text", npy(dict("<U3", "(1,)")), "numbers"},
		{"structured", npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}"), "structured"},
		{"columns first", npy("{'descr': '<u1', 'fortran_order': True, 'shape': (2, 2)}", 1, 2, 3, 4), "ascontiguousarray"},
		{"huge", npy(dict("<f8", "(1000000, 1000000)")), "more than"},
		{"overflow", npy(dict("<f8", "(4294967296, 4294967296, 4294967296)")), "more than"},
		{"negative", npy(dict("<f8", "(-1,)")), "shape"},
		{"a missing key", npy("{'descr': '<f4', 'shape': (1,)}"), "fortran_order"},
		{"an unknown key", npy("{'descr': '<f4', 'zip': (1,)}"), "unknown"},
		{"a key twice", npy("{'descr': '<f4', 'descr': '<f8', 'fortran_order': False, 'shape': (1,)}"), "twice"},
		{"text behind", npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} x"), "after its end"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := npz.ReadArray(bytes.NewReader(c.npy))
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("error %v, want one that says %q", err, c.says)
			}
		})
	}
	if _, err := npz.ReadArray(bytes.NewReader(object)); !errors.Is(err, npz.ErrObject) {
		t.Errorf("error %v, want ErrObject", err)
	}
}

func file(t *testing.T) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := npz.NewWriter(&buf)
	obs, err := npz.NewArray([]float32{1, 2, 3, 4, 5, 6}, 3, 2)
	if err != nil {
		t.Fatal(err)
	}
	flags, err := npz.NewArray([]bool{true, false}, 2)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Array("obs", obs), w.Array("flags", flags), w.Raw("header.json", []byte("{}")), w.Close()); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func TestFile(t *testing.T) {
	b := file(t)
	if !bytes.Equal(b, file(t)) {
		t.Error("the same arrays gave other bytes")
	}
	path := filepath.Join(t.TempDir(), "x.npz")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := npz.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	obs, err := f.Array("obs")
	if err != nil || !slices.Equal(obs.Shape, []int{3, 2}) || !slices.Equal(obs.Float32s(), []float32{1, 2, 3, 4, 5, 6}) {
		t.Errorf("obs is %v %v, %v", obs.Shape, obs, err)
	}
	flags, err := f.Array("flags")
	if err != nil || !slices.Equal(flags.Bools(), []bool{true, false}) || !flags.Whole() {
		t.Errorf("flags are %v, %v", flags, err)
	}
	if head, err := f.Raw("header.json", 10); string(head) != "{}" || err != nil {
		t.Errorf("header %q, %v", head, err)
	}
	if _, err := f.Raw("header.json", 1); err == nil {
		t.Error("a member beyond the limit was read")
	}
	if _, err := f.Array("acts"); err == nil || !strings.Contains(err.Error(), "obs.npy") {
		t.Errorf("error of a missing array %v", err)
	}
	if _, err := npz.NewArray([]float32{1}, 2); err == nil {
		t.Error("a shape that the elements do not fill was accepted")
	}
}

// TestNumpy asks the real numpy to read what Writer writes, where there is one.
func TestNumpy(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.npz")
	if err := os.WriteFile(path, file(t), 0o600); err != nil {
		t.Fatal(err)
	}
	if exec.CommandContext(t.Context(), "python3", "-c", "import numpy").Run() != nil {
		t.Skip("numpy is not installed")
	}
	out, err := exec.CommandContext(t.Context(), "python3", "-c",
		"import numpy, sys; f = numpy.load(sys.argv[1]); print(f['obs'].tolist(), f['flags'].dtype, f['obs'].dtype)", path).CombinedOutput()
	if want := "[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]] bool float32"; err != nil || strings.TrimSpace(string(out)) != want {
		t.Errorf("numpy read %s (%v), want %s", out, err, want)
	}
}

func FuzzReadArray(f *testing.F) {
	f.Add(npy(dict("<f4", "(1, 2)"), 0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0))
	f.Add(npy(dict("|O", "(2,)"), 0x80, 4))
	f.Add(npy(dict("|b1", "()"), 1))
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := npz.ReadArray(bytes.NewReader(b))
		if err != nil {
			return
		}
		if len(a.Float64s()) != a.Len() || a.Len() > len(b) {
			t.Errorf("%d elements of shape %v from %d bytes", len(a.Float64s()), a.Shape, len(b))
		}
	})
}

func FuzzFile(f *testing.F) {
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	m, err := z.Create("obs.npy")
	if err != nil {
		f.Fatal(err)
	}
	_, err = m.Write(npy(dict("<f4", "(1,)"), 0, 0, 0, 0))
	if err := errors.Join(err, z.Close()); err != nil {
		f.Fatal(err)
	}
	f.Add(buf.Bytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		x, err := npz.NewFile(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return
		}
		for _, name := range x.Names() {
			_, _ = x.Array(strings.TrimSuffix(name, ".npy"))
		}
	})
}
