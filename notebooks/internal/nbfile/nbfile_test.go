package nbfile

import (
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	nb, err := Parse([]byte(`{"nbformat":4,"nbformat_minor":5,"metadata":{"kernelspec":{"name":"rewardlab"},"rewardlab":{"no_assert":true}},
	 "cells":[{"cell_type":"code","id":"a","source":["%%\n","x := 1\n"],"metadata":{"tags":["raises-exception"]}},{"cell_type":"markdown","source":"# T"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if nb.Meta.Kernel.Name != "rewardlab" || !nb.Meta.Lab.NoAssert || nb.Cells[0].Source != "%%\nx := 1\n" || nb.Cells[1].Source != "# T" {
		t.Errorf("%+v", nb)
	}
	if !nb.Cells[0].Tagged("raises-exception") || nb.Cells[1].Tagged("raises-exception") || nb.Cells[0].Title() != "x := 1" {
		t.Errorf("%+v", nb.Cells)
	}
}

func TestTitle(t *testing.T) {
	for source, want := range map[string]string{
		"":                            "",
		"import \"fmt\"\n\n%%\nrun()": "run()",
		"import (\n\t\"fmt\"\n\t\"os\"\n)\n// Train.\n%%\nx()": "// Train.",
		"import (\n\t\"fmt\"\n":                                "",
		"!ls":                                                  "!ls",
	} {
		if got := (Cell{Source: Text(source)}).Title(); got != want {
			t.Errorf("%q: %q, want %q", source, got, want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for name, tt := range map[string][2]string{
		"not JSON":         {"hello", "not a notebook"},
		"an old format":    {`{"nbformat":3}`, "format 3"},
		"source a number":  {`{"nbformat":4,"cells":[{"source":3}]}`, "not a notebook"},
		"some other JSON":  {`{}`, "format 0"},
		"a merge conflict": {"<<<<<<< HEAD\n{}", "version control"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Parse([]byte(tt[0])); err == nil || !strings.Contains(err.Error(), tt[1]) {
				t.Errorf("error %v, want %q", err, tt[1])
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"nbformat":4,"cells":[{"cell_type":"code","source":["a","b"],"outputs":[{}]}]}`))
	f.Add([]byte(`{"nbformat":4,"metadata":{"kernelspec":{}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		nb, err := Parse(data)
		if err != nil {
			return
		}
		for _, c := range nb.Cells {
			if strings.Contains(c.Title(), "\n") {
				t.Errorf("title %q", c.Title())
			}
		}
	})
}
