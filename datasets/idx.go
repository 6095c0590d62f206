package datasets

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// IDX is the content of one IDX file of unsigned bytes: for images Dims is
// [N, H, W], for labels [N]. Data is in row-major order.
type IDX struct {
	Dims []int
	Data []uint8
	// SHA256 is the checksum of the file as it lies on the disk, in hex.
	SHA256 string
}

// maxIDX bounds what one file may hold: 1 GiB, twenty times MNIST.
const maxIDX = 1 << 30

// ReadIDX reads an IDX file of unsigned bytes (the format of MNIST,
// LeCun et al. 1998). A name that ends in .gz means gzip; nothing else does.
// Memory is only taken for bytes that are there, whatever the header claims.
func ReadIDX(path string) (IDX, error) {
	idx, err := readIDX(path)
	if err != nil {
		return IDX{}, fmt.Errorf("IDX file %s: %w", path, err)
	}
	return idx, nil
}

func readIDX(path string) (IDX, error) {
	in, err := os.Open(path)
	if err != nil {
		return IDX{}, fmt.Errorf("%w: name the folder that holds it", err)
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return IDX{}, err
	}
	if !info.Mode().IsRegular() {
		return IDX{}, errors.New("not a regular file: name the file itself")
	}
	sum := sha256.New()
	tee := io.TeeReader(in, sum)
	var idx IDX
	if strings.HasSuffix(path, ".gz") {
		idx, err = decodeGzip(tee)
		// What follows the gzip stream still belongs to the file's checksum.
		if err == nil {
			_, err = io.Copy(io.Discard, tee)
		}
	} else {
		idx, err = decodeIDX(tee, info.Size())
	}
	if err != nil {
		return IDX{}, err
	}
	idx.SHA256 = hex.EncodeToString(sum.Sum(nil))
	return idx, nil
}

func decodeGzip(r io.Reader) (IDX, error) {
	gz, err := gzip.NewReader(r)
	if err != nil {
		return IDX{}, fmt.Errorf("its name ends in .gz, but it is not gzip (%w): rename it, or get it again", err)
	}
	return decodeIDX(gz, -1)
}

// decodeIDX reads one IDX stream to its end. size is the number of bytes that r
// holds, or -1 if unknown.
func decodeIDX(r io.Reader, size int64) (IDX, error) {
	dims, err := decodeHeader(r, size)
	if err != nil {
		return IDX{}, err
	}
	header := int64(4 + 4*len(dims))
	n := int64(1)
	for _, d := range dims {
		// Both factors are below 2^31, so the product cannot overflow before the check.
		if n *= int64(d); n > maxIDX {
			return IDX{}, fmt.Errorf("the header claims %v, more than the %d bytes allowed: the file is damaged, get it again", dims, maxIDX)
		}
	}
	if size >= 0 && size != header+n {
		return IDX{}, sizeError(dims, header+n, size)
	}
	var data []uint8
	if size >= 0 {
		data = make([]uint8, n)
		if _, err := io.ReadFull(r, data); err != nil {
			return IDX{}, fmt.Errorf("reading %d bytes of data: %w", n, err)
		}
	} else {
		// A compressed stream may claim anything: grow with what arrives.
		var buf bytes.Buffer
		got, err := io.Copy(&buf, io.LimitReader(r, n+1))
		if err != nil {
			return IDX{}, fmt.Errorf("broken gzip after %d bytes (%w): get it again", got, err)
		}
		if got != n {
			return IDX{}, sizeError(dims, header+n, header+got)
		}
		data = buf.Bytes()
	}
	return IDX{Dims: dims, Data: data}, nil
}

func sizeError(dims []int, want, got int64) error {
	if got < want {
		return fmt.Errorf("truncated: %d bytes, but its header %v needs %d: get it again", got, dims, want)
	}
	return fmt.Errorf("trailing bytes: its header %v needs %d bytes and more follow: it is damaged or not the file you meant", dims, want)
}

func decodeHeader(r io.Reader, size int64) ([]int, error) {
	var magic [4]byte
	if n, err := io.ReadFull(r, magic[:]); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, fmt.Errorf("truncated: %d bytes, an IDX header needs at least 8: get it again", n)
		}
		return nil, err
	}
	switch {
	case magic[0] == 0x1f && magic[1] == 0x8b:
		return nil, errors.New("it is compressed with gzip, but its name does not end in .gz: rename it to end in .gz, or run gunzip")
	case magic[0] != 0 || magic[1] != 0:
		return nil, fmt.Errorf("wrong magic number %#08x: not an IDX file (0x00000803 for images, 0x00000801 for labels)", binary.BigEndian.Uint32(magic[:]))
	case magic[2] != 0x08:
		return nil, fmt.Errorf("element type %#02x: only unsigned bytes (0x08) are supported: convert it", magic[2])
	case magic[3] < 1 || magic[3] > 4:
		return nil, fmt.Errorf("%d dimensions: images have 3 and labels 1: not a set of images", magic[3])
	}
	raw := make([]byte, 4*int(magic[3]))
	if n, err := io.ReadFull(r, raw); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, fmt.Errorf("truncated: %d bytes, an IDX header of %d dimensions needs %d: get it again", 4+n, magic[3], 4+len(raw))
		}
		return nil, err
	}
	dims := make([]int, magic[3])
	for i := range dims {
		d := binary.BigEndian.Uint32(raw[4*i:])
		if d > maxIDX {
			return nil, fmt.Errorf("dimension %d claims %d: the file is damaged, get it again", i, d)
		}
		dims[i] = int(d)
	}
	return dims, nil
}
