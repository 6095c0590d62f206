package plots

import (
	"encoding/gob"
	"fmt"
	"html"
	"sync"

	"github.com/janpfeifer/gonb/gonbui"
	"github.com/janpfeifer/gonb/gonbui/protocol"
)

const (
	mimePNG  = "image/png"
	mimeHTML = "text/html"
	mimeText = "text/plain"
	mimeVega = "application/vnd.vegalite.v5+json"
)

// A Message is one output of a notebook cell: the same thing in one or more forms, of
// which the front end shows the richest that it knows.
type Message struct {
	ID   string         // messages with the same non-empty ID replace each other
	Data map[string]any // MIME type to []byte, string, or JSON as maps, slices, strings, numbers and booleans
	Meta map[string]any // MIME type to its metadata, such as width and height
}

// A Display is where figures, live charts and progress bars go. [Notebook] returns the
// one of the running GoNB kernel. Implementations must be safe for concurrent use.
type Display interface {
	Send(Message) error
	// Sync returns when everything sent has arrived.
	Sync()
}

// Notebook returns the display of the GoNB cell that this program runs as, or nil
// outside GoNB. Everything in this package takes a nil Display to mean: show nothing.
func Notebook() Display {
	if !gonbui.IsNotebook {
		return nil
	}
	registerJSON()
	return gonb{}
}

// The pipe to the kernel is a gob stream, which must know the types that JSON is made of.
var registerJSON = sync.OnceFunc(func() {
	gob.Register(map[string]any{})
	gob.Register([]any{})
})

type gonb struct{}

func (gonb) Send(m Message) error {
	data := make(map[protocol.MIMEType]any, len(m.Data))
	for mime, content := range m.Data {
		data[protocol.MIMEType(mime)] = content
	}
	gonbui.SendData(&protocol.DisplayData{Data: data, Metadata: m.Meta, DisplayID: m.ID})
	if err := gonbui.Error(); err != nil {
		return fmt.Errorf("notebook: sending to the GoNB kernel: %w: restart the kernel and run the cell again", err)
	}
	return nil
}

func (gonb) Sync() { gonbui.Sync() }

// show sends one message and waits for it: a cell's program often ends right after.
func show(d Display, m Message) error {
	err := d.Send(m)
	d.Sync()
	return err
}

func showError(d Display, err error) error {
	return show(d, Message{Data: map[string]any{
		mimeHTML: `<pre style="color: #d55e00; white-space: pre-wrap">` + html.EscapeString(err.Error()) + `</pre>`,
		mimeText: err.Error(),
	}})
}

func sizeMeta(w, h float64) map[string]any {
	return map[string]any{"width": int(w), "height": int(h)}
}
