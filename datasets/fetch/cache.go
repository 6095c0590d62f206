package fetch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// EnvCache names the environment variable that moves the cache.
const EnvCache = "REWARDLAB_CACHE"

const (
	stampName = ".verified.json"
	tempMark  = ".tmp-" // the rest of a temporary folder's name is random
)

// CacheDir is the folder of the cache: $REWARDLAB_CACHE, else rewardlab in the
// user's own cache folder. It need not exist yet.
func CacheDir() (string, error) {
	if dir := os.Getenv(EnvCache); dir != "" {
		abs, err := filepath.Abs(dir)
		if err != nil {
			return "", fmt.Errorf("cache folder %s=%s: %w", EnvCache, dir, err)
		}
		return abs, nil
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("cache folder: %w: set %s to a folder that you can write", err, EnvCache)
	}
	return filepath.Join(dir, "rewardlab"), nil
}

// fetcher is one call of Ensure: where messages go, and the seams of the tests.
type fetcher struct {
	say  func(string)
	free func(dir string) (bytes int64, known bool)
	temp func() string // parent of the fallback cache
	node map[string]string
}

func newFetcher(say func(string)) *fetcher {
	if say == nil {
		say = func(string) {}
	}
	return &fetcher{say: say, free: freeSpace, temp: os.TempDir, node: nodeSHA256}
}

// roots are the folders in which items may lie: the cache, then the fallback.
func (f *fetcher) roots() []string {
	var roots []string
	if root, err := CacheDir(); err == nil {
		roots = append(roots, root)
	}
	if os.Getenv(EnvCache) == "" {
		if fallback := f.fallback(); ownedPrivate(fallback) {
			roots = append(roots, fallback)
		}
	}
	return roots
}

func (f *fetcher) fallback() string {
	return filepath.Join(f.temp(), fmt.Sprintf("rewardlab-cache-%d", os.Getuid()))
}

// writableRoot makes the cache folder and checks that the item can be written
// there; failing that it makes the private fallback.
func (f *fetcher) writableRoot(it Item) (string, error) {
	root, err := CacheDir()
	if err == nil {
		if err = probe(filepath.Join(root, filepath.FromSlash(it.Dir))); err == nil {
			return root, nil
		}
		if noSpace(err) {
			return "", fmt.Errorf("%s: %w", it.Name, f.explain(err, root, it.Size()))
		}
	}
	if os.Getenv(EnvCache) != "" {
		return "", fmt.Errorf("%s: the cache folder %s=%s cannot be written (%w): make it writable, or set %s to another folder",
			it.Name, EnvCache, os.Getenv(EnvCache), err, EnvCache)
	}
	fallback := f.fallback()
	if mkErr := os.Mkdir(fallback, 0o700); mkErr != nil && !errors.Is(mkErr, os.ErrExist) {
		return "", fmt.Errorf("%s: neither the cache folder (%w) nor %s can be written (%v): set %s to a folder that you can write",
			it.Name, err, fallback, mkErr, EnvCache)
	}
	// The temporary folder is shared: another user may have made this name first.
	if !ownedPrivate(fallback) {
		return "", fmt.Errorf("%s: the cache folder cannot be written (%w) and %s belongs to someone else: set %s to a folder that you can write",
			it.Name, err, fallback, EnvCache)
	}
	if probeErr := probe(filepath.Join(fallback, filepath.FromSlash(it.Dir))); probeErr != nil {
		return "", fmt.Errorf("%s: neither the cache folder (%w) nor %s can be written (%v): set %s to a folder that you can write",
			it.Name, err, fallback, probeErr, EnvCache)
	}
	f.say(fmt.Sprintf("%s: the cache folder cannot be written (%v): using %s; set %s to choose another", it.Name, err, fallback, EnvCache))
	return fallback, nil
}

// probe makes the parent of an item's folder and writes a byte beside it.
func probe(dir string) error {
	parent := filepath.Dir(dir)
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return err
	}
	p, err := os.CreateTemp(parent, filepath.Base(dir)+".probe-")
	if err != nil {
		return err
	}
	defer os.Remove(p.Name())
	_, err = p.Write([]byte{1})
	return errors.Join(err, p.Close())
}

