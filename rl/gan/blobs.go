package gan

import (
	"context"
	"math"
	"math/rand/v2"

	"github.com/gomlx/gomlx/core/tensors"

	"github.com/rewardlab/rewardlab/rl/run"
)

// blobs are the centres of a mixture, [n, 2].
func blobs(name string) []float32 {
	var out []float32
	if name == "grid" {
		for row := range 5 {
			for col := range 5 {
				out = append(out, float32(row-2)/2, float32(col-2)/2)
			}
		}
		return out
	}
	for k := range 8 {
		angle := 2 * math.Pi * float64(k) / 8
		out = append(out, float32(math.Cos(angle)), float32(math.Sin(angle)))
	}
	return out
}

// Blobs are the centres of the mixture that data "ring" or "grid" are samples of.
func Blobs(data string) [][2]float64 {
	var out [][2]float64
	for c := blobs(data); len(c) > 0; c = c[2:] {
		out = append(out, [2]float64{float64(c[0]), float64(c[1])})
	}
	return out
}

// counter judges samples by the blobs that they fall on.
type counter struct {
	centres []float32
	spread  float64
}

// examine says which share of the blobs is covered (gets at least a quarter of its fair share of the samples), which share of the samples lies within
// three standard deviations of a blob, and how evenly those are spread over the blobs: their entropy, 1 where all get the same.
func (c *counter) examine(_ context.Context, samples []float32) (map[string]float64, error) {
	n, blobs := len(samples)/2, len(c.centres)/2
	hits := make([]int, blobs)
	good := 0
	for i := range n {
		best, at := math.Inf(1), 0
		for k := range blobs {
			if d := math.Hypot(float64(samples[2*i]-c.centres[2*k]), float64(samples[2*i+1]-c.centres[2*k+1])); d < best {
				best, at = d, k
			}
		}
		if best <= 3*c.spread {
			hits[at]++
			good++
		}
	}
	covered, entropy := 0, 0.0
	for _, h := range hits {
		if 4*h*blobs >= n {
			covered++
		}
		if h > 0 {
			share := float64(h) / float64(good)
			entropy -= share * math.Log(share)
		}
	}
	return map[string]float64{
		"eval/covered": float64(covered) / float64(blobs), "eval/close": float64(good) / float64(n), "eval/even": entropy / math.Log(float64(blobs)),
	}, nil
}

// normals draws a matrix of standard normal numbers on the host, so that one seed gives the same ones on every engine.
func normals(seed int64, stream string, rows, cols int) *tensors.Tensor {
	r := rand.New(rand.NewPCG(uint64(run.Stream(seed, stream)), 1))
	out := make([]float32, rows*cols)
	for i := range out {
		out[i] = float32(r.NormFloat64())
	}
	return tensors.FromFlatDataAndDimensions(out, rows, cols)
}

// Album reads the pages that a checkpoint keeps, the oldest first: each has some samples of `size` numbers, made of the same noise.
func Album(state []run.Array) (pages [][][]float32, size int, err error) {
	a, err := run.Find(state, "Album")
	if err != nil {
		return nil, 0, err
	}
	x, err := a.Float32s()
	if err != nil {
		return nil, 0, err
	}
	if len(a.Dims) != 3 || len(x) != a.Dims[0]*a.Dims[1]*a.Dims[2] {
		return nil, 0, errAlbum
	}
	size = a.Dims[2]
	for range a.Dims[0] {
		var page [][]float32
		drawn := false
		for range a.Dims[1] {
			for _, v := range x[:size] {
				drawn = drawn || v != 0
			}
			page, x = append(page, x[:size]), x[size:]
		}
		if drawn { // pages that are yet to come are zero
			pages = append(pages, page)
		}
	}
	return pages, size, nil
}
