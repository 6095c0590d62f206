package run

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
)

// metricsLog appends rows to metrics.jsonl, for several seeds at once.
type metricsLog struct {
	mu   sync.Mutex
	path string
	file *os.File
	buf  []byte
	err  error // the first failure; after it the last line may be torn
}

func openMetrics(path string) (*metricsLog, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return nil, diskError(path, err)
	}
	return &metricsLog{path: path, file: f}, nil
}

// append writes whole lines with one call, so that only the very last line of
// the file can be torn by a crash.
func (m *metricsLog) append(rows []Row) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil {
		return m.err
	}
	m.buf = m.buf[:0]
	for _, r := range rows {
		line, err := json.Marshal(r)
		if err != nil {
			return fmt.Errorf("metrics: %w", err)
		}
		m.buf = append(append(m.buf, line...), '\n')
	}
	if _, err := m.file.Write(m.buf); err != nil {
		m.err = diskError(m.path, err)
	}
	return m.err
}

// sync makes the rows durable. A checkpoint is written only after it, so that it
// never counts rows that a power cut could take away.
func (m *metricsLog) sync() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err == nil {
		if err := m.file.Sync(); err != nil {
			m.err = diskError(m.path, err)
		}
	}
	return m.err
}

func (m *metricsLog) close() error { return m.file.Close() }

// rawRow is a row and the bytes it was read from.
type rawRow struct {
	Row
	line []byte // with its newline
}

// readMetrics reads a metrics file. A last line without its end, left by a
// crash, is dropped, and torn is true. A missing file has no rows.
func readMetrics(path string) (rows []rawRow, torn bool, err error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	defer f.Close()
	r := bufio.NewReaderSize(f, 1<<16)
	for n := 1; ; n++ {
		line, err := r.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return rows, len(line) > 0, nil
		}
		if err != nil {
			return nil, false, err
		}
		row := rawRow{line: line}
		if err := json.Unmarshal(line, &row.Row); err != nil {
			return nil, false, fmt.Errorf("%s, line %d, is not a row (%w): delete that line, or train again in a new folder", path, n, err)
		}
		rows = append(rows, row)
	}
}

// trimMetrics rewrites the file without the rows that keep refuses, unless it
// keeps all of them.
func trimMetrics(path string, rows []rawRow, torn bool, keep func(Row) bool) error {
	var b bytes.Buffer
	dropped := torn
	for _, r := range rows {
		if keep(r.Row) {
			b.Write(r.line)
		} else {
			dropped = true
		}
	}
	if !dropped {
		return nil
	}
	return replaceFile(path, b.Bytes())
}
