package plots

import (
	"fmt"
	"html"
	"io"
	"math"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/janpfeifer/gonb/gonbui"
	"golang.org/x/term"
)

// ProgressOptions tunes a progress bar; the zero value is a good choice.
type ProgressOptions struct {
	Unit  string        // what is counted, in the plural; empty means "steps"
	Every time.Duration // the least time between two drawings; 0 means 150 ms, and never below 100 ms
	// Display is the notebook to draw in; nil means [Notebook].
	Display Display
	// Out is used where there is no notebook: a terminal (os.Stderr is usual) gets one
	// line that is overwritten, anything else a line every ten seconds and at the end.
	// nil means silence.
	Out io.Writer
}

// Progress shows how far a long job is, how fast it goes and when it will be done. Its
// methods may be called from any number of goroutines, such as one for each seed; their
// steps add up.
//
//	bar := plots.NewProgress("training", 5*iterations, plots.ProgressOptions{Unit: "iterations", Out: os.Stderr})
//	defer bar.Close()
//	for range iterations {
//		bar.Add(1)
//	}
type Progress struct {
	label    string
	total    int
	opts     ProgressOptions
	id       string
	terminal bool
	width    func() int // of the terminal

	mu     sync.Mutex
	done   int
	note   string
	start  time.Time
	last   time.Time // of the last drawing
	recent []sample  // drawings of the last seconds, for the rate
	closed bool
	err    error
}

type sample struct {
	at   time.Time
	done int
}

// NewProgress starts a bar of total steps; a total of 0 or less means that it is not known.
func NewProgress(label string, total int, o ProgressOptions) *Progress {
	if o.Unit == "" {
		o.Unit = "steps"
	}
	if o.Every == 0 {
		o.Every = 150 * time.Millisecond
	}
	o.Every = max(o.Every, 100*time.Millisecond)
	if o.Display == nil {
		o.Display = Notebook()
	}
	now := time.Now()
	p := &Progress{
		label: label, total: max(0, total), opts: o, id: "progress-" + gonbui.UniqueID(),
		start: now, last: now, recent: []sample{{now, 0}},
	}
	if f, ok := o.Out.(interface{ Fd() uintptr }); ok && term.IsTerminal(int(f.Fd())) {
		p.terminal = true
		p.width = func() int {
			w, _, err := term.GetSize(int(f.Fd()))
			if err != nil {
				return 80
			}
			return w
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if o.Display != nil || p.terminal {
		p.draw(now, false) // so that the reader sees at once that something happens
	}
	return p
}

// Add counts n more steps.
func (p *Progress) Add(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done += n
	p.maybeDraw()
}

// Note sets a short text after the numbers, such as the latest score.
func (p *Progress) Note(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.note = text
	p.maybeDraw()
}

// Close draws the last state, complete or not, and waits until the notebook has it. It
// returns the first error of writing; further calls do nothing.
func (p *Progress) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return p.err
	}
	p.closed = true
	p.draw(time.Now(), true)
	if d := p.opts.Display; d != nil {
		d.Sync()
	}
	return p.err
}

// sparse is the time between lines where they cannot be overwritten.
const sparse = 10 * time.Second

func (p *Progress) maybeDraw() {
	if p.closed || p.opts.Display == nil && p.opts.Out == nil {
		return
	}
	every := p.opts.Every
	if p.opts.Display == nil && !p.terminal {
		every = sparse
	}
	if now := time.Now(); now.Sub(p.last) >= every {
		p.draw(now, false)
	}
}

