package backend

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestParseSpec(t *testing.T) {
	rel, err := filepath.Abs("x/p.so")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		in   string
		want spec
		err  string // what the error must say
	}{
		{in: "go", want: spec{engine: "go"}},
		{in: "go:ops_sequential", want: spec{engine: "go", options: "ops_sequential"}},
		{in: "xla", want: spec{engine: "xla"}},
		{in: " stablehlo:cpu ", want: spec{engine: "xla", plugin: "cpu"}},
		{in: "xla:cuda,tf32=false,preallocate", want: spec{engine: "xla", plugin: "cuda", options: "tf32=false,preallocate"}},
		{in: "xla:cpu,notf32", want: spec{engine: "xla", plugin: "cpu", options: "notf32"}},
		{in: "xla:/a/p.so", want: spec{engine: "xla", plugin: "/a/p.so"}},
		{in: "xla:x/p.so", want: spec{engine: "xla", plugin: rel}},
		{in: "xlaa", err: `did you mean "xla"?`},
		{in: "og", err: `did you mean "go"?`},
		{in: "cuda", err: `did you mean "xla:cuda"?`},
		{in: "cpuu:x", err: `did you mean "xla:cpu"?`},
		{in: "tensorflow", err: "the engines are go, xla, xla:cpu"},
		{in: "xla:cpu,tf23", err: `did you mean "tf32"?`},
		{in: "xla:cuda,memory=0.5", err: "the options are memory_fraction"},
	}
	for _, tt := range tests {
		t.Run(tt.in, func(t *testing.T) {
			got, err := parseSpec(tt.in)
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Fatalf("error %v, want one with %q", err, tt.err)
				}
				return
			}
			if err != nil || got != tt.want {
				t.Fatalf("got %+v, %v, want %+v", got, err, tt.want)
			}
		})
	}
}

func TestDistance(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want int
	}{{"", "cpu", 3}, {"cpu", "cpu", 0}, {"cup", "cpu", 1}, {"cuda", "cpu", 3}, {"xlaa", "xla", 1}} {
		if got := distance(tt.a, tt.b); got != tt.want {
			t.Errorf("distance(%q, %q) = %d, want %d", tt.a, tt.b, got, tt.want)
		}
	}
}
