package plots

import (
	"context"
	"errors"
	"image"
	"image/color"
	"strings"
	"testing"
)

// quiet is a display that keeps what it is sent.
type quiet struct{ sent []Message }

func (q *quiet) Send(m Message) error { q.sent = append(q.sent, m); return nil }
func (q *quiet) Sync()                {}

func TestPad(t *testing.T) {
	if _, err := NewPad(); err == nil || !strings.Contains(err.Error(), "at least one") {
		t.Errorf("error %v of a pad without buttons", err)
	}
	if _, err := NewPad(Button{Label: "go"}); err == nil || !strings.Contains(err.Error(), "JupyterLab") {
		t.Errorf("error %v outside a notebook", err)
	}

	q := &quiet{}
	p := &Pad{display: q, id: "pad_7", presses: make(chan int, 2), buttons: 3}
	frame := image.NewRGBA(image.Rect(0, 0, 4, 2))
	frame.Set(1, 1, color.White)
	for _, text := range []string{"step 1", "a < b"} {
		if err := p.Show(frame, text); err != nil {
			t.Fatal(err)
		}
	}
	if len(q.sent) != 2 || q.sent[0].ID == "" || q.sent[0].ID != q.sent[1].ID {
		t.Fatalf("two pictures in one place: %+v", q.sent)
	}
	page, _ := q.sent[1].Data[mimeHTML].(string)
	if !strings.Contains(page, `width="4" height="2"`) || !strings.Contains(page, "<pre>a &lt; b</pre>") || !strings.Contains(page, "base64,iVBOR") {
		t.Errorf("the picture is %s", page)
	}

	p.presses <- 2
	if i, err := p.Press(t.Context()); i != 2 || err != nil {
		t.Errorf("button %d, %v", i, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.Press(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v when the cell is stopped", err)
	}
}

// Press k of button i arrives as 3k + i, from k = 1 on.
func TestPressed(t *testing.T) {
	for value, want := range map[int]int{0: -1, 3: 0, 4: 1, 5: 2, 6: 0, 3001: 1} {
		which, ok := pressed(value, 3)
		if !ok {
			which = -1
		}
		if which != want {
			t.Errorf("%d is button %d, want %d", value, which, want)
		}
	}
}

func TestPadPage(t *testing.T) {
	buttons := []Button{{Label: "<left>", Key: "ArrowLeft"}, {Label: "wait"}}
	page := padHTML("pad_7", buttons)
	for _, want := range []string{`id="pad_7"`, `tabindex="0"`, `data-lm-suppress-shortcuts`, `data-press="1"`, `&lt;left&gt;`} {
		if !strings.Contains(page, want) {
			t.Errorf("the page %s has no %s", page, want)
		}
	}
	script := padScript("pad_7", "/pad_7", buttons)
	for _, want := range []string{`getElementById("pad_7")`, `{"ArrowLeft":0}`, `buttons = 2`, `newSyncedVariable("/pad_7", 0)`} {
		if !strings.Contains(script, want) {
			t.Errorf("the script %s has no %s", script, want)
		}
	}
}
