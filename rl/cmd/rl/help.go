package main

import (
	"flag"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	envs "github.com/rewardlab/rewardlab/rl/env"
	"github.com/rewardlab/rewardlab/rl/run"
)

// help writes what --help asks for: the flags of the command, and for "train
// PRESET" the keys of its configuration.
func (c *call) help() error {
	var b strings.Builder
	fmt.Fprintf(&b, "rl %s %s: %s\n", c.command.name, c.command.args, c.command.about)
	c.flags.VisitAll(func(f *flag.Flag) {
		arg, usage := flag.UnquoteUsage(f)
		fmt.Fprintf(&b, "  -%s", f.Name)
		if arg != "" {
			b.WriteString(" " + arg)
		}
		if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "0" {
			fmt.Fprintf(&b, " (default %s)", f.DefValue)
		}
		b.WriteString("\n      " + usage + "\n")
	})
	if c.command.name == "train" {
		name := ""
		if len(c.args) > 0 {
			name = c.args[0]
		}
		if name == "" {
			b.WriteString("\nPresets:\n" + presetTable(c.env.presets))
		} else {
			p, err := findPreset(c.env.presets, name)
			if err != nil {
				return usageError{err}
			}
			text, err := presetHelp(p)
			if err != nil {
				return err
			}
			b.WriteString("\n" + text)
		}
	}
	_, err := io.WriteString(c.stdout, b.String())
	return err
}

func presetHelp(p run.Preset) (string, error) {
	cfg := p.New()
	if err := run.Resolve(cfg); err != nil {
		return "", err
	}
	keys, err := run.Help(p.ConfigSource, cfg)
	if err != nil {
		return "", fmt.Errorf("help for %s: %w", p.Name, err)
	}
	return fmt.Sprintf("%s (%s): %s\nScore: %s.\n\nKeys for -set:\n%s", p.Name, p.Algorithm, p.Summary, p.Score.Name, keys), nil
}

func presetTable(presets []run.Preset) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, p := range presets {
		fmt.Fprintf(w, "  %s\t%s\t%s\n", p.Name, p.Algorithm, p.Summary)
	}
	_ = w.Flush() // a strings.Builder does not fail
	return b.String()
}

func (c *call) list() error {
	environments := c.flags.Bool("envs", false, "list the environments instead")
	rest, err := c.parse()
	if err != nil {
		return err
	}
	if len(rest) > 0 {
		return usagef("list takes no arguments, has %q", rest)
	}
	table := presetTable(c.env.presets)
	if *environments {
		table = environmentTable()
	}
	_, err = io.WriteString(c.stdout, table)
	return err
}

func environmentTable() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, e := range envs.All() {
		spec := e.Make().Spec()
		action := fmt.Sprintf("%d actions", spec.Action.N)
		if !spec.Action.Discrete() {
			if action = "a number"; spec.Action.Dim > 1 {
				action = fmt.Sprintf("%d numbers", spec.Action.Dim)
			}
		}
		fmt.Fprintf(w, "  %s\t%v\t%s\t%s\n", e.Name, spec.Obs, action, e.About)
	}
	_ = w.Flush() // a strings.Builder does not fail
	return b.String()
}

func (c *call) doctor() error {
	rest, err := c.parse()
	if err != nil {
		return err
	}
	if len(rest) > 0 {
		return usagef("doctor takes no arguments, has %q", rest)
	}
	return c.env.doctor(c.ctx, c.stdout)
}
