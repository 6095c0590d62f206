package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"time"

	"github.com/chromedp/chromedp"
)

const (
	width, height = 1280, 960
	mostPages     = 60
	startLimit    = 90 * time.Second
	questionLimit = 5 * time.Minute // a cell compiles first, and trains between questions
	pollEvery     = 150 * time.Millisecond
	clickEvery    = 700 * time.Millisecond // a person is slower, and pictures are worth taking in between
)

// What is asked of the page. JupyterLab puts itself in window.jupyterapp (lab.Config.Expose).
const (
	//
	// A kernel's status stays unknown until its first cell, so it is the connection that is waited for.
	jsReady = `(() => {
		const app = window.jupyterapp;
		if (!app) return 'JupyterLab has not come up';
		const panel = [...app.shell.widgets('main')].find(w => w.content?.model?.cells);
		if (!panel?.content.model.cells.length) return 'no notebook is open';
		app.shell.activateById(panel.id); // commands work on the panel that is in front
		window.checkPanel = panel;
		const kernel = panel.sessionContext.session?.kernel;
		return !kernel ? 'no kernel' : kernel.connectionStatus !== 'connected' ? 'the kernel is ' + kernel.connectionStatus : '';
	})()`

	// All cells stay in the page, else those out of sight have no charts to look at.
	jsStart = `(() => {
		const app = window.jupyterapp, panel = window.checkPanel;
		app.shell.collapseLeft?.();
		panel.content.notebookConfig = {...panel.content.notebookConfig, windowingMode: 'none'};
		window.checkDone = '';
		app.commands.execute('notebook:run-all-cells').then(() => window.checkDone = 'done', e => window.checkDone = 'failed: ' + e);
		return true;
	})()`

	// The command is over at the first cell that fails, as exercises are meant to, while the kernel goes on with the others: it must have been idle for a while.
	jsDone = `(() => {
		window.checkIdle = window.checkPanel.sessionContext.session?.kernel?.status === 'idle' ? (window.checkIdle ?? 0) + 1 : 0;
		return window.checkIdle > 8 ? window.checkDone : '';
	})()`

	// For every cell with a chart: its place and a number made from the chart's pixels or marks.
	jsCharts = `(() => {
		const sum = s => { let h = 2166136261; for (let i = 0; i < s.length; i++) h = Math.imul(h ^ s.charCodeAt(i), 16777619); return h >>> 0; };
		const found = [];
		document.querySelectorAll('.jp-Notebook .jp-Cell').forEach((cell, i) => {
			const marks = [...cell.querySelectorAll('.vega-embed canvas, .vega-embed svg.marks')];
			if (marks.length) found.push([i, sum(marks.map(m => m.tagName === 'CANVAS' ? m.toDataURL() : m.outerHTML).join())]);
		});
		return found;
	})()`

	// Presses the next of the buttons of the cell that is running, the first one with a star for its number, and returns that cell and what stands on
	// the button; -1 where there is none. Going round them, every button is pressed sooner or later.
	jsClick = `(() => {
		const cells = [...document.querySelectorAll('.jp-Notebook .jp-Cell')];
		const at = cells.findIndex(c => c.querySelector('.jp-InputPrompt')?.textContent.includes('*'));
		const buttons = at < 0 ? [] : [...cells[at].querySelectorAll('.jp-OutputArea button')].filter(b => !b.disabled && b.offsetParent);
		if (!buttons.length) return {cell: -1, label: ''};
		const b = buttons[(window.checkClicks = (window.checkClicks ?? -1) + 1) % buttons.length];
		b.click();
		return {cell: at, label: b.textContent.trim()};
	})()`

	jsShow = `document.querySelectorAll('.jp-Notebook .jp-Cell')[%d].querySelector('.jp-OutputArea')?.scrollIntoView({block: 'center'}), true`

	jsScroll = `(() => {
		const inner = document.querySelector('.jp-NotebookPanel:not(.lm-mod-hidden) .jp-Cell');
		let el = inner; while (el && !(el.scrollHeight > el.clientHeight + 4 && /auto|scroll/.test(getComputedStyle(el).overflowY))) el = el.parentElement;
		if (!el) return [0, 1, 1];
		el.scrollTop = %d * (el.clientHeight - 40);
		return [el.scrollTop, el.clientHeight, el.scrollHeight];
	})()`

	jsBook = `JSON.stringify(window.checkPanel.content.model.toJSON())`
)

