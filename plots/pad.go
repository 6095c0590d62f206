package plots

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"image"
	"image/png"
	"strings"

	"github.com/janpfeifer/gonb/gonbui"
	"github.com/janpfeifer/gonb/gonbui/comms"
	"github.com/janpfeifer/gonb/gonbui/dom"
)

// Button is one of a [Pad].
type Button struct {
	Label string // what is written on it
	Key   string // the key that presses it too, by its name in a browser: "ArrowLeft", "w"; empty: none
}

// A Pad is a picture in a notebook with buttons over it, by which a person steers what the picture shows. While the buttons have the focus (click one
// first) their keys work as well, and JupyterLab leaves those keys alone.
type Pad struct {
	display Display
	id      string
	presses chan int
	listen  comms.SubscriptionId
	buttons int
}

// NewPad shows the buttons. It needs a notebook of GoNB that somebody looks at: elsewhere nobody could press.
func NewPad(buttons ...Button) (*Pad, error) {
	if len(buttons) == 0 {
		return nil, errors.New("pad without buttons: give at least one")
	}
	display := Notebook()
	if display == nil {
		return nil, errors.New("pad: this program does not run in a notebook cell, so nobody can press its buttons: run it in JupyterLab, or script the presses")
	}
	p := &Pad{display: display, id: "pad_" + gonbui.UniqueId(), presses: make(chan int, 100), buttons: len(buttons)}
	address := "/" + p.id
	comms.Start()
	p.listen = comms.Subscribe(address, func(_ string, value int) {
		if which, ok := pressed(value, p.buttons); ok {
			select {
			case p.presses <- which:
			default: // a hundred presses wait already
			}
		}
	})
	gonbui.DisplayHtml(padHTML(p.id, buttons))
	dom.TransientJavascript(padScript(p.id, address, buttons))
	return p, gonbui.Error()
}

// pressed reads what the page sends. It counts presses, because the same number twice would not arrive: press k of button i is k*buttons + i, from
// k = 1 on; the 0 at the beginning is none.
func pressed(value, buttons int) (which int, ok bool) {
	return value % buttons, value >= buttons
}

func padHTML(id string, buttons []Button) string {
	var b strings.Builder
	// JupyterLab's own shortcuts do not reach below an element with this attribute.
	fmt.Fprintf(&b, `<div id="%s" tabindex="0" data-lm-suppress-shortcuts="true" style="outline-offset:4px;display:inline-block;padding:4px">`, id)
	for i, x := range buttons {
		fmt.Fprintf(&b, `<button type="button" data-press="%d" title="%s" style="min-width:3em;min-height:2.2em;margin:2px">%s</button>`,
			i, html.EscapeString(x.Key), html.EscapeString(x.Label))
	}
	b.WriteString(`</div>`)
	return b.String()
}

func padScript(id, address string, buttons []Button) string {
	keys := map[string]int{}
	for i, x := range buttons {
		if x.Key != "" {
			keys[x.Key] = i
		}
	}
	table, err := json.Marshal(keys)
	if err != nil {
		panic(err) // strings and numbers
	}
	return fmt.Sprintf(`(() => {
	const keys = %s, buttons = %d;
	const begin = tries => {
		const comm = globalThis.gonb_comm, pad = document.getElementById(%q);
		if (!comm?.websocket_is_opened || !pad) { // both come up in their own time
			if (tries > 0) setTimeout(() => begin(tries - 1), 100);
			return;
		}
		const sent = comm.newSyncedVariable(%q, 0);
		let count = 0;
		const press = i => sent.set(++count * buttons + i);
		pad.addEventListener('click', e => {
			const i = e.target.dataset?.press;
			if (i !== undefined) { press(Number(i)); pad.focus(); }
		});
		pad.addEventListener('keydown', e => {
			if (!(e.key in keys)) return;
			e.preventDefault(); e.stopPropagation();
			press(keys[e.key]);
		});
		pad.focus();
	};
	begin(300);
})();`, table, len(buttons), id, address)
}

// Show draws a picture, and a line of text under it, in the place of the one before.
func (p *Pad) Show(frame image.Image, text string) error {
	var buf bytes.Buffer
	if err := png.Encode(&buf, frame); err != nil {
		return fmt.Errorf("pad: %w", err)
	}
	size := frame.Bounds().Size()
	return show(p.display, Message{ID: p.id + "_picture", Data: map[string]any{mimeHTML: padPicture(buf.Bytes(), size, text), mimeText: text}})
}

func padPicture(png []byte, size image.Point, text string) string {
	return fmt.Sprintf(`<img src="data:image/png;base64,%s" width="%d" height="%d" alt="%s"><pre>%[4]s</pre>`,
		base64.StdEncoding.EncodeToString(png), size.X, size.Y, html.EscapeString(text))
}

// Press waits for a button and says which.
func (p *Pad) Press(ctx context.Context) (int, error) {
	select {
	case i := <-p.presses:
		return i, nil
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
}

// Close ends the listening. The picture stays.
func (p *Pad) Close() { comms.Unsubscribe(p.listen) }
