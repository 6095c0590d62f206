package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/rewardlab/rewardlab/rl/backend"
	envs "github.com/rewardlab/rewardlab/rl/env"
	"github.com/rewardlab/rewardlab/rl/run"
	"github.com/rewardlab/rewardlab/rl/speed"
)

// benchPlan is what one call of bench measures.
type benchPlan struct {
	engines []string // as in $GOMLX_BACKEND; "" is the one that is chosen without it
	what    []string
	envs    []string
	presets []run.Preset
	speed.Options
}

var benchKinds = []string{"random", "policy", "train"}

// bench times environments and trainings, and writes a table.
func (c *call) bench() error {
	plan, asJSON, err := c.benchPlan()
	if err != nil {
		return err
	}
	out := c.stdout
	if asJSON {
		out = c.stderr
	}
	report := struct {
		Cores   int            `json:"cores"`
		EachS   float64        `json:"each_s"`
		Results []speed.Result `json:"results"`
		Errors  []string       `json:"errors,omitempty"`
	}{Cores: runtime.NumCPU(), EachS: plan.Each.Seconds(), Results: []speed.Result{}}
	fmt.Fprintf(out, "%d cores, %d environments, medians of %d repeats of %v with a 95%% interval\n\n", report.Cores, plan.Envs, plan.Repeats, plan.Each)
	fmt.Fprintf(out, benchRow, "what", "name", "engine", "compile s", "steps/s", "interval")
	var failed []error
	note := func(r speed.Result, err error) {
		if err != nil {
			failed = append(failed, err)
			report.Errors = append(report.Errors, err.Error())
			return
		}
		report.Results = append(report.Results, r)
		fmt.Fprintf(out, benchRow, r.What, r.Name, r.Engine, fmt.Sprintf("%.2f", r.CompileSeconds), count(int64(r.Median)),
			fmt.Sprintf("[%s, %s]", count(int64(r.Lo)), count(int64(r.Hi))))
	}
	for _, engine := range plan.engines {
		if err := c.benchEngine(engine, plan, note); err != nil {
			note(speed.Result{}, err)
		}
		if c.ctx.Err() != nil {
			break
		}
	}
	if asJSON {
		b, err := json.Marshal(report)
		if err != nil {
			return fmt.Errorf("results: %w", err)
		}
		if _, err := fmt.Fprintf(c.stdout, "%s\n", b); err != nil {
			return err
		}
	}
	return errors.Join(failed...)
}

const benchRow = "%-6s  %-20s  %-8s  %9s  %12s  %s\n"

// benchPlan reads the command line.
func (c *call) benchPlan() (p benchPlan, asJSON bool, err error) {
	c.flags.BoolVar(&asJSON, "json", false, "write the results as one JSON object, the last line of standard output; the table goes to standard error")
	names := c.flags.String("env", "", "environments `e1,e2` to step; without it, and without presets, all of them")
	engines := c.flags.String("engine", "", "engines `e1,e2`, such as xla:cpu,go; without it the one that training would use")
	what := c.flags.String("what", strings.Join(benchKinds, ","), "`kinds` to measure: steps with random actions, steps with a policy's actions, whole training")
	c.flags.IntVar(&p.Repeats, "repeats", 0, "how many repeats `n`; 0 means 5, and 3 with -fast")
	c.flags.DurationVar(&p.Each, "each", 0, "how `long` one repeat lasts, about; 0 means 1s, and 100ms with -fast")
	c.flags.IntVar(&p.Envs, "envs", 1024, "how many environments `n` step side by side; trainings have their own number")
	fast := c.flags.Bool("fast", false, "fewer and shorter repeats")
	rest, err := c.parse()
	if err != nil {
		return p, false, err
	}
	if p.Repeats < 0 || p.Each < 0 || p.Envs < 1 {
		return p, false, usagef("bench: -repeats %d, -each %v, -envs %d: give positive numbers", p.Repeats, p.Each, p.Envs)
	}
	p.Repeats, p.Each = cmp.Or(p.Repeats, 5), cmp.Or(p.Each, time.Second)
	if *fast {
		given := map[string]bool{}
		c.flags.Visit(func(f *flag.Flag) { given[f.Name] = true })
		if !given["repeats"] {
			p.Repeats = 3
		}
		if !given["each"] {
			p.Each = 100 * time.Millisecond
		}
	}
	p.engines = strings.Split(*engines, ",")
	p.what = strings.Split(*what, ",")
	for _, k := range p.what {
		if !slices.Contains(benchKinds, k) {
			return p, false, usagef("-what %q%s kinds are %s", k, cmp.Or(hint(k, benchKinds), ":"), strings.Join(benchKinds, ", "))
		}
	}
	for _, name := range rest {
		preset, err := findPreset(c.env.presets, name)
		if err != nil {
			return p, false, usageError{err}
		}
		p.presets = append(p.presets, preset)
	}
	switch {
	case *names != "":
		p.envs = strings.Split(*names, ",")
	case len(rest) == 0:
		for _, e := range envs.All() {
			p.envs = append(p.envs, e.Name)
		}
	}
	for _, name := range p.envs {
		if _, err := envs.Find(name); err != nil {
			return p, false, usageError{err}
		}
	}
	if len(rest) == 0 {
		for _, preset := range c.env.presets {
			if slices.Contains(p.envs, environment(preset)) {
				p.presets = append(p.presets, preset)
			}
		}
	}
	return p, asJSON, nil
}

