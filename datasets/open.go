package datasets

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rewardlab/rewardlab/datasets/fetch"
)

// Options are the same for every set. The zero value is the whole set.
type Options struct {
	// Train and Held limit the splits to their first images. 0 means all; for
	// the synthetic set 10,000 and 2,000.
	Train, Held int
	// Seed chooses the synthetic set; the others ignore it.
	Seed uint64
	// Say gets messages while something is fetched; nil means silence.
	Say func(string)
}

const folderPrefix = "folder:"

// Names lists what [Open] takes, for help texts and error messages.
func Names() []string { return []string{"fashion", "mnist", "synthetic", folderPrefix + "PATH"} }

// Open opens a set by name: "mnist", "fashion", "synthetic", or "folder:PATH"
// for a folder that holds the four IDX files.
func Open(ctx context.Context, name string, opts Options) (*Digits, error) {
	if dir, ok := strings.CutPrefix(name, folderPrefix); ok {
		if dir == "" {
			return nil, fmt.Errorf("data set %q names no folder: write %s/path/to/files", name, folderPrefix)
		}
		return Folder(dir, opts)
	}
	switch name {
	case "mnist":
		return MNIST(ctx, opts)
	case "fashion":
		return FashionMNIST(ctx, opts)
	case "synthetic":
		return Synthetic(ctx, opts)
	}
	return nil, fmt.Errorf("unknown data set %q: choose one of %s", name, strings.Join(Names(), ", "))
}

// MNIST opens the handwritten digits: 60,000 to train on and 10,000 held out,
// 28x28. The first call fetches 11 MB.
func MNIST(ctx context.Context, opts Options) (*Digits, error) {
	return fetched(ctx, mnistItem(), opts)
}

// FashionMNIST opens ten kinds of clothing in the shape of MNIST. The first call
// fetches 31 MB.
func FashionMNIST(ctx context.Context, opts Options) (*Digits, error) {
	return fetched(ctx, fashionItem(), opts)
}

// Items are the sets that are fetched, for tools that report on the cache.
func Items() []fetch.Item { return []fetch.Item{mnistItem(), fashionItem()} }

func fetched(ctx context.Context, item fetch.Item, opts Options) (*Digits, error) {
	dir, err := fetch.Ensure(ctx, item, opts.Say)
	if err != nil {
		var failed *fetch.Error
		if errors.As(err, &failed) {
			return nil, fmt.Errorf("%w; or open %sPATH with your own copy, or the synthetic set", err, folderPrefix)
		}
		return nil, err
	}
	d, err := fromFolder(item.Name, dir, opts)
	if err != nil {
		return nil, err
	}
	// The files were hashed while they were read: compare for free.
	if !sameFiles(d.Files, item.Files) {
		return nil, fmt.Errorf("%s: the files in %s changed after they were verified: delete that folder and run it again", item.Name, dir)
	}
	d.Source, d.Licence = item.Source, item.Licence
	return d, nil
}

// Folder opens a folder with the four IDX files of MNIST's layout, plain or with
// .gz, under their usual names (train-images-idx3-ubyte, t10k-labels.idx1-ubyte
// and the like), in the folder itself or in raw below it.
func Folder(dir string, opts Options) (*Digits, error) {
	d, err := fromFolder("folder "+dir, dir, opts)
	if err != nil {
		return nil, err
	}
	d.Source, d.Licence = dir, "whatever came with the files"
	for _, item := range Items() {
		if sameFiles(d.Files, item.Files) {
			d.Source = fmt.Sprintf("%s (the files of %s)", dir, item.Name)
			d.Licence = item.Licence
		}
	}
	return d, nil
}

func sameFiles(got []SourceFile, want []fetch.File) bool {
	for i := range want {
		if !strings.EqualFold(got[i].SHA256, want[i].SHA256) {
			return false
		}
	}
	return true
}

