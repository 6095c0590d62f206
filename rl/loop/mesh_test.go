package loop_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/backend/backendtest"
	"github.com/rewardlab/rewardlab/rl/loop"
)

type line struct{ W, B *Node }             // scalars
type points struct{ X, Y *Node }           // [4]
type fit struct{ Loss, Mine, Count *Node } // Mine [share]

// descend is a step of gradient descent on mean (w x + b - y)^2, of which every device works out its share.
func descend(d loop.Device, _ *Node, s line, c points) (line, fit) {
	x, y := d.Share(c.X), d.Share(c.Y)
	loss := ReduceAllMean(Square(Sub(Add(Mul(x, s.W), s.B), y)))
	g := Gradient(loss, s.W, s.B)
	m := d.Mean(loss, g[0], g[1], x)
	s.W = Sub(s.W, MulScalar(m[1], 0.1))
	s.B = Sub(s.B, MulScalar(m[2], 0.1))
	return s, fit{m[0], m[3], Scalar(x.Graph(), x.DType(), float64(x.Shape().Size()))}
}

func TestDevicesShareTheWork(t *testing.T) {
	e := backendtest.XLA(t)
	for _, devices := range []int{1, 2, 4} {
		if devices > e.NumDevices() {
			t.Skipf("the engine has %d devices", e.NumDevices())
		}
		l, err := loop.NewOver(e.Backend, devices, "descent", 5, descend)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		s := pack[line](t, tensors.FromValue(float32(0)), tensors.FromValue(float32(0)))
		c := pack[points](t, tensors.FromValue([]float32{0, 1, 2, 3}), tensors.FromValue([]float32{1, 3, 5, 7}))
		s, out, err := l.Run(t.Context(), 0, 1, s, c)
		if err != nil {
			t.Fatal(err)
		}
		// By hand, at w = b = 0: the loss is (1 + 9 + 25 + 49) / 4 = 21, its gradient -2 mean(x y) = -17 and -2 mean(y) = -8.
		near := func(what string, got any, want float64) {
			if math.Abs(float64(got.(float32))-want) > 1e-5 {
				t.Errorf("%d devices: %s is %v, want %g", devices, what, got, want)
			}
		}
		near("the loss", tensors.MustCopyFlatData[float32](out.Get("Loss"))[0], 21)
		near("w", s.Get("W").Value(), 1.7)
		near("b", s.Get("B").Value(), 0.8)
		near("the size of a share", tensors.MustCopyFlatData[float32](out.Get("Count"))[0], 4/float64(devices))
		// The mean over the devices of element k of their shares.
		mine := map[int][]float32{1: {0, 1, 2, 3}, 2: {1, 2}, 4: {1.5}}[devices]
		if got := tensors.MustCopyFlatData[float32](out.Get("Mine"))[:4/devices]; !slices.Equal(got, mine) {
			t.Errorf("%d devices: the mean of the shares is %v, want %v", devices, got, mine)
		}
		// What comes out goes in again.
		if s, _, err = l.Run(t.Context(), 1, 5, s, c); err != nil {
			t.Fatal(err)
		}
		w, b := 1.7, 0.8
		for range 5 {
			w, b = w-0.1*2*(3.5*w+1.5*b-8.5), b-0.1*2*(1.5*w+b-4)
		}
		near("w after six steps", s.Get("W").Value(), w)
		near("b after six steps", s.Get("B").Value(), b)
	}
}

func TestDevicesThatAreNotThere(t *testing.T) {
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		tests := []struct {
			name    string
			devices int
			want    []string
		}{
			{"none", 0, []string{"0 devices asked for", "at least 1"}},
			{"more than there are", 99, []string{"99 devices asked for", fmt.Sprintf("has %d:", e.NumDevices())}},
		}
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				_, err := loop.NewOver(e.Backend, tt.devices, "descent", 5, descend)
				for _, want := range tt.want {
					if err == nil || !strings.Contains(err.Error(), want) {
						t.Errorf("error %v, want one that says %q", err, want)
					}
				}
			})
		}
	})
}

func TestSharesAreEqual(t *testing.T) {
	e := backendtest.XLA(t)
	if e.NumDevices() < 2 {
		t.Skip("the engine has one device")
	}
	l, err := loop.NewOver(e.Backend, 2, "descent", 5, descend)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s := pack[line](t, tensors.FromValue(float32(0)), tensors.FromValue(float32(0)))
	c := pack[points](t, tensors.FromValue([]float32{0, 1, 2}), tensors.FromValue([]float32{1, 3, 5}))
	if _, _, err = l.Run(t.Context(), 0, 1, s, c); err == nil || !strings.Contains(err.Error(), "3 rows do not make 2 equal shares") {
		t.Errorf("error %v, want one that names rows and devices", err)
	}
}
