package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/chromedp/chromedp"
)

// clicks are what the person answers, over and over. None of them is "cannot tell": every one is learned from.
var clicks = []string{"left", "right", "right", "left", "equal"}

const (
	// jsPerson runs the imports and functions, which every kernel needs anew, and the cell that asks a person, up to the next text.
	jsPerson = `(() => {
		const app = window.jupyterapp, panel = window.checkPanel, book = panel.content;
		app.shell.collapseLeft?.();
		const cells = [...book.model.cells], code = i => cells[i].type === 'code', text = i => cells[i].sharedModel.getSource();
		const first = cells.findIndex((_, i) => code(i)), asks = cells.findIndex((_, i) => code(i) && i > first && text(i).includes('rl.Person{'));
		if (asks < 0) return 'the notebook has no cell with rl.Person';
		const run = [first, asks];
		for (let i = asks + 1; i < cells.length && code(i) && !text(i).startsWith('%test'); i++) run.push(i);
		document.querySelectorAll('.rewardlab-ask').forEach(old => old.remove()); // a question of a kernel that died
		book.notebookConfig = {...book.notebookConfig, windowingMode: 'none'};
		window.checkDone = '';
		const turn = window.checkTurn = (window.checkTurn ?? 0) + 1; // one before, whose kernel died, must not go on
		(async () => {
			for (const i of run) {
				if (turn !== window.checkTurn) return false;
				book.activeCellIndex = i;
				await app.commands.execute('notebook:run-cell');
			}
			return turn === window.checkTurn;
		})().then(last => { if (last) window.checkDone = 'done'; }, e => window.checkDone = 'failed: ' + e);
		return '';
	})()`

	// jsAsked says which question waits for an answer: its number and where its buttons are.
	jsAsked = `(() => {
		const panel = [...document.querySelectorAll('.rewardlab-ask')].at(-1);
		if (!panel || panel.querySelector('button:disabled')) return null;
		panel.scrollIntoView({block: 'center'});
		const at = {};
		for (const b of panel.querySelectorAll('button')) { const r = b.getBoundingClientRect(); at[b.dataset.choice] = [r.x + r.width / 2, r.y + r.height / 2]; }
		return {id: panel.id, at, films: [...panel.querySelectorAll('img')].filter(i => i.complete && i.naturalWidth > 0).length};
	})()`

	// jsKernel ends the turn, too: what is run next is not for the kernel that takes this one's place.
	jsKernel = `(window.checkTurn++, window.checkPanel.sessionContext.session?.kernel?.id ?? '')`

	// jsRevived waits for the kernel after its death, and puts away what JupyterLab says about it.
	jsRevived = `(() => {
		const say = document.querySelector('.jp-Dialog .jp-mod-accept');
		if (say) { say.click(); return 'a message about the kernel'; }
		const kernel = window.checkPanel.sessionContext.session?.kernel;
		if (!kernel) return 'no kernel';
		if (kernel.connectionStatus !== 'connected') return 'the kernel is ' + kernel.connectionStatus;
		return ['autorestarting', 'restarting', 'dead', 'terminating'].includes(kernel.status) ? 'the kernel is ' + kernel.status : '';
	})()`
)

// question is one that waits for an answer.
type question struct {
	ID    string                `json:"id"`
	At    map[string][2]float64 `json:"at"`
	Films int                   `json:"films"`
}

// answer clicks n answers in the person's cell, with a kernel killed half-way, and looks after each whether it is on the disk below runs.
func (d *driver) answer(ctx context.Context, n int, runs string) error {
	half := n / 2
	if err := d.person(ctx, half, 0, runs); err != nil {
		return err
	}
	id, err := chromedp.Run(ctx, chromedp.Evaluate[string](jsKernel))
	if err != nil {
		return err
	}
	pid, err := kernelProcess(id)
	if err != nil {
		return err
	}
	if err := killGroup(pid); err != nil { // the cell's program is in it
		return fmt.Errorf("killing the kernel: %w", err)
	}
	fmt.Printf("  killed the kernel after %d answers\n", half)
	if err := d.picture(ctx, "killed"); err != nil {
		return err
	}
	for end := time.Now().Add(startLimit); ; {
		now, err := kernelProcess(id)
		if err == nil && now != pid {
			break
		}
		if time.Now().After(end) {
			return fmt.Errorf("no kernel came back after %v: %w", startLimit, errors.Join(err, errNotReady))
		}
		if err := sleep(ctx, pollEvery); err != nil {
			return err
		}
	}
	if err := d.await(ctx, jsRevived, startLimit); err != nil {
		return fmt.Errorf("the kernel after its death: %w", err)
	}
	if err := d.person(ctx, n, half, runs); err != nil {
		return err
	}
	for {
		done, err := chromedp.Run(ctx, chromedp.Evaluate[string](jsDone))
		switch {
		case err != nil:
			return err
		case done == "done":
			if err := d.kept(runs, n); err != nil { // the training has taken none away
				return err
			}
			return d.picture(ctx, "end")
		case done != "":
			return fmt.Errorf("the person's cells: %s", done)
		}
		if err := sleep(ctx, pollEvery); err != nil {
			return fmt.Errorf("the training after the answers: %w", err)
		}
	}
}