// lock takes the item's lock, waiting for another process if need be.
func (f *fetcher) lock(ctx context.Context, it Item, dir string) (unlock func(), err error) {
	fl := flock.New(dir + ".lock")
	ok, err := fl.TryLock()
	if err == nil && !ok {
		f.say(fmt.Sprintf("%s: another process is fetching it: waiting", it.Name))
		ok, err = fl.TryLockContext(ctx, 100*time.Millisecond)
	}
	if err != nil || !ok {
		return nil, fmt.Errorf("%s: lock %s.lock: %w", it.Name, dir, err)
	}
	return func() { _ = fl.Unlock() }, nil
}

// removeLeftovers deletes what killed processes left. The caller holds the lock,
// so no living process owns any of it.
func removeLeftovers(dir string) {
	entries, err := os.ReadDir(filepath.Dir(dir))
	if err != nil {
		return
	}
	base := filepath.Base(dir)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), base+tempMark) || strings.HasPrefix(e.Name(), base+".probe-") {
			os.RemoveAll(filepath.Join(filepath.Dir(dir), e.Name()))
		}
	}
}

// stamp records what was on the disk when the checksums were right.
type stamp struct {
	Files map[string]stampFile `json:"files"`
}

type stampFile struct {
	SHA256 string `json:"sha256"`
	Size   int64  `json:"size"`
	MTime  int64  `json:"mtime_ns"`
}

// stamped is the cheap check: sizes and times as they were when the hashes matched.
func stamped(dir string, files []File) bool {
	data, err := os.ReadFile(filepath.Join(dir, stampName))
	if err != nil {
		return false
	}
	var s stamp
	if json.Unmarshal(data, &s) != nil {
		return false
	}
	for _, f := range files {
		got, ok := s.Files[f.Name]
		if !ok || !strings.EqualFold(got.SHA256, f.SHA256) || got.Size != f.Size {
			return false
		}
		info, err := os.Stat(filepath.Join(dir, filepath.FromSlash(f.Name)))
		if err != nil || !info.Mode().IsRegular() || info.Size() != f.Size || info.ModTime().UnixNano() != got.MTime {
			return false
		}
	}
	return true
}

func writeStamp(dir string, files []File) error {
	s := stamp{Files: map[string]stampFile{}}
	for _, f := range files {
		info, err := os.Stat(filepath.Join(dir, filepath.FromSlash(f.Name)))
		if err != nil {
			return err
		}
		s.Files[f.Name] = stampFile{SHA256: strings.ToLower(f.SHA256), Size: info.Size(), MTime: info.ModTime().UnixNano()}
	}
	data, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(dir, stampName+"-")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(data)
	if err := errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	if err := os.Rename(tmp.Name(), filepath.Join(dir, stampName)); err != nil {
		return err
	}
	syncDir(dir)
	return nil
}

func verifyAll(ctx context.Context, dir string, files []File) error {
	for _, f := range files {
		if err := verifyFile(ctx, filepath.Join(dir, filepath.FromSlash(f.Name)), f); err != nil {
			return err
		}
	}
	return nil
}

func verifyFile(ctx context.Context, path string, f File) error {
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	if info.Size() != f.Size {
		return fmt.Errorf("%s is %d bytes, expected %d", path, info.Size(), f.Size)
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, ctxReader{ctx, in}); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if got := hex.EncodeToString(sum.Sum(nil)); !strings.EqualFold(got, f.SHA256) {
		return fmt.Errorf("%s has SHA-256 %s, expected %s", path, got, f.SHA256)
	}
	return nil
}

type ctxReader struct {
	ctx context.Context
	r   io.Reader
}

func (c ctxReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

// room fails early when the disk clearly lacks the space.
func (f *fetcher) room(it Item, dir string, need int64) error {
	if free, known := f.free(filepath.Dir(dir)); known && free < need {
		return fmt.Errorf("%s: no room: it needs %s in %s, where %s are free: make room, or set %s to a folder on another disk",
			it.Name, megabytes(need), filepath.Dir(dir), megabytes(free), EnvCache)
	}
	return nil
}

// explain adds the remedy to a full disk's error.
func (f *fetcher) explain(err error, dir string, need int64) error {
	if !noSpace(err) {
		return err
	}
	return fmt.Errorf("no space left in %s, and about %s are needed there: make room, or set %s to a folder on another disk (%w)",
		filepath.Dir(dir), megabytes(need), EnvCache, err)
}

// syncDir makes a rename durable. Some file systems refuse; then it is best effort.
func syncDir(dir string) {
	if d, err := os.Open(dir); err == nil {
		_ = d.Sync()
		_ = d.Close()
	}
}
