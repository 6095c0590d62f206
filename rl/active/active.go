package active

import (
	"math"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"

	"github.com/rewardlab/rewardlab/rl/env"
	"github.com/rewardlab/rewardlab/rl/nn"
	"github.com/rewardlab/rewardlab/rl/ops"
)

const (
	features = 5
	horizon  = 5 // steps of a clip
	// A query is these numbers: where the driver starts (x, y, heading, speed), where the other car does (x, y, speed), and the controls of both clips.
	scene    = 4 + 3
	controls = 2 * horizon
	size     = scene + 2*controls
)

// bounds are the range of every number of a query. The other car drives straight on at its speed.
func bounds() (low, high [size]float32) {
	set := func(i int, l, h float64) { low[i], high[i] = float32(l), float32(h) }
	for i, b := range [scene][2]float64{
		{-0.15, 0.15}, {-0.1, 0.2}, {0.4 * math.Pi, 0.6 * math.Pi}, {0, 1},
		{-0.15, 0.15}, {-0.1, 0.6}, {0, 1},
	} {
		set(i, b[0], b[1])
	}
	for i := scene; i < size; i += 2 {
		set(i, -2, 2)
		set(i+1, -1, 1)
	}
	return low, high
}

// State is the posterior, and the answers that it comes from.
type State struct {
	W      *Node // [Samples, 5]
	Phi    *Node // [Queries, 5]: features of the first clip less those of the second
	Answer *Node // [Queries]: 1 for the first, -1 for the second, 0 for no difference
	Count  *Node // scalar, answers so far
	Last   *Node // [2, 6, 8]: the states that both clips of the last query go through, as env.Driving has them
	Key    *Node
}

// active is a configuration.
type active struct{ *Config }

// likelihood is the probability of each answer, [..., 2 or 3], where d is the first clip's return less the second's.
func (a active) likelihood(d *Node) *Node {
	switch {
	case a.Criterion == "volume":
		return ops.Consistent(d)
	case a.Tie > 0:
		return ops.PreferOrTie(d, a.Tie)
	}
	return ops.Either(ops.Prefer(d, 0))
}

// criterion scores queries with features phi [B, 5] by the samples w [M, 5]: [B].
func (a active) criterion(w, phi *Node) *Node {
	p := a.likelihood(Einsum("mf,bf->mb", w, phi))
	if a.Criterion == "volume" {
		return ops.LeastVolumeRemoval(p)
	}
	return ops.InformationGain(p)
}

// walkers is what sample moves, known what it moves by.
type walkers struct{ W, Key *Node }
type known struct{ Phi, Answer, Count *Node }
type accepted struct{ Rate *Node }

// sample is one move of half of the samples: even moves of the first half, odd ones of the second.
func (a active) sample(i *Node, s walkers, k known) (walkers, accepted) {
	g := i.Graph()
	m := a.Samples / 2
	odd := BroadcastToDims(Equal(Mod(i, Const(g, int32(2))), Const(g, int32(1))), m, features)
	first, second := SliceAxis(s.W, 0, AxisRange(0, m)), SliceAxis(s.W, 0, AxisRange(m))
	moving, still := Where(odd, second, first), Where(odd, first, second)

	key, one := ops.Below(s.Key, m, m)
	key, two := ops.Below(key, m, m)
	pick := func(which *Node) *Node { return Gather(still, ExpandAxes(which, -1)) }
	key, noise := ops.StandardNormal(key, m, features)
	key, u := ops.Uniform(key, m)
	// 2.38/sqrt(2 d) is the best length for a normal posterior; the little noise keeps the samples from lying in a plane.
	step := Add(MulScalar(Sub(pick(one), pick(two)), 2.38/math.Sqrt(2*features)), MulScalar(noise, 0.01))
	proposal := Add(moving, step)
	gain := Sub(a.logPosterior(proposal, k), a.logPosterior(moving, k))
	yes := LessThan(Log(MaxScalar(u, 1e-12)), gain)
	moving = Where(BroadcastToDims(ExpandAxes(yes, -1), m, features), proposal, moving)
	w := Concatenate([]*Node{Where(odd, first, moving), Where(odd, moving, second)}, 0)
	return walkers{w, key}, accepted{ReduceAllMean(ConvertDType(yes, dtypes.Float32))}
}

