package npz

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"
)

// Limits that keep a damaged or hostile file from taking the machine's memory.
const (
	maxBytes  = 1 << 30 // of one array
	maxHeader = 1 << 16
	maxDims   = 8
)

// ErrObject says that an array holds pickled Python objects. They are never unpickled.
var ErrObject = errors.New("an array of Python objects (a pickle, which is never loaded)")

// Array is one array, row by row.
type Array struct {
	Shape []int
	// DType is numpy's name of the elements: f4, f8, b1, i1, i2, i4, i8, u1, u2, u4 or u8.
	DType string

	data []byte // little-endian
}

// Len is the number of elements.
func (a Array) Len() int {
	n := 1
	for _, d := range a.Shape {
		n *= d
	}
	return n
}

// Bytes are the elements as they lie in the file, little-endian.
func (a Array) Bytes() []byte { return a.data }

// Whole says whether elements are integers or booleans.
func (a Array) Whole() bool { return a.DType[0] != 'f' }

// Float32s are the elements, rounded to float32.
func (a Array) Float32s() []float32 {
	return elements(a, func(v float64) float32 { return float32(v) })
}

// Float64s are the elements. Integers beyond 2^53 are rounded.
func (a Array) Float64s() []float64 { return elements(a, func(v float64) float64 { return v }) }

// Bools says of each element whether it is not zero.
func (a Array) Bools() []bool { return elements(a, func(v float64) bool { return v != 0 }) }

func elements[T any](a Array, to func(float64) T) []T {
	size := width(a.DType)
	out := make([]T, len(a.data)/size)
	le := binary.LittleEndian
	for i := range out {
		b := a.data[i*size:]
		var v float64
		switch a.DType {
		case "f4":
			v = float64(math.Float32frombits(le.Uint32(b)))
		case "f8":
			v = math.Float64frombits(le.Uint64(b))
		case "b1", "u1":
			v = float64(b[0])
		case "i1":
			v = float64(int8(b[0]))
		case "i2":
			v = float64(int16(le.Uint16(b)))
		case "u2":
			v = float64(le.Uint16(b))
		case "i4":
			v = float64(int32(le.Uint32(b)))
		case "u4":
			v = float64(le.Uint32(b))
		case "i8":
			v = float64(int64(le.Uint64(b)))
		case "u8":
			v = float64(le.Uint64(b))
		}
		out[i] = to(v)
	}
	return out
}

// width is the number of bytes of an element, 0 for a type that is not read.
func width(dtype string) int {
	switch dtype {
	case "b1", "i1", "u1":
		return 1
	case "i2", "u2":
		return 2
	case "f4", "i4", "u4":
		return 4
	case "f8", "i8", "u8":
		return 8
	}
	return 0
}

// File is an .npz file.
type File struct {
	zip    *zip.Reader
	closer io.Closer
}

// Open opens a file. Close it after use.
func Open(path string) (*File, error) {
	in, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := in.Stat()
	if err != nil {
		return nil, errors.Join(err, in.Close())
	}
	f, err := NewFile(in, info.Size())
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), in.Close())
	}
	f.closer = in
	return f, nil
}

// NewFile reads an .npz of size bytes.
func NewFile(r io.ReaderAt, size int64) (*File, error) {
	z, err := zip.NewReader(r, size)
	if err != nil {
		return nil, fmt.Errorf("not an .npz, which is a zip archive: %w", err)
	}
	return &File{zip: z}, nil
}

// Close closes the file.
func (f *File) Close() error {
	if f.closer == nil {
		return nil
	}
	return f.closer.Close()
}

// Names are the members of the archive; arrays end in .npy.
func (f *File) Names() []string {
	var names []string
	for _, m := range f.zip.File {
		names = append(names, m.Name)
	}
	slices.Sort(names)
	return names
}

// Has says whether there is an array called name.
func (f *File) Has(name string) bool { return f.member(name+".npy") != nil }

func (f *File) member(name string) *zip.File {
	for _, m := range f.zip.File {
		if m.Name == name {
			return m
		}
	}
	return nil
}

// Raw reads a member of at most limit bytes as it is; nil where there is none.
func (f *File) Raw(name string, limit int64) ([]byte, error) {
	m := f.member(name)
	if m == nil {
		return nil, nil
	}
	in, err := m.Open()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	defer in.Close()
	b, err := io.ReadAll(io.LimitReader(in, limit+1))
	if err != nil {
		return nil, fmt.Errorf("%s: damaged: %w", name, err)
	}
	if int64(len(b)) > limit {
		return nil, fmt.Errorf("%s is larger than the %d bytes allowed", name, limit)
	}
	return b, nil
}

// Array reads the array called name.
func (f *File) Array(name string) (Array, error) {
	m := f.member(name + ".npy")
	if m == nil {
		return Array{}, fmt.Errorf("no array %q: the file has %s", name, strings.Join(f.Names(), ", "))
	}
	in, err := m.Open()
	if err != nil {
		return Array{}, fmt.Errorf("array %q: %w", name, err)
	}
	defer in.Close()
	a, err := ReadArray(in)
	if err != nil {
		return Array{}, fmt.Errorf("array %q: %w", name, err)
	}
	return a, nil
}

// ReadArray reads one .npy.
func ReadArray(r io.Reader) (Array, error) {
	head, err := readHeader(r)
	if err != nil {
		return Array{}, err
	}
	a, err := parseHeader(head)
	if err != nil {
		return Array{}, err
	}
	want := int64(a.Len()) * int64(width(a.DType))
	// The buffer grows with what arrives: a header that promises a gigabyte costs nothing by itself.
	var buf bytes.Buffer
	n, err := io.Copy(&buf, io.LimitReader(r, want))
	if err != nil {
		return Array{}, fmt.Errorf("damaged after %d bytes: %w", n, err)
	}
	if n < want {
		return Array{}, fmt.Errorf("%d bytes of elements, its shape %v needs %d: the file is cut short", n, a.Shape, want)
	}
	a.data = buf.Bytes()
	return a, nil
}

// readHeader reads the magic, the version and the header's text.
func readHeader(r io.Reader) (string, error) {
	var magic [8]byte
	if _, err := io.ReadFull(r, magic[:]); err != nil {
		return "", fmt.Errorf("no .npy header: %w", err)
	}
	if string(magic[:6]) != "\x93NUMPY" {
		return "", fmt.Errorf("it begins with %q, an .npy begins with \\x93NUMPY", magic[:6])
	}
	size := make([]byte, 2)
	switch magic[6] {
	case 1:
	case 2, 3:
		size = make([]byte, 4)
	default:
		return "", fmt.Errorf("version %d of the .npy format: 1 to 3 are known", magic[6])
	}
	if _, err := io.ReadFull(r, size); err != nil {
		return "", fmt.Errorf(".npy header: %w", err)
	}
	n := binary.LittleEndian.Uint32(append(size, 0, 0)[:4])
	if n > maxHeader {
		return "", fmt.Errorf(".npy header of %d bytes: at most %d are read", n, maxHeader)
	}
	head := make([]byte, n)
	if _, err := io.ReadFull(r, head); err != nil {
		return "", fmt.Errorf(".npy header: %w", err)
	}
	return string(head), nil
}
