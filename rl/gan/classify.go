package gan

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/rewardlab/rewardlab/rl/loop"
	"github.com/rewardlab/rewardlab/rl/nn"
	"github.com/rewardlab/rewardlab/rl/ops"
)

var errAlbum = errors.New("the album is damaged: draw it again by training anew")

// Digits are images to imitate, and others, for which the classifier that judges must be right.
type Digits struct {
	Images, Held       []uint8 // [n, Pixels]
	Labels, HeldLabels []uint8 // [n], 0 to Classes-1
	Pixels, Classes    int
}

func (d *Digits) check() error {
	if len(d.Labels) == 0 || len(d.HeldLabels) == 0 || len(d.Images) != len(d.Labels)*d.Pixels || len(d.Held) != len(d.HeldLabels)*d.Pixels || d.Classes < 2 {
		return fmt.Errorf("%d and %d bytes of images for %d and %d labels of %d classes, %d pixels each: give one label an image", len(d.Images), len(d.Held), len(d.Labels), len(d.HeldLabels), d.Classes, d.Pixels)
	}
	return nil
}

// classifier judges generated images: a net that has learned to tell the classes of real ones.
type classifier struct {
	pixels, classes int
	read            *loop.Func[reading, opinion]
	theta           *tensors.Tensor
	real            map[string]float64 // what it says of real images
}

type student struct {
	Theta *Node
	Adam  nn.Moments
	Key   *Node
}

type textbook struct{ Images, Labels *Node } // [n, Pixels] uint8, [n] int32

type note struct {
	Loss *Node
}

type reading struct{ Theta, Images *Node } // [n, Pixels] in [-1, 1]

type opinion struct{ Probability *Node } // [n, Classes]

const lessonSize, readAtOnce = 128, 500

// newClassifier trains the classifier. It is always the same one: nothing here depends on the seed of a run.
func newClassifier(ctx context.Context, b compute.Backend, d *Digits, lessons int) (*classifier, error) {
	net := nn.ReLU(d.Pixels, d.Classes, 128)
	pack := nn.Pack(net)
	c := &classifier{pixels: d.Pixels, classes: d.Classes}
	learn, err := loop.New(b, "gan: classifier", lessons, func(_ *Node, s student, t textbook) (student, note) {
		key, row := ops.Below(s.Key, lessonSize, t.Labels.Shape().Dimensions[0])
		at := ExpandAxes(row, -1)
		parts := pack.Split(s.Theta)
		pi := ops.NewCategorical(net.Apply(parts[0], pixels(Gather(t.Images, at))))
		loss := Neg(ReduceAllMean(pi.LogProb(Gather(t.Labels, at))))
		s.Theta, s.Adam = nn.Adam{LR: 1e-3}.Step(s.Theta, pack.Gradient(loss, parts), s.Adam)
		s.Key = key
		return s, note{loss}
	})
	if err != nil {
		return nil, err
	}
	defer learn.Close()
	if c.read, err = loop.NewFunc(b, "gan: reading", func(r reading) opinion {
		return opinion{Softmax(net.Apply(pack.Split(r.Theta)[0], r.Images), -1)}
	}); err != nil {
		return nil, err
	}
	key, err := RNGStateFromSeed(1)
	if err != nil {
		return nil, err
	}
	labels := make([]int32, len(d.Labels))
	for i, l := range d.Labels {
		labels[i] = int32(l)
	}
	s, err1 := loop.Pack[student](append(nn.Start(pack.Init(1)), key)...)
	t, err2 := loop.Pack[textbook](tensors.FromFlatDataAndDimensions(d.Images, len(labels), d.Pixels), tensors.FromValue(labels))
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	s, notes, err := learn.Run(ctx, 0, lessons, s, t)
	if err != nil {
		return nil, fmt.Errorf("classifier: %w", err)
	}
	if c.theta, err = s.Get("Theta").LocalClone(); err != nil {
		return nil, err
	}
	if err := errors.Join(s.Close(), t.Close(), notes.Close()); err != nil {
		return nil, err
	}
	return c, c.calibrate(ctx, d)
}

// calibrate reads the held-out images: what the marks of real ones are.
func (c *classifier) calibrate(ctx context.Context, d *Digits) error {
	n := min(len(d.HeldLabels), 2000)
	x := make([]float32, n*c.pixels)
	for i := range x {
		x[i] = float32(d.Held[i])/127.5 - 1
	}
	p, err := c.probabilities(ctx, x)
	if err != nil {
		return err
	}
	right := 0
	for i := range n {
		if top(p[i*c.classes:(i+1)*c.classes]) == int(d.HeldLabels[i]) {
			right++
		}
	}
	c.real = inception(p, c.classes)
	c.real["accuracy"] = float64(right) / float64(n)
	return nil
}

// probabilities are those of each class for images in [-1, 1], [n, classes].
func (c *classifier) probabilities(ctx context.Context, images []float32) ([]float32, error) {
	var out []float32
	n := len(images) / c.pixels
	for at := 0; at < n; at += readAtOnce {
		some := make([]float32, readAtOnce*c.pixels)
		many := copy(some, images[at*c.pixels:]) / c.pixels
		x := tensors.FromFlatDataAndDimensions(some, readAtOnce, c.pixels)
		in, err := loop.Join[reading](loop.Leaf{T: c.theta}, loop.Leaf{T: x})
		if err != nil {
			return nil, err
		}
		p, err := c.read.Call(ctx, in)
		if err != nil {
			return nil, err
		}
		out = append(out, tensors.MustCopyFlatData[float32](p.Get("Probability"))[:many*c.classes]...)
		if err := errors.Join(p.Close(), x.FinalizeAll()); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (c *classifier) examine(ctx context.Context, samples []float32) (map[string]float64, error) {
	p, err := c.probabilities(ctx, samples)
	if err != nil {
		return nil, err
	}
	out := map[string]float64{"eval/classifier": c.real["accuracy"]}
	for name, v := range inception(p, c.classes) {
		out["eval/"+name], out["eval/real_"+name] = v, c.real[name]
	}
	return out, nil
}

// Close frees the program and the parameters.
func (c *classifier) Close() {
	c.read.Close()
	_ = c.theta.FinalizeAll()
}

// inception marks images by a classifier's probabilities p [n, classes]. The score is exp(mean KL(p(y|x) || p(y))) (Salimans et al. 2016): from 1, all
// images say the same, to the number of classes, each image is sure and all classes are there. The others are the mean probability of the likeliest
// class, and the share of classes that at least a quarter of their fair share of the images belong to.
func inception(p []float32, classes int) map[string]float64 {
	n := len(p) / classes
	marginal, count := make([]float64, classes), make([]int, classes)
	sure := 0.0
	for i := range n {
		row := p[i*classes : (i+1)*classes]
		for k, v := range row {
			marginal[k] += float64(v) / float64(n)
		}
		best := top(row)
		count[best]++
		sure += float64(row[best]) / float64(n)
	}
	kl := 0.0
	for i, v := range p {
		if v > 0 {
			kl += float64(v) * math.Log(float64(v)/marginal[i%classes]) / float64(n)
		}
	}
	covered := 0.0
	for _, c := range count {
		if 4*c*classes >= n {
			covered += 1 / float64(classes)
		}
	}
	return map[string]float64{"inception": math.Exp(kl), "sure": sure, "covered": covered}
}

func top(p []float32) int {
	best := 0
	for k, v := range p {
		if v > p[best] {
			best = k
		}
	}
	return best
}