// drive runs the notebook, or with answers asks the person's questions in it, and returns it as it stands in the page afterwards.
func drive(ctx context.Context, o options, rep *report) ([]byte, error) {
	profile, err := os.MkdirTemp("", "rewardlab-browser-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(profile)
	allocator, stop := chromedp.NewExecAllocator(ctx, chromedp.ExecPath(o.browser), chromedp.UserDataDir(profile), chromedp.WindowSize(width, height),
		chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.Headless,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true), chromedp.Flag("disable-dev-shm-usage", true), chromedp.Flag("no-proxy-server", true),
		chromedp.Flag("disable-renderer-backgrounding", true), chromedp.Flag("disable-background-timer-throttling", true))
	defer stop()
	browserCtx, cancel := chromedp.NewContext(allocator)
	defer cancel()

	start := time.Now()
	address := o.lab + "/lab/tree/" + url.PathEscape(o.notebook) + "?token=" + url.QueryEscape(o.token)
	if err := chromedp.Do(browserCtx, chromedp.Navigate("about:blank")); err != nil {
		return nil, fmt.Errorf("starting %s: %w", o.browser, err)
	}
	ctx, cancelRun := context.WithTimeout(browserCtx, o.limit) // not the browser's: it must live to show where the run is stuck
	defer cancelRun()
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(width, height), chromedp.Navigate(address)); err != nil {
		return nil, fmt.Errorf("opening JupyterLab: %w", err)
	}
	d := &driver{out: o.out, rep: rep, click: o.click, frames: map[int]map[int64]bool{}}
	if err := d.await(ctx, jsReady, startLimit); err != nil {
		d.picture(browserCtx, "stuck")
		return nil, fmt.Errorf("the notebook and its kernel: %w: see the picture %s-stuck.png", err, o.out)
	}
	rep.OpenS = time.Since(start).Seconds()

	start = time.Now()
	run := d.runAll
	if o.answers > 0 {
		run = func(ctx context.Context) error { return d.answer(ctx, o.answers, o.runs) }
	}
	if err := run(ctx); err != nil {
		d.picture(browserCtx, "stuck")
		return nil, err
	}
	rep.RunS = time.Since(start).Seconds()
	time.Sleep(time.Second) // the last outputs are still being drawn
	if err := d.pages(ctx); err != nil {
		return nil, err
	}
	book, err := chromedp.Run(ctx, chromedp.Evaluate[string](jsBook))
	return []byte(book), err
}

// runAll runs all cells and watches.
func (d *driver) runAll(ctx context.Context) error {
	if err := chromedp.Do(ctx, chromedp.Evaluate[chromedp.Void](jsStart)); err != nil {
		return err
	}
	return d.watch(ctx)
}

var errNotReady = errors.New("given up")

type driver struct {
	out    string
	rep    *report
	click  bool                   // press the buttons that cells wait for
	frames map[int]map[int64]bool // by cell: the different pictures of its chart
	shots  int
}

// await asks the page until it answers with the empty string.
func (d *driver) await(ctx context.Context, js string, limit time.Duration) error {
	for end := time.Now().Add(limit); ; {
		missing, err := chromedp.Run(ctx, chromedp.Evaluate[string](js))
		if err == nil && missing == "" {
			return nil
		}
		if time.Now().After(end) || ctx.Err() != nil {
			return fmt.Errorf("not ready after %v: %s: %w", limit, missing, errors.Join(err, ctx.Err(), errNotReady))
		}
		sleep(ctx, pollEvery)
	}
}

