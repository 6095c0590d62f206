// Package loop compiles "repeat this body n times" and is the one place that knows how.
//
// A training run is a state, some constants and a body that turns the state into the next one. The three are plain structs
// of graph nodes, so a body reads like the algorithm:
//
//	type state struct{ Theta, Key *graph.Node }
//	type data struct{ Images *graph.Node }
//	type out struct{ Loss *graph.Node }
//
//	l, err := loop.New(engine, "descent", 100, func(i *graph.Node, s state, d data) (state, out) {
//		loss := ...
//		s.Theta = graph.Sub(s.Theta, graph.MulScalar(graph.Gradient(loss, s.Theta)[0], 0.1))
//		return s, out{loss}
//	})
//	next, outs, err := l.Run(ctx, 0, 100, values, constants) // outs.Get("Loss") is [100]
//
// On XLA the whole repetition is one compiled program with one While: nothing visits the host in between. On the pure-Go
// engine, whose loops cannot hold gradients, the same body is compiled once and stepped from the host; results are of the
// same kind, only slower.
//
// NewOver runs one loop on several devices at once: each gets the same state and constants, takes its Share of the rows, and the Mean over the
// devices of gradients and losses (one all-reduce), so that the state stays one:
//
//	l, err := loop.NewOver(engine, 2, "descent", 100, func(d loop.Device, i *graph.Node, s state, c data) (state, out) {
//		loss := ... // of d.Share(c.Images)
//		m := d.Mean(loss, graph.Gradient(loss, s.Theta)[0])
//		...
//	})
//
// Rules for a body, checked where they can be: it uses nothing but its arguments and constants that it makes itself (a node
// captured from outside belongs to another function); it contains no second loop; the state that it returns has the shapes and
// types of the state that it got. A program holds one loop.
package loop
