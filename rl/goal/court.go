package goal

import (
	"context"
	"errors"
	"fmt"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"golang.org/x/sync/errgroup"

	"github.com/rewardlab/rewardlab/datasets"
	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/env"
	"github.com/rewardlab/rewardlab/rl/loop"
	"github.com/rewardlab/rewardlab/rl/nn"
	"github.com/rewardlab/rewardlab/rl/rollout"
	"github.com/rewardlab/rewardlab/rl/run"
)

// court is a classifier as compiled programs: it judges trajectories, and learns from them.
type court struct {
	*classifier
	player *rollout.Player
	name   string // before its metrics, and of its random streams: "goal/"

	examples examples
	demos    *datasets.Demos // nil: examples are drawn
	filing   *loop.Func[filing, pile]
	fitting  *loop.Loop[fit, lesson, marks]
	verdicts *loop.Func[trial, verdict]
}

// examples draws n observations [n, ObsSize] that count as success.
type examples func(key *Node, n int) (newKey, obs *Node)

// goals are states in which the task is done, but for the share of them that is wrong: states in which an episode begins.
func (k *classifier) goals(e env.Env) examples {
	return func(key *Node, n int) (newKey, obs *Node) {
		key, obs = k.goal.Examples(e, key, n)
		if wrong := int(k.FalseShare*float64(n) + 0.5); wrong > 0 {
			var begin *Node
			key, begin = beginnings(e)(key, wrong)
			if wrong == n {
				return key, begin
			}
			obs = Concatenate([]*Node{begin, SliceAxis(obs, 0, AxisRange(wrong))}, 0)
		}
		return key, obs
	}
}

// beginnings are states in which an episode begins.
func beginnings(e env.Env) examples {
	return func(key *Node, n int) (newKey, obs *Node) {
		key, state := e.Reset(key, n)
		return key, e.Observe(state)
	}
}

type keyed struct{ Key *Node }
type shown struct{ Obs *Node }

func newCourt(b *backend.Engine, k *classifier, player *rollout.Player, name string, from examples) (*court, error) {
	w := &court{classifier: k, player: player, name: name, examples: from}
	var err1, err2, err3 error
	w.filing, err1 = loop.NewFunc(b.Backend, name+": negatives", k.file)
	w.fitting, err2 = loop.New(b.Backend, name+": classifier", max(k.Pretrain, k.Updates), k.learner(player.Agent))
	w.verdicts, err3 = loop.NewFunc(b.Backend, name+": reward", k.verdict)
	return w, errors.Join(err1, err2, err3)
}

// row is the length of a row of data.
func (w *court) row() int { return w.spec.ObsSize() + max(w.spec.Action.Dim, 1) }

// start is the classifier of seed before it has learned, with its examples, and no negatives but those of demonstrations.
func (w *court) start(ctx context.Context, b *backend.Engine, seed int64) (loop.Values[judge], error) {
	var none loop.Values[judge]
	heap, used := nn.ZeroTensor(w.Replay, w.row()), 0
	var examples *tensors.Tensor
	var err error
	if w.demos != nil {
		if examples, used, err = w.fromDemos(seed, heap); err != nil {
			return none, err
		}
	} else if examples, err = w.drawExamples(ctx, b, run.Stream(seed, w.name+"examples")); err != nil {
		return none, err
	}
	key, err := RNGStateFromSeed(run.Stream(seed, w.name+"classifier"))
	if err != nil {
		return none, fmt.Errorf("random state of the classifier: %w", err)
	}
	theta := w.pack.Init(uint64(run.Stream(seed, w.name+"parameters")))
	ts := append(nn.Start(theta), key, examples, heap, tensors.FromValue(int32(used)))
	return loop.Pack[judge](ts...)
}

// drawExamples are the rows of the success examples, with actions of 0.
func (w *court) drawExamples(ctx context.Context, b *backend.Engine, stream int64) (*tensors.Tensor, error) {
	f, err := loop.NewFunc(b.Backend, w.name+": examples", func(in keyed) shown {
		_, obs := w.examples(in.Key, w.Examples)
		obs = Reshape(obs, w.Examples, w.spec.ObsSize())
		actions := BroadcastToDims(Const(obs.Graph(), float32(0)), w.Examples, w.row()-w.spec.ObsSize())
		return shown{Concatenate([]*Node{obs, actions}, 1)}
	})
	if err != nil {
		return nil, err
	}
	defer f.Close()
	key, err := RNGStateFromSeed(stream)
	if err != nil {
		return nil, fmt.Errorf("random state of the examples: %w", err)
	}
	in, err := loop.Pack[keyed](key)
	if err != nil {
		return nil, err
	}
	out, err := f.Call(ctx, in)
	if err = errors.Join(err, in.Close()); err != nil {
		return nil, err
	}
	return out.Get("Obs"), nil
}

