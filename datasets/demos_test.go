package datasets

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/rewardlab/rewardlab/datasets/fetch"
	"github.com/rewardlab/rewardlab/datasets/npz"
)

// walks are two episodes on a line: of 3 steps to the end, of 2 steps cut by a limit.
func walks() *Demos {
	return &Demos{Env: "line", Obs: []int{2}, Actions: 3, Source: "by hand", Note: "toy", Random: 1, RandomEpisodes: 4, Trajectories: []Trajectory{
		{Obs: []float32{0, .5, 1, .5, 2, .5, 3, .5}, Action: []float32{0, 1, 2}, Reward: []float32{1, 1, 2}, Terminated: true},
		{Obs: []float32{5, 0, 6, 0, 7, 0}, Action: []float32{2, 2}, Reward: []float32{0, 1}},
	}}
}

// pushes is one episode with vectors as actions.
func pushes() *Demos {
	return &Demos{Env: "plane", Obs: []int{1}, ActionDim: 2, Trajectories: []Trajectory{
		{Obs: []float32{0, 1, 2}, Action: []float32{.25, -1, 1, 0}, Terminated: true},
	}}
}

func TestDemosFile(t *testing.T) {
	for _, c := range []struct {
		name  string
		demos *Demos
	}{{"choices", walks()}, {"vectors without rewards", pushes()}} {
		for _, ext := range []string{".npz", ".jsonl"} {
			t.Run(c.name+ext, func(t *testing.T) {
				path := filepath.Join(t.TempDir(), "x"+ext)
				if err := c.demos.Write(path); err != nil {
					t.Fatal(err)
				}
				got, err := ReadDemos(path)
				if err != nil {
					t.Fatal(err)
				}
				if len(got.SHA256) != 64 {
					t.Errorf("SHA-256 %q", got.SHA256)
				}
				got.SHA256 = ""
				if !reflect.DeepEqual(got, c.demos) {
					t.Errorf("read %+v, wrote %+v", got, c.demos)
				}
				if left, _ := os.ReadDir(filepath.Dir(path)); len(left) != 1 {
					t.Errorf("%d files are left: %v", len(left), left)
				}
			})
		}
	}
}

