// Package rl is the front door: what can be trained, and training it. Notebooks and the command line use it; the methods themselves are in
// the packages below it (igl, ...), the compiled loops in loop, run folders in run.
//
//	r, err := rl.Train(ctx, "igl-mnist", rl.Options{Seeds: rl.Seeds(5), Set: []string{"iterations=2000"}})
//	if err != nil {
//		return err
//	}
//	fmt.Println(r.Result.Score.IQM, r.Folder)
//	x, reward := r.Series("reward/true") // one curve a seed
//
//	r, err = rl.Load(r.Folder) // in a later cell, which is another process
//
// The same on the command line: go run ./rl/cmd/rl train igl-mnist -seeds 5 -set iterations=2000.
//
// This package holds the only tables of trainers. A new algorithm is one package and one function here that returns its presets.
package rl
