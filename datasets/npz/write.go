package npz

import (
	"archive/zip"
	"compress/flate"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
)

// Number is what an array may be made of.
type Number interface {
	float32 | float64 | int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64 | bool
}

// NewArray makes an array of xs, row by row.
func NewArray[T Number](xs []T, shape ...int) (Array, error) {
	a := Array{Shape: shape}
	switch any(*new(T)).(type) {
	case float32:
		a.DType = "f4"
	case float64:
		a.DType = "f8"
	case int8:
		a.DType = "i1"
	case int16:
		a.DType = "i2"
	case int32:
		a.DType = "i4"
	case int64:
		a.DType = "i8"
	case uint8:
		a.DType = "u1"
	case uint16:
		a.DType = "u2"
	case uint32:
		a.DType = "u4"
	case uint64:
		a.DType = "u8"
	case bool:
		a.DType = "b1"
	}
	if a.Len() != len(xs) {
		return a, fmt.Errorf("npz: %d elements do not fill the shape %v", len(xs), shape)
	}
	var err error
	a.data, err = binary.Append(nil, binary.LittleEndian, xs)
	return a, err
}

// Writer writes an .npz. The same arrays always give the same bytes.
type Writer struct{ zip *zip.Writer }

// NewWriter writes to w.
func NewWriter(w io.Writer) *Writer {
	z := zip.NewWriter(w)
	z.RegisterCompressor(zip.Deflate, func(out io.Writer) (io.WriteCloser, error) { return flate.NewWriter(out, flate.BestCompression) })
	return &Writer{z}
}

// Array adds an array.
func (w *Writer) Array(name string, a Array) error {
	sizes := make([]string, len(a.Shape))
	for i, d := range a.Shape {
		sizes[i] = fmt.Sprint(d)
	}
	shape := strings.Join(sizes, ", ")
	if len(sizes) == 1 {
		shape += ","
	}
	order := "<"
	if width(a.DType) == 1 {
		order = "|"
	}
	head := fmt.Sprintf("{'descr': '%s%s', 'fortran_order': False, 'shape': (%s), }", order, a.DType, shape)
	// The elements begin at a multiple of 64 bytes.
	head += strings.Repeat(" ", (64-(10+len(head)+1)%64)%64) + "\n"
	b := append([]byte("\x93NUMPY\x01\x00"), byte(len(head)), byte(len(head)>>8))
	return w.Raw(name+".npy", append(append(b, head...), a.data...))
}

// Raw adds a member that is no array.
func (w *Writer) Raw(name string, b []byte) error {
	m, err := w.zip.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate})
	if err != nil {
		return err
	}
	_, err = m.Write(b)
	return err
}

// Close ends the archive.
func (w *Writer) Close() error { return w.zip.Close() }
