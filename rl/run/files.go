package run

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// replaceFile puts data at path so that at every moment, a power cut included,
// the path holds either the old or the new content.
func replaceFile(path string, data ...[]byte) error {
	tmp := path + tmpSuffix
	if err := writeSynced(tmp, data...); err != nil {
		_ = os.Remove(tmp)
		return err
	}
	if err := os.Rename(tmp, path); err != nil {
		return diskError(path, err)
	}
	return syncDir(filepath.Dir(path))
}

const tmpSuffix = ".tmp"

func writeSynced(path string, data ...[]byte) (err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return diskError(path, err)
	}
	defer func() {
		if e := f.Close(); err == nil && e != nil {
			err = diskError(path, e)
		}
	}()
	for _, d := range data {
		if _, err := f.Write(d); err != nil {
			return diskError(path, err)
		}
	}
	if err := f.Sync(); err != nil {
		return diskError(path, err)
	}
	return nil
}

// syncDir makes renames in a directory durable. Some file systems cannot sync a
// directory; there the rename is as durable as it gets.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return diskError(dir, err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, errors.ErrUnsupported) {
		return diskError(dir, err)
	}
	return nil
}

// diskError adds the remedy to the ways in which writing commonly fails.
func diskError(path string, err error) error {
	remedy := ""
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		remedy = "free some space on that disk, then resume the run"
	case errors.Is(err, syscall.EROFS), errors.Is(err, fs.ErrPermission):
		remedy = "choose a folder that you may write to"
	case errors.Is(err, syscall.ENOTDIR):
		remedy = "a part of that path is a file; choose another folder"
	default:
		return err // the os package names the path
	}
	return fmt.Errorf("cannot write %s: %w: %s", path, bare(err), remedy)
}

// bare drops the path that the os package puts in front of an error.
func bare(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	if e, ok := errors.AsType[*os.LinkError](err); ok {
		return e.Err
	}
	return err
}
