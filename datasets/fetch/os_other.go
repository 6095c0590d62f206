//go:build !unix

package fetch

import "os"

func freeSpace(string) (int64, bool) { return 0, false }

func noSpace(error) bool { return false }

// ownedPrivate says whether dir is a folder; elsewhere than on Unix the
// temporary folder belongs to the user already.
func ownedPrivate(dir string) bool {
	info, err := os.Lstat(dir)
	return err == nil && info.IsDir()
}
