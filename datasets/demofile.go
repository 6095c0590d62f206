package datasets

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/rewardlab/rewardlab/datasets/npz"
)

// maxDemoFile is the largest file that is read.
const maxDemoFile = 1 << 30

// demoHeader is what a file says of its demonstrations as a whole: the member header.json of an .npz, the first line of a .jsonl.
type demoHeader struct {
	Format         int     `json:"demonstrations"` // 1
	Env            string  `json:"env,omitempty"`
	Obs            []int   `json:"obs"`
	Actions        int     `json:"actions,omitempty"`
	ActionDim      int     `json:"action_dim,omitempty"`
	Source         string  `json:"source,omitempty"`
	Note           string  `json:"note,omitempty"`
	Random         float64 `json:"random_return,omitempty"`
	RandomEpisodes int     `json:"random_episodes,omitempty"`
}

const demoFormat = 1

func (d *Demos) header() demoHeader {
	return demoHeader{demoFormat, d.Env, d.Obs, d.Actions, d.ActionDim, d.Source, d.Note, d.Random, d.RandomEpisodes}
}

func (h demoHeader) demos() (*Demos, error) {
	if h.Format != demoFormat {
		return nil, fmt.Errorf("header: format %d of demonstrations: this program reads %d", h.Format, demoFormat)
	}
	d := &Demos{Env: h.Env, Obs: h.Obs, Actions: h.Actions, ActionDim: h.ActionDim, Source: h.Source, Note: h.Note,
		Random: h.Random, RandomEpisodes: h.RandomEpisodes}
	size := 1
	for _, n := range h.Obs {
		if n < 1 || n > maxElements || size > maxElements/n {
			return nil, fmt.Errorf("header: observations of shape %v: sizes are at least 1 and make at most %d numbers", h.Obs, maxElements)
		}
		size *= n
	}
	if h.Actions > maxElements || h.ActionDim > maxElements {
		return nil, fmt.Errorf("header: %d choices, action vectors of %d: at most %d are read", h.Actions, h.ActionDim, maxElements)
	}
	return d, nil
}

// maxElements is the largest observation or action that is read.
const maxElements = 1 << 24

// ReadDemos reads a file of demonstrations and checks it; it never changes the file.
//
// An .npz holds the arrays obs [sum of T+1, ...], acts [sum of T] or [sum of T, dim], terminal [episodes] (the episode came to its own end),
// indices [episodes-1] (the step at which the second, third, ... episode begins) and, if known, rews [sum of T]; beside them header.json. That is
// the layout of the Python package imitation, whose files are read too: they have no header, so Env is empty and Actions one more than the
// largest choice that was taken.
//
// A .jsonl has a header as its first line and one episode on each further line, {"obs": [[...], ...], "action": [...], "reward": [...],
// "terminated": true}.
func ReadDemos(path string) (*Demos, error) {
	b, err := readBounded(path)
	if err != nil {
		return nil, fmt.Errorf("demonstrations: %w", err)
	}
	d, err := parseDemos(filepath.Ext(path), b)
	if err != nil {
		return nil, fmt.Errorf("demonstrations: %s: %w", path, err)
	}
	return d, nil
}

func readBounded(path string) ([]byte, error) {
	in, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	b, err := io.ReadAll(io.LimitReader(in, maxDemoFile+1))
	if err != nil {
		return nil, err
	}
	if len(b) > maxDemoFile {
		return nil, fmt.Errorf("%s is larger than the %d bytes that are read: split it", path, maxDemoFile)
	}
	return b, nil
}

