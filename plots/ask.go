package plots

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"strconv"
	"strings"
	"time"

	"github.com/janpfeifer/gonb/gonbui"
	"github.com/janpfeifer/gonb/gonbui/comms"
)

// Choice is what a person says about two films.
type Choice string

// The choices, by their names on the buttons' way.
const (
	Left       Choice = "left"
	Right      Choice = "right"
	Equal      Choice = "equal"
	CannotTell Choice = "skip"
	Undo       Choice = "undo" // take the answer before back
)

// Question is two films and what is asked about them.
type Question struct {
	Text        string   // "Which is better?"
	Films       [2]*Film // nil: the caption alone
	Captions    [2]string
	Done, Total int // for the progress bar: answered so far, of how many
}

// Panel asks a person in the notebook cell: two films side by side, buttons below them, a key for each. It is one output of the cell, which every
// question replaces.
type Panel struct {
	id     string
	number int
	clicks *comms.AddressChan[string] // of all questions, and never closed: gonb v0.11.4 hangs for good at a message that nobody listens for
}

// NewPanel makes a panel. Outside a notebook there is nobody to click, and it is an error.
func NewPanel() (*Panel, error) {
	if !gonbui.IsNotebook {
		return nil, errors.New("asking a person: this is no notebook cell, so there are no buttons: ask at the terminal instead")
	}
	comms.Start()
	p := &Panel{id: gonbui.UniqueId()}
	p.clicks = comms.Listen[string](p.address())
	return p, nil
}

func (p *Panel) address() string { return "/ask/" + p.id }

//go:embed ask.html
var askPage string

var askTemplate = template.Must(template.New("ask").Parse(askPage))

type askButton struct {
	Choice Choice
	Label  string
	Keys   string
}

type askData struct {
	ID, Address string
	Question
	Percent int
	Films   []template.URL
	Buttons []askButton
}

// page is the panel of one question in HTML.
func (q Question) page(id, address string) (string, error) {
	d := askData{ID: id, Address: address, Question: q, Buttons: []askButton{
		{Left, "left is better", "1 ArrowLeft"}, {Right, "right is better", "2 ArrowRight"}, {Equal, "equal", "= ArrowDown"},
		{CannotTell, "cannot tell", "?"}, {Undo, "undo", "u Backspace"},
	}}
	if q.Total > 0 {
		d.Percent = 100 * q.Done / q.Total
	}
	for _, f := range q.Films {
		if f == nil {
			d.Films = append(d.Films, "")
			continue
		}
		data, err := f.GIF()
		if err != nil {
			return "", err
		}
		d.Films = append(d.Films, template.URL("data:image/gif;base64,"+base64.StdEncoding.EncodeToString(data)))
	}
	var b bytes.Buffer
	if err := askTemplate.Execute(&b, d); err != nil {
		return "", fmt.Errorf("panel: %w", err)
	}
	return b.String(), nil
}

// parseChoice reads what the page sends: the number of the question, the choice, and which try it is, "3:left:1". Anything else, such as the empty value that the page
// begins with or a click on a question that is over, is nothing.
func parseChoice(message string, number int) (Choice, bool) {
	n, choice, ok := strings.Cut(message, ":")
	choice, _, _ = strings.Cut(choice, ":")
	if k, err := strconv.Atoi(n); !ok || err != nil || k != number {
		return "", false
	}
	switch c := Choice(choice); c {
	case Left, Right, Equal, CannotTell, Undo:
		return c, true
	}
	return "", false
}

// Ask shows a question and waits until it is answered or ctx ends.
func (p *Panel) Ask(ctx context.Context, q Question) (Choice, error) {
	p.number++
	page, err := q.page(fmt.Sprintf("%s-%d", p.id, p.number), p.address())
	if err != nil {
		return "", err
	}
	page = strings.ReplaceAll(page, "QUESTION", strconv.Itoa(p.number))
	gonbui.UpdateHtml("ask_"+p.id, page)
	// A page that got no answer from gonb within half a second gives the connection up, and one that was loaded again has none: make it anew then.
	check := time.NewTicker(5 * time.Second)
	defer check.Stop()
	for {
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-check.C:
			comms.Start()
		case message := <-p.clicks.C:
			if c, ok := parseChoice(message, p.number); ok {
				return c, nil
			}
		}
	}
}

// Say puts a sentence in the place of the last question.
func (p *Panel) Say(text string) {
	gonbui.UpdateHtml("ask_"+p.id, "<p>"+template.HTMLEscapeString(text)+"</p>")
	gonbui.Sync()
}
