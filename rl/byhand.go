package rl

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"image"
	"strings"

	"github.com/rewardlab/rewardlab/datasets"
	"github.com/rewardlab/rewardlab/plots"
	"github.com/rewardlab/rewardlab/rl/env"
	"github.com/rewardlab/rewardlab/rl/film"
)

// Pad is what a person steers by: plots.Pad in a notebook.
type Pad interface {
	Show(frame image.Image, text string) error
	Press(ctx context.Context) (button int, err error)
}

// HandOptions say how a person records demonstrations.
type HandOptions struct {
	Episodes int   // default 2
	Hold     int   // for how many steps a press acts; default 4
	Seed     int64 // of the episodes
	// Pad takes the presses. Nil: buttons and arrow keys in the notebook.
	Pad Pad
	Log func(string)
}

// Presses is a Pad for where nobody looks: it presses buttons by their numbers, again and again from the first.
type Presses struct {
	Buttons []int
	next    int
}

// Show does nothing.
func (p *Presses) Show(image.Image, string) error { return nil }

// Press is the next press.
func (p *Presses) Press(ctx context.Context) (int, error) {
	if len(p.Buttons) == 0 {
		return 0, errors.New("presses: none are given")
	}
	b := p.Buttons[p.next%len(p.Buttons)]
	p.next++
	return b, ctx.Err()
}

// lever is a button, and the action that it stands for.
type lever struct {
	plots.Button
	action []float32
}

// levers are what a person can do in an environment. In the plane the last button lets go.
func levers(name string) ([]lever, error) {
	plane := []lever{
		{plots.Button{Label: "←", Key: "ArrowLeft"}, []float32{-1, 0}}, {plots.Button{Label: "↑", Key: "ArrowUp"}, []float32{0, 1}},
		{plots.Button{Label: "↓", Key: "ArrowDown"}, []float32{0, -1}}, {plots.Button{Label: "→", Key: "ArrowRight"}, []float32{1, 0}},
		{plots.Button{Label: "let go", Key: " "}, []float32{0, 0}},
	}
	switch strings.SplitN(name, "-", 2)[0] {
	case "pointmass", "pusher":
		return plane, nil
	case "mountaincar":
		return []lever{{plots.Button{Label: "←", Key: "ArrowLeft"}, []float32{0}}, {plots.Button{Label: "let go", Key: " "}, []float32{1}},
			{plots.Button{Label: "→", Key: "ArrowRight"}, []float32{2}}}, nil
	}
	return nil, fmt.Errorf("nobody has said how a person steers %s: pointmass, pusher and mountaincar, and their variants, have buttons", name)
}

// RecordByHand lets a person play episodes of an environment of the table, and returns them as demonstrations. In a notebook cell it shows the
// environment with buttons over it; the arrow keys work too, once a button was clicked.
func RecordByHand(ctx context.Context, environment string, o HandOptions) (*datasets.Demos, error) {
	o.Episodes, o.Hold = cmp.Or(o.Episodes, 2), cmp.Or(o.Hold, 4)
	if o.Episodes < 1 || o.Hold < 1 {
		return nil, fmt.Errorf("recording by hand: %d episodes, presses of %d steps: give at least 1 of each", o.Episodes, o.Hold)
	}
	in, err := env.Find(environment)
	if err != nil {
		return nil, err
	}
	what, err := levers(environment)
	if err != nil {
		return nil, fmt.Errorf("recording by hand: %w", err)
	}
	if o.Pad == nil {
		var buttons []plots.Button
		for _, l := range what {
			buttons = append(buttons, l.Button)
		}
		pad, err := plots.NewPad(buttons...)
		if err != nil {
			return nil, fmt.Errorf("recording by hand: %w", err)
		}
		defer pad.Close()
		o.Pad = pad
	}
	e, err := openEngine(ctx, o.Log)
	if err != nil {
		return nil, err
	}
	defer e.Close()
	stage, err := film.NewStage(ctx, e.Backend, in, o.Seed)
	if err != nil {
		return nil, err
	}
	d := demosOf(in.Spec(), nil)
	d.Env, d.Source = environment, "a person"
	err = errors.Join(steer(ctx, stage, o, what, d), stage.Close())
	if err != nil {
		return nil, fmt.Errorf("recording by hand: %w", err)
	}
	if err := playRandom(ctx, e, in, d, film.Options{Episodes: 100}); err != nil {
		return nil, fmt.Errorf("return of random actions: %w", err)
	}
	return d, d.Check()
}

// steer plays the episodes.
func steer(ctx context.Context, stage *film.Stage, o HandOptions, what []lever, d *datasets.Demos) error {
	text := "press a button"
	for len(d.Trajectories) < o.Episodes {
		if err := o.Pad.Show(stage.Frame(), text); err != nil {
			return err
		}
		button, err := o.Pad.Press(ctx)
		if err != nil {
			return err
		}
		if button < 0 || button >= len(what) {
			return fmt.Errorf("button %d: there are 0 to %d", button, len(what)-1)
		}
		for range o.Hold {
			over, err := stage.Step(ctx, what[button].action...)
			if err != nil {
				return err
			}
			ep := stage.Episode()
			sum := float32(0)
			for _, r := range ep.Reward {
				sum += r
			}
			text = fmt.Sprintf("episode %d of %d, step %d, return %.2f", len(d.Trajectories)+1, o.Episodes, len(ep.Reward), sum)
			if over {
				d.Trajectories = append(d.Trajectories, datasets.Trajectory{Obs: ep.Obs, Action: ep.Action, Reward: ep.Reward, Terminated: ep.Terminated})
				break
			}
		}
	}
	return o.Pad.Show(stage.Frame(), text+": done")
}