// parseDemos reads and checks the bytes of a file with that ending.
func parseDemos(ext string, b []byte) (*Demos, error) {
	var d *Demos
	var err error
	switch ext {
	case ".npz":
		d, err = parseNPZ(b)
	case ".jsonl":
		d, err = parseJSONL(b)
	case ".pkl", ".pickle":
		return nil, errors.New("a pickle can run code when it is loaded, so it is never read: save it as .npz")
	case ".hdf5", ".h5", ".arrow":
		return nil, errors.New("neither HDF5 nor Arrow is read: save it as .npz, as the documentation of package datasets shows")
	default:
		return nil, fmt.Errorf("files ending in %q are not read: .npz and .jsonl are", ext)
	}
	if err != nil {
		return nil, err
	}
	if err := d.Check(); err != nil {
		return nil, err
	}
	sum := sha256.Sum256(b)
	d.SHA256 = hex.EncodeToString(sum[:])
	return d, nil
}

// Write writes a file that ReadDemos reads, by its ending: .npz or .jsonl. What was at path before stays until the new file is whole.
func (d *Demos) Write(path string) error {
	if err := d.Check(); err != nil {
		return err
	}
	var b []byte
	var err error
	switch ext := filepath.Ext(path); ext {
	case ".npz":
		b, err = d.npz()
	case ".jsonl":
		b, err = d.jsonl()
	default:
		err = fmt.Errorf("files ending in %q are not written: .npz and .jsonl are", ext)
	}
	if err == nil {
		err = writeWhole(path, b)
	}
	if err != nil {
		return fmt.Errorf("demonstrations: %s: %w", path, err)
	}
	return nil
}

// writeWhole writes beside path and renames.
func writeWhole(path string, b []byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(b)
	if err := errors.Join(err, tmp.Chmod(0o644), tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}

const headerName = "header.json"

func (d *Demos) npz() ([]byte, error) {
	var obs, acts, rews []float32
	var terminal []bool
	var indices []int64
	steps := 0
	for i, t := range d.Trajectories {
		if i > 0 {
			indices = append(indices, int64(steps))
		}
		obs, acts, rews = append(obs, t.Obs...), append(acts, t.Action...), append(rews, t.Reward...)
		terminal = append(terminal, t.Terminated)
		steps += d.steps(t)
	}
	var buf bytes.Buffer
	w := npz.NewWriter(&buf)
	head, err := json.MarshalIndent(d.header(), "", "  ")
	if err == nil {
		err = w.Raw(headerName, head)
	}
	add := func(name string, a npz.Array, e error) {
		if err == nil {
			err = e
		}
		if err == nil {
			err = w.Array(name, a)
		}
	}
	put := func(name string, xs []float32, shape ...int) {
		a, e := npz.NewArray(xs, shape...)
		add(name, a, e)
	}
	put("obs", obs, append([]int{steps + len(d.Trajectories)}, d.Obs...)...)
	if d.Actions == 0 {
		put("acts", acts, steps, d.ActionDim)
	} else {
		choices := make([]int64, steps)
		for i, a := range acts {
			choices[i] = int64(a)
		}
		a, e := npz.NewArray(choices, steps)
		add("acts", a, e)
	}
	if rews != nil {
		put("rews", rews, steps)
	}
	ends, e := npz.NewArray(terminal, len(terminal))
	add("terminal", ends, e)
	begins, e := npz.NewArray(indices, len(indices))
	add("indices", begins, e)
	err = errors.Join(err, w.Close())
	return buf.Bytes(), err
}

func parseNPZ(b []byte) (*Demos, error) {
	f, err := npz.NewFile(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return nil, err
	}
	head, err := f.Raw(headerName, 1<<20)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"obs", "acts", "terminal", "indices"} {
		if !f.Has(name) {
			return nil, fmt.Errorf("no array %q: the file needs obs, acts, terminal and indices, it has %s", name, strings.Join(f.Names(), ", "))
		}
	}
	arrays := map[string]npz.Array{}
	for _, name := range []string{"obs", "acts", "terminal", "indices", "rews"} {
		if !f.Has(name) {
			continue
		}
		if arrays[name], err = f.Array(name); err != nil {
			return nil, err
		}
	}
	obs, acts := arrays["obs"], arrays["acts"]
	if len(obs.Shape) < 1 || len(acts.Shape) < 1 || len(acts.Shape) > 2 {
		return nil, fmt.Errorf("obs is %v and acts %v: the first size of both is steps, and acts may have one more", obs.Shape, acts.Shape)
	}
	own := demoHeader{Format: demoFormat, Obs: obs.Shape[1:]}
	if len(own.Obs) == 0 {
		own.Obs = []int{1}
	}
	switch {
	case len(acts.Shape) == 2:
		own.ActionDim = acts.Shape[1]
	case acts.Whole():
		for _, a := range acts.Float32s() {
			own.Actions = max(own.Actions, int(min(a, maxElements))+1)
		}
		own.Actions = max(own.Actions, 2)
	default:
		return nil, fmt.Errorf("acts is a row of %s: choices are integers, and vectors have a second size", acts.DType)
	}
	if head != nil {
		said := demoHeader{}
		if err := strictJSON(head, &said); err != nil {
			return nil, fmt.Errorf("%s: %w", headerName, err)
		}
		if fmt.Sprint(said.Obs) != fmt.Sprint(own.Obs) || said.ActionDim != own.ActionDim || (said.Actions > 0) != (own.Actions > 0) {
			return nil, fmt.Errorf("%s says observations %v, %d choices, action vectors of %d; the arrays hold %v, up to %d, %d: they do not belong together",
				headerName, said.Obs, said.Actions, said.ActionDim, own.Obs, own.Actions, own.ActionDim)
		}
		own = said
	}
	d, err := own.demos()
	if err != nil {
		return nil, err
	}
	return d, d.cut(arrays)
}

