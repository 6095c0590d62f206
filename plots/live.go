package plots

import (
	"context"
	"errors"
	"fmt"
	"image/png"
	"math"
	"sync"
	"time"

	"github.com/janpfeifer/gonb/gonbui"
	"github.com/rewardlab/rewardlab/rl/eval"
)

// LiveOptions tunes a live chart; the zero value is a good choice.
type LiveOptions struct {
	// Every is the least time between two drawings; 0 means 250 ms. Drawing slows down
	// by itself where it would take more than a tenth of one core.
	Every time.Duration
	// MaxPoints bounds the points drawn in each line; 0 means 400.
	MaxPoints int
	// Lines names lines in advance, which settles their order and colours where several
	// goroutines race to add the first point. Others follow as they appear.
	Lines []string
	// Display is where the chart goes; nil means [Notebook]. Where that is nil too the
	// chart does nothing.
	Display Display
}

// Live is a line chart in a notebook that grows while a program trains. Add may be
// called from any number of goroutines and never waits for drawing.
//
// The chart is one output that is replaced in place: Vega-Lite for front ends that
// draw it (JupyterLab does by itself), and a PNG of the same lines for all others and
// for exports. It can run for hours: a line with more than MaxPoints points has
// neighbours averaged in pairs, so what is drawn and kept stays bounded.
//
//	live := plots.NewLive(ctx, "Training", plots.Axes{X: "iteration", Y: "accuracy"}, plots.LiveOptions{})
//	defer live.Close()
//	for i := range n {
//		live.Add("IGL", float64(i), accuracy)
//	}
type Live struct {
	title string
	axes  Axes
	opts  LiveOptions
	id    string
	wake  chan struct{} // holds a token when there is something new to draw
	stop  chan struct{}
	done  chan struct{} // closed when the drawing goroutine has ended
	close func() error

	mu    sync.Mutex
	lines []*liveLine // in the order of LiveOptions.Lines, then of their first points
	err   error       // the first thing that went wrong
}

// NewLive starts a live chart. The title, axis names, ranges, Refs, Marks, Note and size of
// the axes apply; X need not be ascending. When ctx ends the chart stops redrawing, but
// Close still draws the last state, so an interrupted cell shows what it got to. What is
// wrong with the axes is shown in the notebook, and returned by Close.
func NewLive(ctx context.Context, title string, a Axes, o LiveOptions) *Live {
	o.Every = time.Duration(orDefault(float64(o.Every), float64(250*time.Millisecond)))
	o.MaxPoints = max(2, orDefault(o.MaxPoints, 400))
	if o.Display == nil {
		o.Display = Notebook()
	}
	l := &Live{
		title: title, axes: a, opts: o, id: "live-" + gonbui.UniqueID(),
		wake: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{}),
	}
	// Unlike pictures, Vega charts are not scaled down to the cell, so they start narrower.
	l.axes.Width, l.axes.Height = orDefault(a.Width, 600), orDefault(a.Height, 340)
	for _, name := range o.Lines {
		l.lines = append(l.lines, &liveLine{name: name, stride: 1})
	}
	l.close = sync.OnceValue(l.finish)
	if err := a.check(); err != nil {
		l.err = fmt.Errorf("live chart %q: %w", title, err)
	}
	if o.Display == nil || l.err != nil {
		if o.Display != nil {
			l.err = errors.Join(l.err, showError(o.Display, l.err))
			l.opts.Display = nil
		}
		close(l.done)
		return l
	}
	go l.loop(ctx)
	return l
}

