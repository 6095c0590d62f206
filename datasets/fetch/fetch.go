package fetch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// File is one file of an item.
type File struct {
	// Name is the path under the item's folder, with forward slashes.
	Name string
	// Size is the exact number of bytes. It is required: unpacking never writes more.
	Size int64
	// SHA256 is the checksum in hex. It is required.
	SHA256 string
	// From is the path inside the archive, exact or a pattern of path.Match.
	// Empty means: any folder, with the base name of Name, or that plus ".gz".
	// A member ending in .gz is decompressed unless Name ends in .gz as well.
	From string
}

// Item is a set of files that belong together and the ways to get them.
type Item struct {
	// Name is what messages call it: "MNIST".
	Name string
	// Dir is the folder under the cache, with forward slashes: "mnist".
	Dir   string
	Files []File
	// Ways are tried in order.
	Ways []Way
	// Source and Licence are printed by those who show provenance.
	Source  string
	Licence string
}

// Size is the number of bytes that the item's files take.
func (it Item) Size() int64 {
	var n int64
	for _, f := range it.Files {
		n += f.Size
	}
	return n
}

func (it Item) check() error {
	if it.Name == "" || !filepath.IsLocal(filepath.FromSlash(it.Dir)) {
		return fmt.Errorf("fetch item %q: it needs a name and a folder below the cache, got folder %q", it.Name, it.Dir)
	}
	if len(it.Files) == 0 {
		return fmt.Errorf("%s: the item lists no files: nothing to fetch", it.Name)
	}
	for _, f := range it.Files {
		if !filepath.IsLocal(filepath.FromSlash(f.Name)) || f.Name == stampName {
			return fmt.Errorf("%s: file name %q leaves the item's folder: use a plain relative path", it.Name, f.Name)
		}
		if f.Size <= 0 || len(f.SHA256) != 64 {
			return fmt.Errorf("%s: %s has no pinned size or SHA-256: pin both", it.Name, f.Name)
		}
	}
	return nil
}

// Ensure returns the folder that holds all files of the item, verified. It
// downloads only when something is missing or wrong. say gets short messages of
// progress, at most about two a second; nil means silence.
//
// The first download checks every SHA-256; later calls only compare sizes and
// times with what was verified ([Verify] hashes again). Two processes may call
// Ensure at once: the second waits for the first.
//
// Where the cache cannot be written, Ensure says so and uses a private folder
// under the system's temporary folder, unless REWARDLAB_CACHE named the cache:
// then it fails.
func Ensure(ctx context.Context, it Item, say func(string)) (dir string, err error) {
	return newFetcher(say).ensure(ctx, it)
}

// Have returns the item's folder if it is already in the cache, by the cheap
// check. It never downloads and never waits.
func Have(it Item) (dir string, ok bool) {
	if it.check() != nil {
		return "", false
	}
	f := newFetcher(nil)
	for _, root := range f.roots() {
		dir = filepath.Join(root, filepath.FromSlash(it.Dir))
		if stamped(dir, it.Files) {
			return dir, true
		}
	}
	return "", false
}

// Verify hashes every file of the item in the cache. It does not download.
func Verify(ctx context.Context, it Item) error {
	if err := it.check(); err != nil {
		return err
	}
	roots := newFetcher(nil).roots()
	if len(roots) == 0 {
		_, err := CacheDir()
		return err
	}
	dir := filepath.Join(roots[0], filepath.FromSlash(it.Dir))
	for _, root := range roots {
		if d := filepath.Join(root, filepath.FromSlash(it.Dir)); stamped(d, it.Files) {
			dir = d
			break
		}
	}
	if err := verifyAll(ctx, dir, it.Files); err != nil {
		return fmt.Errorf("%s: %w: delete %s and fetch it again", it.Name, err, dir)
	}
	return nil
}

// ensure is Ensure with its seams.
func (f *fetcher) ensure(ctx context.Context, it Item) (string, error) {
	if err := it.check(); err != nil {
		return "", err
	}
	if dir, ok := f.have(it); ok {
		return dir, nil
	}
	if dir, ok := f.readOnly(ctx, it); ok {
		return dir, nil
	}
	root, err := f.writableRoot(it)
	if err != nil {
		return "", err
	}
	dir := filepath.Join(root, filepath.FromSlash(it.Dir))
	unlock, err := f.lock(ctx, it, dir)
	if err != nil {
		return "", err
	}
	defer unlock()

	// Another process may have fetched it while we waited.
	if stamped(dir, it.Files) {
		return dir, nil
	}
	removeLeftovers(dir)
	whole, err := f.adopt(ctx, it, dir)
	if err != nil {
		return "", err
	}
	if whole {
		return dir, nil
	}
	if err := f.room(it, dir, it.Size()); err != nil {
		return "", err
	}
	if err := f.fetch(ctx, it, dir); err != nil {
		return "", err
	}
	return dir, nil
}

// have looks at every folder that Ensure would use, the fallback included.
func (f *fetcher) have(it Item) (string, bool) {
	for _, root := range f.roots() {
		dir := filepath.Join(root, filepath.FromSlash(it.Dir))
		if stamped(dir, it.Files) {
			return dir, true
		}
	}
	return "", false
}

