package film

import (
	"context"
	"errors"
	"image"
	"reflect"
	"strings"
	"testing"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/backend/backendtest"
	"github.com/rewardlab/rewardlab/rl/env"
	"github.com/rewardlab/rewardlab/rl/loop"
)

type always struct{ Action *Node }

// left pushes the cart one way whatever it sees.
func left(t *testing.T) (loop.Values[always], Act[always]) {
	t.Helper()
	p, err := loop.Pack[always](tensors.FromValue([]int32{0}))
	if err != nil {
		t.Fatal(err)
	}
	return p, func(key, obs *Node, p always) (*Node, *Node) { return key, ConvertDType(p.Action, dtypes.Int32) }
}

func TestShoot(t *testing.T) {
	backendtest.Each(t, func(t *testing.T, e *backend.Engine) {
		p, act := left(t)
		take, err := Shoot(t.Context(), e.Backend, env.CartPole(env.CartPoleConfig{}), Options{Seed: 3, Steps: 40}, p, act)
		if err != nil {
			t.Fatal(err)
		}
		if want := 1 + 40 + len(take.Returns); len(take.Frames) != want {
			t.Fatalf("%d frames of 40 steps, want %d", len(take.Frames), want)
		}
		// Pushed one way, CartPole falls after 8 to 11 steps, and pays 1 for each.
		total := take.Open
		for _, r := range take.Returns {
			total += r
			if r < 8 || r > 11 {
				t.Errorf("an episode of return %g", r)
			}
		}
		if n := len(take.Returns); n < 3 || n > 5 || total != 40 {
			t.Errorf("%d episodes, rewards of %g, in 40 steps of reward 1", n, total)
		}
		// The frame before the second episode's shows a pole that has fallen, so it differs from both beginnings, which are much alike.
		end := int(take.Returns[0])
		if fallen, began := apart(take.Frames[0], take.Frames[end]), apart(take.Frames[0], take.Frames[end+1]); fallen < 2*began {
			t.Errorf("%d pixels differ from the beginning at the end, %d at the next beginning", fallen, began)
		}
		if e.IsXLA() {
			return // it would compile twice more, to find what loops are tested for
		}
		again, err := Shoot(t.Context(), e.Backend, env.CartPole(env.CartPoleConfig{}), Options{Seed: 3, Steps: 40}, p, act)
		if err != nil || !reflect.DeepEqual(again, take) {
			t.Errorf("the same seed gives another film, %v", err)
		}
		other, err := Shoot(t.Context(), e.Backend, env.CartPole(env.CartPoleConfig{}), Options{Seed: 4, Steps: 40}, p, act)
		if err != nil || reflect.DeepEqual(other.Frames, take.Frames) {
			t.Errorf("another seed gives the same film, %v", err)
		}
	})
}

// Every environment of the table can be filmed: all frames have one size, and some of them differ.
func TestEveryEnvironment(t *testing.T) {
	e := backendtest.Go(t)
	for _, entry := range env.All() {
		t.Run(entry.Name, func(t *testing.T) {
			take, err := Random(t.Context(), e.Backend, entry.Make(), Options{Seed: 1, Steps: 5})
			if err != nil {
				t.Fatal(err)
			}
			size := take.Frames[0].Bounds()
			if size.Dx() < 40 || size.Dy() < 40 || size.Dx() > 640 || size.Dy() > 640 {
				t.Errorf("frames of %v", size.Size())
			}
			moved := false
			for _, f := range take.Frames {
				if f.Bounds() != size {
					t.Errorf("a frame of %v after one of %v", f.Bounds().Size(), size.Size())
				}
				moved = moved || !same(f, take.Frames[0])
			}
			if !moved {
				t.Error("nothing moves in 5 random steps")
			}
		})
	}
}

// apart counts the pixels in which two frames differ.
func apart(a, b image.Image) (n int) {
	for y := range a.Bounds().Dy() {
		for x := range a.Bounds().Dx() {
			if a.At(x, y) != b.At(x, y) {
				n++
			}
		}
	}
	return n
}

func same(a, b image.Image) bool { return reflect.DeepEqual(a, b) }

// blind is an environment that cannot be drawn.
type blind struct{ env.Env }

func TestErrors(t *testing.T) {
	e := backendtest.Go(t)
	p, act := left(t)
	if _, err := Random(t.Context(), e.Backend, blind{env.Pendulum()}, Options{Steps: 2}); err == nil || !strings.Contains(err.Error(), "film of pendulum: it cannot be drawn") {
		t.Errorf("error %v", err)
	}
	if _, err := Random(t.Context(), e.Backend, env.Pendulum(), Options{Steps: -1}); err == nil || !strings.Contains(err.Error(), "-1 steps") {
		t.Errorf("error %v", err)
	}
	if _, err := Shoot(t.Context(), e.Backend, env.Pendulum(), Options{Steps: 2}, p, act); err == nil || !strings.Contains(err.Error(), "this environment takes") {
		t.Errorf("an action of the wrong shape: error %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Random(ctx, e.Backend, env.Pendulum(), Options{Steps: 2}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}
