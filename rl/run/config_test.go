package run

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

type optimizer struct {
	// Learning rate.
	LR float64 `json:"lr" default:"5e-4"`
	// Clip is the largest gradient norm.
	Clip *float64 `json:"clip" default:"0.5"`
}

type Shared struct {
	Batch int `json:"batch" default:"32"` // rows in a batch
}

type testConfig struct {
	Shared
	Policy optimizer `json:"policy"`
	// Method of training.
	// It has two lines.
	Method  string        `json:"method" default:"joint" enum:"joint|explore|offline"`
	Hidden  []int         `json:"hidden" default:"64,64"`
	Noise   float64       `json:"noise"`
	Swap    bool          `json:"swap"`
	Every   time.Duration `json:"every" default:"1.5s"`
	Small   uint8         `json:"small" default:"3"`
	Feeds   []string      `json:"feeds" enum:"a|b"`
	private int
	Skipped int `json:"-"`
}

func (c *testConfig) Check() []error {
	var out []error
	if c.Batch < 0 {
		out = append(out, fmt.Errorf("batch: %d is negative: use 32", c.Batch))
	}
	if c.Noise > 1 {
		out = append(out, fmt.Errorf("noise: %v is above 1", c.Noise))
	}
	return out
}

func TestResolve(t *testing.T) {
	zero := 0.0
	c := testConfig{Hidden: []int{8}, private: 1}
	c.Policy.Clip = &zero
	must(t, Resolve(&c))
	if c.Batch != 32 || c.Policy.LR != 5e-4 || *c.Policy.Clip != 0 || c.Method != "joint" || !slices.Equal(c.Hidden, []int{8}) ||
		c.Every != 1500*time.Millisecond || c.Small != 3 || c.Noise != 0 || c.private != 1 {
		t.Errorf("%+v", c)
	}
	before := fmt.Sprintf("%+v", c)
	must(t, Resolve(&c))
	if fmt.Sprintf("%+v", c) != before {
		t.Error("resolving twice changed it")
	}
}

func TestResolveRejectsBadStructs(t *testing.T) {
	for name, tc := range map[string]struct {
		cfg  any
		want string
	}{
		"not a pointer": {testConfig{}, "pointer to a struct"},
		"nil":           {(*testConfig)(nil), "pointer to a struct"},
		"bool with true": {&struct {
			A bool `default:"true"`
		}{}, "cannot be switched off"},
		"bad default": {&struct {
			A int `default:"x"`
		}{}, `default "x"`},
		"map":             {&struct{ A map[string]int }{}, "cannot be set from text"},
		"slice of slices": {&struct{ A [][]int }{}, "cannot be set from text"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := Resolve(tc.cfg); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want %q", err, tc.want)
			}
		})
	}
}

func TestSet(t *testing.T) {
	var c testConfig
	must(t, Set(&c, "batch=1e3", "policy.lr=1e-3", " policy.clip = 0 ", "method=offline", "hidden=16, 8", "noise=0", "swap=true", "every=2m", "small=255", "feeds=a,b"))
	if c.Batch != 1000 || c.Policy.LR != 1e-3 || *c.Policy.Clip != 0 || c.Method != "offline" || !slices.Equal(c.Hidden, []int{16, 8}) ||
		!c.Swap || c.Every != 2*time.Minute || c.Small != 255 || !slices.Equal(c.Feeds, []string{"a", "b"}) {
		t.Errorf("%+v", c)
	}
}

func TestSetErrors(t *testing.T) {
	for in, want := range map[string]string{
		"bacth=3":         `unknown key "bacth": did you mean "batch"? keys are batch, policy.lr,`,
		"policy.l=3":      `did you mean "policy.lr"`,
		"zebra=3":         `unknown key "zebra": keys are`,
		"Skipped=3":       `unknown key "Skipped": keys are`,
		"batch":           "key=value",
		"=3":              "key=value",
		"batch=2.5":       `batch: "2.5" is not a whole number`,
		"batch=0":         "zero stands for the default here, which is 32",
		"small=256":       "of 8 bits",
		"small=-1":        "zero or more",
		"policy.lr=fast":  `"fast" is not a number`,
		"noise=NaN":       `"NaN" is not a number`,
		"noise=inf":       `"inf" is not a number`,
		"swap=maybe":      `"maybe" is not true or false`,
		"every=5":         `"5" is not a duration`,
		"hidden=8,x":      `"x" is not a whole number`,
		"method=ofline":   `method: "ofline" is none of joint, explore, offline: did you mean "offline"?`,
		"feeds=a,c":       `feeds: "c" is none of a, b`,
		"batch=1e300":     "is not a whole number",
		"hidden=":         `"" is not a whole number`,
		"policy.clip=wat": `"wat" is not a number`,
	} {
		t.Run(in, func(t *testing.T) {
			c := testConfig{}
			err := Set(&c, "swap=true", in)
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("error %v, want %q", err, want)
			}
			if c.Swap {
				t.Error("a refused Set changed the configuration")
			}
		})
	}
	err := Set(&testConfig{}, "a=1", "batch=x", "noise=2")
	if err == nil || !strings.Contains(err.Error(), "2 problems:\n  ") {
		t.Errorf("two mistakes gave: %v", err)
	}
}

func TestCheckSaysEverything(t *testing.T) {
	c := testConfig{Noise: 2, Method: "x"}
	c.Batch = -1
	err := Check(&c)
	want := `configuration: 3 problems:
  method: "x" is none of joint, explore, offline
  batch: -1 is negative: use 32
  noise: 2 is above 1`
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
	good := testConfig{}
	must(t, Resolve(&good))
	must(t, Check(&good))
}

