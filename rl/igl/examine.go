package igl

import (
	"context"
	"fmt"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/rewardlab/rewardlab/rl/loop"
	"github.com/rewardlab/rewardlab/rl/nn"
	"github.com/rewardlab/rewardlab/rl/ops"
	"github.com/rewardlab/rewardlab/rl/trainer"
)

// page is how many held-out images are looked at in one call.
const page = 1000

// question is one page of the examination: parameters, all held-out images, the training mean, and where the page begins.
type question struct {
	Theta, Images, Labels, Mean, Offset *Node
}

// marks are sums over a page, and over its images of a "1" and of a "0".
type marks struct {
	Greedy, Sampled *Node // latent reward of the most likely action; and expected when actions are sampled, exactly
	One, Zero       *Node // decoded reward of images of a "1", of a "0"
	Ones, Zeros     *Node // how many there are
}

// examiner measures policies and decoders on held-out images.
type examiner struct {
	problem              *problem
	program              *loop.Func[question, marks]
	images, labels, mean *tensors.Tensor
	n                    int
	backend              compute.Backend
}

func newExaminer(b compute.Backend, w *trainer.Worker, p *problem, held Digits, mean *tensors.Tensor) (*examiner, error) {
	labels := make([]int32, len(held.Labels))
	for i, y := range held.Labels {
		labels[i] = int32(y)
	}
	x := &examiner{problem: p, n: len(labels), backend: b, mean: mean, labels: tensors.FromValue(labels),
		images: tensors.FromFlatDataAndDimensions(held.Images, len(labels), held.pixels())}
	var err error
	if x.program, err = loop.NewFunc(b, "igl examination", p.mark); err != nil {
		return nil, fmt.Errorf("igl: %w", err)
	}
	w.Closers = append(w.Closers, x.images.FinalizeAll, x.labels.FinalizeAll)
	w.Frees(x.program.Close)
	return x, nil
}

// question is the input for one page.
func (x *examiner) question(theta *tensors.Tensor, offset int) (loop.Values[question], error) {
	return loop.Pack[question](theta, x.images, x.labels, x.mean, tensors.FromValue(int32(offset)))
}

// prepare compiles the examination and uploads its images.
func (x *examiner) prepare() error {
	for _, t := range []*tensors.Tensor{x.images, x.labels} {
		if err := t.ToDevice(x.backend, 0); err != nil {
			return fmt.Errorf("held-out images: to the device: %w", err)
		}
	}
	in, err := x.question(nn.ZeroTensor(x.problem.pack.Size()), 0)
	if err != nil {
		return err
	}
	_, err = x.program.Compile(in)
	return err
}

// mark examines one page.
func (p *problem) mark(q question) marks {
	n := q.Labels.Shape().Dimensions[0]
	g := q.Theta.Graph()
	index := Add(Iota(g, shapes.Make(dtypes.Int32, page), 0), q.Offset)
	counts := ConvertDType(LessThan(index, Scalar(g, dtypes.Int32, float64(n))), dtypes.Float32) // the last page may be part empty
	index = MinScalar(index, float64(n-1))
	d := deck{Images: q.Images, Labels: q.Labels, Mean: q.Mean}
	label := d.label(index)
	parts := p.pack.Split(q.Theta)
	sum := func(x *Node) *Node { return ReduceAllSum(Mul(x, counts)) }
	is := func(digit float64) *Node {
		return ConvertDType(Equal(label, Scalar(g, dtypes.Int32, digit)), dtypes.Float32)
	}

	m := marks{Ones: sum(is(1)), Zeros: sum(is(0))}
	m.Greedy, m.Sampled, m.One, m.Zero = ZerosLike(m.Ones), ZerosLike(m.Ones), ZerosLike(m.Ones), ZerosLike(m.Ones)
	if p.Feedback != "grid" {
		logPi := LogSoftmax(p.policy.Apply(parts[0], d.pixels(index)), -1)
		greedy, sampled := p.reward(ArgMax(logPi, -1), label), Exp(ops.LogProb(logPi, label))
		if p.Feedback == "random-good" {
			sampled = OneMinus(sampled)
		}
		m.Greedy, m.Sampled = sum(greedy), sum(sampled)
	}
	if p.Decoder != "per-action" {
		psi := Squeeze(Sigmoid(p.decoder.Apply(parts[1], p.view(d, index))), -1)
		m.One, m.Zero = sum(Mul(psi, is(1))), sum(Mul(psi, is(0)))
	}
	return m
}

// examine measures the policy and the decoder in theta.
func (x *examiner) examine(ctx context.Context, theta *tensors.Tensor) (map[string]float64, error) {
	var total marksSum
	for offset := 0; offset < x.n; offset += page {
		in, err := x.question(theta, offset)
		if err != nil {
			return nil, err
		}
		out, err := x.program.Call(ctx, in)
		if err != nil {
			return nil, err
		}
		if err := total.add(out); err != nil {
			return nil, err
		}
	}
	values := map[string]float64{}
	if x.problem.Feedback != "grid" {
		values["heldout/greedy"] = total["Greedy"] / float64(x.n)
		values["heldout/sampled"] = total["Sampled"] / float64(x.n)
	}
	if x.problem.Decoder != "per-action" && total["Ones"] > 0 && total["Zeros"] > 0 {
		values["heldout/decoded_one"] = total["One"] / total["Ones"]
		values["heldout/decoded_zero"] = total["Zero"] / total["Zeros"]
	}
	return values, nil
}

type marksSum map[string]float64

func (m *marksSum) add(page loop.Values[marks]) error {
	if *m == nil {
		*m = marksSum{}
	}
	for name, t := range page.All() {
		x, ok := t.Value().(float32)
		if !ok {
			return fmt.Errorf("examination: %s is %s, not a number", name, t.Shape())
		}
		(*m)[name] += float64(x)
	}
	return page.Close()
}

// examineLogged measures the better of incumbent and challenger, and says what spoke for it.
func (x *examiner) examineLogged(ctx context.Context, _ loop.Values[loggedData], s loop.Values[loggedState]) (map[string]float64, error) {
	number := func(name string) float64 {
		var sum float64
		values := tensors.MustCopyFlatData[float32](s.Get(name))
		for _, v := range values {
			sum += float64(v)
		}
		return sum / float64(len(values))
	}
	which := "Incumbent"
	if x.problem.challenged() {
		a, b := number("Challenger.Value"), number("Incumbent.Value")
		if x.problem.RandomIsGood {
			a, b = number("Challenger.Base"), number("Incumbent.Base")
		}
		if a > b {
			which = "Challenger"
		}
	}
	values, err := x.examine(ctx, s.Get(which+".Theta"))
	if err != nil {
		return nil, err
	}
	values["heldout/value"] = number(which + ".Value")
	values["heldout/base_rate"] = number(which + ".Base")
	return values, nil
}
