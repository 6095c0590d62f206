package runner

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/rewardlab/rewardlab/notebooks/internal/nbfile"
)

// event is one line from execute.py.
type event struct {
	Event   string   `json:"event"` // kernel, start, end, note, done or fatal
	Cell    int      `json:"cell"`
	Seconds float64  `json:"seconds"`
	Outputs []output `json:"outputs"`
	Failure string   `json:"failure"` // "timeout", "dead kernel", or the text of a fatal error
	Text    string   `json:"text"`
}

type output struct {
	Type      string   `json:"type"` // stream, error or display
	Name      string   `json:"name"` // of the stream, or of the error
	Text      string   `json:"text"`
	Traceback []string `json:"traceback"`
	Mimes     []string `json:"mimes"`
	HTML      string   `json:"html"`
}

// Assertion is one number that a cell checked with nb.Assert.
type Assertion struct {
	Cell  int     `json:"cell"` // its place in the notebook, from 0
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Lo    float64 `json:"lo"`
	Hi    float64 `json:"hi"`
}

// Failure is why a cell counts as failed.
type Failure struct {
	Cell   int    `json:"cell"`
	Reason string `json:"reason"` // a few words
	Text   string `json:"text"`   // what the cell printed about it
	Source string `json:"source"` // the cell's first lines
}

// Error makes a Failure an error.
func (f *Failure) Error() string {
	s := fmt.Sprintf("cell %d failed: %s", f.Cell, f.Reason)
	if f.Source != "" {
		s += "\n" + indent("> ", f.Source)
	}
	if f.Text != "" {
		s += "\n" + indent("  ", f.Text)
	}
	return s
}

// hidden are the signs, on standard error, of failures that leave GoNB's reply "ok": it does not look at the exit
// status of shell lines and %%bash cells, and only warns about magics it does not know.
var hidden = []struct {
	reason string
	sign   *regexp.Regexp
}{
	{"a program panicked", regexp.MustCompile(`(?m)^panic: `)},
	{"a program crashed", regexp.MustCompile(`(?m)^fatal error: `)},
	{"a program was killed", regexp.MustCompile(`(?m)^signal: `)},
	{"a program failed", regexp.MustCompile(`(?m)^exit status [1-9]`)},
	{"a magic command is not known", regexp.MustCompile(`unknown or not implemented`)},
}

var (
	colours      = regexp.MustCompile("\x1b\\[[0-9;]*[A-Za-z]")
	compileError = regexp.MustCompile(`main(_test)?\.go:\d+:\d+: `)
)

// raisesException is Jupyter's own tag for a cell that is meant to fail.
const raisesException = "raises-exception"

// judge looks for a reason to fail the cell; nil when there is none.
func judge(e event, cell nbfile.Cell, timeout fmt.Stringer) *Failure {
	fail := func(reason, text string) *Failure {
		return &Failure{Cell: e.Cell, Reason: reason, Text: lastLines(clean(text), 30), Source: firstLines(string(cell.Source), 8)}
	}
	if e.Failure == "timeout" {
		return fail(fmt.Sprintf("it was still running after %v: allow more with -timeout", timeout), streams(e.Outputs))
	}
	if e.Failure != "" {
		return fail(e.Failure, streams(e.Outputs))
	}
	found := look(e.Outputs, fail)
	if !cell.Tagged(raisesException) {
		return found
	}
	if found == nil {
		return fail("it is tagged "+raisesException+" but did not fail", streams(e.Outputs))
	}
	return nil
}