// person runs the cell and answers until n answers are given, of which some are given already.
func (d *driver) person(ctx context.Context, n, given int, runs string) error {
	wrong, err := chromedp.Run(ctx, chromedp.Evaluate[string](jsPerson))
	if err == nil && wrong != "" {
		err = errors.New(wrong)
	}
	if err != nil {
		return err
	}
	before := ""
	for i := given; i < n; i++ {
		q, err := d.asked(ctx, before)
		if err != nil {
			return fmt.Errorf("question %d of %d: %w", i+1, n, err)
		}
		before = q.ID
		if err := d.kept(runs, i); err != nil { // all answers so far, before the next question is shown
			return err
		}
		if i == given {
			if err := d.picture(ctx, fmt.Sprintf("question-%02d", i+1)); err != nil {
				return err
			}
		}
		choice := clicks[i%len(clicks)]
		d.rep.Answers = append(d.rep.Answers, choice)
		at, ok := q.At[choice]
		if !ok {
			return fmt.Errorf("question %s has no button %s", q.ID, choice)
		}
		if err := chromedp.Do(ctx, chromedp.MouseClickXY(at[0], at[1])); err != nil {
			return err
		}
	}
	for end := time.Now().Add(10 * time.Second); ; {
		if err = d.kept(runs, n); err == nil || time.Now().After(end) {
			return err
		}
		if err := sleep(ctx, pollEvery); err != nil {
			return err
		}
	}
}

// asked waits for another question than the one before, with both of its films.
func (d *driver) asked(ctx context.Context, before string) (*question, error) {
	for end := time.Now().Add(questionLimit); ; {
		q, err := chromedp.Run(ctx, chromedp.Evaluate[*question](jsAsked))
		if err == nil && q != nil && q.ID != before && q.Films == 2 {
			return q, nil
		}
		done, doneErr := chromedp.Run(ctx, chromedp.Evaluate[string](jsDone))
		if done != "" {
			return nil, fmt.Errorf("the cell has ended: %s", done)
		}
		if time.Now().After(end) || ctx.Err() != nil {
			return nil, fmt.Errorf("none was shown within %v: %w", questionLimit, errors.Join(err, doneErr, ctx.Err(), errNotReady))
		}
		if err := sleep(ctx, pollEvery); err != nil {
			return nil, err
		}
	}
}

// kept compares the answers on the disk with those that were clicked, of which there are n.
func (d *driver) kept(runs string, n int) error {
	got, err := keptBelow(runs)
	if err != nil {
		return err
	}
	want := d.rep.Answers[:min(n, len(d.rep.Answers))]
	if strings.Join(got, " ") != strings.Join(want, " ") || len(got) != n {
		return fmt.Errorf("on the disk are the answers %q, clicked were %q", got, want)
	}
	return nil
}

// keptBelow are the answers in the books below a folder, by the names of their buttons.
func keptBelow(folder string) (choices []string, err error) {
	err = filepath.WalkDir(folder, func(path string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || e.IsDir() || !strings.HasSuffix(path, "answers.jsonl") {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		lines := bufio.NewScanner(bytes.NewReader(data))
		lines.Buffer(nil, 1<<24)
		for lines.Scan() {
			var a struct {
				First *float64 `json:"first"`
			}
			if err := json.Unmarshal(lines.Bytes(), &a); err != nil || a.First == nil {
				return fmt.Errorf("%s: the line %.80q is no answer: %w", path, lines.Text(), err)
			}
			choices = append(choices, map[float64]string{1: "left", 0: "right", 0.5: "equal"}[*a.First])
		}
		return lines.Err()
	})
	return choices, err
}

// kernelProcess finds the process of a kernel by the connection file on its command line.
func kernelProcess(id string) (int, error) {
	paths, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		return 0, err
	}
	for _, path := range paths {
		line, err := os.ReadFile(path)
		if err != nil || !bytes.Contains(line, []byte("kernel-"+id+".json")) {
			continue
		}
		return strconv.Atoi(filepath.Base(filepath.Dir(path)))
	}
	return 0, fmt.Errorf("no process of kernel %s: the check that kills it needs /proc", id)
}
