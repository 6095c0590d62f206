// Package datasets brings demonstrations of experts ([Demos]) and labelled images as plain bytes: MNIST, Fashion-MNIST,
// any folder of IDX files, and a synthetic set of digits that needs no network.
//
//	d, err := datasets.Open(ctx, "mnist", datasets.Options{Say: func(s string) { fmt.Println(s) }})
//	if err != nil {
//		return err
//	}
//	fmt.Println(d.Provenance())
//	seven := d.Train.ByLabel(7)[0]
//	pixels := d.Train.Image(int(seven)) // 28*28 bytes, white on black
//
// A set has two splits that share no image: Train, and Held for scores. Data of
// unclear licence is fetched by the user's own machine, checked by SHA-256 and
// kept in the cache (see [fetch.CacheDir]); none of it is part of this module.
//
// # Demonstrations
//
// [Expert] has episodes of experts that this module trained, [PeerDemos] those of the Python package imitation, and [ReadDemos] reads files: .npz, which
// numpy reads and writes too, and .jsonl. Python objects inside a file are refused, never unpickled.
//
//	d, err := datasets.Expert("cartpole-fixed")
//	few, err := d.Pick(4, seed)          // four of the episodes
//	pairs, err := few.Subsample(20, seed) // every 20th step
//
// Minari keeps its data sets in HDF5 or Arrow. Neither is read here: there was no well-kept reader of HDF5 in plain Go to be had, and Arrow's would be
// the largest dependency of this module. Six lines of Python turn a data set into an .npz:
//
//	eps = list(minari.load_dataset(name).iterate_episodes())
//	np.savez_compressed("demos.npz",
//	    obs=np.concatenate([e.observations for e in eps]), acts=np.concatenate([e.actions for e in eps]),
//	    rews=np.concatenate([e.rewards for e in eps]), terminal=np.array([bool(e.terminations[-1]) for e in eps]),
//	    indices=np.cumsum([len(e.actions) for e in eps])[:-1])
package datasets