// cut parts the arrays of an .npz into trajectories.
func (d *Demos) cut(arrays map[string]npz.Array) error {
	obs, acts, terminal := arrays["obs"], arrays["acts"], arrays["terminal"]
	steps, episodes := acts.Shape[0], terminal.Len()
	if len(terminal.Shape) != 1 || episodes == 0 {
		return fmt.Errorf("terminal is %v: it needs one flag for each trajectory", terminal.Shape)
	}
	indices := arrays["indices"]
	if indices.Len() != episodes-1 || !indices.Whole() {
		return fmt.Errorf("terminal has %d flags and indices %d of %s: %d trajectories begin at %d integers, the first at 0", episodes, indices.Len(), indices.DType, episodes, episodes-1)
	}
	if obs.Shape[0] != steps+episodes {
		return fmt.Errorf("obs has %d rows and acts %d: %d trajectories need %d observations, one more than actions in each", obs.Shape[0], steps, episodes, steps+episodes)
	}
	rews, known := arrays["rews"]
	if known && (len(rews.Shape) != 1 || rews.Shape[0] != steps) {
		return fmt.Errorf("rews is %v and acts %v: give one reward a step", rews.Shape, acts.Shape)
	}
	begins := append([]float64{0}, indices.Float64s()...)
	begins = append(begins, float64(steps))
	xs, as, flags := obs.Float32s(), acts.Float32s(), terminal.Bools()
	var rs []float32
	if known {
		rs = rews.Float32s()
	}
	size, cols := d.ObsSize(), d.Columns()
	for i := range episodes {
		if begins[i+1] <= begins[i] || begins[i+1] > float64(steps) {
			return fmt.Errorf("trajectory %d goes from step %.0f to %.0f of %d: an empty trajectory, or indices that do not increase", i+1, begins[i], begins[i+1], steps)
		}
		from, to := int(begins[i]), int(begins[i+1])
		t := Trajectory{Obs: xs[(from+i)*size : (to+i+1)*size], Action: as[from*cols : to*cols], Terminated: flags[i]}
		if known {
			t.Reward = rs[from:to]
		}
		d.Trajectories = append(d.Trajectories, t)
	}
	return nil
}

func strictJSON(b []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return err
	}
	if dec.More() {
		return errors.New("something follows the end of the object")
	}
	return nil
}