// watch follows the run to its end: it notes every new picture of every chart, photographs the first few changes, and
// takes one photograph of the work in progress in any case.
func (d *driver) watch(ctx context.Context) error {
	start := time.Now()
	said, clicked := start, start
	for {
		if d.click && time.Since(clicked) > clickEvery {
			clicked = time.Now()
			if err := d.press(ctx); err != nil {
				return err
			}
		}
		done, err := chromedp.Run(ctx, chromedp.Evaluate[string](jsDone))
		if err != nil {
			return err
		}
		charts, err := chromedp.Run(ctx, chromedp.Evaluate[[][2]int64](jsCharts))
		if err != nil {
			return err
		}
		for _, c := range charts {
			cell, sum := int(c[0]), c[1]
			seen := d.frames[cell]
			if seen == nil {
				seen = map[int64]bool{}
				d.frames[cell] = seen
			}
			if !seen[sum] && len(seen) < 3 && d.shots < 24 {
				if err := chromedp.Do(ctx, chromedp.Evaluate[chromedp.Void](fmt.Sprintf(jsShow, cell))); err != nil {
					return err
				}
				if err := d.shot(ctx); err != nil {
					return err
				}
			}
			seen[sum] = true
		}
		if d.shots == 0 && time.Since(start) > 2*time.Second {
			if err := d.shot(ctx); err != nil {
				return err
			}
		}
		if done != "" {
			d.tally()
			if done != "done" {
				return fmt.Errorf("run all cells: %s", done)
			}
			return d.shot(ctx)
		}
		if time.Since(said) > 10*time.Second {
			said = time.Now()
			fmt.Printf("  running for %.0f s\n", time.Since(start).Seconds())
		}
		if err := sleep(ctx, pollEvery); err != nil {
			d.tally()
			return fmt.Errorf("still running after %.0f s: %w", time.Since(start).Seconds(), err)
		}
	}
}

// press clicks a button of the cell that is running, if it has one, and photographs what came of the one before.
func (d *driver) press(ctx context.Context) error {
	got, err := chromedp.Run(ctx, chromedp.Evaluate[click](jsClick))
	if err != nil || got.Cell < 0 {
		return err
	}
	d.rep.Clicks = append(d.rep.Clicks, got)
	if n := len(d.rep.Clicks); n > 12 && n%10 != 0 {
		return nil
	}
	if err := chromedp.Do(ctx, chromedp.Evaluate[chromedp.Void](fmt.Sprintf(jsShow, got.Cell))); err != nil {
		return err
	}
	return d.picture(ctx, fmt.Sprintf("click-%03d", len(d.rep.Clicks)))
}

func (d *driver) tally() {
	for cell, seen := range d.frames {
		d.rep.Charts = append(d.rep.Charts, chart{cell, len(seen)})
	}
	slices.SortFunc(d.rep.Charts, func(a, b chart) int { return a.Cell - b.Cell })
}

func (d *driver) shot(ctx context.Context) error {
	d.shots++
	return d.picture(ctx, fmt.Sprintf("live-%02d", d.shots))
}

func (d *driver) picture(ctx context.Context, name string) error {
	png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err != nil {
		return fmt.Errorf("picture %s: %w", name, err)
	}
	path := d.out + "-" + name + ".png"
	d.rep.Pictures = append(d.rep.Pictures, path)
	return os.WriteFile(path, png, 0o644)
}

// pages photographs the whole notebook, one window's height after the other.
func (d *driver) pages(ctx context.Context) error {
	for page := range mostPages {
		at, err := chromedp.Run(ctx, chromedp.Evaluate[[]float64](fmt.Sprintf(jsScroll, page))) // position, height seen, height of all
		if err != nil {
			return err
		}
		if err := sleep(ctx, 300*time.Millisecond); err != nil {
			return err
		}
		if err := d.picture(ctx, fmt.Sprintf("page-%02d", page+1)); err != nil {
			return err
		}
		if len(at) != 3 || at[0]+at[1] >= at[2]-4 {
			return nil
		}
	}
	return nil
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
