package datasets

import (
	"fmt"
	"strings"
)

// Digits is a set of small grey images with labels, in two splits that share no
// image. It is read-only by agreement: many readers may use it at once.
type Digits struct {
	Name    string
	Train   Split
	Held    Split // held out, for scores only
	Source  string
	Licence string
	// Files names what the set was read from; empty for a synthetic set.
	Files []SourceFile
}

// SourceFile is one file that a set was read from.
type SourceFile struct {
	Path   string
	SHA256 string
}

// Split is N images with their labels.
type Split struct {
	Images  []uint8 // [N, H, W], 0 is black background and 255 is full ink
	Labels  []uint8 // [N], each below Classes
	H, W    int
	Classes int
}

// Len is N, the number of images.
func (s Split) Len() int { return len(s.Labels) }

// Image returns the H*W bytes of image i. It aliases Images.
func (s Split) Image(i int) []uint8 {
	n := s.H * s.W
	return s.Images[i*n : (i+1)*n : (i+1)*n]
}

// Mean returns the mean image, H*W values in [0, 1].
func (s Split) Mean() []float32 {
	n := s.H * s.W
	sums := make([]uint64, n)
	for i := range s.Labels {
		for p, v := range s.Image(i) {
			sums[p] += uint64(v)
		}
	}
	mean := make([]float32, n)
	for p, sum := range sums {
		if s.Len() > 0 {
			mean[p] = float32(float64(sum) / (255 * float64(s.Len())))
		}
	}
	return mean
}

// ByLabel returns the indices of the images with label k, ascending.
func (s Split) ByLabel(k int) []int32 {
	var at []int32
	for i, l := range s.Labels {
		if int(l) == k {
			at = append(at, int32(i))
		}
	}
	return at
}

// Counts returns how many images each label has; its length is Classes.
func (s Split) Counts() []int {
	counts := make([]int, s.Classes)
	for _, l := range s.Labels {
		counts[l]++
	}
	return counts
}

// first returns the first n images.
func (s Split) first(n int) Split {
	s.Images = s.Images[: n*s.H*s.W : n*s.H*s.W]
	s.Labels = s.Labels[:n:n]
	return s
}

// Provenance says in a few lines what the set is and where it comes from.
func (d *Digits) Provenance() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %d images to train on, %d held out, %dx%d, %d classes\n",
		d.Name, d.Train.Len(), d.Held.Len(), d.Train.H, d.Train.W, d.Train.Classes)
	fmt.Fprintf(&b, "  source:  %s\n  licence: %s", d.Source, d.Licence)
	for _, f := range d.Files {
		fmt.Fprintf(&b, "\n  sha256 %s  %s", f.SHA256, f.Path)
	}
	return b.String()
}
