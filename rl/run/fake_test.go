package run

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// fakeConfig configures fakeTrainer.
type fakeConfig struct {
	// Step size of the fake.
	LR float64 `json:"lr" default:"5e-4"`
	// Iterations to train for.
	Iterations int    `json:"iterations" default:"60"`
	Chunk      int    `json:"chunk" default:"7"` // iterations in one chunk
	Objective  string `json:"objective" default:"joint" enum:"joint|offline"`
	Hidden     []int  `json:"hidden" default:"64,64"` // layer sizes
	// DivergeAt makes the loss NaN at that iteration; 0 never does.
	DivergeAt int           `json:"diverge_at"`
	Pause     time.Duration `json:"pause"` // sleep in every chunk
}

// fakeTrainer is a linear congruential generator that drives a small vector:
// deterministic, and wrong for good once a single state bit is lost.
type fakeTrainer struct {
	cfg       fakeConfig
	rng       uint64
	iteration uint64
	params    []float64
	afterStep func(*fakeTrainer)
}

func newFakeTrainer(cfg fakeConfig, seed int64, state []Array) *fakeTrainer {
	t := &fakeTrainer{cfg: cfg, rng: uint64(Stream(seed, StreamTrain)), params: make([]float64, 16)}
	for _, a := range state {
		for i := range len(a.Data) / 8 {
			u := binary.LittleEndian.Uint64(a.Data[8*i:])
			switch a.Name {
			case "params":
				t.params[i] = math.Float64frombits(u)
			case "rng":
				t.rng = u
			case "iteration":
				t.iteration = u
			}
		}
	}
	return t
}

func (t *fakeTrainer) next() float64 {
	t.rng = t.rng*6364136223846793005 + 1442695040888963407
	return float64(t.rng>>11)/(1<<53) - 0.5
}

func (t *fakeTrainer) Step(context.Context) (Report, error) {
	time.Sleep(t.cfg.Pause)
	var rep Report
	for range t.cfg.Chunk {
		if int(t.iteration) == t.cfg.Iterations {
			break
		}
		t.iteration++
		loss := 0.0
		for i := range t.params {
			t.params[i] = t.params[i]*0.99 + t.next()*t.cfg.LR
			loss += t.params[i] * t.params[i]
		}
		if int(t.iteration) == t.cfg.DivergeAt {
			loss = math.NaN()
		}
		rep.Rows = append(rep.Rows, Row{Iteration: int(t.iteration), Steps: int64(t.iteration) * 32,
			Values: map[string]float64{"loss": loss, "noise": t.next()}})
	}
	rep.Iteration, rep.Total, rep.Steps = int(t.iteration), t.cfg.Iterations, int64(t.iteration)*32
	if t.afterStep != nil {
		t.afterStep(t)
	}
	return rep, nil
}

func (t *fakeTrainer) State() ([]Array, error) {
	var params []byte
	for _, p := range t.params {
		params = binary.LittleEndian.AppendUint64(params, math.Float64bits(p))
	}
	u64 := func(x uint64) []byte { return binary.LittleEndian.AppendUint64(nil, x) }
	return []Array{
		{Name: "params", DType: "float64", Dims: []int{4, 4}, Data: params},
		{Name: "rng", DType: "uint64", Data: u64(t.rng)},
		{Name: "iteration", DType: "uint64", Data: u64(t.iteration)},
	}, nil
}

func (t *fakeTrainer) Evaluate(context.Context) (map[string]float64, error) {
	sum := 0.0
	for _, p := range t.params {
		sum += p
	}
	return map[string]float64{"sum": sum}, nil
}

type fakeWorker struct {
	cfg       fakeConfig
	engine    string
	afterStep func(*fakeTrainer)
	closed    *bool
}

func (w fakeWorker) Trainer(_ context.Context, seed int64, state []Array) (Trainer, error) {
	t := newFakeTrainer(w.cfg, seed, state)
	t.afterStep = w.afterStep
	return t, nil
}

func (w fakeWorker) Info() Info { return Info{Engine: w.engine, CompileSeconds: 0.25} }

func (w fakeWorker) Close() error {
	if w.closed != nil {
		*w.closed = true
	}
	return nil
}

var fakeScore = Score{Name: "last noise", Of: func(rows []Row, eval map[string]float64) (float64, error) {
	if eval == nil {
		return 0, errors.New("no evaluation")
	}
	return rows[len(rows)-1].Values["noise"], nil
}}

func fakeJob(t testing.TB, cfg *fakeConfig, seeds ...int64) Job {
	t.Helper()
	if err := Resolve(cfg); err != nil {
		t.Fatal(err)
	}
	return fakeJobOf(cfg, seeds...)
}

func fakeJobOf(cfg *fakeConfig, seeds ...int64) Job {
	return Job{
		Preset: "fake", Algorithm: "lcg", Config: cfg, Seeds: seeds, Workers: 2, Score: fakeScore,
		Open: func(context.Context, int) (Worker, error) { return fakeWorker{cfg: *cfg, engine: "fake"}, nil },
	}
}

// outcome is all that must be equal between an uninterrupted and a resumed run.
func outcome(t testing.TB, folder string) (string, *Run) {
	t.Helper()
	r, err := Load(folder)
	if err != nil {
		t.Fatal(err)
	}
	out := ""
	for _, row := range r.Rows {
		out += fmt.Sprint(row.Seed, row.Iteration, row.Steps)
		for _, k := range slices.Sorted(maps.Keys(row.Values)) {
			out += fmt.Sprintf(" %s=%x", k, row.Values[k])
		}
		out += "\n"
	}
	for _, seed := range r.Seeds {
		b, err := os.ReadFile(checkpointsOf(folder, seed).newest)
		if err != nil {
			t.Fatal(err)
		}
		c, err := decodeCheckpoint(b)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range c.state {
			out += fmt.Sprintf("%d %s %v %x\n", seed, a.Name, a.Dims, a.Data)
		}
		out += fmt.Sprintf("%d at %d of %d, %d steps, eval %x\n", seed, c.Iteration, c.Total, c.Steps, r.Eval[seed]["sum"])
	}
	return out, r
}

func mustTrain(t testing.TB, folder string, job Job) *Result {
	t.Helper()
	res, err := Train(t.Context(), folder, job)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// reference trains a job without interruption, in a folder of its own.
func reference(t testing.TB, job Job) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "reference")
	mustTrain(t, folder, job)
	out, _ := outcome(t, folder)
	return out
}
