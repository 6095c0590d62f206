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
package datasets
