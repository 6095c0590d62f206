package partner

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/gomlx/gomlx/core/tensors"

	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/hanabi"
	"github.com/rewardlab/rewardlab/rl/instruct"
	"github.com/rewardlab/rewardlab/rl/run"
)

// learner is what distinguishes the two methods.
type learner interface {
	// iterate makes moves in all games, learns, and adds to the journal.
	iterate(ctx context.Context, t *Trainer) error
	// theta is the net that acts, and the weight of the prior when it does.
	theta() []float32
	weight(lambda float64) float64
	// slots lists what a checkpoint keeps, in place, after copying it from the device; ready puts it there.
	slots() ([]slot, error)
	ready() error
	// sound says what is wrong with a state that was read.
	sound(t *Trainer) error
	close() error
}

// slot is one array of a checkpoint: a slice of numbers, whose length does not change.
type slot struct {
	name string
	of   any
}

// Worker trains one configuration. It implements run.Worker.
type Worker struct {
	told     *Told
	weight   float64 // lambda at first
	total    int     // iterations
	moves    int     // of each game in one
	rules    *hanabi.Rules
	engine   *backend.Engine
	look     *Arena // for the choice of what is kept
	exam     *Arena // for the end
	make     func(t *Trainer, seed int64) (learner, error)
	programs []interface{ Close() }
	compiled float64
}

func newWorker(b *backend.Engine, told *Told, weight float64, total, moves int) (*Worker, error) {
	rules, err := hanabi.New(told.Config)
	if err != nil {
		return nil, err
	}
	if _, err := told.priors(rules, 0); err != nil {
		return nil, err
	}
	w := &Worker{told: told, weight: weight, total: total, moves: moves, rules: rules, engine: b}
	if w.look, err = NewArena(b, rules, told.EvalGames); err != nil {
		return nil, err
	}
	if w.exam, err = NewArena(b, rules, told.Games); err != nil {
		return nil, err
	}
	w.programs = append(w.programs, w.look, w.exam)
	return w, nil
}

// Info implements run.Worker.
func (w *Worker) Info() run.Info {
	return run.Info{Engine: w.engine.Name, Devices: []string{w.engine.Describe()}, CompileSeconds: w.compiled}
}

// Close implements run.Worker.
func (w *Worker) Close() error {
	for _, p := range w.programs {
		p.Close()
	}
	return nil
}

// Trainer implements run.Worker.
func (w *Worker) Trainer(ctx context.Context, seed int64, state []run.Array) (run.Trainer, error) {
	t, err := w.trainer(seed)
	if err == nil && state != nil {
		err = t.restore(state)
	}
	if err != nil {
		return nil, fmt.Errorf("seed %d: %w", seed, err)
	}
	return t, nil
}

// Trainer is one seed. It implements run.Trainer.
type Trainer struct {
	*Worker
	learner
	seed      int64
	priors    [2]*instruct.HanabiPrior
	games     *hanabi.Vector
	pcg       *rand.PCG
	rng       *rand.Rand
	iteration int

	kept []float32
	// scores are that of what was kept, -Inf before there was any; of the newest examination; lambda when it was kept; and which instruction held.
	scores []float64

	// What the games look like now, and one move in each; see observe.
	obs     []float32
	legal   []uint64
	history []int
	lean    []float32
	moves   []int
	steps   *hanabi.Steps

	sums, counts map[string]float64 // the journal of the row that is being made
}

func (w *Worker) trainer(seed int64) (*Trainer, error) {
	t := &Trainer{Worker: w, seed: seed, pcg: rand.NewPCG(uint64(run.Stream(seed, run.StreamTrain)), 0), scores: []float64{math.Inf(-1), 0, 0, 0}}
	t.rng = rand.New(t.pcg)
	var err error
	if t.priors, err = w.told.priors(w.rules, run.Stream(seed, "prior")); err != nil {
		return nil, err
	}
	n := w.told.Envs
	if t.games, err = hanabi.NewVector(w.rules, n, uint64(run.Stream(seed, "deals"))); err != nil {
		return nil, err
	}
	t.obs, t.legal, t.history = make([]float32, n*w.rules.Size()), make([]uint64, n), make([]int, n)
	t.lean, t.moves, t.steps = make([]float32, n*w.rules.Moves()), make([]int, n), t.games.NewSteps()
	t.sums, t.counts = map[string]float64{}, map[string]float64{}
	if t.learner, err = w.make(t, seed); err != nil {
		return nil, err
	}
	t.kept = append([]float32(nil), t.theta()...)
	return t, nil
}

