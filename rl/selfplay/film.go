package selfplay

import (
	"context"
	"errors"
	"fmt"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/film"
	"github.com/rewardlab/rewardlab/rl/run"
	"github.com/rewardlab/rewardlab/rl/trainer"
)

// Film plays both minds of a training's state, for c, which must be resolved: episodes of self-play and of the target task in the mixture that they
// were trained with.
func Film(ctx context.Context, b *backend.Engine, c *Config, state []run.Array, o film.Options) (*film.Take, error) {
	t, err := taskOf(c)
	if err != nil {
		return nil, fmt.Errorf("self-play: %w", err)
	}
	if o.Episodes > 0 {
		return nil, errors.New("self-play: its episodes are of two minds that see a goal beside the environment, so they are no demonstrations: film them instead")
	}
	p := newPair(t, c)
	m, err := trainer.Recall[minds](state, "Alice.Theta", "Bob.Theta")
	if err != nil {
		return nil, fmt.Errorf("self-play: %w", err)
	}
	defer m.Close()
	if hers, his := m.Get("Alice").Size(), m.Get("Bob").Size(); hers != p.alice.Pack.Size() || his != p.bob.Pack.Size() {
		return nil, fmt.Errorf("self-play: the checkpoint has %d and %d parameters, this configuration %d and %d: take both from one run",
			hers, his, p.alice.Pack.Size(), p.bob.Pack.Size())
	}
	return film.Shoot(ctx, b.Backend, p.game, o, m, func(key, obs *Node, m minds) (*Node, *Node) {
		pi := p.policy(m, obs)
		if o.Sample {
			return pi.Sample(key)
		}
		return key, pi.Mode()
	})
}

// Map is a count on the map of a task, in each of equal parts of the training.
type Map struct {
	Counts     [][]float64 // [parts, Rows*Wide], row by row from the top left
	Rows, Wide int
}

// Maps are where Alice set her goals, and those of them that Bob reached.
func Maps(c *Config, state []run.Array) (set, reached *Map, err error) {
	t, err := taskOf(c)
	if err != nil {
		return nil, nil, fmt.Errorf("self-play: %w", err)
	}
	read := func(name string) (*Map, error) {
		a, err := run.Find(state, name)
		if err != nil {
			return nil, fmt.Errorf("self-play: %w", err)
		}
		x, err := a.Float32s()
		if err != nil {
			return nil, fmt.Errorf("self-play: %w", err)
		}
		if len(x) != periods*t.cells() {
			return nil, fmt.Errorf("self-play: the checkpoint's map has %d numbers, %s needs %d: take both from one run", len(x), c.Env, periods*t.cells())
		}
		m := &Map{Rows: t.rows, Wide: t.wide}
		for k := range periods {
			row := make([]float64, t.cells())
			for i := range row {
				row[i] = float64(x[k*len(row)+i])
			}
			m.Counts = append(m.Counts, row)
		}
		return m, nil
	}
	if set, err = read("Atlas.Set"); err != nil {
		return nil, nil, err
	}
	reached, err = read("Atlas.Reached")
	return set, reached, err
}
