// Package run takes a training through its life: configuration, seeds, run
// folder, metrics, checkpoints, interruption and exact resume. It knows no
// algorithm and no engine; those come in as a [Worker] that makes a [Trainer] for
// each seed.
//
//	type Config struct {
//		// Learning rate of the policy.
//		LR float64 `json:"lr" default:"5e-4"`
//	}
//
//	cfg := &Config{}
//	if err := run.Set(cfg, "lr=1e-3"); err != nil {
//		return err
//	}
//	res, err := run.Train(ctx, "runs/first", run.Job{
//		Preset: "mine", Config: cfg, Seeds: []int64{1, 2, 3, 4, 5},
//		Open:  open, // func(ctx, worker int) (run.Worker, error)
//		Score: run.Score{Name: "final return", Of: lastReturn},
//	})
//	...
//	r, err := run.Load("runs/first") // also from another program, also while it trains
//	x, perSeed := r.Series("return")
//
// # Run folder
//
//	config.json     preset, algorithm, engine, configuration, seeds, version: see [Manifest]
//	metrics.jsonl   one [Row] per line, the rows of all seeds
//	eval.json       held-out numbers and score per seed, and the [Result]
//	checkpoint/     per seed the newest checkpoint and the one before it
//	figures/        for whoever draws
//
// # Exact resume
//
// A run that was killed at any moment and trained on with [Job].Resume ends with
// the same parameters, bit for bit, and the same rows as the run that was never
// killed, given the same engine; only Row.Seconds differs. For that, rows are made
// durable before the checkpoint that counts them, a resume drops the rows after
// the checkpoint it starts from, checkpoints are written beside the old ones and
// renamed, and each carries a SHA-256. If the newest one is damaged all the same,
// the one before it is used.
//
// # Seed streams
//
// One seed of a run feeds several random streams, see [Stream]. Training draws
// from "train" and evaluation from "eval", so no evaluation sees the random
// numbers that were trained on, and every run of a seed is evaluated alike.
package run
