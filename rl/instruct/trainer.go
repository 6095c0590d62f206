package instruct

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"sync"

	"github.com/rewardlab/rewardlab/rl/run"
)

// Worker trains instructQ. It implements run.Worker; there is nothing to compile.
type Worker struct {
	cfg    *Config
	priors [2]*Prior // of the two instructions, where they are not a rule's
}

// New takes a resolved configuration.
func New(cfg *Config) (*Worker, error) {
	if err := run.Check(cfg); err != nil {
		return nil, err
	}
	w := &Worker{cfg: cfg}
	var err error
	if cfg.Table != "" {
		if w.priors[0], err = ReadPrior(cfg.Table); err != nil {
			return nil, err
		}
	}
	if cfg.Prior != "rule" {
		scores, err := Stored(nil)
		if err != nil {
			return nil, err
		}
		for i, name := range []string{cfg.Instruction, cfg.Then} {
			l := Language{Wordings: instructionNamed(name).Wordings(), Beta: cfg.Beta, Calibrate: cfg.Calibrate}
			if w.priors[i], err = l.Prior(context.Background(), scores); err != nil { // from memory: nothing to wait for
				return nil, err
			}
		}
	}
	return w, nil
}

// Info implements run.Worker.
func (w *Worker) Info() run.Info {
	return run.Info{Engine: "plain go", Devices: []string{"cpu"}}
}

// Close implements run.Worker.
func (w *Worker) Close() error { return nil }

// Trainer implements run.Worker.
func (w *Worker) Trainer(_ context.Context, seed int64, state []run.Array) (run.Trainer, error) {
	return newTrainer(w.cfg, w.priors, seed, state)
}

// Trainer is one seed. It implements run.Trainer.
type Trainer struct{ l *learner }

func newTrainer(cfg *Config, given [2]*Prior, seed int64, state []run.Array) (*Trainer, error) {
	noise := rand.New(rand.NewPCG(uint64(run.Stream(seed, "prior")), 0))
	var priors [2]*Prior
	for i, name := range []string{cfg.Instruction, cfg.Then} {
		if given[i] != nil {
			priors[i] = given[i].Flip(cfg.Noise, noise)
			continue
		}
		var err error
		if priors[i], err = Rule(instructionNamed(name), cfg.Weight, cfg.Noise, noise); err != nil {
			return nil, err
		}
	}
	t := &Trainer{newLearner(cfg, priors, uint64(run.Stream(seed, run.StreamTrain)))}
	if state != nil {
		if err := t.restore(state); err != nil {
			return nil, fmt.Errorf("seed %d: %w", seed, err)
		}
	}
	return t, nil
}

// Step implements run.Trainer: it plays the episodes of one row.
func (t *Trainer) Step(ctx context.Context) (run.Report, error) {
	l := t.l
	n := min(l.cfg.LogEvery, l.cfg.Episodes-l.episodes)
	report := run.Report{Total: l.cfg.Episodes}
	if n > 0 && ctx.Err() == nil {
		score := 0.0
		for range n {
			score += l.play()
		}
		values := map[string]float64{"train/score": score / float64(n), "prior/lambda": l.lambda()}
		if l.episodes >= l.cfg.EvalEvery {
			values["greedy/score"] = l.lastScore
			values["greedy/human"] = Examine(l.policy(), l.policy(), l.told()).HumanShare()
		}
		report.Rows = []run.Row{{Iteration: l.episodes, Steps: l.steps, Values: values}}
	}
	report.Iteration, report.Steps = l.episodes, l.steps
	return report, nil
}

// told is the instruction that holds now.
func (l *learner) told() Instruction {
	if l.cfg.SwitchAt > 0 && l.episodes >= l.cfg.SwitchAt {
		return instructionNamed(l.cfg.Then)
	}
	return instructionNamed(l.cfg.Instruction)
}

// Pair is the policy that was kept: the best of the evaluations so far, or the newest one before there was any.
func (t *Trainer) Pair() *Pair {
	p := t.l.kept
	if math.IsInf(t.l.keptScore, -1) {
		p = *t.l.policy()
	}
	return &p
}

// Evaluate implements run.Trainer: the kept policy on the 25 starts, and its Alice with a person.
func (t *Trainer) Evaluate(context.Context) (map[string]float64, error) {
	p, told := t.Pair(), t.l.told()
	e := Examine(p, p, told)
	out := map[string]float64{
		"eval/score":       e.Score,
		"eval/human":       e.HumanShare(),
		"eval/strict":      0,
		"eval/naming":      float64(e.Naming) / Balls,
		"eval/with_person": meanScore(p, Person(told)),
		"eval/quits":       float64(e.Quits) / float64(len(Starts())),
	}
	if e.Strict() {
		out["eval/strict"] = 1
	}
	if e.Quits > 0 {
		out["eval/quits_on_repeat"] = float64(e.Repeats) / float64(e.Quits)
	}
	if t.l.perfectAt > 0 {
		out["eval/first_perfect"] = float64(t.l.perfectAt)
	}
	return out, nil
}

