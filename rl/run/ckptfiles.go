package run

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// checkpointFiles keeps the newest checkpoint of one seed and the one before it.
type checkpointFiles struct {
	newest, previous string
	// damaged says that newest must not replace previous.
	damaged bool
}

func checkpointsOf(folder string, seed int64) *checkpointFiles {
	base := filepath.Join(folder, checkpointDir, fmt.Sprintf("seed-%d", seed))
	return &checkpointFiles{newest: base + ".ckpt", previous: base + ".previous.ckpt"}
}

// save writes a checkpoint. A crash at any point leaves a good one: the new file
// is complete on disk before anything is renamed, and between the two renames
// the old one is there under its second name.
func (f *checkpointFiles) save(c *checkpoint) error {
	parts, err := c.encode()
	if err != nil {
		return err
	}
	tmp := f.newest + tmpSuffix
	if err := writeSynced(tmp, parts...); err != nil {
		_ = os.Remove(tmp)
		return fmt.Errorf("checkpoint of seed %d: %w", c.Seed, err)
	}
	if !f.damaged {
		if err := os.Rename(f.newest, f.previous); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("checkpoint of seed %d: %w", c.Seed, diskError(f.previous, err))
		}
	}
	if err := os.Rename(tmp, f.newest); err != nil {
		return fmt.Errorf("checkpoint of seed %d: %w", c.Seed, diskError(f.newest, err))
	}
	f.damaged = false
	return syncDir(filepath.Dir(f.newest))
}

// load returns the newest checkpoint that can be read and that usable accepts,
// or nil if there never was one. What is wrong with a newer one goes to log.
func (f *checkpointFiles) load(usable func(*checkpoint) error, log func(string)) (*checkpoint, error) {
	c, errNewest := readCheckpoint(f.newest, usable)
	if errNewest == nil {
		return c, nil
	}
	if errors.Is(errNewest, errNewerCheckpoint) {
		return nil, fmt.Errorf("checkpoint %s: %w", f.newest, errNewest)
	}
	missing := errors.Is(errNewest, fs.ErrNotExist)
	f.damaged = !missing
	c, errPrevious := readCheckpoint(f.previous, usable)
	switch {
	case errPrevious == nil:
		if !missing {
			log(fmt.Sprintf("checkpoint %s is damaged (%v); the one before it, of iteration %d, is used", f.newest, errNewest, c.Iteration))
		}
		return c, nil
	case missing && errors.Is(errPrevious, fs.ErrNotExist):
		return nil, nil
	case errors.Is(errPrevious, fs.ErrNotExist):
		return nil, fmt.Errorf("checkpoint %s: %w; there is no older one: delete the file to train this seed from the start", f.newest, errNewest)
	case missing:
		return nil, fmt.Errorf("checkpoint %s: %w; there is no newer one: delete the file to train this seed from the start", f.previous, errPrevious)
	}
	return nil, fmt.Errorf("checkpoint %s: %w; and %s: %w: delete both files to train this seed from the start", f.newest, errNewest, f.previous, errPrevious)
}

func readCheckpoint(path string, usable func(*checkpoint) error) (*checkpoint, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	c, err := decodeCheckpoint(b)
	if err != nil {
		return nil, err
	}
	return c, usable(c)
}