// readOnly finds a whole item in a cache that cannot be written, so that its
// stamp cannot be renewed there (a mounted image, say): it hashes every time.
func (f *fetcher) readOnly(ctx context.Context, it Item) (string, bool) {
	root, err := CacheDir()
	if err != nil {
		return "", false
	}
	dir := filepath.Join(root, filepath.FromSlash(it.Dir))
	if _, err := os.Stat(dir); err != nil || probe(dir) == nil {
		return "", false
	}
	return dir, verifyAll(ctx, dir, it.Files) == nil
}

// adopt accepts files that are there without a stamp (the user put them there,
// or their times changed in a copy) if their checksums are right.
func (f *fetcher) adopt(ctx context.Context, it Item, dir string) (bool, error) {
	present := 0
	for _, file := range it.Files {
		if _, err := os.Stat(filepath.Join(dir, filepath.FromSlash(file.Name))); err == nil {
			present++
		}
	}
	if present == 0 {
		return false, nil
	}
	if err := verifyAll(ctx, dir, it.Files); err != nil {
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
		f.say(fmt.Sprintf("%s: the cache is damaged (%v): fetching it again", it.Name, err))
		return false, nil
	}
	if err := writeStamp(dir, it.Files); err != nil {
		return false, fmt.Errorf("%s: %w", it.Name, f.explain(err, dir, it.Size()))
	}
	return true, nil
}

// fetch tries the ways in order and puts the verified files at dir.
func (f *fetcher) fetch(ctx context.Context, it Item, dir string) error {
	var failed []string
	for _, w := range it.Ways {
		err := f.try(ctx, it, w, dir)
		if err == nil {
			f.say(fmt.Sprintf("%s: ready in %s", it.Name, dir))
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("%s: stopped while fetching: %w", it.Name, context.Cause(ctx))
		}
		if noSpace(err) {
			return fmt.Errorf("%s: %s: %w", it.Name, w, f.explain(err, dir, it.Size()))
		}
		failed = append(failed, fmt.Sprintf("  %s: %s", w, strings.ReplaceAll(err.Error(), "\n", "\n    ")))
		f.say(fmt.Sprintf("%s: %s: %s", it.Name, w, firstLine(err.Error())))
	}
	names := make([]string, len(it.Files))
	for i, file := range it.Files {
		names[i] = file.Name
	}
	return &Error{Item: it.Name, Tried: failed, Remedy: fmt.Sprintf("connect to a network and run it again, or place %s in %s",
		strings.Join(names, ", "), dir)}
}

// Error says that no way worked, and why each one failed.
type Error struct {
	Item   string
	Tried  []string // one entry a way
	Remedy string
}

func (e *Error) Error() string {
	if len(e.Tried) == 0 {
		return fmt.Sprintf("%s: not in the cache and no way to fetch it is known here: %s", e.Item, e.Remedy)
	}
	return fmt.Sprintf("%s: could not be fetched:\n%s\nRemedy: %s", e.Item, strings.Join(e.Tried, "\n"), e.Remedy)
}

// try gets the item one way into a temporary folder and renames it to dir.
func (f *fetcher) try(ctx context.Context, it Item, w Way, dir string) (err error) {
	work, err := os.MkdirTemp(filepath.Dir(dir), filepath.Base(dir)+tempMark)
	if err != nil {
		return f.explain(err, dir, it.Size())
	}
	defer os.RemoveAll(work)
	out := filepath.Join(work, "out")
	if err := os.Mkdir(out, 0o755); err != nil {
		return err
	}
	j := &job{fetcher: f, item: it, work: work, out: out, missing: map[string]File{}}
	for _, file := range it.Files {
		j.missing[file.Name] = file
	}
	if err := w.get(ctx, j); err != nil {
		return err
	}
	if len(j.missing) > 0 {
		var names []string
		for _, file := range it.Files {
			if _, ok := j.missing[file.Name]; ok {
				names = append(names, file.Name)
			}
		}
		return fmt.Errorf("what it brought holds no %s: another version?", strings.Join(names, ", "))
	}
	// put already hashed every byte; the stamp records what the disk shows.
	if err := writeStamp(out, it.Files); err != nil {
		return err
	}
	return replace(out, dir)
}

// replace renames out to dir, which may hold a damaged older version.
func replace(out, dir string) error {
	err := os.Rename(out, dir)
	if err == nil {
		syncDir(filepath.Dir(dir))
		return nil
	}
	if _, statErr := os.Lstat(dir); errors.Is(statErr, os.ErrNotExist) {
		return err
	}
	old, err := os.MkdirTemp(filepath.Dir(dir), filepath.Base(dir)+tempMark)
	if err != nil {
		return err
	}
	defer os.RemoveAll(old)
	if err := os.Rename(dir, filepath.Join(old, "old")); err != nil {
		return err
	}
	if err := os.Rename(out, dir); err != nil {
		return err
	}
	syncDir(filepath.Dir(dir))
	return nil
}
