package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"time"

	lab "github.com/rewardlab/rewardlab/rl"
)

// diagnose trains a learner of rewards twice, for the true reward and for the learned one.
func (c *call) diagnose() error {
	var set assignments
	out := c.outputFlags()
	seeds := c.flags.String("seeds", "3", "how many seeds `n`, or the seeds themselves, as in 3,4,7 (one seed: 3,)")
	c.flags.Var(&set, "set", "`key=value` of the configuration of both trainings; may be repeated")
	folder := c.flags.String("run", "", "`folder` of both run folders; without it runs/PRESET-diagnose-TIME, below $REWARDLAB_RUNS if that is set")
	workers := c.flags.Int("workers", 0, "how many seeds `n` side by side; 0 means one per core")
	rest, err := c.parse()
	if err != nil {
		return err
	}
	p, err := c.preset(rest)
	if err != nil {
		return err
	}
	list, err := parseSeeds(*seeds, 1)
	if err != nil {
		return err
	}
	if *folder == "" {
		*folder = filepath.Join(c.runs(), p.Name+"-diagnose-"+time.Now().Format("20060102-150405"))
	}
	d, err := lab.Diagnose(c.ctx, p, lab.Options{Set: set, Seeds: list, Folder: *folder, Workers: *workers, Log: c.log})
	if err != nil {
		return err
	}
	people := c.people(out)
	fmt.Fprintf(people, "\n%s: %s\n", p.Name, p.Score.Name)
	fmt.Fprintf(people, "  for the true reward     %.4g [%.4g, %.4g]\n  for the learned reward  %.4g [%.4g, %.4g]\n", d.True.IQM, d.True.Lo, d.True.Hi, d.Learned.IQM, d.Learned.Lo, d.Learned.Hi)
	fmt.Fprintf(people, "%s\n", d.Advice)
	if !out.json {
		return nil
	}
	b, err := json.Marshal(d)
	if err != nil {
		return fmt.Errorf("diagnosis: %w", err)
	}
	_, err = fmt.Fprintf(c.stdout, "%s\n", b)
	return err
}
