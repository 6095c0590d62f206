package rl

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/rewardlab/rewardlab/datasets"
	"github.com/rewardlab/rewardlab/datasets/npz"
	"github.com/rewardlab/rewardlab/rl/a2c"
	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/bc"
	"github.com/rewardlab/rewardlab/rl/env"
	"github.com/rewardlab/rewardlab/rl/film"
	"github.com/rewardlab/rewardlab/rl/ppo"
	"github.com/rewardlab/rewardlab/rl/rollout"
	"github.com/rewardlab/rewardlab/rl/run"
	"github.com/rewardlab/rewardlab/rl/trainer"
)

// RecordOptions say what to record. Zero fields mean their defaults.
type RecordOptions struct {
	Episodes int    // default 20
	Seed     int64  // of the episodes
	Env      string // by its name in the table; empty: that of the run. It must show the same observations and take the same actions
	Sample   bool   // play what the policy draws, rather than what it likes best
	Random   int    // episodes of random actions that measure what a beginner earns; default 100
	Log      func(string)
}

// Record plays episodes of what a seed of a run has learned, and returns them as demonstrations.
func Record(ctx context.Context, r *run.Run, seed int64, o RecordOptions) (*datasets.Demos, error) {
	o.Episodes, o.Random = cmp.Or(o.Episodes, 20), cmp.Or(o.Random, 100)
	if o.Episodes < 1 || o.Random < 1 {
		return nil, fmt.Errorf("recording: %d episodes and %d of random actions: give at least 1 of each", o.Episodes, o.Random)
	}
	take, in, err := play(ctx, r, seed, o.Env, film.Options{Seed: o.Seed, Episodes: o.Episodes, Sample: o.Sample}, o.Log)
	if err != nil {
		return nil, fmt.Errorf("recording: %w", err)
	}
	how := "greedy"
	if o.Sample {
		how = "sampled"
	}
	d := demosOf(in.Spec(), take.Episodes)
	d.Source = fmt.Sprintf("%s, seed %d, %s actions", r.Preset, seed, how)
	e, err := openEngine(ctx, o.Log)
	if err != nil {
		return nil, err
	}
	defer e.Close()
	if err := playRandom(ctx, e, in, d, film.Options{Seed: o.Seed, Episodes: o.Random}); err != nil {
		return nil, fmt.Errorf("recording of random actions: %w", err)
	}
	return d, d.Check()
}

// playRandom notes in d what random actions earn.
func playRandom(ctx context.Context, e *backend.Engine, in env.Env, d *datasets.Demos, o film.Options) error {
	take, err := film.Random(ctx, e.Backend, in, o)
	if err != nil {
		return err
	}
	d.Random, d.RandomEpisodes = demosOf(in.Spec(), take.Episodes).Stats().Mean, o.Episodes
	return nil
}

// demosOf are episodes of an environment as demonstrations.
func demosOf(spec env.Spec, episodes []film.Episode) *datasets.Demos {
	d := &datasets.Demos{Env: spec.Name, Obs: spec.Obs, Actions: spec.Action.N, ActionDim: spec.Action.Dim}
	for _, e := range episodes {
		d.Trajectories = append(d.Trajectories, datasets.Trajectory{Obs: e.Obs, Action: e.Action, Reward: e.Reward, Terminated: e.Terminated})
	}
	return d
}

// expert says how the demonstrations of an environment that come with package datasets were made.
type expert struct {
	env, preset string
	seed        int64
	episodes    int
	set         []string // changes to the preset
}

// experts are trained with presets, some for longer.
func experts() []expert {
	return []expert{
		{"cartpole", "ppo-cartpole", 1, 20, nil},
		{"cartpole-fixed", "ppo-cartpole-fixed", 1, 20, nil},
		{"acrobot-fixed", "ppo-acrobot-fixed", 1, 30, nil},
		{"mountaincar-fixed", "ppo-mountaincar-fixed", 1, 50, nil},
		{"pendulum", "ppo-pendulum", 1, 50, []string{"total=400000"}},
		{"pointmass", "ppo-pointmass", 1, 50, nil},
		{"pointmass-left", "ppo-pointmass", 1, 20, []string{"env=pointmass-left"}},
		{"reacher", "ppo-reacher", 1, 50, []string{"total=1000000", "envs=32", "minibatches=8"}},
		{"pusher", "ppo-pusher", 1, 60, nil},
	}
}

// mantissa is how many bits of each number of an observation or a continuous action the experts' files keep: 1 part in 8000.
const mantissa = 12

