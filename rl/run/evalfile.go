package run

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/rewardlab/rewardlab/rl/eval"
)

// evalReport is eval.json.
type evalReport struct {
	Format int `json:"format"`
	// Complete says that every seed was trained to the end and evaluated.
	Complete bool       `json:"complete"`
	Seeds    []seedEval `json:"seeds"`
	Result   *Result    `json:"result"`
}

// seedEval is the evaluation of one seed.
type seedEval struct {
	Seed      int64              `json:"seed"`
	Iteration int                `json:"iteration"`
	Score     *float64           `json:"score"` // null before the end of training
	Values    map[string]float64 `json:"values"`
}

func (e *evalReport) of(seed int64) *seedEval {
	if e != nil {
		for i := range e.Seeds {
			if e.Seeds[i].Seed == seed {
				return &e.Seeds[i]
			}
		}
	}
	return nil
}

// readEval returns nil if there is no eval.json yet.
func readEval(folder string) (*evalReport, error) {
	path := filepath.Join(folder, evalFile)
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("evaluation: %w", err)
	}
	var e evalReport
	if err := json.Unmarshal(b, &e); err != nil {
		return nil, fmt.Errorf("%s is not readable (%w): delete it and resume the run, which writes it again", path, err)
	}
	if e.Format > folderFormat {
		return nil, fmt.Errorf("%s has format %d, this program reads up to %d: update rewardlab", path, e.Format, folderFormat)
	}
	if e.Result != nil {
		e.Result.Run = folder // the folder may have been moved
	}
	return &e, nil
}

func (s *session) writeEval(res *Result) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.writeEvalLocked(res)
}

// writeEvalLocked writes eval.json; res is nil while the run goes on.
func (s *session) writeEvalLocked(res *Result) error {
	e := evalReport{Format: folderFormat, Complete: res != nil, Result: res, Seeds: []seedEval{}}
	for _, r := range s.seeds {
		if r.eval == nil {
			e.Complete = false
			continue
		}
		se := seedEval{Seed: r.seed, Iteration: r.iteration, Values: r.eval}
		if r.trained {
			se.Score = &r.score
		} else {
			e.Complete = false
		}
		e.Seeds = append(e.Seeds, se)
	}
	b, err := json.MarshalIndent(e, "", "  ")
	if err != nil {
		return fmt.Errorf("evaluation: %w", err)
	}
	if err := replaceFile(filepath.Join(s.folder, evalFile), b, []byte("\n")); err != nil {
		return fmt.Errorf("evaluation: %w", err)
	}
	return nil
}

// result sums up the seeds that are trained and evaluated.
func (s *session) result() (*Result, error) {
	res := &Result{
		Preset: s.manifest.Preset, Engine: s.manifest.Engine, Seeds: s.manifest.Seeds,
		CompileSeconds: s.compile, TrainSeconds: s.before + s.watch.seconds(),
		Extra: map[string]float64{}, Run: s.folder,
	}
	var evals []map[string]float64
	for _, r := range s.seeds {
		res.Steps += r.steps
		if r.trained && r.eval != nil {
			res.Score.PerSeed = append(res.Score.PerSeed, r.score)
			evals = append(evals, r.eval)
		}
	}
	if res.TrainSeconds > 0 {
		res.StepsPerSecond = float64(res.Steps) / res.TrainSeconds
	}
	if len(evals) == 0 {
		return res, nil
	}
	sum, err := eval.Bootstrap{}.Summarize(eval.Of(s.job.Score.Name, res.Score.PerSeed))
	if err != nil {
		return nil, fmt.Errorf("score: %w", err)
	}
	res.Score.Name = s.job.Score.Name
	res.Score.IQM, res.Score.Lo, res.Score.Hi, res.Score.Mean = sum.IQM.Point, sum.IQM.Lo, sum.IQM.Hi, sum.Mean.Point
	for _, k := range slices.Sorted(maps.Keys(evals[0])) {
		var xs []float64
		for _, e := range evals {
			if v, ok := e[k]; ok {
				xs = append(xs, v)
			}
		}
		res.Extra[k] = eval.Mean(xs)
	}
	return res, nil
}