// logPosterior is up to a constant the log of the posterior's density at w [n, 5]: uniform on the ball, times the likelihood of the answers.
func (a active) logPosterior(w *Node, k known) *Node {
	n := w.Shape().Dimensions[0]
	p := a.likelihood(Einsum("nf,qf->nq", w, k.Phi)) // [n, Queries, answers]
	// The place of each answer among the likelihood's: first, second, no difference.
	place := ConvertDType(Where(Equal(k.Answer, ZerosLike(k.Answer)), AddScalar(k.Answer, 2), MulScalar(OneMinus(k.Answer), 0.5)), dtypes.Int32)
	kinds := p.Shape().Dimensions[2]
	given := OneHot(place, kinds, dtypes.Float32) // [Queries, answers]; "no difference" is none of two
	log := ReduceSum(Mul(Log(MaxScalar(p, 1e-30)), BroadcastToDims(ExpandAxes(given, 0), p.Shape().Dimensions...)), -1)
	number := ConvertDType(Iota(w.Graph(), k.Answer.Shape(), 0), dtypes.Int32)
	there := ConvertDType(LessThan(number, BroadcastToShape(k.Count, number.Shape())), dtypes.Float32)
	sum := ReduceSum(Mul(log, BroadcastToDims(ExpandAxes(there, 0), n, there.Shape().Size())), 1)
	outside := GreaterThan(ReduceSum(Square(w), 1), OnesLike(sum))
	return Where(outside, MulScalar(OnesLike(sum), -1e30), sum)
}

// climbers are queries [Starts, size] before they are squeezed into their bounds, and Adam's moments for them.
type climbers struct {
	Z    *Node
	Adam nn.Moments
}

// aim is what the ascent goes by: the samples, and for method optimal a sample for each driver of each query, [Starts, 5].
type aim struct{ W, One, Two *Node }

// ascend is one step of gradient ascent of all queries.
func (a active) ascend(_ *Node, s climbers, c aim) (climbers, accepted) {
	q := unfold(s.Z)
	one, two, _ := q.features()
	var goal *Node
	if a.Method == "optimal" {
		goal = Add(ReduceSum(Mul(one, c.One), 1), ReduceSum(Mul(two, c.Two), 1))
	} else {
		goal = a.criterion(c.W, Sub(one, two))
	}
	grad := Gradient(Neg(ReduceAllSum(goal)), s.Z)[0]
	if a.Method == "optimal" { // the scene stays as it was drawn
		free := make([]float32, size)
		for i := scene; i < size; i++ {
			free[i] = 1
		}
		grad = Mul(grad, BroadcastToShape(ExpandAxes(Const(s.Z.Graph(), free), 0), grad.Shape()))
	}
	dims := s.Z.Shape().Dimensions
	n := dims[0] * dims[1]
	z, adam := nn.Adam{LR: a.LR}.Step(Reshape(s.Z, n), Reshape(grad, n), s.Adam)
	return climbers{Reshape(z, dims...), adam}, accepted{ReduceAllMax(goal)}
}

// clips are queries in their bounds, [B, size].
type clips struct{ x *Node }

// unfold squeezes z into the bounds: low + (high - low) (1 + tanh z)/2.
func unfold(z *Node) clips {
	l, h := bounds()
	row := func(x [size]float32) *Node {
		return BroadcastToShape(ExpandAxes(Const(z.Graph(), x[:]), 0), z.Shape())
	}
	low, high := row(l), row(h)
	return clips{Add(low, Mul(Sub(high, low), MulScalar(AddScalar(Tanh(z), 1), 0.5)))}
}

func (c clips) cut(from, to int) *Node { return SliceAxis(c.x, 1, AxisRange(from, to)) }

// start are the states that both cars start in, [B, 4].
func (c clips) start() (driver, other *Node) {
	heading := MulScalar(OnesLike(c.cut(0, 1)), math.Pi/2)
	return c.cut(0, 4), Concatenate([]*Node{c.cut(4, 6), heading, c.cut(6, 7)}, 1)
}

// features are those of both clips, [B, 5], and the states that they go through after the start, [B, 5, 8].
func (c clips) features() (one, two *Node, paths [2]*Node) {
	driver, other := c.start()
	n := c.x.Shape().Dimensions[0]
	// A steady speed takes an acceleration that makes up for friction.
	speed := BroadcastToDims(ExpandAxes(c.cut(6, 7), 1), n, horizon, 1)
	steady := Concatenate([]*Node{ZerosLike(speed), speed}, -1)
	var phi [2]*Node
	for i := range phi {
		from := scene + i*controls
		var drivers, others *Node
		phi[i], drivers, others = env.DrivingClip(driver, other, Reshape(c.cut(from, from+controls), n, horizon, 2), steady)
		paths[i] = Concatenate([]*Node{drivers, others}, -1)
	}
	return phi[0], phi[1], paths
}

// judged is queries looked at: features [B, 5], scores [B], the expected information [B], and states [B, 2, 6, 8].
type judged struct{ Phi, Score, Bits, Paths *Node }

func (a active) look(z, w *Node) judged {
	q := unfold(z)
	one, two, paths := q.features()
	driver, other := q.start()
	start := ExpandAxes(Concatenate([]*Node{driver, other}, 1), 1)
	whole := func(p *Node) *Node { return Concatenate([]*Node{start, p}, 1) }
	phi := Sub(one, two)
	p := ops.Either(ops.Prefer(Einsum("mf,bf->mb", w, phi), 0))
	return judged{phi, a.criterion(w, phi), ops.InformationGain(p), Stack([]*Node{whole(paths[0]), whole(paths[1])}, 1)}
}