// TestPeerLayout reads what the package imitation writes: no header, an object array beside the numbers.
func TestPeerLayout(t *testing.T) {
	d, err := parseDemos(".npz", peerFile(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	if want := walks().Trajectories; d.Actions != 3 || !slices.Equal(d.Obs, []int{2}) || !reflect.DeepEqual(d.Trajectories, want) {
		t.Errorf("read %+v, want the trajectories %+v", d, want)
	}
}

// peerFile is walks in that layout; change replaces or (nil) removes arrays.
func peerFile(t testing.TB, change map[string]any) []byte {
	t.Helper()
	arrays := map[string]any{
		"obs":      must[npz.Array](t)(npz.NewArray([]float32{0, .5, 1, .5, 2, .5, 3, .5, 5, 0, 6, 0, 7, 0}, 7, 2)),
		"acts":     must[npz.Array](t)(npz.NewArray([]int64{0, 1, 2, 2, 2}, 5)),
		"rews":     must[npz.Array](t)(npz.NewArray([]float64{1, 1, 2, 0, 1}, 5)),
		"indices":  must[npz.Array](t)(npz.NewArray([]int64{3}, 1)),
		"terminal": must[npz.Array](t)(npz.NewArray([]bool{true, false}, 2)),
		"infos":    object,
	}
	for name, a := range change {
		arrays[name] = a
	}
	var buf bytes.Buffer
	w := npz.NewWriter(&buf)
	for _, name := range []string{"obs", "acts", "infos", "terminal", "indices", "rews"} {
		var err error
		switch a := arrays[name].(type) {
		case npz.Array:
			err = w.Array(name, a)
		case []byte:
			err = w.Raw(name+".npy", a)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// object is an .npy of Python objects.
var object = []byte("\x93NUMPY\x01\x00\x3a\x00{'descr': '|O', 'fortran_order': False, 'shape': (5,), }  \n\x80\x04]")

func must[T any](t testing.TB) func(T, error) T {
	return func(x T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
}

func TestReadDemosRefuses(t *testing.T) {
	array := must[npz.Array](t)
	f4 := func(xs []float32, shape ...int) npz.Array { return array(npz.NewArray(xs, shape...)) }
	i8 := func(xs []int64, shape ...int) npz.Array { return array(npz.NewArray(xs, shape...)) }
	nan := float32(math.NaN())
	const head = `{"demonstrations":1,"obs":[2],"actions":3}` + "\n"
	for _, c := range []struct {
		name, file string
		data       []byte
		says       string
	}{
		{"no terminal flags", "a.npz", peerFile(t, map[string]any{"terminal": nil}), `no array "terminal"`},
		{"object array", "a.npz", peerFile(t, map[string]any{"obs": object}), "never loaded"},
		{"object rewards", "a.npz", peerFile(t, map[string]any{"rews": object}), "never loaded"},
		{"NaN observation", "a.npz", peerFile(t, map[string]any{"obs": f4([]float32{0, 1, 1, 1, nan, 1, 3, 1, 5, 0, 6, 0, 7, 0}, 7, 2)}), "observation 2 holds NaN"},
		{"NaN reward", "a.npz", peerFile(t, map[string]any{"rews": f4([]float32{0, 1, 1, 1, nan}, 5)}), "reward 1 holds NaN"},
		{"NaN action", "a.npz", peerFile(t, map[string]any{"acts": f4([]float32{0, 1, 1, 1, nan}, 5, 1)}), "action 1 holds NaN"},
		{"one observation a step", "a.npz", peerFile(t, map[string]any{"obs": f4(make([]float32, 10), 5, 2)}), "one more than actions"},
		{"an empty trajectory", "a.npz", peerFile(t, map[string]any{"indices": i8([]int64{5}, 1)}), "empty trajectory"},
		{"indices that go back", "a.npz", peerFile(t, map[string]any{"indices": i8([]int64{-1}, 1)}), "empty trajectory"},
		{"too few indices", "a.npz", peerFile(t, map[string]any{"indices": i8(nil, 0)}), "2 flags and indices 0"},
		{"too few rewards", "a.npz", peerFile(t, map[string]any{"rews": f4([]float32{1}, 1)}), "one reward a step"},
		{"choices that are no integers", "a.npz", peerFile(t, map[string]any{"acts": f4([]float32{0, 1, 1, 1, 1}, 5)}), "choices are integers"},
		{"a negative choice", "a.npz", peerFile(t, map[string]any{"acts": i8([]int64{0, 1, 1, 1, -1}, 5)}), "action 1 is -1"},
		{"no archive", "a.npz", []byte("hello"), "zip"},
		{"a pickle", "a.pkl", []byte("\x80\x04]."), "never read"},
		{"HDF5", "a.hdf5", []byte("\x89HDF"), "neither HDF5"},
		{"unknown ending", "a.csv", []byte("1,2"), ".npz and .jsonl"},
		{"empty file", "a.jsonl", nil, "empty file"},
		{"no episode", "a.jsonl", []byte(head), "no trajectories"},
		{"other format", "a.jsonl", []byte(`{"demonstrations":2,"obs":[2],"actions":3}`), "format 2"},
		{"both kinds of action", "a.jsonl", []byte(`{"demonstrations":1,"obs":[2],"actions":3,"action_dim":1}` + "\n" + `{}`), "terminated"},
		{"no action space", "a.jsonl", []byte(`{"demonstrations":1,"obs":[2]}` + "\n" + `{"obs":[[0,0],[0,0]],"action":[[]],"terminated":true}`), "either Actions or ActionDim"},
		{"terminated missing", "a.jsonl", []byte(head + `{"obs":[[0,0],[0,0]],"action":[1]}`), "no terminated"},
		{"ragged observation", "a.jsonl", []byte(head + `{"obs":[[0,0],[0]],"action":[1],"terminated":true}`), "observation 1 has 1"},
		{"empty episode", "a.jsonl", []byte(head + `{"obs":[[0,0]],"action":[],"terminated":true}`), "it is empty"},
		{"a choice too many", "a.jsonl", []byte(head + `{"obs":[[0,0],[0,0]],"action":[3],"terminated":true}`), "choices 0 to 2"},
		{"half a choice", "a.jsonl", []byte(head + `{"obs":[[0,0],[0,0]],"action":[0.5],"terminated":true}`), "choices 0 to 2"},
		{"a vector for a choice", "a.jsonl", []byte(head + `{"obs":[[0,0],[0,0]],"action":[[1]],"terminated":true}`), "row of choices"},
		{"NaN in JSON", "a.jsonl", []byte(head + `{"obs":[[0,NaN],[0,0]],"action":[1],"terminated":true}`), "invalid character"},
		{"a misspelt key", "a.jsonl", []byte(head + `{"obs":[[0,0],[0,0]],"actions":[1],"terminated":true}`), "unknown field"},
		{"rewards in one episode only", "a.jsonl", []byte(head + `{"obs":[[0,0],[0,0]],"action":[1],"reward":[1],"terminated":true}` + "\n" +
			`{"obs":[[0,0],[0,0]],"action":[1],"terminated":true}`), "all of them or none"},
		{"a huge observation", "a.jsonl", []byte(`{"demonstrations":1,"obs":[4096,4096,4096],"actions":3}`), "at most"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), c.file)
			if err := os.WriteFile(path, c.data, 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := ReadDemos(path)
			if err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), path) {
				t.Errorf("error %v, want one that names the file and says %q", err, c.says)
			}
			if now, _ := os.ReadFile(path); !bytes.Equal(now, c.data) {
				t.Error("reading changed the file")
			}
		})
	}
}

func TestWriteRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.npz")
	if err := os.WriteFile(path, []byte("before"), 0o600); err != nil {
		t.Fatal(err)
	}
	d := walks()
	d.Trajectories[1].Action[0] = 7
	if err := d.Write(path); err == nil {
		t.Error("an impossible choice was written")
	}
	if err := walks().Write(filepath.Join(filepath.Dir(path), "x.csv")); err == nil {
		t.Error("an unknown ending was written")
	}
	if b, _ := os.ReadFile(path); string(b) != "before" {
		t.Errorf("the file became %q", b)
	}
}

func TestHeaderMismatch(t *testing.T) {
	d := walks()
	b, err := d.npz()
	if err != nil {
		t.Fatal(err)
	}
	d.Actions, d.ActionDim = 0, 1
	other, err := d.npz()
	if err != nil {
		t.Fatal(err)
	}
	a := must[*npz.File](t)(npz.NewFile(bytes.NewReader(b), int64(len(b))))
	o := must[*npz.File](t)(npz.NewFile(bytes.NewReader(other), int64(len(other))))
	var buf bytes.Buffer
	w := npz.NewWriter(&buf)
	if err := w.Raw(headerName, must[[]byte](t)(o.Raw(headerName, 1000))); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"obs", "acts", "terminal", "indices"} {
		if err := w.Array(name, must[npz.Array](t)(a.Array(name))); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := parseDemos(".npz", buf.Bytes()); err == nil || !strings.Contains(err.Error(), "do not belong together") {
		t.Errorf("error %v of a header of other demonstrations", err)
	}
}

func TestPairs(t *testing.T) {
	d := walks()
	p := d.Pairs()
	want := Pairs{
		Obs:    []float32{0, .5, 1, .5, 2, .5, 5, 0, 6, 0},
		Action: []float32{0, 1, 2, 2, 2},
		Next:   []float32{1, .5, 2, .5, 3, .5, 6, 0, 7, 0},
		Done:   []bool{false, false, true, false, false}, // the second episode was cut
	}
	if !reflect.DeepEqual(p, want) || p.Len() != 5 || d.Len() != 5 {
		t.Errorf("pairs %+v, want %+v", p, want)
	}
	if p := pushes().Pairs(); !slices.Equal(p.Action, []float32{.25, -1, 1, 0}) {
		t.Errorf("actions %v", p.Action)
	}
}

func TestSubsample(t *testing.T) {
	long := Trajectory{Obs: make([]float32, 101), Action: make([]float32, 100)}
	for i := range long.Obs {
		long.Obs[i] = float32(i)
	}
	d := &Demos{Obs: []int{1}, Actions: 2, Trajectories: []Trajectory{long, long, long, long}}
	phases := map[float32]bool{}
	for seed := range int64(20) {
		p, err := d.Subsample(10, seed)
		if err != nil {
			t.Fatal(err)
		}
		if p.Len() != 40 {
			t.Fatalf("%d pairs of 4 times 100 steps, want 40", p.Len())
		}
		for i := range p.Len() {
			phase := p.Obs[i/10*10]
			phases[phase] = true
			if p.Obs[i] != phase+10*float32(i%10) || p.Next[i] != p.Obs[i]+1 {
				t.Fatalf("pair %d is %v -> %v, its trajectory began at %v", i, p.Obs[i], p.Next[i], phase)
			}
		}
		if again, _ := d.Subsample(10, seed); !reflect.DeepEqual(p, again) {
			t.Error("the same seed gave other pairs")
		}
	}
	if len(phases) != 10 { // 80 draws miss one of the ten about once in 500 sets of seeds
		t.Errorf("phases %v, want all of 0 to 9", phases)
	}
	for _, every := range []int{0, -3} {
		if _, err := d.Subsample(every, 0); err == nil {
			t.Errorf("every %d-th step was accepted", every)
		}
	}
	short := &Demos{Obs: []int{1}, Actions: 2, Trajectories: []Trajectory{{Obs: []float32{0, 1}, Action: []float32{1}}}}
	empty := 0
	for seed := range int64(20) {
		if _, err := short.Subsample(1000, seed); err != nil {
			empty++
		}
	}
	if empty == 0 {
		t.Error("no error where nothing was left")
	}
}

func TestPick(t *testing.T) {
	d := &Demos{Obs: []int{1}, Actions: 2}
	for i := range 10 {
		d.Trajectories = append(d.Trajectories, Trajectory{Obs: []float32{float32(i), 0}, Action: []float32{0}})
	}
	ids := func(d *Demos) (ids []int) {
		for _, t := range d.Trajectories {
			ids = append(ids, int(t.Obs[0]))
		}
		return ids
	}
	first := must[*Demos](t)(d.First(3))
	if !slices.Equal(ids(first), []int{0, 1, 2}) {
		t.Errorf("first three are %v", ids(first))
	}
	a, b, c := must[*Demos](t)(d.Pick(4, 1)), must[*Demos](t)(d.Pick(4, 1)), must[*Demos](t)(d.Pick(4, 2))
	if !slices.Equal(ids(a), ids(b)) || slices.Equal(ids(a), ids(c)) {
		t.Errorf("picks %v and %v of one seed, %v of another", ids(a), ids(b), ids(c))
	}
	all := ids(must[*Demos](t)(d.Pick(10, 3)))
	slices.Sort(all)
	if !slices.Equal(all, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}) {
		t.Errorf("ten of ten are %v", all)
	}
	for _, n := range []int{0, 11} {
		if _, err := d.Pick(n, 0); err == nil {
			t.Errorf("%d of 10 were picked", n)
		}
	}
}

