package rollout

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"golang.org/x/sync/errgroup"

	"github.com/rewardlab/rewardlab/rl/loop"
	"github.com/rewardlab/rewardlab/rl/nn"
	"github.com/rewardlab/rewardlab/rl/run"
)

// exam is where the first episodes of some environments stand.
type exam struct {
	Walk           Walk
	Alive          *Node // [N], 1 until the episode has ended
	Return, Length *Node // [N]
}

type nothing struct{}

// unlimited is how many steps an episode of an environment without a time limit may last.
const unlimited = 2000

// examSteps is how many steps are taken between two looks at whether all episodes have ended.
const examSteps = 50

// Examiner plays greedy episodes, one for each of its environments, in a program of its own.
type Examiner struct {
	agent *Agent
	n     int
	limit int
	loop  *loop.Loop[exam, Mind, nothing]
	reset *loop.Func[seed, exam]
	ahead errgroup.Group // compiles while the training goes on
}

// NewExaminer prepares examinations of n episodes, for each member of an ensemble, of at most `limit` steps; 0 takes the environment's own time
// limit, or 2000 where it has none.
func NewExaminer(b compute.Backend, a *Agent, n, limit int) (*Examiner, error) {
	if limit == 0 {
		limit = cmp.Or(a.spec.Horizon, unlimited)
	}
	if n < 1 || limit < 1 {
		return nil, fmt.Errorf("examination in %s of %d episodes of %d steps: give at least 1 of each", a.spec.Name, n, limit)
	}
	l, err := loop.New(b, "examination in "+a.spec.Name, min(limit, examSteps), a.examine)
	if err != nil {
		return nil, err
	}
	reset, err := loop.NewFunc(b, "reset of "+a.spec.Name, func(in seed) exam {
		key, state := a.Vector.Reset(in.Key, n*a.members())
		zero := BroadcastToDims(Const(key.Graph(), float32(0)), n*a.members())
		return exam{Walk{state, key}, OnesLike(zero), zero, zero}
	})
	if err != nil {
		l.Close()
		return nil, err
	}
	return &Examiner{agent: a, n: n, limit: limit, loop: l, reset: reset}, nil
}

// examine is one step: what follows the end of an environment's first episode does not count.
func (a *Agent) examine(_ *Node, x exam, m Mind) (exam, nothing) {
	action := a.Act(m, a.Vector.Observe(x.Walk.Env)).Mode()
	key, next, out := a.Vector.Step(x.Walk.Key, x.Walk.Env, action)
	over := ConvertDType(Or(out.Terminated, out.Truncated), dtypes.Float32)
	return exam{
		Walk:   Walk{next, key},
		Alive:  Mul(x.Alive, OneMinus(over)),
		Return: Add(x.Return, Mul(x.Alive, out.Reward)),
		Length: Add(x.Length, x.Alive),
	}, nothing{}
}

func (e *Examiner) start(ctx context.Context, stream int64) (loop.Values[exam], error) {
	k, err := RNGStateFromSeed(stream)
	if err != nil {
		return loop.Values[exam]{}, fmt.Errorf("random state: %w", err)
	}
	in, err := loop.Pack[seed](k)
	if err != nil {
		return loop.Values[exam]{}, err
	}
	x, err := e.reset.Call(ctx, in)
	return x, errors.Join(err, in.Close())
}

// CompileAhead begins to compile and returns; Examine and Close wait until that is done. A training uses one core and needs no examination
// before its end.
func (e *Examiner) CompileAhead(ctx context.Context) {
	ctx = context.WithoutCancel(ctx)
	e.ahead.Go(func() error {
		mind, err := e.agent.MindLike()
		if err != nil {
			return err
		}
		return errors.Join(e.compile(ctx, mind), mind.Close())
	})
}

func (e *Examiner) compile(ctx context.Context, mind loop.Values[Mind]) error {
	x, err := e.start(ctx, 0)
	if err != nil {
		return err
	}
	_, err = e.loop.Compile(x, mind)
	return errors.Join(err, x.Close())
}

