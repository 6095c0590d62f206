package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/rewardlab/rewardlab/datasets"
	lab "github.com/rewardlab/rewardlab/rl"
	"github.com/rewardlab/rewardlab/rl/run"
)

// demos records demonstrations, shows what a file of them holds, and makes those that come with the module.
func (c *call) demos() error {
	episodes := c.flags.Int("episodes", 20, "record: how many episodes `n`")
	seed := c.flags.Int64("seed", 0, "record: the seed `n` of the run; 0 means its first")
	where := c.flags.String("env", "", "record: another environment, by its `name`, that shows the same observations and takes the same actions")
	sample := c.flags.Bool("sample", false, "record: draw actions from the policy, rather than take the likeliest")
	file := c.flags.String("o", "", "record: the `file` to write, .npz or .jsonl; without it demos.npz in the run folder. make: the folder")
	runs := c.flags.String("runs", filepath.Join(os.TempDir(), "rewardlab-experts"), "make: the `folder` in which experts are trained, and found again")
	rest, err := c.parse()
	if err != nil {
		return err
	}
	verb := ""
	if len(rest) > 0 {
		verb, rest = rest[0], rest[1:]
	}
	switch verb {
	case "record":
		folder, err := c.one(rest, "run folder")
		if err != nil {
			return err
		}
		return c.recordDemos(folder, *file, *seed, lab.RecordOptions{Episodes: *episodes, Env: *where, Sample: *sample, Log: c.log})
	case "show":
		path, err := c.one(rest, "file, or environment that an expert's demonstrations come with: "+strings.Join(datasets.Experts(), ", "))
		if err != nil {
			return err
		}
		return c.showDemos(path)
	case "make":
		if *file == "" {
			return usagef("demos make: name the folder to write to with -o")
		}
		if err := os.MkdirAll(*file, 0o755); err != nil {
			return fmt.Errorf("demonstrations: %w", err)
		}
		return lab.MakeExperts(c.ctx, *file, *runs, rest, c.log)
	}
	return usagef("demos %q: write rl demos record RUN, rl demos show FILE, or rl demos make [ENV...] -o FOLDER", verb)
}

func (c *call) recordDemos(folder, file string, seed int64, o lab.RecordOptions) error {
	if o.Episodes < 1 {
		return usagef("demos record: %d episodes: give at least 1", o.Episodes)
	}
	r, err := run.Load(folder)
	if err != nil {
		return err
	}
	if seed == 0 {
		seed = r.Seeds[0]
	}
	o.Seed = seed
	d, err := lab.Record(c.ctx, r, seed, o)
	if err != nil {
		return err
	}
	if file == "" {
		file = filepath.Join(folder, "demos.npz")
	}
	if err := d.Write(file); err != nil {
		return err
	}
	return c.showDemos(file)
}

// showDemos reads a file, or what comes with the module for an environment.
func (c *call) showDemos(path string) error {
	read := datasets.ReadDemos
	if filepath.Ext(path) == "" {
		read = datasets.Expert
	}
	d, err := read(path)
	if err != nil {
		return err
	}
	return writeDemos(c.stdout, path, d)
}

func writeDemos(out io.Writer, path string, d *datasets.Demos) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	line := func(name, format string, args ...any) { fmt.Fprintf(w, "%s\t%s\n", name, fmt.Sprintf(format, args...)) }
	line("file", "%s", path)
	line("sha256", "%s", d.SHA256)
	if d.Env != "" {
		line("environment", "%s", d.Env)
	}
	line("observations", "%v", d.Obs)
	if d.Actions > 0 {
		line("actions", "%d choices", d.Actions)
	} else {
		line("actions", "vectors of %d", d.ActionDim)
	}
	s := d.Stats()
	line("episodes", "%d, %d of them came to their own end", s.Trajectories, s.Terminated)
	line("steps", "%d, episodes of %d to %d", s.Steps, s.Shortest, s.Longest)
	if d.Returns() != nil {
		line("return", "mean %.5g, standard deviation %.4g, %.5g to %.5g", s.Mean, s.Std, s.Min, s.Max)
	}
	if d.RandomEpisodes > 0 {
		line("random actions", "mean return %.5g of %d episodes", d.Random, d.RandomEpisodes)
	}
	for _, x := range []struct{ name, text string }{{"source", d.Source}, {"note", d.Note}, {"warning", d.Warning()}} {
		if x.text != "" {
			line(x.name, "%s", x.text)
		}
	}
	return w.Flush()
}