func TestStats(t *testing.T) {
	d := walks()
	if got := d.Returns(); !slices.Equal(got, []float64{4, 1}) {
		t.Errorf("returns %v, want 4 and 1", got)
	}
	want := DemoStats{Trajectories: 2, Steps: 5, Terminated: 1, Shortest: 2, Longest: 3, Mean: 2.5, Std: 1.5 * math.Sqrt2, Min: 1, Max: 4}
	got := d.Stats()
	if math.Abs(got.Std-want.Std) > 1e-12 {
		t.Errorf("standard deviation %v, want %v", got.Std, want.Std)
	}
	got.Std = want.Std
	if got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if w := d.Warning(); w != "" {
		t.Errorf("warning %q of an expert with 2.5 where random has 1", w)
	}
	d.Random = 3
	if w := d.Warning(); !strings.Contains(w, "random") {
		t.Errorf("warning %q of an expert with 2.5 where random has 3", w)
	}
	if s := pushes().Stats(); !math.IsNaN(s.Mean) || pushes().Returns() != nil {
		t.Errorf("returns of demonstrations without rewards: %+v", s)
	}
}

func TestPeerDemos(t *testing.T) {
	if _, err := PeerDemos(t.Context(), "acrobot", nil); err == nil {
		t.Error("rollouts in acrobot were found")
	}
	if _, ok := fetch.Have(peerItem()); !ok {
		t.Skip("imitation's rollouts are not in the cache")
	}
	for _, c := range []struct {
		env                   string
		episodes, steps, ends int
		mean                  float64
	}{{"cartpole", 57, 26964, 42, 473.05}, {"pendulum", 56, 11200, 0, -189.40}} {
		d, err := PeerDemos(t.Context(), c.env, nil)
		if err != nil {
			t.Fatal(err)
		}
		s := d.Stats()
		if s.Trajectories != c.episodes || s.Steps != c.steps || s.Terminated != c.ends || math.Abs(s.Mean-c.mean) > 0.01 {
			t.Errorf("%s: %+v, want %+v", c.env, s, c)
		}
	}
}

func FuzzReadDemos(f *testing.F) {
	for _, d := range []*Demos{walks(), pushes()} {
		for _, write := range []func() ([]byte, error){d.npz, d.jsonl} {
			b, err := write()
			if err != nil {
				f.Fatal(err)
			}
			f.Add(b)
		}
	}
	f.Add(peerFile(f, nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, ext := range []string{".npz", ".jsonl"} {
			d, err := parseDemos(ext, b)
			if err != nil {
				continue
			}
			if err := d.Check(); err != nil {
				t.Error(err)
			}
			if got := d.Pairs().Len(); got != d.Len() {
				t.Errorf("%d pairs of %d steps", got, d.Len())
			}
			_ = d.Stats()
		}
	})
}

func ExampleDemos_Subsample() {
	d := &Demos{Obs: []int{1}, Actions: 2, Trajectories: []Trajectory{
		{Obs: []float32{0, 1, 2, 3, 4}, Action: []float32{0, 1, 0, 1}, Terminated: true},
	}}
	pairs, err := d.Subsample(2, 7)
	if err != nil {
		panic(err)
	}
	fmt.Println(pairs.Len())
	// Output: 2
}
