package datasets

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
)

const (
	syntheticTrain = 10_000
	syntheticHeld  = 2_000
	syntheticMax   = 1_000_000
	syntheticSide  = 28
)

// Which split a stream of random numbers draws for. The number is part of every
// stream's key, so the splits share none.
const (
	streamTrain = 1
	streamHeld  = 2
)

// Synthetic draws digits from fonts and distorts them: rotation, shear, scale,
// bends, stroke width, shift, gaps and noise. It needs no network and no files.
// The same seed gives the same bytes on every machine (all arithmetic is in
// integers), and image i does not depend on how many others are drawn.
//
// Images are laid out as in MNIST: 28x28, white on black, centre of mass near
// the middle. A linear classifier gets about nine in ten right.
func Synthetic(ctx context.Context, opts Options) (*Digits, error) {
	train, held := opts.Train, opts.Held
	if train == 0 {
		train = syntheticTrain
	}
	if held == 0 {
		held = syntheticHeld
	}
	if train < 0 || held < 0 || train > syntheticMax || held > syntheticMax {
		return nil, fmt.Errorf("synthetic digits: Options.Train %d and Options.Held %d must be from 0 (the default) to %d", opts.Train, opts.Held, syntheticMax)
	}
	pens, err := loadPens()
	if err != nil {
		return nil, fmt.Errorf("synthetic digits: %w", err)
	}
	d := &Digits{
		Name:    fmt.Sprintf("synthetic digits, seed %d", opts.Seed),
		Source:  fmt.Sprintf("drawn by this program from %d fonts (Go and Liberation), no files", len(pens)),
		Licence: "none needed: the images are generated; the fonts are under BSD-3-Clause and SIL OFL 1.1",
	}
	if d.Train, err = drawSplit(ctx, pens, opts.Seed, streamTrain, train); err != nil {
		return nil, fmt.Errorf("synthetic digits: %w", err)
	}
	if d.Held, err = drawSplit(ctx, pens, opts.Seed, streamHeld, held); err != nil {
		return nil, fmt.Errorf("synthetic digits: %w", err)
	}
	return d, nil
}

func drawSplit(ctx context.Context, pens []pen, seed, stream uint64, n int) (Split, error) {
	const side = syntheticSide
	s := Split{Images: make([]uint8, n*side*side), Labels: make([]uint8, n), H: side, W: side, Classes: 10}
	var next atomic.Int64
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			b := newBrush()
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				key := streamKey(seed, stream, uint64(i))
				r := dice{rand.NewChaCha8(key)}
				s.Labels[i] = uint8(r.between(0, 9))
				b.draw(s.Image(i), pens[r.between(0, len(pens)-1)][s.Labels[i]], r)
			}
		})
	}
	wg.Wait()
	if ctx.Err() != nil {
		return Split{}, errors.Join(errors.New("stopped while drawing"), context.Cause(ctx))
	}
	return s, nil
}

// streamKey is different for every image of every split of every seed.
func streamKey(seed, stream, i uint64) (key [32]byte) {
	binary.LittleEndian.PutUint64(key[0:], seed)
	binary.LittleEndian.PutUint64(key[8:], stream)
	binary.LittleEndian.PutUint64(key[16:], i)
	copy(key[24:], "digits/1") // the version of the recipe
	return key
}

// dice draws integers. It does not use rand.Rand, whose ways of turning 64 bits
// into a number in a range may change.
type dice struct{ src *rand.ChaCha8 }

// between is uniform over lo..hi, both included (the bias is below 2^-32).
func (d dice) between(lo, hi int) int {
	return lo + int((d.src.Uint64()>>32)*uint64(hi-lo+1)>>32)
}

// bell is roughly normal over -limit..limit with deviation limit/3: the sum of
// three uniform draws.
func (d dice) bell(limit int) int {
	return (d.between(-limit, limit) + d.between(-limit, limit) + d.between(-limit, limit)) / 3
}