func (p *Progress) draw(now time.Time, final bool) {
	p.last = now
	p.recent = append(p.recent, sample{now, p.done})
	for len(p.recent) > 2 && now.Sub(p.recent[1].at) > 5*time.Second {
		p.recent = p.recent[1:]
	}
	text := p.text(now, final)
	var err error
	switch {
	case p.opts.Display != nil:
		err = p.opts.Display.Send(Message{ID: p.id, Data: map[string]any{mimeHTML: p.html(text), mimeText: p.label + ": " + text}})
	case p.opts.Out == nil:
	case p.terminal:
		line := []rune(p.label + " " + p.textBar() + text)
		line = line[:max(0, min(len(line), p.width()-1))]
		end := ""
		if final {
			end = "\n"
		}
		_, err = fmt.Fprintf(p.opts.Out, "\r\x1b[K%s%s", string(line), end)
	default:
		_, err = fmt.Fprintf(p.opts.Out, "%s: %s\n", p.label, text)
	}
	if p.err == nil && err != nil {
		p.err = fmt.Errorf("progress %q: %w", p.label, err)
	}
}

// text says "412 of 1,000 iterations, 231/s, 3 s left, accuracy 0.71".
func (p *Progress) text(now time.Time, final bool) string {
	parts := []string{fmt.Sprintf("%s %s", commas(p.done), p.opts.Unit)}
	if p.total > 0 {
		parts[0] = fmt.Sprintf("%s of %s %s", commas(p.done), commas(p.total), p.opts.Unit)
	}
	elapsed := now.Sub(p.start)
	if final {
		parts = append(parts, "in "+duration(elapsed))
		if p.total > 0 && p.done < p.total {
			parts[0] = "stopped at " + parts[0]
		}
		if s := elapsed.Seconds(); s > 0 && p.done > 0 {
			parts = append(parts, rate(float64(p.done)/s))
		}
	} else if first := p.recent[0]; p.done > first.done && now.After(first.at) {
		speed := float64(p.done-first.done) / now.Sub(first.at).Seconds()
		parts = append(parts, rate(speed))
		if p.total > p.done {
			parts = append(parts, duration(time.Duration(float64(p.total-p.done)/speed*float64(time.Second)))+" left")
		}
	}
	if p.note != "" {
		parts = append(parts, p.note)
	}
	return strings.Join(parts, ", ")
}

func (p *Progress) fraction() float64 {
	return max(0, min(1, float64(p.done)/float64(p.total)))
}

func (p *Progress) textBar() string {
	if p.total == 0 {
		return ""
	}
	const width = 24
	full := int(width * p.fraction())
	return "[" + strings.Repeat("=", full) + strings.Repeat(" ", width-full) + "] "
}

func (p *Progress) html(text string) string {
	bar := ""
	if p.total > 0 {
		// The theme's colours where the page has one, and some that do on any page otherwise.
		bar = fmt.Sprintf(`<div style="width: 320px; height: 10px; border-radius: 5px; background: rgba(128,128,128,0.3); margin: 0 12px 0 0"><div style="width: %.1f%%; height: 10px; border-radius: 5px; background: %s"></div></div>`,
			100*p.fraction(), hex(seriesColor(0)))
	}
	return fmt.Sprintf(`<div style="display: flex; align-items: center; flex-wrap: wrap; font-size: 13px; color: var(--jp-content-font-color1, inherit)"><b style="margin-right: 12px">%s</b>%s<span style="font-variant-numeric: tabular-nums">%s</span></div>`,
		html.EscapeString(p.label), bar, html.EscapeString(text))
}

// commas writes 12345 as 12,345.
func commas(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func rate(perSecond float64) string {
	switch {
	case perSecond >= 10000:
		return fmt.Sprintf("%sk/s", commas(int(math.Round(perSecond/1000))))
	case perSecond >= 100:
		return commas(int(math.Round(perSecond))) + "/s"
	case perSecond >= 0.95:
		return fmt.Sprintf("%.2g/s", perSecond)
	}
	return fmt.Sprintf("%s each", duration(time.Duration(float64(time.Second)/perSecond)))
}

func duration(d time.Duration) string {
	s := int(math.Ceil(d.Seconds() - 1e-9))
	switch {
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case s < 60:
		return fmt.Sprintf("%d s", s)
	case s < 3600:
		return fmt.Sprintf("%d min %02d s", s/60, s%60)
	case s < 48*3600:
		return fmt.Sprintf("%d h %02d min", s/3600, s/60%60)
	}
	return fmt.Sprintf("%d days", s/86400)
}
