package datasets

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// demoLine is one episode in a .jsonl.
type demoLine struct {
	Obs        [][]float32     `json:"obs"` // one row an observation, flat
	Action     json.RawMessage `json:"action"`
	Reward     []float32       `json:"reward,omitempty"`
	Terminated *bool           `json:"terminated"` // required: an absent flag is not the same as false
}

func (d *Demos) jsonl() ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	if err := enc.Encode(d.header()); err != nil {
		return nil, err
	}
	for _, t := range d.Trajectories {
		line := demoLine{Obs: rows(t.Obs, d.ObsSize()), Reward: t.Reward, Terminated: &t.Terminated}
		var err error
		if d.Actions > 0 {
			choices := make([]int, len(t.Action))
			for i, a := range t.Action {
				choices[i] = int(a)
			}
			line.Action, err = json.Marshal(choices)
		} else {
			line.Action, err = json.Marshal(rows(t.Action, d.ActionDim))
		}
		if err != nil {
			return nil, err
		}
		if err := enc.Encode(line); err != nil {
			return nil, err
		}
	}
	return buf.Bytes(), nil
}

func rows(xs []float32, width int) [][]float32 {
	var out [][]float32
	for ; len(xs) > 0; xs = xs[width:] {
		out = append(out, xs[:width])
	}
	return out
}

func parseJSONL(b []byte) (*Demos, error) {
	var d *Demos
	number := 0
	for line := range bytes.Lines(b) {
		number++
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		if d == nil {
			var h demoHeader
			err := strictJSON(line, &h)
			if err == nil {
				d, err = h.demos()
			}
			if err != nil {
				return nil, fmt.Errorf("line %d, the header: %w", number, err)
			}
			continue
		}
		t, err := d.episode(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		d.Trajectories = append(d.Trajectories, t)
	}
	if d == nil {
		return nil, fmt.Errorf("an empty file: the first line is a header")
	}
	return d, nil
}

func (d *Demos) episode(line []byte) (Trajectory, error) {
	var e demoLine
	var t Trajectory
	if err := strictJSON(line, &e); err != nil {
		return t, err
	}
	if e.Terminated == nil {
		return t, fmt.Errorf("no terminated: true if the episode came to its own end, false if a time limit cut it")
	}
	t.Terminated, t.Reward = *e.Terminated, e.Reward
	var err error
	if t.Obs, err = flatten("observation", e.Obs, d.ObsSize()); err != nil {
		return t, err
	}
	if d.Actions > 0 {
		if err := json.Unmarshal(e.Action, &t.Action); err != nil {
			return t, fmt.Errorf("action: a row of choices is expected: %w", err)
		}
		return t, nil
	}
	var vectors [][]float32
	if err := json.Unmarshal(e.Action, &vectors); err != nil {
		return t, fmt.Errorf("action: a row of vectors is expected: %w", err)
	}
	t.Action, err = flatten("action", vectors, d.ActionDim)
	return t, err
}

func flatten(what string, xs [][]float32, width int) ([]float32, error) {
	var out []float32
	for i, x := range xs {
		if len(x) != width {
			return nil, fmt.Errorf("%s %d has %d numbers, the header says %d", what, i, len(x), width)
		}
		out = append(out, x...)
	}
	return out, nil
}
