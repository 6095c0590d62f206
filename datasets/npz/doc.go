// Package npz reads and writes numpy's .npz files as far as numbers go: a zip archive with one .npy array a member.
//
//	f, err := npz.Open("rollouts.npz")
//	if err != nil {
//		return err
//	}
//	defer f.Close()
//	obs, err := f.Array("obs")
//	if err != nil {
//		return err
//	}
//	fmt.Println(obs.Shape, obs.Float32s()[:4])
//
// Object arrays are pickles, which can run code when they are loaded. They are refused, and other arrays of the same
// file stay readable.
package npz
