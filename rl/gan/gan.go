package gan

import (
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"

	"github.com/rewardlab/rewardlab/rl/nn"
	"github.com/rewardlab/rewardlab/rl/ops"
)

// player is one of the two nets.
type player struct {
	Theta *Node
	Adam  nn.Moments
}

// match is what a round of the game changes.
type match struct {
	Generator, Discriminator player
	Average                  *Node // of the generator's parameters
	Key                      *Node
}

// data is what samples are drawn from: one of the rows, and noise on top.
type data struct{ Rows *Node } // [n, size] uint8 pixels, or [blobs, 2] float32 centres

// score are the numbers of a round.
type score struct {
	Discriminator *Node `metric:"losses/discriminator"`
	Generator     *Node `metric:"losses/generator"`
	Real          *Node `metric:"charts/real"`      // mean D of samples of the data
	Fake          *Node `metric:"charts/generated"` // mean D of generated ones: 1/2 where D cannot tell
}

// game is a configuration with its nets.
type game struct {
	*Config
	size                     int // of a sample
	generator, discriminator nn.Net
	gPack, dPack             *nn.Packed
}

func newGame(c *Config, size int) *game {
	p := &game{Config: c, size: size, generator: nn.ReLU(c.Noise, size, c.Hidden...), discriminator: nn.ReLU(size, 1, c.Hidden...)}
	p.gPack, p.dPack = nn.Pack(p.generator), nn.Pack(p.discriminator)
	return p
}

// real draws n samples of the data. Images are brought to [-1, 1].
func (p *game) real(key *Node, d data, n int) (newKey, x *Node) {
	key, row := ops.Below(key, n, d.Rows.Shape().Dimensions[0])
	x = Gather(d.Rows, ExpandAxes(row, -1))
	if x.DType() == dtypes.Uint8 {
		return key, pixels(x)
	}
	key, noise := ops.StandardNormal(key, n, p.size)
	return key, Add(x, MulScalar(noise, p.Spread))
}

func pixels(x *Node) *Node {
	return SubScalar(DivScalar(ConvertDType(x, dtypes.Float32), 127.5), 1)
}

// generate makes a sample of each row of noise [n, Noise].
func (p *game) generate(parts []*Node, z *Node) *Node {
	x := p.generator.Apply(parts, z)
	if p.Data == "digits" {
		return Tanh(x)
	}
	return MulScalar(x, 2) // centres are up to 1.4 away; the net begins near 0
}

// judge is the logit of D for samples x [n, size], [n].
func (p *game) judge(parts []*Node, x *Node) *Node {
	return Squeeze(p.discriminator.Apply(parts, x), -1)
}

// round is one step of each player.
func (p *game) round(_ *Node, s match, d data) (match, score) {
	key, x := p.real(s.Key, d, p.Batch)
	key, z := ops.StandardNormal(key, p.Batch, p.Noise)
	g := p.gPack.Split(s.Generator.Theta)
	fake := p.generate(g[0], z)

	// D ascends mean[log D(x)] + mean[log(1 - D(G(z)))].
	dis := p.dPack.Split(s.Discriminator.Theta)
	real, made := p.judge(dis[0], x), p.judge(dis[0], StopGradient(fake))
	dLoss := Add(ops.BinaryCrossEntropy(real, OnesLike(real)), ops.BinaryCrossEntropy(made, ZerosLike(made)))
	whole := dLoss
	if !p.Bare {
		whole = Add(dLoss, MulScalar(ops.GradientPenalty(real, 0, x), p.Penalty/2))
	}
	adam := nn.Adam{LR: p.DiscriminatorLR, Beta1: p.Beta1}
	s.Discriminator.Theta, s.Discriminator.Adam = adam.Step(s.Discriminator.Theta, p.dPack.Gradient(whole, dis), s.Discriminator.Adam)

	// G descends -mean[log D(G(z))], against the D that has just moved.
	moved := p.judge(p.dPack.Split(StopGradient(s.Discriminator.Theta))[0], fake)
	gLoss := Neg(ReduceAllMean(ops.LogSigmoid(moved)))
	if p.Saturating {
		gLoss = Neg(ReduceAllMean(Softplus(moved))) // mean log(1 - D)
	}
	adam.LR = p.LR
	s.Generator.Theta, s.Generator.Adam = adam.Step(s.Generator.Theta, p.gPack.Gradient(gLoss, g), s.Generator.Adam)

	// The mean begins as the parameters are, and then takes in 1 - Average of them in each round; early on, when few rounds have been, more.
	t := s.Generator.Adam.T
	take := Max(Scalar(t.Graph(), dtypes.Float32, 1-p.Average), Inverse(t))
	s.Average = Add(Mul(s.Average, OneMinus(take)), Mul(s.Generator.Theta, take))
	s.Key = key
	return s, score{dLoss, gLoss, ReduceAllMean(Sigmoid(real)), ReduceAllMean(Sigmoid(made))}
}
