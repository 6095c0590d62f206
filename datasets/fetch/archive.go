package fetch

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// takeAll takes the item's files out of every archive in a folder.
func (j *job) takeAll(ctx context.Context, folder string) error {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	if len(entries) == 0 {
		return errors.New("the client succeeded but left no file")
	}
	for _, e := range entries {
		if e.Type().IsRegular() {
			if err := j.take(ctx, filepath.Join(folder, e.Name())); err != nil {
				return fmt.Errorf("%s: %w", e.Name(), err)
			}
		}
	}
	return nil
}

// take reads one archive once and puts every wanted member. Members that nobody
// asked for are never written, so no name in an archive can reach the disk.
func (j *job) take(ctx context.Context, archive string) error {
	j.say(fmt.Sprintf("%s: unpacking and checking %s", j.item.Name, filepath.Base(archive)))
	name := strings.ToLower(archive)
	switch {
	case strings.HasSuffix(name, ".whl"), strings.HasSuffix(name, ".zip"):
		return j.takeZip(ctx, archive)
	case strings.HasSuffix(name, ".tgz"), strings.HasSuffix(name, ".tar.gz"):
		in, err := os.Open(archive)
		if err != nil {
			return err
		}
		defer in.Close()
		gz, err := gzip.NewReader(in)
		if err != nil {
			return fmt.Errorf("broken archive: %w", err)
		}
		return j.takeTar(ctx, gz)
	case strings.HasSuffix(name, ".deb"):
		return j.takeDeb(ctx, archive)
	}
	return fmt.Errorf("unknown kind of archive: .whl, .zip, .tgz, .tar.gz and .deb are known")
}

func (j *job) takeZip(ctx context.Context, archive string) error {
	z, err := zip.OpenReader(archive)
	if err != nil {
		return fmt.Errorf("broken archive: %w", err)
	}
	defer z.Close()
	for _, m := range z.File {
		if !m.Mode().IsRegular() {
			continue
		}
		if _, ok := j.wanted(m.Name); !ok {
			continue
		}
		in, err := m.Open()
		if err != nil {
			return fmt.Errorf("broken archive: %s: %w", m.Name, err)
		}
		err = j.put(ctx, m.Name, in)
		in.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

func (j *job) takeTar(ctx context.Context, r io.Reader) error {
	t := tar.NewReader(r)
	for len(j.missing) > 0 {
		h, err := t.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("broken archive: %w", err)
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		if _, ok := j.wanted(h.Name); !ok {
			continue
		}
		if err := j.put(ctx, h.Name, t); err != nil {
			return err
		}
	}
	return nil
}

// takeDeb lets dpkg-deb decompress: what it uses inside (xz, zstd) changes over time.
func (j *job) takeDeb(ctx context.Context, archive string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	cmd := exec.CommandContext(ctx, "dpkg-deb", "--fsys-tarfile", archive)
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	var tail tailBuffer
	cmd.Stderr = &tail
	if err := cmd.Start(); err != nil {
		return err
	}
	err = j.takeTar(ctx, pipe)
	if err == nil && len(j.missing) == 0 {
		cancel() // the rest of the package is of no interest
		_ = cmd.Wait()
		return nil
	}
	if waitErr := cmd.Wait(); waitErr != nil && !noSpace(err) {
		return fmt.Errorf("broken archive: dpkg-deb: %s", tail.reason(waitErr))
	}
	return err
}

// put writes one wanted member under its final name in j.out, decompressed if
// need be, and checks its size and checksum.
func (j *job) put(ctx context.Context, member string, in io.Reader) error {
	f, ok := j.wanted(member)
	if !ok {
		return nil
	}
	return j.putAs(ctx, f, member, in)
}

func (j *job) putAs(ctx context.Context, f File, member string, in io.Reader) error {
	in = ctxReader{ctx, in}
	if strings.HasSuffix(member, ".gz") && !strings.HasSuffix(f.Name, ".gz") {
		gz, err := gzip.NewReader(in)
		if err != nil {
			return fmt.Errorf("%s: broken gzip: %w", member, err)
		}
		defer gz.Close()
		in = gz
	}
	target := filepath.Join(j.out, filepath.FromSlash(f.Name))
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return err
	}
	out, err := os.OpenFile(target, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	sum := sha256.New()
	// One byte more than pinned is enough to know that it is the wrong file.
	n, err := io.Copy(io.MultiWriter(out, sum), io.LimitReader(in, f.Size+1))
	if err == nil {
		err = out.Sync()
	}
	if err := errors.Join(err, out.Close()); err != nil {
		return fmt.Errorf("%s: %w", member, err)
	}
	if n > f.Size {
		return fmt.Errorf("%s is larger than the %d bytes expected of %s: wrong or changed file", member, f.Size, f.Name)
	}
	if n < f.Size {
		return fmt.Errorf("%s is %d bytes, expected %d of %s: cut short or changed", member, n, f.Size, f.Name)
	}
	if got := hex.EncodeToString(sum.Sum(nil)); !strings.EqualFold(got, f.SHA256) {
		return fmt.Errorf("%s has SHA-256 %s, expected %s: broken or changed file", member, got, f.SHA256)
	}
	delete(j.missing, f.Name)
	return nil
}