// fromFolder reads and checks the four files.
func fromFolder(name, dir string, opts Options) (*Digits, error) {
	var idx [4]IDX
	files := make([]SourceFile, 4)
	for i, kind := range [4][2]string{{"train", "images"}, {"train", "labels"}, {"t10k", "images"}, {"t10k", "labels"}} {
		path, err := findIDX(dir, kind[0], kind[1])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if idx[i], err = ReadIDX(path); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		files[i] = SourceFile{Path: path, SHA256: idx[i].SHA256}
	}
	if idx[0].SHA256 == idx[2].SHA256 {
		return nil, fmt.Errorf("%s: %s and %s are the same file: scores on it would mean nothing", name, files[0].Path, files[2].Path)
	}
	train, err := newSplit(files[0].Path, idx[0], files[1].Path, idx[1])
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	held, err := newSplit(files[2].Path, idx[2], files[3].Path, idx[3])
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if train.H != held.H || train.W != held.W {
		return nil, fmt.Errorf("%s: %s holds %dx%d images and %s %dx%d: both must have one size", name,
			files[0].Path, train.H, train.W, files[2].Path, held.H, held.W)
	}
	train.Classes = 1 + int(slices.Max(train.Labels))
	held.Classes = train.Classes
	if top := slices.Max(held.Labels); int(top) >= held.Classes {
		return nil, fmt.Errorf("%s: %s has label %d, which %s never shows: the files do not belong together", name, files[3].Path, top, files[1].Path)
	}
	d := &Digits{Name: name, Train: train, Held: held, Files: files}
	if err := errors.Join(limit(&d.Train, "Train", opts.Train, name), limit(&d.Held, "Held", opts.Held, name)); err != nil {
		return nil, err
	}
	return d, nil
}

func limit(s *Split, field string, n int, name string) error {
	if n < 0 || n > s.Len() {
		return fmt.Errorf("%s: Options.%s is %d, but there are %d images: choose 0 (all) to %d", name, field, n, s.Len(), s.Len())
	}
	if n > 0 {
		*s = s.first(n)
	}
	return nil
}

func newSplit(imagePath string, images IDX, labelPath string, labels IDX) (Split, error) {
	if len(images.Dims) != 3 {
		return Split{}, fmt.Errorf("%s has %d dimensions, images have 3: are images and labels swapped?", imagePath, len(images.Dims))
	}
	if len(labels.Dims) != 1 {
		return Split{}, fmt.Errorf("%s has %d dimensions, labels have 1: are images and labels swapped?", labelPath, len(labels.Dims))
	}
	if images.Dims[0] != labels.Dims[0] {
		return Split{}, fmt.Errorf("%s holds %d images, but %s %d labels: the files do not belong together", imagePath, images.Dims[0], labelPath, labels.Dims[0])
	}
	if len(images.Data) == 0 {
		return Split{}, fmt.Errorf("%s holds no pixels (%v): get it again", imagePath, images.Dims)
	}
	return Split{Images: images.Data, Labels: labels.Data, H: images.Dims[1], W: images.Dims[2]}, nil
}

// findIDX finds one of the four files under any of its usual names.
func findIDX(dir, split, what string) (string, error) {
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return "", fmt.Errorf("%s is not a folder: name the folder that holds the IDX files", dir)
	}
	rank := "idx3"
	if what == "labels" {
		rank = "idx1"
	}
	splits := []string{split}
	if split == "t10k" {
		splits = append(splits, "test")
	}
	for _, sub := range []string{"", "raw"} {
		for _, ending := range []string{"", ".gz"} {
			for _, s := range splits {
				for _, dot := range []string{"-", "."} {
					path := filepath.Join(dir, sub, s+"-"+what+dot+rank+"-ubyte"+ending)
					if _, err := os.Stat(path); err == nil {
						return path, nil
					}
				}
			}
		}
	}
	return "", fmt.Errorf("%s holds no %s-%s-%s-ubyte, nor the same with .gz: put it there, or name another folder", dir, split, what, rank)
}