// told is which of the two instructions holds now.
func (t *Trainer) which() int {
	if at := t.Worker.told.SwitchAt; at > 0 && t.iteration >= at {
		return 1
	}
	return 0
}

// lambda is the prior's weight now.
func (t *Trainer) lambda() float64 { return t.told.lambda(t.Worker.weight, t.iteration, t.total) }

// observe shows all games to those whose turn it is.
func (t *Trainer) observe() error {
	if err := t.games.Observe(t.obs, t.legal); err != nil {
		return err
	}
	for i := range t.history {
		t.history[i] = t.games.Game(i).HistoryNumber()
	}
	return nil
}

// leanTo writes what l adds to the values of all moves.
func (t *Trainer) leanTo(l leaning) error {
	m := t.rules.Moves()
	for i, h := range t.history {
		if err := l.write(h, t.legal[i], t.lean[i*m:][:m]); err != nil {
			return err
		}
	}
	return nil
}

// step makes the moves, and notes the scores of games that end.
func (t *Trainer) step() error {
	if err := t.games.Step(t.moves, t.steps); err != nil {
		return err
	}
	for i, done := range t.steps.Done {
		if done {
			t.put("train/score", float64(t.steps.Score[i]))
		}
	}
	return nil
}

// put adds a number to the mean that the next row holds.
func (t *Trainer) put(name string, x float64) {
	t.sums[name] += x
	t.counts[name]++
}

// agent is what acts now.
func (t *Trainer) agent() *Agent {
	return &Agent{Name: "training", rules: t.rules, hidden: t.told.Hidden, theta: t.theta(),
		lean: leaning{t.priors[t.which()], t.learner.weight(t.lambda()) * t.told.Beta}}
}

// Agent is the policy that was kept: the best of the examinations so far, later ones winning ties.
func (t *Trainer) Agent() *Agent {
	a := t.agent()
	a.theta = t.kept
	a.lean = leaning{t.priors[int(t.scores[3])], t.learner.weight(t.scores[2]) * t.told.Beta}
	return a
}

// examine plays greedily and keeps the policy if none was better.
func (t *Trainer) examine(ctx context.Context) error {
	a := t.agent()
	m, err := t.look.Play(ctx, a, a, run.Stream(t.seed, "select"))
	if err != nil {
		return err
	}
	t.scores[1] = m.Score
	if m.Score >= t.scores[0] {
		copy(t.kept, a.theta)
		t.scores[0], t.scores[2], t.scores[3] = m.Score, t.lambda(), float64(t.which())
	}
	t.put("greedy/score", m.Score)
	return nil
}

// Step implements run.Trainer: it trains for one row.
func (t *Trainer) Step(ctx context.Context) (run.Report, error) {
	began := time.Now()
	first := t.iteration
	n := min(t.told.rows(t.total), t.total-t.iteration)
	for range n {
		if t.iteration > 0 && t.iteration == t.told.SwitchAt {
			t.scores[0] = math.Inf(-1) // what was best for the old instruction is not for this one
		}
		if err := t.iterate(ctx, t); err != nil {
			return run.Report{}, fmt.Errorf("iteration %d: %w", t.iteration, err)
		}
		t.put("prior/lambda", t.lambda())
		t.iteration++
		if t.iteration%t.told.looks(t.total) == 0 || t.iteration == t.total {
			if err := t.examine(ctx); err != nil {
				return run.Report{}, err
			}
		}
	}
	steps := func(iterations int) int64 { return int64(iterations) * int64(t.Worker.moves) * int64(t.told.Envs) }
	report := run.Report{Iteration: t.iteration, Total: t.total, Steps: steps(t.iteration)}
	if n > 0 {
		row := run.Row{Iteration: t.iteration, Steps: report.Steps, Values: map[string]float64{}}
		for name, sum := range t.sums {
			row.Values[name] = sum / t.counts[name]
		}
		clear(t.sums)
		clear(t.counts)
		report.Rows = []run.Row{row}
	}
	if first == 0 {
		t.compiled = max(t.compiled, time.Since(began).Seconds())
	}
	return report, nil
}

