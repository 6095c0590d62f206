package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/rewardlab/rewardlab/rl/speed"
)

func TestBenchCommandLine(t *testing.T) {
	for name, tc := range map[string]struct {
		args string
		want string
	}{
		"unknown environment": {"bench -env cratpole", `environment "cratpole" is not in the table (did you mean "cartpole"?)`},
		"unknown kind":        {"bench -what trian", `-what "trian": did you mean "train"? kinds are random, policy, train`},
		"unknown preset":      {"bench count-pu", `unknown preset "count-pu": did you mean "count-up"?`},
		"no repeats":          {"bench -repeats -1", "give positive numbers"},
		"no environments":     {"bench -envs 0", "give positive numbers"},
		"backwards":           {"bench -each -1s", "give positive numbers"},
		"unknown flag":        {"bench -jsn", `unknown flag -jsn: did you mean "json"?`},
	} {
		t.Run(name, func(t *testing.T) {
			got := shell(t, t.Context(), nil, strings.Fields(tc.args)...)
			if got.code != exitUsage || got.out != "" || !strings.Contains(got.errout, tc.want) {
				t.Errorf("exit code %d\nstdout %q\nstderr %q\nwant %q", got.code, got.out, got.errout, tc.want)
			}
		})
	}
	got := shell(t, t.Context(), nil, "bench", "--help")
	for _, part := range []string{"rl bench [PRESET...]", "-env e1,e2", "-engine e1,e2", "-repeats n", "-fast", "-json"} {
		if got.code != exitOK || !strings.Contains(got.out, part) {
			t.Errorf("help lacks %q:\n%s", part, got.out)
		}
	}
}

type benchReport struct {
	Cores   int            `json:"cores"`
	EachS   float64        `json:"each_s"`
	Results []speed.Result `json:"results"`
	Errors  []string       `json:"errors"`
}

func readBench(t *testing.T, out string) (r benchReport) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(out))
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil || strings.Count(out, "\n") != 1 {
		t.Fatalf("%v: stdout is not one object:\n%s", err, out)
	}
	return r
}

func TestBenchSteps(t *testing.T) {
	got := shell(t, t.Context(), nil, strings.Fields("bench -json -engine go -env cartpole,pendulum -envs 4 -repeats 2 -each 5ms")...)
	if got.code != exitOK {
		t.Fatalf("exit code %d: %s", got.code, got.errout)
	}
	r := readBench(t, got.out)
	var rows []string
	for _, m := range r.Results {
		rows = append(rows, fmt.Sprint(m.What, " ", m.Name, " ", m.Engine, " ", m.Envs, " ", len(m.Repeats)))
		if !(m.Lo > 0 && m.Lo <= m.Median && m.Median <= m.Hi) || m.Steps < 8 {
			t.Errorf("%+v", m)
		}
	}
	want := "random cartpole go 4 2, policy cartpole go 4 2, random pendulum go 4 2, policy pendulum go 4 2"
	if strings.Join(rows, ", ") != want || r.Cores < 1 || r.EachS != 0.005 {
		t.Errorf("results %q, want %q; %+v", rows, want, r)
	}
	// People read the same rows.
	for _, part := range []string{"medians of 2 repeats of 5ms", "compile s", "random  cartpole              go"} {
		if !strings.Contains(got.errout, part) {
			t.Errorf("the table lacks %q:\n%s", part, got.errout)
		}
	}
}

func TestBenchTraining(t *testing.T) {
	got := shell(t, t.Context(), nil, "bench", "-json", "-fast", "-each", "1us", "count-up")
	if got.code != exitOK {
		t.Fatalf("exit code %d: %s", got.code, got.errout)
	}
	r := readBench(t, got.out)
	if len(r.Results) != 1 || r.Results[0].What != "train" || r.Results[0].Name != "count-up" || r.Results[0].Engine != "abacus" ||
		r.Results[0].CompileSeconds != 0.125 || len(r.Results[0].Repeats) != 3 || r.Results[0].Steps < 30 {
		t.Errorf("%+v", r.Results)
	}
}

// What fails does not keep the rest from being measured, and is told.
func TestBenchFailures(t *testing.T) {
	got := shell(t, t.Context(), nil, "bench", "-json", "-fast", "-each", "1us", "broken", "count-up")
	r := readBench(t, got.out)
	if got.code != exitFailed || len(r.Results) != 1 || len(r.Errors) != 1 || !strings.Contains(r.Errors[0], "preset broken: no plugin: install one") {
		t.Errorf("exit code %d, %+v", got.code, r)
	}
	got = shell(t, t.Context(), nil, "bench", "-fast", "-env", "cartpole", "-engine", "gpu9")
	if got.code != exitFailed || !strings.Contains(got.errout, "gpu9") {
		t.Errorf("%+v", got)
	}
}