// Examine plays the episodes that stream is the seed of. An episode that outlasts the limit counts with what it has earned.
func (e *Examiner) Examine(ctx context.Context, stream int64, mind loop.Values[Mind]) (Marks, error) {
	if err := e.ahead.Wait(); err != nil {
		return Marks{}, fmt.Errorf("compiling the examination: %w", err)
	}
	x, err := e.start(ctx, stream)
	if err != nil {
		return Marks{}, err
	}
	defer func() { _ = x.Close() }()
	for at := 0; at < e.limit; {
		n := min(examSteps, e.limit-at)
		if x, _, err = e.loop.Run(ctx, at, n, x, mind); err != nil {
			return Marks{}, err
		}
		at += n
		if !slices.Contains(tensors.MustCopyFlatData[float32](x.Get("Alive")), 1) {
			break
		}
	}
	return Marks{
		Members: e.agent.members(),
		Returns: wide(x.Get("Return")), Lengths: wide(x.Get("Length")), Unfinished: wide(x.Get("Alive")),
	}, nil
}

// Evaluation examines a training whose state S keeps an actor-critic, as MindIn says, in episodes that no training sees.
func Evaluation[S any](e *Examiner, prefix string) func(ctx context.Context, seed int64, s loop.Values[S]) (map[string]float64, error) {
	return func(ctx context.Context, seed int64, s loop.Values[S]) (map[string]float64, error) {
		mind, err := MindIn(s, prefix)
		if err != nil {
			return nil, err
		}
		marks, err := e.Examine(ctx, run.Stream(seed, run.StreamEval), mind)
		if err != nil {
			return nil, err
		}
		return marks.Values(), nil
	}
}

// MindIn is what the actor-critic in s acts with: s keeps its parameters as prefix + "Learner.Theta" and its books as prefix + "Ledger". It
// shares the tensors of s.
func MindIn[S any](s loop.Values[S], prefix string) (loop.Values[Mind], error) {
	seen, err := loop.Part[nn.Running](s, prefix+"Ledger.Obs")
	if err != nil {
		return loop.Values[Mind]{}, err
	}
	return loop.Join[Mind](loop.Leaf{T: s.Get(prefix + "Learner.Theta")}, seen)
}

func wide(t *tensors.Tensor) []float64 {
	var xs []float64
	for _, v := range tensors.MustCopyFlatData[float32](t) {
		xs = append(xs, float64(v))
	}
	return xs
}

// Close frees the programs.
func (e *Examiner) Close() {
	_ = e.ahead.Wait() // its error is Examine's
	e.loop.Close()
	e.reset.Close()
}

// Marks are the results of an examination, a number for each episode; those of an ensemble's first member come first.
type Marks struct {
	Members          int // 0: one
	Returns, Lengths []float64
	Unfinished       []float64 // 1 where the episode outlasted the limit
}

// Values are the numbers of a run's evaluation: mean return with the 95% interval of the mean (normal), standard deviation, extremes, mean
// length, and the share of episodes that outlasted the limit. The interval of an ensemble is that of the mean of its members, whose own means are
// in eval/member/000 and so on.
func (m Marks) Values() map[string]float64 {
	mean, std := moments(m.Returns)
	half := 1.96 * std / math.Sqrt(float64(len(m.Returns)))
	out := map[string]float64{}
	if m.Members > 1 {
		var means []float64
		for part := range slices.Chunk(m.Returns, len(m.Returns)/m.Members) {
			own, _ := moments(part)
			out[fmt.Sprintf("eval/member/%03d", len(means))] = own
			means = append(means, own)
		}
		_, between := moments(means)
		half = 1.96 * between / math.Sqrt(float64(len(means)))
	}
	length, _ := moments(m.Lengths)
	unfinished, _ := moments(m.Unfinished)
	maps.Copy(out, map[string]float64{
		"eval/return": mean, "eval/return_lo": mean - half, "eval/return_hi": mean + half, "eval/return_std": std,
		"eval/return_min": slices.Min(m.Returns), "eval/return_max": slices.Max(m.Returns),
		"eval/length": length, "eval/unfinished": unfinished,
	})
	return out
}

// moments are mean and unbiased standard deviation.
func moments(xs []float64) (mean, std float64) {
	for _, x := range xs {
		mean += x / float64(len(xs))
	}
	for _, x := range xs {
		std += (x - mean) * (x - mean)
	}
	return mean, math.Sqrt(std / float64(max(len(xs)-1, 1)))
}
