package run

import "encoding/json"

// Result is the outcome of a run, over all its seeds. It marshals to the one
// object that the command line prints with -json.
type Result struct {
	Preset string  `json:"preset"`
	Engine string  `json:"engine"`
	Seeds  []int64 `json:"seeds"`
	// Steps counts the interactions with the environment over all seeds.
	Steps int64 `json:"steps"`
	// CompileSeconds is the longest that a worker spent compiling.
	CompileSeconds float64 `json:"compile_s"`
	// TrainSeconds is the wall-clock time during which at least one seed was
	// training; compiling, saving and evaluating are not in it.
	TrainSeconds   float64 `json:"train_s"`
	StepsPerSecond float64 `json:"steps_per_s"`
	Score          Scored  `json:"score"`
	// Extra holds the held-out numbers of the evaluation, as means over seeds.
	Extra map[string]float64 `json:"extra"`
	// Run is the run folder.
	Run string `json:"run"`
}

// Scored is a score over the seeds: interquartile mean with its 95% interval
// from Lo to Hi, mean, and one number per seed in the order of Result.Seeds.
// Without any seed (an interrupted run) it marshals to null.
type Scored struct {
	Name    string    `json:"name"`
	IQM     float64   `json:"iqm"`
	Lo      float64   `json:"lo"`
	Hi      float64   `json:"hi"`
	Mean    float64   `json:"mean"`
	PerSeed []float64 `json:"per_seed"`
}

// MarshalJSON implements [json.Marshaler].
func (s Scored) MarshalJSON() ([]byte, error) {
	if len(s.PerSeed) == 0 {
		return []byte("null"), nil
	}
	type plain Scored
	return json.Marshal(plain(s))
}
