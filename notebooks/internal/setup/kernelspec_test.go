package setup

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestKernelspecGolden(t *testing.T) {
	e := &Env{Root: "/home/me/rewardlab", Home: "/home/me/.cache/rewardlab/notebooks/clone-1", hasCC: true,
		goTool: goTool{Root: "/usr/local/go", Flags: "-mod=mod -tags=x"}}
	for name, headless := range map[string]bool{"kernel.json": false, "kernel-headless.json": true} {
		got, err := e.spec(headless)
		if err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != string(want) {
			t.Errorf("%s:\n%s\nwant\n%s", name, got, want)
		}
	}
}

func TestCellFlags(t *testing.T) {
	tests := []struct{ name, users, mode, want string }{
		{"nothing set", "", "", "-buildvcs=false '-ldflags=-s -w'"},
		{"Go's linker", "", "internal", "-buildvcs=false '-ldflags=-s -w -linkmode=internal'"},
		{"the reader's tags stay", "-tags=noxla", "", "-tags=noxla -buildvcs=false '-ldflags=-s -w'"},
		{"what a workspace refuses goes", "-mod=mod -modfile=x.mod -trimpath", "", "-trimpath -buildvcs=false '-ldflags=-s -w'"},
		{"quoted flags", `'-ldflags=-X a=b' "-gcflags=all=-N -l"`, "", "'-gcflags=all=-N -l' -buildvcs=false '-ldflags=-s -w'"},
		{"two dashes", "--mod=vendor  -v", "", "-buildvcs=false '-ldflags=-s -w'"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := cellFlags(tt.users, tt.mode); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

// TestGoReadsTheFlags asks the real go command whether it understands our quoting.
func TestGoReadsTheFlags(t *testing.T) {
	path, err := exec.LookPath("go")
	if err != nil {
		t.Skip(err)
	}
	cmd := exec.Command(path, "list", "-f", "{{.Name}}", "fmt")
	cmd.Env = append(os.Environ(), "GOFLAGS="+cellFlags("", "internal"))
	if out, err := cmd.CombinedOutput(); err != nil || strings.TrimSpace(string(out)) != "fmt" {
		t.Errorf("%v: %s", err, out)
	}
}

func TestGoStandIn(t *testing.T) {
	m := newMachine(t)
	m.write("real go", "#!/bin/sh\necho \"real $GOGC:$*\"\n")
	m.write("go", string(fill(goStandIn, filepath.Join(m.dir, "real go"))))
	for args, want := range map[string]string{
		"get":                     "",
		"get -t":                  "",
		"get example.com/x@v1":    "real :get example.com/x@v1\n",
		"build -o /tmp/x":         "real off:build -o /tmp/x\n",
		"test -c -o /tmp/x":       "real off:test -c -o /tmp/x\n",
		"test ./...":              "real :test ./...\n",
		"work init . /home/clone": "real :work init . /home/clone\n",
	} {
		out, err := exec.Command(filepath.Join(m.dir, "go"), strings.Fields(args)...).CombinedOutput()
		if err != nil || string(out) != want {
			t.Errorf("go %s: %v, %q, want %q", args, err, out, want)
		}
	}
}

func TestGoimportsStandIn(t *testing.T) {
	m := newMachine(t)
	m.write("real", "#!/bin/sh\necho \"$*\"\n")
	m.write("goimports", string(fill(goimportsStandIn, filepath.Join(m.dir, "real"))))
	tests := []struct {
		name, file, want string
	}{
		{"nothing imported", "package main\n\nfunc main() {\n\tflag.Parse()\n}\n", `package main; import "flag"; import "fmt"; import "math"; import "os"; ` +
			`import "strings"; import "time"; import "context"; import "` + Module + `/rl"; import "` + Module + `/plots"; import "` + Module + `/notebooks/nb"` +
			"\n\nfunc main() {\n\tflag.Parse()\n}\n"},
		{"some imported, one by another name, one of that name from elsewhere",
			"package main\n\nimport (\n\t\"flag\"\n\tfmt \"example.com/f\"\n\t\"example.com/math\"\n)\nimport \"os\"\nimport \"strings\"\n" +
				"import \"time\"\nimport \"context\"\nimport \"" + Module + "/rl\"\nimport \"" + Module + "/notebooks/nb\"\n",
			"package main; import \"" + Module + "/plots\"\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m.write("main.go", tt.file)
			path := filepath.Join(m.dir, "main.go")
			out, err := exec.Command(filepath.Join(m.dir, "goimports"), "-w", path).CombinedOutput()
			if err != nil || string(out) != "-w "+path+"\n" {
				t.Fatalf("%v: %s", err, out)
			}
			got, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasPrefix(string(got), tt.want) {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}