// Add appends a point to the named line, which appears with its first point. A y that
// is NaN or infinite makes a gap. An x that is, is left out, and reported by Close.
func (l *Live) Add(line string, x, y float64) {
	if l.opts.Display == nil {
		return
	}
	l.mu.Lock()
	if !finite(x) {
		if l.err == nil {
			l.err = fmt.Errorf("live chart %q: line %q: x is %v: points need a finite x", l.title, line, x)
		}
		l.mu.Unlock()
		return
	}
	var at *liveLine
	for _, k := range l.lines {
		if k.name == line {
			at = k
		}
	}
	if at == nil {
		at = &liveLine{name: line, stride: 1}
		l.lines = append(l.lines, at)
	}
	at.add(x, y, l.opts.MaxPoints)
	l.mu.Unlock()
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// Close draws the last state, waits until the notebook has it, and returns the first
// error of the chart's life. Points added later are not shown. Further calls do nothing.
func (l *Live) Close() error { return l.close() }

func (l *Live) finish() error {
	close(l.stop)
	<-l.done
	if d := l.opts.Display; d != nil {
		l.send(sharp, png.DefaultCompression)
		d.Sync()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

func (l *Live) loop(ctx context.Context) {
	defer close(l.done)
	for {
		select {
		case <-l.wake:
		case <-l.stop:
			return
		case <-ctx.Done():
			return
		}
		start := time.Now()
		l.send(1, png.BestSpeed)
		pause := time.NewTimer(max(l.opts.Every, 9*time.Since(start)))
		select {
		case <-pause.C:
		case <-l.stop:
			pause.Stop()
			return
		case <-ctx.Done():
			pause.Stop()
			return
		}
	}
}

// send draws the present state and sends it, the picture as small or as quickly as asked.
func (l *Live) send(scale int, level png.CompressionLevel) {
	l.mu.Lock()
	var curves []curve
	points := 0
	for _, k := range l.lines {
		curves = append(curves, k.curve())
		points += len(k.bins)
	}
	l.mu.Unlock()
	if points == 0 {
		return
	}
	a := l.axes
	if a.Note == "" {
		a.Note = "-"
	}
	data := map[string]any{
		mimeVega: vegaLite(l.title, curves, a),
		mimeText: fmt.Sprintf("live chart %q of %d lines", l.title, len(curves)),
	}
	meta := map[string]any{}
	fig := drawCurves(l.title, curves, a)
	picture, err := fig.png(scale, level)
	if err == nil {
		data[mimePNG] = picture
		meta[mimePNG] = sizeMeta(fig.w, fig.h)
	}
	err = errors.Join(err, l.opts.Display.Send(Message{ID: l.id, Data: data, Meta: meta}))
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err == nil && err != nil {
		l.err = fmt.Errorf("live chart %q: %w", l.title, err)
	}
}

// liveLine holds one line as bins of stride consecutive points each, the last one maybe
// still filling.
type liveLine struct {
	name   string
	bins   []bin
	stride int
}

type bin struct {
	x, y   float64 // sums
	n, nok int     // points, and those of them with a finite y
}

func (l *liveLine) add(x, y float64, limit int) {
	last := len(l.bins) - 1
	if last < 0 || l.bins[last].n == l.stride {
		if len(l.bins) == limit {
			half := l.bins[:0]
			for i := 0; i < limit; i += 2 {
				b := l.bins[i]
				if i+1 < limit {
					c := l.bins[i+1]
					b = bin{b.x + c.x, b.y + c.y, b.n + c.n, b.nok + c.nok}
				}
				half = append(half, b)
			}
			l.bins, l.stride = half, 2*l.stride
		}
		// With an odd limit the last bin is only half full, and takes more.
		if last = len(l.bins) - 1; last < 0 || l.bins[last].n == l.stride {
			l.bins = append(l.bins, bin{})
			last++
		}
	}
	b := &l.bins[last]
	b.x += x
	b.n++
	if finite(y) {
		b.y += y
		b.nok++
	}
}

func (l *liveLine) curve() curve {
	c := curve{name: l.name}
	ys := make([]float64, len(l.bins))
	for i, b := range l.bins {
		ys[i] = math.NaN()
		if b.nok > 0 {
			ys[i] = b.y / float64(b.nok)
		}
		c.x = append(c.x, b.x/float64(b.n))
		c.band = append(c.band, eval.Interval{Point: ys[i], Lo: ys[i], Hi: ys[i]})
	}
	c.seeds = [][]float64{ys}
	return c
}
