package igl

import (
	"fmt"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/rewardlab/rewardlab/rl/loop"
	"github.com/rewardlab/rewardlab/rl/ops"
)

// Digits are images with labels: what contexts and answers are drawn from.
type Digits struct {
	Images []uint8 // [n, side*side], 0 to 255
	Labels []uint8 // [n], 0 to 9
}

// classes is the number of digits, and of actions.
const classes = 10

// deck is the images on the device, and an index of them by digit.
type deck struct {
	Images *Node // [n, pixels] uint8
	Labels *Node // [n] int32
	Sorted *Node // [n] int32: indices of images, sorted by digit
	First  *Node // [10] int32: where each digit begins in Sorted
	Count  *Node // [10] float32: how many images each digit has
	Mean   *Node // [pixels] float32: the mean image, 0 to 1
}

// pixels fetches images by index [n]: [n, pixels] in 0 to 1.
func (d deck) pixels(index *Node) *Node {
	return DivScalar(ConvertDType(Gather(d.Images, ExpandAxes(index, -1)), dtypes.Float32), 255)
}

func (d deck) label(index *Node) *Node { return Gather(d.Labels, ExpandAxes(index, -1)) }

// contexts draws n images uniformly: their indices [n].
func (d deck) contexts(key *Node, n int) (*Node, *Node) {
	return ops.Below(key, n, d.Labels.Shape().Dimensions[0])
}

// ofClass draws, for every entry of class [n], an image of that digit: indices [n].
func (d deck) ofClass(key, class *Node) (*Node, *Node) {
	class = ExpandAxes(class, -1)
	key, u := ops.Uniform(key, class.Shape().Dimensions[0])
	at := Add(Gather(d.First, class), ops.Floored(u, Gather(d.Count, class)))
	return key, Gather(d.Sorted, ExpandAxes(at, -1))
}

// reward is the latent reward, which no learner sees but the baselines: 1 where the action names the digit, float32 [n];
// in the random-good task 1 everywhere else.
func (c *Config) reward(action, label *Node) *Node {
	right := ConvertDType(Equal(action, label), dtypes.Float32)
	if c.Feedback == "random-good" {
		return OneMinus(right)
	}
	return right
}

// answer draws the feedback images for actions with latent reward at iteration i (int32, scalar or [n]): indices [n].
func (c *Config) answer(d deck, key, i, action, reward *Node) (*Node, *Node) {
	n := reward.Shape().Dimensions[0]
	good := GreaterThan(reward, ScalarZero(reward.Graph(), dtypes.Float32))
	flip := func(when *Node) { good = Where(when, LogicalNot(good), good) }
	if c.Noise > 0 {
		var u *Node
		key, u = ops.Uniform(key, n)
		flip(LessThan(u, Scalar(u.Graph(), dtypes.Float32, c.Noise)))
	}
	switch c.Feedback {
	case "swapped":
		good = LogicalNot(good)
	case "switch":
		late := GreaterOrEqual(i, Scalar(i.Graph(), dtypes.Int32, float64(c.SwitchAt)))
		flip(BroadcastToDims(late, n))
	}
	class := ConvertDType(good, dtypes.Int32)
	if c.Feedback == "action" {
		// (a + 6R - 3) mod 10, kept positive.
		class = ModScalar(AddScalar(Add(action, MulScalar(class, 6)), 7), 10)
	}
	return d.ofClass(key, class)
}

// view is what the decoder sees of the feedback images: pixels, centred on the mean image unless asked otherwise.
func (c *Config) view(d deck, index *Node) *Node {
	x := d.pixels(index)
	if c.RawFeedback {
		return x
	}
	return Sub(x, ExpandLeftToRank(d.Mean, 2))
}

func (d Digits) pixels() int { return len(d.Images) / len(d.Labels) }

func (d Digits) check(which string) error {
	switch {
	case len(d.Labels) == 0:
		return fmt.Errorf("no %s images: give at least one of every digit", which)
	case len(d.Images)%len(d.Labels) != 0:
		return fmt.Errorf("%d bytes of %s images for %d labels: give images of one size, one label each", len(d.Images), which, len(d.Labels))
	}
	for i, y := range d.Labels {
		if y >= classes {
			return fmt.Errorf("%s image %d has label %d: labels are the digits 0 to 9", which, i, y)
		}
	}
	return nil
}

// deck puts the images where the engine can reach them.
func (d Digits) deck() (loop.Values[deck], error) {
	n, pixels := len(d.Labels), d.pixels()
	labels := make([]int32, n)
	sorted := make([]int32, 0, n)
	var first [classes]int32
	var count [classes]float32
	for k := range uint8(classes) {
		first[k] = int32(len(sorted))
		for i, y := range d.Labels {
			if y == k {
				labels[i] = int32(k)
				sorted = append(sorted, int32(i))
				count[k]++
			}
		}
		if count[k] == 0 {
			return loop.Values[deck]{}, fmt.Errorf("no image of digit %d among %d: answers need every digit; take more images", k, n)
		}
	}
	sum := make([]uint64, pixels)
	for i, v := range d.Images {
		sum[i%pixels] += uint64(v)
	}
	mean := make([]float32, pixels)
	for i, s := range sum {
		mean[i] = float32(float64(s) / 255 / float64(n))
	}
	return loop.Pack[deck](tensors.FromFlatDataAndDimensions(d.Images, n, pixels), tensors.FromValue(labels), tensors.FromValue(sorted),
		tensors.FromValue(first[:]), tensors.FromValue(count[:]), tensors.FromValue(mean))
}
