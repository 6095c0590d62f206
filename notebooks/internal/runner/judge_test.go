package runner

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rewardlab/rewardlab/notebooks/internal/nbfile"
)

func stderr(text string) output { return output{Type: "stream", Name: "stderr", Text: text} }
func stdout(text string) output { return output{Type: "stream", Name: "stdout", Text: text} }

func TestJudge(t *testing.T) {
	tests := []struct {
		name    string
		event   event
		tag     string
		reason  string // "" is no failure
		mention string
	}{
		{"a quiet cell", event{}, "", "", ""},
		{"output and a warning", event{Outputs: []output{stdout("exit status 1 is what a shell says\npanic: in a text"), stderr("note: slow\n")}}, "", "", ""},
		{"error reply", event{Outputs: []output{stderr("boom\n"), {Type: "error", Name: "ERROR", Text: "exit status 1"}}}, "", "error", "boom"},
		{"compile error", event{Outputs: []output{{Type: "error", Name: "ERROR", Text: "/tmp/gonb_1/main.go:7:2: undefined: x",
			Traceback: []string{"\x1b[31mundefined: x\x1b[0m"}}}}, "", "does not compile", "undefined: x"},
		{"compile error in a %test cell", event{Outputs: []output{{Type: "error", Text: "./main_test.go:7:2: undefined: x"}}}, "", "does not compile", "undefined: x"},
		{"compile error as HTML", event{Outputs: []output{{Type: "display", Mimes: []string{"text/html"},
			HTML: `<style>.gonb-err-location {}</style><div class="gonb-err-line">x := 1</div>`}}}, "", "does not compile", "x := 1"},
		{"panic behind an ok reply", event{Outputs: []output{stderr("panic: index out of range\n\ngoroutine 1 [running]:\n")}}, "", "panicked", "index out of range"},
		{"coloured panic", event{Outputs: []output{stderr("\x1b[7mpanic: no\x1b[0m\n")}}, "", "panicked", "no"},
		{"runtime crash", event{Outputs: []output{stderr("fatal error: all goroutines are asleep - deadlock!\n")}}, "", "crashed", "deadlock"},
		{"failing shell line", event{Outputs: []output{stdout("ls: x\n"), stderr("exit status 2\n")}}, "", "a program failed", "exit status 2"},
		{"failing %%bash", event{Outputs: []output{stderr("bash: nope: command not found\nexit status 127\n")}}, "", "a program failed", "command not found"},
		{"exit status over two messages", event{Outputs: []output{stderr("exit sta"), stderr("tus 3\n")}}, "", "a program failed", "exit status 3"},
		{"killed", event{Outputs: []output{stderr("signal: killed\n")}}, "", "was killed", "signal: killed"},
		{"unknown magic", event{Outputs: []output{stderr("\"%%nope\" unknown or not implemented yet.")}}, "", "magic", "nope"},
		{"exit status 0 is well", event{Outputs: []output{stderr("exit status 0\n")}}, "", "", ""},
		{"timeout", event{Failure: "timeout", Outputs: []output{stdout("step 3\n")}}, "", "still running after 1m0s", "step 3"},
		{"dead kernel", event{Failure: "dead kernel"}, "", "dead kernel", ""},
		{"meant to fail and does", event{Outputs: []output{stderr("panic: as shown\n")}}, raisesException, "", ""},
		{"meant to fail and does not", event{}, raisesException, "did not fail", ""},
		{"meant to fail, but not by a timeout", event{Failure: "timeout"}, raisesException, "still running", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cell := nbfile.Cell{Type: "code", Source: "x := 1\ny := 2"}
			if tt.tag != "" {
				cell.Meta.Tags = []string{tt.tag}
			}
			f := judge(tt.event, cell, time.Minute)
			if (f == nil) != (tt.reason == "") {
				t.Fatalf("judged %v, want reason %q", f, tt.reason)
			}
			if f == nil {
				return
			}
			if !strings.Contains(f.Reason, tt.reason) || !strings.Contains(f.Text, tt.mention) || strings.Contains(f.Text, "\x1b") {
				t.Errorf("reason %q, text %q", f.Reason, f.Text)
			}
			if !strings.Contains(f.Error(), "> x := 1\n> y := 2") {
				t.Errorf("the message does not show the source: %s", f)
			}
		})
	}
}

func TestAssertions(t *testing.T) {
	e := event{Cell: 4, Outputs: []output{
		stdout("loss 0.3\nASSERT sampled accuracy=0.72 in [0.7, 0.76]\nASSERT a=b=NaN in [0, 1]\n"),
		stderr("ASSERT hidden=1 in [0, 2]\n"),
		stdout("  ASSERT indented=1 in [0, 2]\nASSERT words=high in [low, high]\n"),
	}}
	got := assertions(e)
	if len(got) != 2 || got[0] != (Assertion{4, "sampled accuracy", 0.72, 0.7, 0.76}) || got[1].Name != "a=b" {
		t.Fatalf("got %+v", got)
	}
	if f := outside(got, nbfile.Cell{}); f == nil || !strings.Contains(f.Reason, "a=b is NaN") {
		t.Errorf("not a number passed: %v", f)
	}
	if f := outside(got[:1], nbfile.Cell{}); f != nil {
		t.Errorf("inside its interval, yet %v", f)
	}
}

func TestCheck(t *testing.T) {
	book, err := nbfile.Parse([]byte(`{"nbformat":4,"cells":[
	 {"cell_type":"code","source":"fine","outputs":[{"output_type":"display_data","data":{"application/vnd.vegalite.v5+json":{"mark":"line"},"image/png":"iVBO"}}]},
	 {"cell_type":"code","source":"shell","outputs":[{"output_type":"stream","name":"stderr","text":["exit ","status 1\n"]}]},
	 {"cell_type":"code","source":"code","outputs":[{"output_type":"error","ename":"ERROR","evalue":"exit status 2","traceback":["x"]}]},
	 {"cell_type":"code","source":"compile","outputs":[{"output_type":"display_data","data":{"text/html":["<div class='gonb-err-line'>","bad()</div>"]}}]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range Check(book) {
		got = append(got, fmt.Sprint(f.Cell, " ", f.Reason))
	}
	if want := "1 a program failed; 2 error; 3 it does not compile"; strings.Join(got, "; ") != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