// environment is the key "env" of a preset's configuration, or "".
func environment(p run.Preset) string {
	cfg := p.New()
	if err := run.Resolve(cfg); err != nil {
		return ""
	}
	b, err := json.Marshal(cfg)
	if err != nil {
		return ""
	}
	var with struct {
		Env string `json:"env"`
	}
	_ = json.Unmarshal(b, &with) // a key "env" of another kind is no environment
	return with.Env
}

// benchEngine measures all that the plan asks for on one engine. Its error is of the engine; those of measurements go to note.
func (c *call) benchEngine(name string, p benchPlan, note func(speed.Result, error)) error {
	if slices.Contains(p.what, "random") || slices.Contains(p.what, "policy") {
		if err := c.benchSteps(name, p, note); err != nil {
			return err
		}
	}
	if !slices.Contains(p.what, "train") || len(p.presets) == 0 {
		return nil
	}
	if name != "" { // presets open the engine that the environment names
		if err := c.env.setenv(backend.EnvSpec, name); err != nil {
			return fmt.Errorf("engine %s: %w", name, err)
		}
	}
	for _, preset := range p.presets {
		if c.ctx.Err() != nil {
			return c.ctx.Err()
		}
		note(c.benchTraining(preset, p.Options))
	}
	return nil
}

func (c *call) benchSteps(name string, p benchPlan, note func(speed.Result, error)) error {
	if len(p.envs) == 0 {
		return nil
	}
	e, err := backend.Open(c.ctx, backend.Config{Spec: name, Say: c.log})
	if err != nil {
		return fmt.Errorf("engine: %w", err)
	}
	defer e.Close()
	for _, name := range p.envs {
		of, err := envs.Find(name)
		if err != nil {
			return err
		}
		for _, what := range p.what {
			if c.ctx.Err() != nil {
				return c.ctx.Err()
			}
			switch what {
			case "random":
				note(speed.Random(c.ctx, e, of, p.Options))
			case "policy":
				note(speed.Policy(c.ctx, e, of, p.Options))
			}
		}
	}
	return nil
}

func (c *call) benchTraining(p run.Preset, o speed.Options) (r speed.Result, err error) {
	cfg := p.New()
	if err := run.Resolve(cfg); err != nil {
		return r, fmt.Errorf("preset %s: %w", p.Name, err)
	}
	w, err := p.Open(c.ctx, cfg, run.OpenOptions{Workers: 1, Log: c.log})
	if err != nil {
		return r, fmt.Errorf("preset %s: %w", p.Name, err)
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	return speed.Training(c.ctx, p.Name, w, o)
}
