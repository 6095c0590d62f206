package run_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"

	"github.com/rewardlab/rewardlab/rl/run"
)

type config struct {
	// Learning rate.
	LR float64 `json:"lr" default:"0.5"`
	// How long to train.
	Iterations int `json:"iterations" default:"3"`
	// What to optimise.
	Objective string `json:"objective" default:"joint" enum:"joint|offline"`
}

func ExampleSet() {
	cfg := &config{}
	fmt.Println(run.Set(cfg, "lrr=0.1", "objective=ofline"))
	if err := run.Set(cfg, "lr=0.1"); err != nil {
		fmt.Println(err)
	}
	if err := run.Resolve(cfg); err != nil {
		fmt.Println(err)
	}
	table, _ := run.Table(cfg)
	fmt.Print(table)
	// Output:
	// configuration: 2 problems:
	//   unknown key "lrr": did you mean "lr"? keys are lr, iterations, objective
	//   objective: "ofline" is none of joint, offline: did you mean "offline"?
	// lr          0.1    (default 0.5)
	// iterations  3
	// objective   joint
}

// halver moves from 1 towards 0 by the learning rate. One number is its state.
type halver struct {
	cfg  *config
	done int
}

func (h *halver) Step(context.Context) (run.Report, error) {
	h.done++
	distance := 1.0
	for range h.done {
		distance *= 1 - h.cfg.LR
	}
	return run.Report{
		Rows:      []run.Row{{Iteration: h.done, Steps: int64(h.done), Values: map[string]float64{"distance": distance}}},
		Iteration: h.done, Total: h.cfg.Iterations, Steps: int64(h.done),
	}, nil
}

func (h *halver) State() ([]run.Array, error) {
	return []run.Array{{Name: "done", DType: "uint64", Data: binary.LittleEndian.AppendUint64(nil, uint64(h.done))}}, nil
}

func (h *halver) Evaluate(context.Context) (map[string]float64, error) {
	return map[string]float64{"done": float64(h.done)}, nil
}

type worker struct{ cfg *config }

func (w worker) Trainer(_ context.Context, _ int64, state []run.Array) (run.Trainer, error) {
	h := &halver{cfg: w.cfg}
	if state != nil {
		h.done = int(binary.LittleEndian.Uint64(state[0].Data))
	}
	return h, nil
}

func (w worker) Info() run.Info { return run.Info{Engine: "plain Go"} }
func (w worker) Close() error   { return nil }

func ExampleTrain() {
	dir, err := os.MkdirTemp("", "run")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	folder := filepath.Join(dir, "first")

	cfg := &config{}
	if err := run.Resolve(cfg); err != nil {
		fmt.Println(err)
		return
	}
	res, err := run.Train(context.Background(), folder, run.Job{
		Preset: "halve", Algorithm: "halving", Config: cfg, Seeds: []int64{1, 2},
		Open: func(context.Context, int) (run.Worker, error) { return worker{cfg}, nil },
		Score: run.Score{Name: "last distance", Of: func(rows []run.Row, _ map[string]float64) (float64, error) {
			return rows[len(rows)-1].Values["distance"], nil
		}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(res.Score.Name, res.Score.IQM, res.Score.PerSeed)

	r, err := run.Load(folder)
	if err != nil {
		fmt.Println(err)
		return
	}
	x, perSeed := r.Series("distance")
	fmt.Println(x, perSeed)
	// Output:
	// last distance 0.125 [0.125 0.125]
	// [1 2 3] [[0.5 0.25 0.125] [0.5 0.25 0.125]]
}