// Evaluate implements run.Trainer: the kept policy with itself, and with a person who follows the instruction.
func (t *Trainer) Evaluate(ctx context.Context) (map[string]float64, error) {
	a, deals := t.Agent(), run.Stream(t.seed, run.StreamEval)
	m, err := t.exam.Play(ctx, a, a, deals)
	if err != nil {
		return nil, err
	}
	b := &m.First
	out := map[string]float64{
		"eval/score": m.Score, "eval/error": m.Error, "eval/perfect": m.Perfect, "eval/lost": m.Lost, "eval/colors": b.Colors(),
		"eval/play_after_color": b.Share(AfterColor, PlaysHinted), "eval/play_after_rank": b.Share(AfterRank, PlaysHinted),
	}
	name := []string{t.told.Instruction, t.told.Then}[int(t.scores[3])]
	if h, ok := rule(name); ok {
		with, err := t.exam.Play(ctx, a, Person(t.rules, h), deals)
		if err != nil {
			return nil, err
		}
		out["eval/with_person"] = with.Score
	}
	return out, nil
}

// State implements run.Trainer.
func (t *Trainer) State() ([]run.Array, error) {
	stream, err1 := t.pcg.MarshalBinary()
	games, err2 := t.games.Save()
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	out := []run.Array{{Name: "random", DType: "uint8", Dims: []int{len(stream)}, Data: stream}, {Name: "games", DType: "uint8", Dims: []int{len(games)}, Data: games}}
	slots, err := t.slots()
	if err != nil {
		return nil, err
	}
	for _, s := range slots {
		a := run.Array{Name: s.name}
		n := 0
		switch x := s.of.(type) {
		case []float32:
			a.DType, n = "float32", len(x)
		case []float64:
			a.DType, n = "float64", len(x)
		case []uint64:
			a.DType, n = "uint64", len(x)
		case []int64:
			a.DType, n = "int64", len(x)
		case []int32:
			a.DType, n = "int32", len(x)
		case []uint8:
			a.DType, n = "uint8", len(x)
		default:
			return nil, fmt.Errorf("state %s of type %T", s.name, x)
		}
		a.Dims = []int{n}
		if a.Data, err1 = binary.Append(nil, binary.LittleEndian, s.of); err1 != nil {
			return nil, fmt.Errorf("state %s: %w", s.name, err1)
		}
		out = append(out, a)
	}
	return append(out, run.Array{Name: "iteration", DType: "int64", Data: binary.LittleEndian.AppendUint64(nil, uint64(t.iteration))}), nil
}

func (t *Trainer) slots() ([]slot, error) {
	slots, err := t.learner.slots()
	return append([]slot{{"kept/theta", t.kept}, {"kept/scores", t.scores}}, slots...), err
}

func (t *Trainer) restore(state []run.Array) error {
	want, err := t.State() // tells the sizes that this configuration needs
	if err != nil {
		return err
	}
	data := map[string][]byte{}
	for _, w := range want {
		a, err := run.Find(state, w.Name)
		if err != nil {
			return err
		}
		same := a.DType == w.DType && len(a.Dims) == len(w.Dims) && len(a.Data) == len(w.Data) && fmt.Sprint(a.Dims) == fmt.Sprint(w.Dims)
		if w.Name == "games" { // their length depends on how many moves were made
			same = a.DType == w.DType && len(a.Dims) == 1 && a.Dims[0] == len(a.Data)
		}
		if !same {
			return fmt.Errorf("the checkpoint's %s is %s%v, this configuration needs %s%v: resume with the sizes it was trained with, or start a new run", w.Name, a.DType, a.Dims, w.DType, w.Dims)
		}
		data[w.Name] = a.Data
	}
	slots, err := t.slots()
	if err != nil {
		return err
	}
	for _, s := range slots {
		if _, err := binary.Decode(data[s.name], binary.LittleEndian, s.of); err != nil {
			return fmt.Errorf("the checkpoint's %s: %w", s.name, err)
		}
	}
	t.iteration = int(binary.LittleEndian.Uint64(data["iteration"]))
	err = errors.Join(t.games.Restore(data["games"]), t.pcg.UnmarshalBinary(data["random"]))
	if err == nil {
		err = t.sound(t)
	}
	if err == nil && (t.iteration < 0 || t.iteration > t.total || t.scores[3] != 0 && t.scores[3] != 1) {
		err = fmt.Errorf("iteration %d of %d", t.iteration, t.total)
	}
	if err != nil {
		return fmt.Errorf("the checkpoint is damaged: %w: start a new run", err)
	}
	return t.ready()
}

// Close frees what the learner has on the device.
func (t *Trainer) Close() error { return t.learner.close() }

// copyOut copies a tensor of the device to the host.
func copyOut(x *tensors.Tensor, into []float32) error {
	return tensors.ConstFlatData(x, func(v []float32) { copy(into, v) })
}
