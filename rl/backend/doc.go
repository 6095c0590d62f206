// Package backend opens the engine that runs the graphs: XLA on a GPU, else XLA
// on the CPU, else gomlx's pure-Go engine.
//
//	e, err := backend.Open(ctx, backend.Config{})
//	if err != nil {
//		return err
//	}
//	defer e.Close()
//	fmt.Println(e.Describe())
//	sum, err := graph.NewExec(e.Backend, func(x *graph.Node) *graph.Node { return graph.ReduceAllSum(x) })
//
// XLA comes as a PJRT plugin, one shared library. [Open] takes, in this order:
// what GOMLX_BACKEND names; a plugin where go-xla looks for them
// (PJRT_PLUGIN_LIBRARY_PATH, ~/.local/lib/go-xla, ...); the plugin in our cache;
// the pinned plugin, which it downloads and checks; and failing all that the
// pure-Go engine, with one line that says why. When an NVIDIA GPU is visible the
// CUDA plugin goes through that list before the CPU plugin does.
//
// What the user names is what the user gets: a GOMLX_BACKEND that does not open
// is an error, never a silent second choice.
//
// XLA needs cgo. Without a C compiler (or with the build tag noxla) the package
// builds all the same and only the pure-Go engine is there.
package backend