// Check looks for failures in a notebook that was executed elsewhere, with the eyes of Run.
func Check(book *nbfile.Notebook) []*Failure {
	var found []*Failure
	for i, cell := range book.Cells {
		e := event{Cell: i}
		for _, raw := range cell.Outputs {
			var o struct {
				Type      string      `json:"output_type"`
				Name      string      `json:"name"`
				Text      nbfile.Text `json:"text"`
				Value     string      `json:"evalue"`
				Traceback []string    `json:"traceback"`
				Data      struct {
					HTML nbfile.Text `json:"text/html"`
				} `json:"data"`
			}
			if err := json.Unmarshal(raw, &o); err != nil {
				found = append(found, &Failure{Cell: i, Reason: "an output cannot be read: " + err.Error()})
				continue
			}
			e.Outputs = append(e.Outputs, output{o.Type, o.Name, string(o.Text) + o.Value, o.Traceback, nil, string(o.Data.HTML)})
		}
		for j := range e.Outputs {
			if t := e.Outputs[j].Type; t != "stream" && t != "error" {
				e.Outputs[j].Type = "display"
			}
		}
		if f := judge(e, cell, time.Duration(0)); f != nil {
			found = append(found, f)
		}
	}
	return found
}

func look(outputs []output, fail func(reason, text string) *Failure) *Failure {
	var stderr string
	for _, o := range outputs {
		if o.Type == "stream" && o.Name == "stderr" {
			stderr += clean(o.Text)
		}
	}
	for _, o := range outputs {
		if o.Type != "error" {
			continue
		}
		text := o.Text
		if compileError.MatchString(clean(text)) {
			if len(o.Traceback) > 0 {
				text = strings.Join(o.Traceback, "\n")
			}
			return fail("it does not compile", text)
		}
		return fail("error", strings.TrimSpace(stderr+"\n"+text))
	}
	for _, h := range hidden {
		if h.sign.MatchString(stderr) {
			return fail(h.reason, stderr)
		}
	}
	for _, o := range outputs {
		if o.Type == "display" && strings.Contains(o.HTML, "gonb-err-") { // the kernel was not started with -raw_error
			return fail("it does not compile", htmlTag.ReplaceAllString(o.HTML, ""))
		}
	}
	return nil
}

var htmlTag = regexp.MustCompile(`(?s)<style>.*?</style>|<[^>]*>`)

func streams(outputs []output) string {
	var b strings.Builder
	for _, o := range outputs {
		b.WriteString(o.Text)
	}
	return b.String()
}

var assertLine = regexp.MustCompile(`(?m)^ASSERT (.+)=(\S+) in \[(\S+), (\S+)\]$`)

// assertions reads the lines that nb.Assert printed.
func assertions(e event) []Assertion {
	var found []Assertion
	for _, o := range e.Outputs {
		if o.Type != "stream" || o.Name != "stdout" {
			continue
		}
		for _, m := range assertLine.FindAllStringSubmatch(o.Text, -1) {
			a := Assertion{Cell: e.Cell, Name: m[1]}
			bad := false
			for i, to := range []*float64{&a.Value, &a.Lo, &a.Hi} {
				v, err := strconv.ParseFloat(m[2+i], 64)
				*to, bad = v, bad || err != nil
			}
			if !bad {
				found = append(found, a)
			}
		}
	}
	return found
}

// outside is the failure for a number outside its interval, should the cell have gone on regardless.
func outside(all []Assertion, cell nbfile.Cell) *Failure {
	for _, a := range all {
		if !(a.Lo <= a.Value && a.Value <= a.Hi) {
			return &Failure{Cell: a.Cell, Reason: fmt.Sprintf("%s is %g, expected between %g and %g", a.Name, a.Value, a.Lo, a.Hi),
				Source: firstLines(string(cell.Source), 8)}
		}
	}
	return nil
}

func clean(s string) string { return colours.ReplaceAllString(s, "") }

func firstLines(s string, n int) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	if len(lines) > n {
		lines = append(lines[:n], "...")
	}
	return strings.Join(lines, "\n")
}

func lastLines(s string, n int) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	if len(lines) > n {
		lines = append([]string{"..."}, lines[len(lines)-n:]...)
	}
	return strings.Join(lines, "\n")
}

func indent(prefix, s string) string {
	return prefix + strings.ReplaceAll(s, "\n", "\n"+prefix)
}
