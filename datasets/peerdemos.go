package datasets

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/rewardlab/rewardlab/datasets/fetch"
)

// peerItem are the rollouts of experts that the tests of the Python package imitation use.
func peerItem() fetch.Item {
	return fetch.Item{
		Name: "imitation's expert rollouts",
		Dir:  "datasets/imitation-1.0.1",
		Files: []fetch.File{
			{Name: "cartpole.npz", Size: 415849, SHA256: "f2dc865565d635767a6485af08047e3437d14609884006e5f3d8a0b73a72ca5a",
				From: "imitation-1.0.1/tests/testdata/expert_models/cartpole_0/rollouts/final.npz"},
			{Name: "pendulum.npz", Size: 247960, SHA256: "87ba63200068de7128849e9dc29e50be2daaec805bff51aad06229a747a2e5d5",
				From: "imitation-1.0.1/tests/testdata/expert_models/pendulum_0/rollouts/final.npz"},
		},
		Ways:    []fetch.Way{fetch.Sdist("imitation==1.0.1")},
		Source:  "Gleave et al., imitation: clean imitation learning implementations (2022); source archive of version 1.0.1",
		Licence: "MIT, copyright Center for Human-Compatible AI and Google LLC 2019-2022",
	}
}

// PeerDemos are the expert's episodes that come with the Python package imitation, in "cartpole" (57 of them) or "pendulum" (56). The first call
// fetches 1 MB.
//
// The files call every episode's end terminal, that by the time limit (500 and 200 steps) too; here an episode as long as the limit counts as cut.
func PeerDemos(ctx context.Context, env string, say func(string)) (*Demos, error) {
	if env != "cartpole" && env != "pendulum" {
		return nil, fmt.Errorf("imitation's expert rollouts: none in %q: there are cartpole and pendulum", env)
	}
	item := peerItem()
	dir, err := fetch.Ensure(ctx, item, say)
	if err != nil {
		return nil, err
	}
	d, err := ReadDemos(filepath.Join(dir, env+".npz"))
	if err != nil {
		return nil, err
	}
	d.Env, d.Source = env, item.Source
	limit := map[string]int{"cartpole": 500, "pendulum": 200}[env]
	for i, t := range d.Trajectories {
		d.Trajectories[i].Terminated = d.steps(t) < limit
	}
	return d, nil
}
