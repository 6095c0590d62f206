package run

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
)

// A checkpoint file is: the 8 bytes of checkpointMagic; the version and the
// length of the header, 4 bytes each, little endian; the header as JSON; the
// arrays, one after another; the SHA-256 of everything before it.
const (
	checkpointMagic   = "rlabckpt"
	checkpointVersion = 1
	checkpointPrefix  = len(checkpointMagic) + 8
)

// checkpoint is one seed's training at one moment.
type checkpoint struct {
	Seed      int64 `json:"seed"`
	Iteration int   `json:"iteration"`
	Total     int   `json:"total"`
	Steps     int64 `json:"steps"`
	// Rows is the number of rows that metrics.jsonl holds of this seed.
	Rows int `json:"rows"`
	// Seconds of training of this seed, RunSeconds of the run as a whole.
	Seconds    float64 `json:"seconds"`
	RunSeconds float64 `json:"run_seconds"`
	// Config is the hash of the configuration.
	Config string  `json:"config"`
	Engine string  `json:"engine"`
	Arrays []entry `json:"arrays"`

	state []Array
}

type entry struct {
	Name   string `json:"name"`
	DType  string `json:"dtype"`
	Dims   []int  `json:"dims"`
	Offset int64  `json:"offset"` // from the start of the arrays
	Size   int64  `json:"size"`
}

var errNewerCheckpoint = errors.New("written by a newer version of rewardlab: update rewardlab")

// encode returns the pieces of the file, so that large arrays are not copied.
func (c *checkpoint) encode() ([][]byte, error) {
	c.Arrays = make([]entry, len(c.state))
	seen := make(map[string]bool, len(c.state))
	at := int64(0)
	for i, a := range c.state {
		e := entry{Name: a.Name, DType: a.DType, Dims: a.Dims, Offset: at, Size: int64(len(a.Data))}
		if err := e.check(); err != nil {
			return nil, err
		}
		if seen[a.Name] {
			return nil, fmt.Errorf("state: two arrays are named %q", a.Name)
		}
		seen[a.Name] = true
		c.Arrays[i] = e
		at += e.Size
	}
	return c.seal()
}

// seal puts the file together from the header as it is and the arrays.
func (c *checkpoint) seal() ([][]byte, error) {
	header, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("checkpoint header: %w", err)
	}
	head := []byte(checkpointMagic)
	head = binary.LittleEndian.AppendUint32(head, checkpointVersion)
	head = binary.LittleEndian.AppendUint32(head, uint32(len(header)))
	parts := [][]byte{head, header}
	for _, a := range c.state {
		parts = append(parts, a.Data)
	}
	sum := sha256.New()
	for _, p := range parts {
		sum.Write(p)
	}
	return append(parts, sum.Sum(nil)), nil
}

// check verifies that name, dtype, shape and size agree.
func (e entry) check() error {
	width, ok := map[string]int64{
		"float32": 4, "float64": 8, "int32": 4, "int64": 8,
		"uint8": 1, "uint32": 4, "uint64": 8, "bool": 1,
	}[e.DType]
	if e.Name == "" {
		return errors.New("state: an array has no name")
	}
	if !ok {
		return fmt.Errorf("state: array %q has dtype %q, which checkpoints do not know", e.Name, e.DType)
	}
	n := width
	for _, d := range e.Dims {
		if d < 0 || d > 0 && n > math.MaxInt64/int64(d) {
			return fmt.Errorf("state: array %q has the impossible shape %v", e.Name, e.Dims)
		}
		n *= int64(d)
	}
	if n != e.Size {
		return fmt.Errorf("state: array %q of %s%v needs %d bytes, has %d", e.Name, e.DType, e.Dims, n, e.Size)
	}
	return nil
}

// decodeCheckpoint reads what encode wrote. The arrays share b's memory.
func decodeCheckpoint(b []byte) (*checkpoint, error) {
	if len(b) < checkpointPrefix+sha256.Size {
		return nil, fmt.Errorf("it has %d bytes, too few for a checkpoint", len(b))
	}
	if string(b[:len(checkpointMagic)]) != checkpointMagic {
		return nil, errors.New("it does not start as a checkpoint does")
	}
	if v := binary.LittleEndian.Uint32(b[len(checkpointMagic):]); v > checkpointVersion {
		return nil, fmt.Errorf("format version %d, this program reads up to %d: %w", v, checkpointVersion, errNewerCheckpoint)
	}
	body, sum := b[:len(b)-sha256.Size], b[len(b)-sha256.Size:]
	if got := sha256.Sum256(body); !bytes.Equal(got[:], sum) {
		return nil, errors.New("its checksum is wrong, so it was cut short or changed")
	}
	n := int64(binary.LittleEndian.Uint32(b[len(checkpointMagic)+4:]))
	rest := body[checkpointPrefix:]
	if n > int64(len(rest)) {
		return nil, errors.New("its header is longer than the file")
	}
	var c checkpoint
	if err := json.Unmarshal(rest[:n], &c); err != nil {
		return nil, fmt.Errorf("its header is not readable: %w", err)
	}
	data := rest[n:]
	for _, e := range c.Arrays {
		if err := e.check(); err != nil {
			return nil, err
		}
		if e.Offset < 0 || e.Offset > int64(len(data)) || e.Size > int64(len(data))-e.Offset {
			return nil, fmt.Errorf("array %q lies outside the file", e.Name)
		}
		c.state = append(c.state, Array{
			Name: e.Name, DType: e.DType, Dims: e.Dims,
			Data: data[e.Offset : e.Offset+e.Size : e.Offset+e.Size],
		})
	}
	return &c, nil
}
