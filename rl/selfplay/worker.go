package selfplay

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"golang.org/x/sync/errgroup"

	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/loop"
	"github.com/rewardlab/rewardlab/rl/nn"
	"github.com/rewardlab/rewardlab/rl/rollout"
	"github.com/rewardlab/rewardlab/rl/run"
	"github.com/rewardlab/rewardlab/rl/trainer"
)

// New compiles the programs for c, which must be resolved and checked. Closing the worker frees them; the engine stays open: it belongs to whoever
// opened it.
func New(ctx context.Context, b *backend.Engine, c *Config) (*trainer.Worker, error) {
	t, err := taskOf(c)
	if err != nil {
		return nil, fmt.Errorf("self-play: %w", err)
	}
	return open(ctx, b, t, c)
}

func open(ctx context.Context, b *backend.Engine, t *task, c *Config) (*trainer.Worker, error) {
	began := time.Now()
	w := trainer.NewWorker(b.Name, b.Backend)
	p := &programs{pair: newPair(t, c)}
	w.Frees(p.close)
	if err := p.build(ctx, b); err != nil {
		return nil, errors.Join(fmt.Errorf("self-play: %w", err), w.Close())
	}
	plan := trainer.Plan[state]{
		Advance: rollout.Advance(c.Env, p.iterate), Start: func(seed int64) (loop.Values[state], error) { return p.start(ctx, seed) },
		Total: c.iterations(), Chunk: c.chunk(), LogEvery: c.logEvery(), StepsPer: c.batch(),
		Evaluate: p.evaluate,
	}
	w.Make = plan.Trainer
	w.Details.CompileSeconds = time.Since(began).Seconds()
	return w, nil
}

type seed struct{ Key *Node }

// programs are those of an iteration, and the examination.
type programs struct {
	*pair
	reset   *loop.Func[seed, rollout.Walk]
	play    *loop.Loop[rollout.Walk, minds, trace]
	prepare *loop.Func[question, answer]
	update  *loop.Loop[learners, lesson, marks]
	exam    *examiner
}

// build makes and compiles the programs, side by side.
func (p *programs) build(ctx context.Context, b *backend.Engine) error {
	var err error
	if p.reset, err = loop.NewFunc(b.Backend, "self-play: reset", func(in seed) rollout.Walk {
		key, state := p.game.Reset(in.Key, p.Envs)
		return rollout.Walk{Env: state, Key: key}
	}); err != nil {
		return err
	}
	if p.play, err = loop.New(b.Backend, "self-play: play", p.Steps, p.step); err != nil {
		return err
	}
	if p.prepare, err = loop.NewFunc(b.Backend, "self-play: prepare", p.pair.prepare); err != nil {
		return err
	}
	if p.update, err = loop.New(b.Backend, "self-play: update", p.passes()*p.parts(), p.pair.update); err != nil {
		return err
	}
	if p.exam, err = newExaminer(b, p.pair); err != nil {
		return err
	}
	return p.compile(ctx)
}

func (p *programs) compile(ctx context.Context) error {
	s, err := p.start(ctx, 0)
	if err != nil {
		return err
	}
	v, err := take(s)
	if err != nil {
		return err
	}
	fresh, err := loop.Pack[trace](p.blank(p.Steps, p.Envs)...)
	if err != nil {
		return err
	}
	var side errgroup.Group
	side.Go(func() error { _, err := p.play.Compile(v.walk, v.minds); return err })
	side.Go(func() error {
		q, err := loop.Join[question](v.minds, v.tail, fresh, v.key, v.atlas, loop.Leaf{T: tensors.FromValue(float32(0))})
		if err != nil {
			return err
		}
		_, err = p.prepare.Compile(q)
		return errors.Join(err, q.Get("Done").FinalizeAll())
	})
	side.Go(func() error {
		rows := (p.game.limit + p.Steps) * p.Envs
		order := tensors.FromShape(shapes.Make(dtypes.Int32, p.passes()*p.parts(), rows/p.parts()))
		l, err := loop.Pack[lesson](nn.ZeroTensor(rows, p.game.sees()+6), order)
		if err != nil {
			return err
		}
		_, err = p.update.Compile(v.learners, l)
		return errors.Join(err, l.Close())
	})
	return errors.Join(side.Wait(), fresh.Close(), s.Close())
}

func (p *programs) close() {
	p.reset.Close()
	p.play.Close()
	p.prepare.Close()
	p.update.Close()
	if p.exam != nil {
		p.exam.close()
	}
}

// parts of a state. They share its tensors.
type parts struct {
	learners loop.Values[learners]
	minds    loop.Values[minds]
	walk     loop.Values[rollout.Walk]
	tail     loop.Values[trace]
	key      loop.Leaf
	atlas    loop.Values[atlas]
}

func take(s loop.Values[state]) (v parts, err error) {
	alice, err1 := loop.Part[mind](s, "Alice")
	bob, err2 := loop.Part[mind](s, "Bob")
	var err3, err4, err5, err6, err7 error
	v.learners, err3 = loop.Join[learners](alice, bob)
	v.minds, err4 = mindsIn(s)
	v.walk, err5 = loop.Part[rollout.Walk](s, "Walk")
	v.tail, err6 = loop.Part[trace](s, "Tail")
	v.atlas, err7 = loop.Part[atlas](s, "Atlas")
	v.key = loop.Leaf{T: s.Get("Key")}
	return v, errors.Join(err1, err2, err3, err4, err5, err6, err7)
}

