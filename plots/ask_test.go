package plots

import (
	"image"
	"strings"
	"testing"
)

func TestAskPage(t *testing.T) {
	film := &Film{}
	if err := film.Add(image.NewRGBA(image.Rect(0, 0, 4, 4))); err != nil {
		t.Fatal(err)
	}
	q := Question{Text: "Which <b>turns</b>?", Films: [2]*Film{film, film}, Captions: [2]string{"a & b", ""}, Done: 3, Total: 12}
	page, err := q.page("x-1", "/ask/x/1")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Which &lt;b&gt;turns", "a &amp; b", "3 of 12 answered", "width:25%", `data-choice="left"`, `data-choice="undo"`, "ArrowRight",
		"data:image/gif;base64,R0lGOD", `"/ask/x/1"`, `data-lm-suppress-shortcuts="true"`} {
		if !strings.Contains(page, want) && !strings.Contains(strings.ReplaceAll(page, `\/`, "/"), want) {
			t.Errorf("the page has no %q:\n%s", want, page)
		}
	}
	if _, err := NewPanel(); err == nil || !strings.Contains(err.Error(), "no notebook cell") {
		t.Errorf("a panel outside a notebook: %v", err)
	}
	if _, err := (Question{Films: [2]*Film{{}, {}}}).page("", ""); err == nil {
		t.Error("films without frames were shown")
	}
}

func TestChoices(t *testing.T) {
	for _, tt := range []struct {
		message string
		want    Choice
		ok      bool
	}{{"7:left", Left, true}, {"7:left:12", Left, true}, {"7:skip", CannotTell, true}, {"6:left", "", false}, {"", "", false}, {"7:up", "", false}, {"7:up:1", "", false}, {"6:left:2", "", false}, {"7", "", false}, {"x:left", "", false}} {
		if got, ok := parseChoice(tt.message, 7); got != tt.want || ok != tt.ok {
			t.Errorf("%q: %q, %v", tt.message, got, ok)
		}
	}
}