// MakeExperts trains an expert for each of the environments, or for all that have one, below the folder runs, and writes its demonstrations to
// dir as ENV.npz. Runs that are already complete are not trained again.
func MakeExperts(ctx context.Context, dir, runs string, envs []string, log func(string)) error {
	var known []string
	todo := map[string]bool{}
	for _, x := range experts() {
		known = append(known, x.env)
		todo[x.env] = len(envs) == 0
	}
	for _, name := range envs {
		if _, ok := todo[name]; !ok {
			return fmt.Errorf("no expert is known for environment %q: there are experts for %s", name, strings.Join(known, ", "))
		}
		todo[name] = true
	}
	for _, x := range experts() {
		if !todo[x.env] {
			continue
		}
		if err := makeExpert(ctx, dir, runs, x, log); err != nil {
			return fmt.Errorf("expert in %s: %w", x.env, err)
		}
	}
	return nil
}

func makeExpert(ctx context.Context, dir, runs string, x expert, log func(string)) error {
	folder := filepath.Join(runs, x.env)
	r, err := Train(ctx, x.preset, Options{Folder: folder, Resume: true, Seeds: []int64{x.seed}, Set: x.set, Log: log})
	if err != nil {
		return err
	}
	d, err := Record(ctx, r, x.seed, RecordOptions{Episodes: x.episodes, Env: x.env, Log: log})
	if err != nil {
		return err
	}
	d.Round(mantissa)
	d.Note = "made by: rl demos make " + x.env
	if w := d.Warning(); w != "" {
		return errors.New(w)
	}
	path := filepath.Join(dir, x.env+".npz")
	if err := d.Write(path); err != nil {
		return err
	}
	if err := writePolicy(r, x.seed, dir, x.env); err != nil {
		return err
	}
	if log != nil {
		s := d.Stats()
		log(fmt.Sprintf("%s: %d episodes, mean return %.4g, random %.4g", path, s.Trajectories, s.Mean, d.Random))
	}
	return nil
}

// mindArrays are the arrays of a checkpoint that an actor-critic acts by, in the order of rollout.Mind.
var mindArrays = [...]string{"Learner.Theta", "Ledger.Obs.Mean", "Ledger.Obs.Var", "Ledger.Obs.Count"}

// aboutPolicy says in an expert policy's file what its arrays belong to.
type aboutPolicy struct {
	Preset string          `json:"preset"`
	Config json.RawMessage `json:"config"`
}

// writePolicy keeps what a run has learned beside its demonstrations, for DAgger.
func writePolicy(r *run.Run, seed int64, dir, name string) error {
	state, err := r.State(seed)
	if err != nil {
		return err
	}
	about, err := json.MarshalIndent(aboutPolicy{r.Preset, r.Config}, "", "  ")
	if err != nil {
		return err
	}
	p := &datasets.Policy{About: about, Arrays: map[string]npz.Array{}}
	for _, leaf := range mindArrays {
		a, err := run.Find(state, leaf)
		if err != nil {
			return err
		}
		x, err := a.Float32s()
		if err != nil {
			return err
		}
		if p.Arrays[leaf], err = npz.NewArray(x, a.Dims...); err != nil {
			return err
		}
	}
	return p.Write(dir, name)
}

// openTeacher opens an expert for DAgger: that of a run folder, its first seed, or with an empty name the one that comes with the module.
func openTeacher(name, folder string) (bc.Teacher, error) {
	about := aboutPolicy{}
	var state []run.Array
	if folder != "" {
		r, err := run.Load(folder)
		if err != nil {
			return bc.Teacher{}, err
		}
		about = aboutPolicy{r.Preset, r.Config}
		if state, err = r.State(r.Seeds[0]); err != nil {
			return bc.Teacher{}, err
		}
	} else {
		p, err := datasets.ExpertPolicy(name)
		if err != nil {
			return bc.Teacher{}, fmt.Errorf("%w; or name a run folder with expert=", err)
		}
		if err := json.Unmarshal(p.About, &about); err != nil {
			return bc.Teacher{}, fmt.Errorf("expert policy of %s: %w", name, err)
		}
		for leaf, a := range p.Arrays {
			state = append(state, run.Array{Name: leaf, DType: "float32", Dims: a.Shape, Data: a.Bytes()})
		}
	}
	preset, err := Find(about.Preset)
	if err != nil {
		return bc.Teacher{}, fmt.Errorf("the expert: %w", err)
	}
	cfg := preset.New()
	if err := (&run.Run{Folder: cmp.Or(folder, name), Manifest: run.Manifest{Preset: about.Preset, Config: about.Config}}).Decode(cfg); err != nil {
		return bc.Teacher{}, fmt.Errorf("the expert: %w", err)
	}
	t := bc.Teacher{}
	switch c := cfg.(type) {
	case *ppo.Config:
		t.Agent = c.Agent()
	case *a2c.Config:
		t.Agent = c.Agent()
	default:
		return t, fmt.Errorf("the expert is a run of %s: name one that PPO or A2C has trained", about.Preset)
	}
	t.Mind, err = trainer.Recall[rollout.Mind](state, mindArrays[:]...)
	return t, err
}