func mindsIn(s loop.Values[state]) (loop.Values[minds], error) {
	return loop.Join[minds](loop.Leaf{T: s.Get("Alice.Theta")}, loop.Leaf{T: s.Get("Bob.Theta")})
}

// start is the state of iteration 0.
func (p *programs) start(ctx context.Context, of int64) (loop.Values[state], error) {
	var none loop.Values[state]
	key, err1 := RNGStateFromSeed(run.Stream(of, run.StreamTrain))
	shuffles, err2 := RNGStateFromSeed(run.Stream(of, "shuffle"))
	if err := errors.Join(err1, err2); err != nil {
		return none, fmt.Errorf("random state: %w", err)
	}
	in, err := loop.Pack[seed](key)
	if err != nil {
		return none, err
	}
	walk, err := p.reset.Call(ctx, in)
	if err != nil {
		return none, err
	}
	ts := nn.Start(p.alice.Init(uint64(run.Stream(of, run.StreamInit+"/alice"))))
	ts = append(ts, nn.Start(p.bob.Init(uint64(run.Stream(of, run.StreamInit))))...)
	ts = append(append(ts, walk.Tensors()...), p.blank(p.game.limit, p.Envs)...)
	cells := p.game.cells()
	s, err := loop.Pack[state](append(ts, shuffles, nn.ZeroTensor(periods, cells), nn.ZeroTensor(periods, cells))...)
	return s, errors.Join(err, in.Close())
}

// iterate plays and learns, and frees what is not needed any more.
func (p *programs) iterate(ctx context.Context, i int, s loop.Values[state], log *rollout.Journal) (loop.Values[state], error) {
	v, err := take(s)
	if err != nil {
		return s, err
	}
	walk, steps, err := p.play.Run(ctx, 0, p.Steps, v.walk, v.minds)
	if err != nil {
		return s, err
	}
	done := loop.Leaf{T: tensors.FromValue(float32(i))}
	q, err := loop.Join[question](v.minds, v.tail, steps, v.key, v.atlas, done)
	if err != nil {
		return s, err
	}
	a, err := p.prepare.Call(ctx, q)
	if err != nil {
		return s, err
	}
	taught, err1 := loop.Part[lesson](a, "Lesson")
	tail, err2 := loop.Part[trace](a, "Tail")
	atlas, err3 := loop.Part[atlas](a, "Atlas")
	if err := errors.Join(err1, err2, err3); err != nil {
		return s, err
	}
	rounds := p.passes() * p.parts()
	learned, marks, err := p.update.Run(ctx, i*rounds, rounds, v.learners, taught)
	if err != nil {
		return s, err
	}
	s, err = loop.Join[state](learned, walk, tail, loop.Leaf{T: a.Get("Key")}, atlas)
	err = errors.Join(err, p.log(i, log, a.Get("Stats"), marks.Get("Values")), steps.Close(), v.tail.Close(), v.atlas.Close(),
		v.key.T.FinalizeAll(), done.T.FinalizeAll(), taught.Close(), a.Get("Stats").FinalizeAll(), marks.Close())
	if err != nil {
		return s, err
	}
	return s, p.look(ctx, i, s, log)
}

// log adds what iteration i saw and lost.
func (p *programs) log(i int, log *rollout.Journal, seen, marks *tensors.Tensor) error {
	x, err := tensors.CopyFlatData[float32](seen)
	if err != nil {
		return fmt.Errorf("statistics of self-play: %w", err)
	}
	if x[statOdd] != 0 {
		return fmt.Errorf("self-play in %s, iteration %d: %.0f observations and rewards are NaN or infinite: mend the environment's Step, or try a smaller learning rate", p.Env, i, x[statOdd])
	}
	share := func(name string, part, of int) { log.PutWeighted(name, x[part]/max(x[of], 1), x[of]) }
	share("target/success", statSolved, statTask)
	if p.Config.Alice != "none" {
		share("bob/success", statReached, statTried)
		share("alice/moves", statMoves, statSet)
		share("alice/reward", statPrize, statSet)
	}
	m, err := tensors.CopyFlatData[float32](marks)
	if err != nil {
		return fmt.Errorf("losses: %w", err)
	}
	who := []string{"bob"}
	if p.Config.Alice == "learned" {
		who = append(who, "alice")
	}
	rounds, width := p.passes()*p.parts(), len(losses)*len(who)
	for k := range width {
		var sum float32
		for r := range rounds {
			sum += m[r*width+k]
		}
		mean := sum / float32(rounds)
		if mean != mean {
			return fmt.Errorf("self-play in %s, iteration %d: %s of %s is NaN: try a smaller learning rate", p.Env, i, losses[k%len(losses)], who[k/len(losses)])
		}
		log.Put("losses/"+who[k/len(losses)]+"_"+losses[k%len(losses)], mean)
	}
	return nil
}
