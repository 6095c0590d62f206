package main

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/rewardlab/rewardlab/plots"
	"github.com/rewardlab/rewardlab/rl/backend"
	envs "github.com/rewardlab/rewardlab/rl/env"
	"github.com/rewardlab/rewardlab/rl/film"
	"github.com/rewardlab/rewardlab/rl/run"
)

// film draws the policy of a run, or random actions, as a GIF.
func (c *call) film() error {
	names := c.flags.String("env", "", "environments `e1,e2` to film with random actions, in place of a run; \"all\" for all of them")
	file := c.flags.String("o", "", "`file` to write; without it figures/film.gif in the run folder, or ENVIRONMENT.gif. A folder where there are several environments")
	seed := c.flags.Int64("seed", 0, "the seed `n` of the run; 0 means its first. With -env, the seed of the random actions")
	steps := c.flags.Int("steps", 300, "how many steps `n` to film")
	fps := c.flags.Float64("fps", 0, "steps `n` shown a second, 1 to 50; 0 means 30, and 12 where observations are pictures")
	rest, err := c.parse()
	if err != nil {
		return err
	}
	if *steps < 1 || *fps < 0 || *fps > 50 {
		return usagef("film: -steps %d, -fps %g: give at least one step, and at most 50 a second", *steps, *fps)
	}
	o := film.Options{Seed: *seed, Steps: *steps}
	if *names != "" {
		if len(rest) > 0 {
			return usagef("film takes a run folder or -env, not both: has %q", rest)
		}
		return c.filmRandom(*names, *file, o, *fps)
	}
	folder, err := c.one(rest, "run folder, or -env")
	if err != nil {
		return err
	}
	r, err := run.Load(folder)
	if err != nil {
		return err
	}
	if *seed == 0 {
		*seed = r.Seeds[0]
	}
	o.Seed = *seed
	take, err := c.env.film(c.ctx, r, *seed, o, c.log)
	if err != nil {
		return err
	}
	if *file == "" {
		*file = filepath.Join(r.Figures(), "film.gif")
	}
	return c.saveFilm(take, *file, *fps)
}

func (c *call) filmRandom(names, file string, o film.Options, fps float64) error {
	list := strings.Split(names, ",")
	if names == "all" {
		list = nil
		for _, e := range envs.All() {
			list = append(list, e.Name)
		}
	}
	made := make([]envs.Env, len(list))
	for i, name := range list {
		var err error
		if made[i], err = envs.Find(name); err != nil {
			return usageError{err}
		}
	}
	e, err := backend.Open(c.ctx, backend.Config{Say: c.log})
	if err != nil {
		return fmt.Errorf("engine: %w", err)
	}
	defer e.Close()
	for i, name := range list {
		take, err := film.Random(c.ctx, e.Backend, made[i], o)
		if err != nil {
			return err
		}
		path := file
		if len(list) > 1 || file == "" {
			path = filepath.Join(file, name+".gif")
		}
		if err := c.saveFilm(take, path, fps); err != nil {
			return err
		}
	}
	return nil
}

// saveFilm writes the GIF and says where it is and what can be seen.
func (c *call) saveFilm(t *film.Take, path string, fps float64) error {
	f := plots.Film{FPS: cmp.Or(fps, t.Rate), MaxFrames: 1000}
	for _, frame := range t.Frames {
		if err := f.Add(frame); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("film: %w: choose another file with -o", err)
	}
	if err := f.Save(path); err != nil {
		return err
	}
	steps := len(t.Frames) - 1 - len(t.Returns)
	said := fmt.Sprintf("%d steps, return %.4g so far", steps, t.Open)
	if n := len(t.Returns); n > 0 {
		sum := 0.0
		for _, r := range t.Returns {
			sum += r
		}
		said = fmt.Sprintf("%d steps, %d episodes ended, mean return %.4g", steps, n, sum/float64(n))
	}
	_, err := fmt.Fprintf(c.stdout, "%s  %s\n", path, said)
	return err
}