func TestDiff(t *testing.T) {
	a, b := testConfig{}, testConfig{Swap: true}
	must(t, Resolve(&a))
	must(t, Resolve(&b))
	b.Policy.LR = 1e-3
	got, err := Diff(a, &b)
	must(t, err)
	if fmt.Sprint(got) != "[policy.lr: 0.0005 -> 0.001 swap: false -> true]" {
		t.Errorf("diff %v", got)
	}
	// Numbers compare as numbers, whoever wrote them.
	got, err = Diff(json.RawMessage(`{"lr":5e-4,"n":1e3,"big":9007199254740993}`), json.RawMessage(`{"lr":0.0005,"n":1000,"big":9007199254740992}`))
	must(t, err)
	if fmt.Sprint(got) != "[big: 9007199254740993 -> 9007199254740992]" {
		t.Errorf("diff %v", got)
	}
	if _, err := Diff(json.RawMessage(`[1]`), a); err == nil {
		t.Error("a list is no configuration")
	}
}

func TestTable(t *testing.T) {
	c := testConfig{}
	must(t, Set(&c, "policy.lr=1e-3"))
	must(t, Resolve(&c))
	got, err := Table(&c)
	must(t, err)
	want := `batch        32
policy.lr    0.001  (default 0.0005)
policy.clip  0.5
method       joint
hidden       64,64
noise        0
swap         false
every        1.5s
small        3
feeds
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

const testSource = `package p
// Shared is shared.
type Shared struct {
	Batch int // rows in a batch
}
type (
	optimizer struct {
		// Learning rate.
		LR float64
		Clip *float64
	}
	testConfig struct {
		Shared
		Policy optimizer
		// Method of training.
		// It has two lines.
		Method string
	}
)`

func TestHelp(t *testing.T) {
	c := &testConfig{}
	c.Batch = 64 // a preset's own value
	got, err := Help(testSource, c)
	must(t, err)
	want := `  batch  int, default 64
      rows in a batch
  policy.lr  float, default 5e-4
      Learning rate.
  policy.clip  float, default 0.5
  method  string, one of joint, explore, offline, default joint
      Method of training.
      It has two lines.
  hidden  int,..., default 64,64
`
	if !strings.HasPrefix(got, want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if _, err := Help("not go", c); err == nil || !strings.Contains(err.Error(), "embed the Go file") {
		t.Errorf("error %v", err)
	}
}

// A configuration that embeds one of another package takes its help from both files; the first that explains a field is heard.
func TestHelpFromTwoFiles(t *testing.T) {
	type inner struct{ Rate, Steps int }
	type outer struct {
		inner
		More int
	}
	got, err := fieldComments("package b\n\ntype outer struct {\n\t// Of the outer.\n\tMore int\n}\n" +
		"package a\n\nimport \"fmt\"\n\ntype inner struct {\n\t// Of the inner.\n\tRate int\n}\ntype outer struct{ More int } // another\n")
	must(t, err)
	if got["outer.More"] != "Of the outer." || got["inner.Rate"] != "Of the inner." {
		t.Errorf("comments %q of %T", got, outer{})
	}
}

func TestNearest(t *testing.T) {
	names := []string{"igl-mnist", "igl-fashion", "gail-cartpole", "lr"}
	for in, want := range map[string]string{
		"igl-minst": "igl-mnist", "igl_mnist": "igl-mnist", "iglmnist": "igl-mnist", "lrr": "lr", "rl": "lr",
		"gail-cartpol": "gail-cartpole", "zebra": "", "": "", "x": "",
	} {
		if got := Nearest(in, names); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", in, got, want)
		}
	}
	for _, tc := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"kitten", "sitting", 3}, {"ab", "ba", 1}, {"abc", "", 3}, {"flaw", "lawn", 2}} {
		if got := editDistance(tc.a, tc.b); got != tc.want {
			t.Errorf("distance of %q and %q: %d, want %d", tc.a, tc.b, got, tc.want)
		}
	}
}

func FuzzSet(f *testing.F) {
	for _, s := range []string{"batch=3", "hidden=1,2", "every=1s", "policy.clip=0", "feeds=a", "x", "small=1e2"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var c testConfig
		if Set(&c, s) != nil {
			return
		}
		// What was accepted can be saved and read back the same.
		raw, err := json.Marshal(c)
		must(t, err)
		var back testConfig
		must(t, json.Unmarshal(raw, &back))
		if d, err := Diff(c, back); err != nil || len(d) > 0 {
			t.Errorf("%q: %v, %v", s, d, err)
		}
	})
}

func TestStreams(t *testing.T) {
	seen := map[int64]string{}
	for seed := int64(-50); seed < 5000; seed++ {
		for _, name := range []string{StreamInit, StreamTrain, StreamEval, StreamData, "", "train2"} {
			s := Stream(seed, name)
			if s < 0 {
				t.Fatalf("stream %d %s is negative", seed, name)
			}
			id := fmt.Sprint(seed, name)
			if other, ok := seen[s]; ok {
				t.Fatalf("%s and %s share stream %d", id, other, s)
			}
			seen[s] = id
		}
	}
	// Fixed for ever, because every stored run depends on it. Computed with:
	// python3 -c 'import hashlib,struct;print(struct.unpack("<Q",hashlib.sha256(b"rewardlab stream 1\0"+struct.pack("<q",3)+b"train").digest()[:8])[0]>>1)'
	if got := Stream(3, "train"); got != streamOf3 {
		t.Errorf("Stream(3, train) = %d, want %d", got, int64(streamOf3))
	}
}

func TestProblemListUnwraps(t *testing.T) {
	sentinel := errors.New("x")
	if err := listErrors("job", []error{errors.New("y"), sentinel}); !errors.Is(err, sentinel) {
		t.Error("a listed problem is not found")
	}
}

const streamOf3 = 6014707248090064033