// State implements run.Trainer.
func (t *Trainer) State() ([]run.Array, error) {
	rng, err := t.l.pcg.MarshalBinary()
	if err != nil {
		return nil, fmt.Errorf("random numbers: %w", err)
	}
	out := []run.Array{{Name: "rng", DType: "uint8", Dims: []int{len(rng)}, Data: rng}}
	for _, f := range t.floats() {
		a := run.Array{Name: f.name, DType: "float64", Dims: []int{len(f.x)}}
		for _, x := range f.x {
			a.Data = binary.LittleEndian.AppendUint64(a.Data, math.Float64bits(x))
		}
		out = append(out, a)
	}
	l := t.l
	out = append(out, run.Array{Name: "kept/words", DType: "uint8", Dims: []int{len(l.kept.Words)}, Data: append([]byte(nil), l.kept.Words[:]...)},
		run.Array{Name: "kept/picks", DType: "uint8", Dims: []int{len(l.kept.Picks)}, Data: append([]byte(nil), l.kept.Picks[:]...)})
	var numbers []byte
	for _, n := range []int64{int64(l.episodes), l.steps, int64(l.perfectAt)} {
		numbers = binary.LittleEndian.AppendUint64(numbers, uint64(n))
	}
	out = append(out, run.Array{Name: "counts", DType: "int64", Dims: []int{3}, Data: numbers})
	replay := make([]byte, 0, len(l.replay)*episodeBytes)
	for i := range l.replay {
		replay = l.replay[i].append(replay)
	}
	return append(out, run.Array{Name: "replay", DType: "uint8", Dims: []int{len(l.replay), episodeBytes}, Data: replay}), nil
}

type floats struct {
	name string
	x    []float64
}

// floats lists the numbers of the state, in place. The scores are copied, see restore.
func (t *Trainer) floats() []floats {
	var out []floats
	for _, p := range []struct {
		name string
		*table
	}{{"alice", t.l.alice}, {"bob", t.l.bob}} {
		out = append(out, floats{p.name + "/q", p.q}, floats{p.name + "/m", p.m}, floats{p.name + "/v", p.v}, floats{p.name + "/c1", p.c1}, floats{p.name + "/c2", p.c2})
	}
	return append(out, floats{"scores", []float64{t.l.keptScore, t.l.lastScore}})
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
		if a.DType != w.DType || fmt.Sprint(a.Dims) != fmt.Sprint(w.Dims) || len(a.Data) != len(w.Data) {
			return fmt.Errorf("the checkpoint's %s is %s%v, this configuration needs %s%v: resume with the sizes it was trained with, or start a new run", w.Name, a.DType, a.Dims, w.DType, w.Dims)
		}
		data[w.Name] = a.Data
	}
	l := t.l
	for _, f := range t.floats() {
		for i := range f.x {
			f.x[i] = math.Float64frombits(binary.LittleEndian.Uint64(data[f.name][8*i:]))
		}
		if f.name == "scores" {
			l.keptScore, l.lastScore = f.x[0], f.x[1]
		}
	}
	copy(l.kept.Words[:], data["kept/words"])
	copy(l.kept.Picks[:], data["kept/picks"])
	counts := data["counts"]
	l.episodes, l.steps, l.perfectAt = int(binary.LittleEndian.Uint64(counts)), int64(binary.LittleEndian.Uint64(counts[8:])), int(binary.LittleEndian.Uint64(counts[16:]))
	for i := range l.replay {
		l.replay[i].read(data["replay"][i*episodeBytes:])
	}
	if err := l.sound(); err != nil {
		return fmt.Errorf("the checkpoint is damaged: %w: start a new run", err)
	}
	if err := l.pcg.UnmarshalBinary(data["rng"]); err != nil {
		return fmt.Errorf("the checkpoint's random numbers: %w", err)
	}
	l.prepare()
	return nil
}

// sound says whether what came from a file lies inside the tables.
func (l *learner) sound() error {
	if l.episodes < 0 || l.episodes > l.cfg.Episodes {
		return fmt.Errorf("episode %d of %d", l.episodes, l.cfg.Episodes)
	}
	for _, e := range l.replay {
		for i := range Turns {
			if int(e.n) > Turns || e.alice[i] < 0 || int(e.alice[i]) >= aliceRows*width || e.bob[i] < 0 || int(e.bob[i]) >= bobRows*width {
				return fmt.Errorf("the replay buffer points outside the tables")
			}
		}
	}
	for _, w := range l.kept.Words {
		if w >= Balls {
			return fmt.Errorf("Alice's word %d", w)
		}
	}
	for _, a := range l.kept.Picks {
		if a > Quit {
			return fmt.Errorf("Bob's action %d", a)
		}
	}
	return nil
}

// Train trains one seed to the end and returns the policy that was kept. Zero fields of the configuration mean their defaults.
func Train(ctx context.Context, cfg Config, seed int64) (*Pair, error) {
	pairs, err := TrainSeeds(ctx, cfg, []int64{seed})
	if err != nil {
		return nil, err
	}
	return pairs[0], nil
}

// train trains one seed.
func (w *Worker) train(ctx context.Context, seed int64) (*Pair, error) {
	t, err := newTrainer(w.cfg, w.priors, seed, nil)
	if err != nil {
		return nil, err
	}
	for {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("seed %d after %d episodes: %w", seed, t.l.episodes, err)
		}
		r, err := t.Step(ctx)
		if err != nil {
			return nil, err
		}
		if r.Iteration == r.Total {
			return t.Pair(), nil
		}
	}
}

// TrainSeeds does what Train does for many seeds, side by side on all cores.
func TrainSeeds(ctx context.Context, cfg Config, seeds []int64) ([]*Pair, error) {
	if err := run.Resolve(&cfg); err != nil {
		return nil, err
	}
	w, err := New(&cfg)
	if err != nil {
		return nil, err
	}
	pairs, errs := make([]*Pair, len(seeds)), make([]error, len(seeds))
	next := make(chan int)
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(seeds)) {
		wg.Go(func() {
			for i := range next {
				pairs[i], errs[i] = w.train(ctx, seeds[i])
			}
		})
	}
	for i := range seeds {
		next <- i
	}
	close(next)
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return pairs, nil
}