// file puts a trajectory on the pile. It consumes the pile in j.
func (w *court) file(ctx context.Context, j loop.Values[judge], steps loop.Values[rollout.Steps]) (loop.Values[judge], error) {
	old, err1 := loop.Part[pile](j, "Data.Pile")
	kept, err2 := loop.Part[fit](j, "Fit")
	in, err3 := loop.Join[filing](old, steps)
	if err := errors.Join(err1, err2, err3); err != nil {
		return j, err
	}
	next, err := w.filing.Call(ctx, in)
	if err != nil {
		return j, err
	}
	out, err := loop.Join[judge](kept, loop.Leaf{T: j.Get("Data.Success")}, next)
	return out, errors.Join(err, old.Close())
}

// fit does n steps of the classifier, numbered from `from`. It consumes what they change.
func (w *court) fit(ctx context.Context, from, n int, j loop.Values[judge], mind loop.Values[rollout.Mind], log *rollout.Journal) (loop.Values[judge], error) {
	learner, err1 := loop.Part[fit](j, "Fit")
	facts, err2 := loop.Part[data](j, "Data")
	in, err3 := loop.Join[lesson](facts, mind)
	if err := errors.Join(err1, err2, err3); err != nil {
		return j, err
	}
	learner, m, err := w.fitting.Run(ctx, from, n, learner, in)
	if err != nil {
		return j, err
	}
	j, err = loop.Join[judge](learner, facts)
	if log != nil {
		for leaf, name := range map[string]string{"Loss": "loss", "Right": "right_successes", "Wrong": "right_negatives"} {
			x, err := tensors.CopyFlatData[float32](m.Get(leaf))
			if err != nil {
				return j, fmt.Errorf("%s%s: %w", w.name, name, err)
			}
			log.Put(w.name+name, mean(x[:n]))
		}
	}
	return j, errors.Join(err, m.Close())
}

func mean(x []float32) (m float32) {
	for _, v := range x {
		m += v / float32(len(x))
	}
	return m
}

// judge looks at the trajectory of iteration i: it learns from it, if the method says so, and gives its reward [T, N].
func (w *court) judge(ctx context.Context, i int, j loop.Values[judge], mind loop.Values[rollout.Mind], steps loop.Values[rollout.Steps], log *rollout.Journal) (loop.Values[judge], *tensors.Tensor, error) {
	var err error
	if w.Method != "naive" {
		if j, err = w.file(ctx, j, steps); err != nil {
			return j, nil, err
		}
		if j, err = w.fit(ctx, i*w.Updates, w.Updates, j, mind, log); err != nil {
			return j, nil, err
		}
	}
	facts, err := loop.Part[data](j, "Data")
	if err != nil {
		return j, nil, err
	}
	in, err := loop.Join[trial](loop.Leaf{T: j.Get("Fit.Theta")}, facts, steps)
	if err != nil {
		return j, nil, err
	}
	v, err := w.verdicts.Call(ctx, in)
	if err != nil {
		return j, nil, err
	}
	s, err := tensors.CopyFlatData[float32](v.Get("Stats"))
	if err != nil {
		return j, nil, fmt.Errorf("%sstatistics: %w", w.name, err)
	}
	log.Put(w.name+"score", s[score])
	log.Put(w.name+"score_of_examples", s[likes])
	log.PutWeighted(w.name+"score_at_end", s[endScore]/max(s[ends], 1), s[ends])
	log.PutWeighted(w.name+"success", s[successes]/max(s[ends], 1), s[ends])
	return j, v.Get("Reward"), v.Get("Stats").FinalizeAll()
}

// compile compiles the programs side by side.
func (w *court) compile(side *errgroup.Group) {
	zeros := func() []*tensors.Tensor {
		return []*tensors.Tensor{nn.ZeroTensor(w.Examples, w.row()), nn.ZeroTensor(w.Replay, w.row()), tensors.FromValue(int32(0))}
	}
	side.Go(func() error {
		in, err := loop.Pack[filing](append(zeros()[1:], w.player.StepsLike()...)...)
		if err != nil {
			return err
		}
		_, err = w.filing.Compile(in)
		return errors.Join(err, in.Close())
	})
	side.Go(func() error {
		mind, err := w.player.Agent.MindLike()
		if err != nil {
			return err
		}
		facts, err1 := loop.Pack[data](zeros()...)
		in, err2 := loop.Join[lesson](facts, mind)
		key := tensors.FromShape(shapes.Make(dtypes.Uint64, 3))
		s, err3 := loop.Pack[fit](append(nn.Start(make([]float32, w.pack.Size())), key)...)
		if err := errors.Join(err1, err2, err3); err != nil {
			return err
		}
		_, err = w.fitting.Compile(s, in)
		return errors.Join(err, s.Close(), in.Close())
	})
	side.Go(func() error {
		in, err := loop.Pack[trial](append(append([]*tensors.Tensor{nn.ZeroTensor(w.pack.Size())}, zeros()...), w.player.StepsLike()...)...)
		if err != nil {
			return err
		}
		_, err = w.verdicts.Compile(in)
		return errors.Join(err, in.Close())
	})
}

// Close frees the programs.
func (w *court) Close() {
	w.filing.Close()
	w.fitting.Close()
	w.verdicts.Close()
}
